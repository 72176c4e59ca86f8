"""What is built and installed: one name beside others, which needs NumPy alone until more is asked of it, and says then what is missing."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import venv
import zipfile
from importlib.metadata import PathDistribution, packages_distributions
from pathlib import Path

import numpy as np
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import tsla
from tsla.extras import EXTRAS, MissingExtraError, needing
from tsla.theory.testing.planted import Rejects, assert_rejects

ROOT = Path(__file__).parents[2]
README = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
SITE = Path("lib", f"python{sys.version_info.major}.{sys.version_info.minor}", "site-packages")

K = "--L 10 --sigma2 1 --F0 1"
ANSWERS = {  # a call of each calculator, and something that it says
    f"bound sgd {K} --eta 0.1 --T 1000": "C4",
    f"steps sgd {K} --eps 0.1": "samples until",
    f"compare {K} --mu 1 --delta 0.1 --eps 0.1": "sgd-pl",
    f"invert {K} --mu 1 --eps 0.1": "largest delta",
    "anneal --L 10 --sigma2 1 --beta2 0.1 --nu2 0.1 --eta 0.1": "C12",
    "critical-batch --sigma2 1 --beta2 0.1 --nu2 0.1": "batches below",
    "variance --sigma2 1 --delta 0.1": "lemma",
}
HERE = "{folder}/ is not here; `tsla {command}` needs it: call it in a checkout of the repository"
REFUSALS = {
    "simulate --problem stall --method sgd --eps 1": "needs pandas: pip install 'tsla[runs]'",
    "power run.parquet": "needs pandas: pip install 'tsla[runs]'",
    "envelope run.parquet --eta 1 --T 1": "needs joblib: pip install 'tsla[runs]'",
    "train --method sgd": "needs torch: pip install 'tsla[torch]'",
    "measure --checkpoint run.pt --data digits": "needs torch: pip install 'tsla[torch]'",
    "plan --pilot run.parquet --outcome test_loss": "needs torch: pip install 'tsla[torch]'",
    "sweep sweep.toml": "needs torch: pip install 'tsla[torch]'",
    "records": HERE.format(folder="records", command="records"),
    "figures": HERE.format(folder="records", command="figures"),
    "docs": HERE.format(folder="docs", command="docs"),
    "certify": HERE.format(folder="records", command="certify"),
    "check C5": HERE.format(folder="tests", command="check"),
    "check my_paper.py": "needs pandas: pip install 'tsla[runs]'",
    "report": HERE.format(folder="records", command="report"),
}


def built(project: Path, target: str, into: Path) -> Path:
    """The sdist or the wheel of a project, built without a network."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", str(into)]
    subprocess.run(command, check=True, capture_output=True, cwd=project)  # noqa: S603 - our own interpreter and arguments
    (file,) = into.iterdir()
    return file


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as file:
        return {name: file.read(name) for name in file.namelist()}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(ROOT, "wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project as its sdist has it."""
    folder = tmp_path_factory.mktemp("unpacked")
    shutil.unpack_archive(built(ROOT, "sdist", tmp_path_factory.mktemp("sdist")), folder, filter="data")
    (project,) = folder.iterdir()
    return project


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment of the wheel and NumPy; what it is called in holds a user's own modules, whose names are those of our folders."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder / "venv")
    shutil.unpack_archive(wheel, folder / "venv" / SITE, "zip")
    for part in Path(np.__file__).parents[1].glob("numpy*"):
        (folder / "venv" / SITE / part.name).symlink_to(part)
    (folder / "here").mkdir()
    for name in ("theory", "empirics", "figures"):
        (folder / "here" / f"{name}.py").write_text("raise RuntimeError('not a module of tsla')", encoding="utf-8")
    return folder


def python(installed: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(installed / "venv" / "bin" / "python"), *arguments]
    environment = {"PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, check=False, capture_output=True, text=True, cwd=installed / "here", env=environment)  # noqa: S603


# --- what is built


def has_one_name(wheel: Path) -> None:
    assert {name.split("/")[0] for name in contents(wheel)} == {"tsla", f"tsla-{wheel.name.split('-')[1]}.dist-info"}
    assert {"tsla/py.typed", "tsla/cli.py", "tsla/theory/lsr.py", "tsla/empirics/advice/plan/validation.json"} <= set(contents(wheel))


def test_the_wheel_has_one_name_and_folders_at_the_top_are_rejected(wheel: Path, unpacked: Path, tmp_path: Path, rejects: Rejects) -> None:
    project = unpacked / "pyproject.toml"
    right = project.read_text(encoding="utf-8")
    project.write_text(right.replace('theory = "tsla/theory"', ""), encoding="utf-8")
    try:
        rejects(has_one_name, right=wheel, wrong=built(unpacked, "wheel", tmp_path))
    finally:
        project.write_text(right, encoding="utf-8")


def test_the_wheel_of_the_sdist_is_that_of_the_tree(wheel: Path, unpacked: Path, tmp_path: Path) -> None:
    assert contents(built(unpacked, "wheel", tmp_path)) == contents(wheel)


# --- the extras


def required(installed: Path, extra: str) -> set[str]:
    """What an extra asks for beside NumPy, by the names of the distributions."""
    found: set[str] = set()
    (info,) = (installed / "venv" / SITE).glob("tsla-*.dist-info")
    for requirement in map(Requirement, PathDistribution(info).requires or []):
        if requirement.marker is not None and requirement.marker.evaluate({"extra": extra}):
            inner = [required(installed, name) for name in requirement.extras] if requirement.name == "tsla" else [{requirement.name}]
            found = found.union(*inner)
    return {canonicalize_name(name) for name in found}


def are_those_of_the_project(installed: Path, extras: dict[str, tuple[str, ...]]) -> None:
    distributions = packages_distributions()
    for extra, modules in extras.items():
        assert {canonicalize_name(distributions[module][0]) for module in modules} == required(installed, extra), extra


def test_the_extras_are_those_of_the_project(installed: Path) -> None:
    are_those_of_the_project(installed, EXTRAS)
    assert_rejects(lambda extras: are_those_of_the_project(installed, extras), EXTRAS | {"torch": ("torch",)})


def test_whatever_is_imported_is_brought_by_an_extra() -> None:
    allowed = {"tsla", "numpy", *EXTRAS["all"], *sys.stdlib_module_names}
    for path in (path for folder in ("tsla", "theory", "empirics", "figures") for path in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            assert {name.split(".")[0] for name in names} <= allowed, path


def test_a_broken_import_is_not_disguised() -> None:
    for broken in ("tsla.nonsense", "nonsense", "numpy.nonsense", "pandas.nonsense"):
        with pytest.raises(ModuleNotFoundError), needing("torch"):
            __import__(broken)


@pytest.mark.parametrize("extra", ["torch", "fast"])
def test_a_module_of_another_extra_names_that(extra: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numba", None)
    with pytest.raises(MissingExtraError) as missing, needing(extra, "that"):
        __import__("numba")
    assert str(missing.value) == "that needs numba: pip install 'tsla[fast]'"


# --- what NumPy alone is enough for


@pytest.mark.parametrize(("command", "says"), ANSWERS.items(), ids=lambda text: text.split()[0])
def test_calculators_need_numpy_alone(command: str, says: str, installed: Path) -> None:
    done = python(installed, "-m", "tsla", *command.split())
    assert (done.returncode, done.stderr) == (0, "")
    assert says in done.stdout


@pytest.mark.parametrize(("command", "says"), REFUSALS.items(), ids=lambda text: text.split()[0])
def test_the_others_say_in_one_line_what_they_need(command: str, says: str, installed: Path) -> None:
    done = python(installed, "-m", "tsla", *command.split())
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"tsla {command.split()[0]}: {says}\n")


def test_these_are_all_commands_and_each_has_help(installed: Path) -> None:
    commands = {call.split()[0] for call in (*ANSWERS, *REFUSALS)}
    helped = f"""
import contextlib
from tsla.cli import main
main([])
for command in {sorted(commands)}:
    with contextlib.suppress(SystemExit):
        main([command, "--help"])
"""
    done = python(installed, "-c", helped)
    assert (done.returncode, done.stderr) == (0, "")
    assert set(re.findall(r"^  ([a-z-]+)(?=\s)", done.stdout.partition("usage: tsla anneal")[0], re.MULTILINE)) == commands
    assert re.findall(r"^usage: tsla ([a-z-]+)", done.stdout, re.MULTILINE) == sorted(commands)


def test_names_of_python_say_what_they_need_too(installed: Path) -> None:
    asked = """
import tsla
for name in tsla.__all__:
    try:
        getattr(tsla, name)
    except ImportError as error:
        print(error, "because of", repr(error.__cause__))
"""
    lines = python(installed, "-c", asked).stdout.splitlines()
    cause = "ModuleNotFoundError(\"No module named 'torch'\")"
    assert f"tsla.gradient_moments needs torch: pip install 'tsla[torch]' because of {cause}" in lines
    refused = {line.split()[0]: line.split("'")[1] for line in lines}
    schedules = {"Adaptive", "Annealed", "Constant", "Cosine", "Linear", "TwoStage"}
    without = schedules | {"Constants", "Oracle", "Stage", "TrainingConfig", "compare", "lsr", "problems", "sgd", "two_stage"}
    assert set(refused) == {f"tsla.{name}" for name in set(tsla.__all__) - without}
    assert {name for name, extra in refused.items() if extra == "tsla[runs]"} == {"tsla.simulate"}
    assert set(refused.values()) == {"tsla[runs]", "tsla[torch]"}


# --- what the README says


def test_the_readme_runs(capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, object] = {}
    for block in README:
        exec(block, names)  # noqa: S102 - our own
    assert "optimisation" in capsys.readouterr().out


def revealed(installed: Path, source: str) -> dict[str, str]:
    """What mypy makes of a user's module beside the installed package: an expression -> its type. Raises AssertionError for its errors."""
    (installed / "here" / "own.py").write_text(source, encoding="utf-8")
    where = ["--python-executable", str(installed / "venv" / "bin" / "python"), "--cache-dir", str(ROOT / ".mypy_cache" / "installed")]
    how = ["--strict", "--disable-error-code", "import-not-found", "--no-error-summary"]  # torch, which would take mypy a minute
    command = [sys.executable, "-m", "mypy", *where, *how, "own.py"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=installed / "here")  # noqa: S603
    types = re.findall(r'^own.py:(\d+): note: Revealed type is "(.*)"$', done.stdout, re.MULTILINE)
    assert len(types) == len(done.stdout.splitlines()), done.stdout + done.stderr
    lines = source.splitlines()
    return {lines[int(number) - 1][len("reveal_type(") : -1]: kind for number, kind in types}


def test_mypy_sees_the_types_of_a_users_lines(installed: Path) -> None:
    expressions = ["known", "bound", "moments", "loss", *(f"tsla.{name}" for name in tsla.__all__)]
    source = "".join([*README, *(f"reveal_type({name})\n" for name in expressions)])
    found = revealed(installed, source)
    assert list(found) == expressions
    assert "Any" not in found.values()
    assert [found[name].rpartition(".")[2] for name in expressions[:4]] == ["Constants", "Bound", "Moments", "SmoothedCrossEntropy"]
    assert_rejects(lambda source: revealed(installed, source), "import tsla\nreveal_type(tsla.variance)\n")
