"""Evidence: what tests marked with a claim's id found. `paper_checks.md` is written from it, and the test command fails when that is stale.

A test says what it is evidence for with ``@pytest.mark.claim("C5", "property")`` and may report the number it found, or a verdict
other than "supported", through the fixture ``evidence``. With ``planted=True`` it shows that the evidence rejects a wrong version: the
fixture ``rejects`` (or ``certified``) says so, and a test that did not call it does not count.
"""

from __future__ import annotations

import os

# Before anything imports torch: tests run in parallel processes, and threads that wait for each other slow them down severalfold.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # the few tests of threads: they must not spin while they wait

import json
import re
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

pytest.register_assert_rewrite("tsla.theory.testing.relations")  # their failures show the numbers

from tests.cli.support import Refusal, ends
from tests.examples import draw_no_constants_of_modules
from tsla.figures import paper_checks
from tsla.figures.evidence import REACHED, scoped
from tsla.theory.certificates import Certificate
from tsla.theory.claims import BY_ID, KINDS
from tsla.theory.testing.planted import Rejects, Version, tells_apart

# The same examples every time: the evidence of a claim does not depend on the day. TSLA_HYPOTHESIS=explore looks for new ones.
EXAMPLES = 50
"""Of a property. Mutation testing tries 40, with which 98 of 100 errors in the theory are found."""
settings.register_profile("repeatable", derandomize=True, deadline=None, max_examples=EXAMPLES, database=None)
settings.register_profile("explore", deadline=None, max_examples=5000, database=None)
settings.load_profile(os.environ.get("TSLA_HYPOTHESIS", "repeatable"))
draw_no_constants_of_modules()

ROOT = Path(__file__).parent.parent
SAID = ("finding", "verdict", "settings", "tightness", "headline", "tables")
"""What a test says beside its outcome."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--claim", metavar="ID", help="run only the evidence of this claim, or of all claims for 'all'")
    parser.addoption("--evidence", metavar="FILE", help="write the evidence to FILE as JSON, whatever paper_checks.md says")


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Collector(config.getoption("--evidence")), "evidence-collector")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    wanted = config.getoption("--claim")
    if wanted is None:
        return
    chosen = [item for item in items if any(wanted in ("all", mark.args[0]) for mark in item.iter_markers("claim"))]
    config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
    items[:] = chosen


@pytest.fixture
def refusal(capsys: pytest.CaptureFixture[str]) -> Refusal:
    """Run a command that must be refused as every command must; returns the line."""

    def call(argv: list[str]) -> str:
        code = ends(argv)
        out, err = capsys.readouterr()
        assert (code, out) == (2, "")
        assert err.count("\n") == 1
        assert err.endswith("\n")
        assert "Traceback" not in err
        return err.strip()

    return call


@pytest.fixture
def evidence(record_property: Callable[[str, object], None], request: pytest.FixtureRequest) -> Callable[..., None]:
    """``evidence("The floor is 0.97 of the bound.")`` reports a finding, ``evidence(..., verdict="refuted")`` a verdict.

    Of training ``settings`` stand in its place: ``evidence(..., settings=[("third round", "step decay", "refuted", "MLP on digits")])``.
    ``tightness={"own plan": 0.97}``, ``headline`` and ``tables`` as :data:`tsla.figures.evidence.Evidence` has them.
    """

    def report(finding: str, *, tightness: Mapping[str, float] | None = None, **said: Any) -> None:
        for mark in request.node.iter_markers("claim"):
            scoped(mark.args[0], said.get("settings", ()))  # refuses a verdict on training that names no settings
        assert re.fullmatch(r"[A-Z].*\.", finding), f"{finding!r} is no sentence"
        record_property("finding", finding)
        if tightness is not None:
            assert set(tightness) <= set(REACHED), f"{tightness}: must be in {REACHED}"
            said["tightness"] = {name: float(f"{ratio:.4g}") for name, ratio in tightness.items()}
        for name, value in {"verdict": "supported", **said}.items():
            record_property(name, value)

    return report


@pytest.fixture
def rejects(record_property: Callable[[str, object], None]) -> Rejects:
    """``rejects(check, right=..., wrong=...)`` reports that the check passes what is right and rejects what is wrong."""

    def report(check: Callable[[Version], object], *, right: Version, wrong: Version) -> AssertionError:
        failure = tells_apart(check, right=right, wrong=wrong)
        record_property("rejected", True)
        return failure

    return report


@pytest.fixture
def certified(record_property: Callable[[str, object], None]) -> Callable[[Certificate], None]:
    """``certified(certificate)`` reports that a certificate holds and that its prover refutes every wrong version that comes with it."""

    def report(certificate: Certificate) -> None:
        assert certificate.holds
        assert certificate.rejected == certificate.planted > 0
        record_property("rejected", True)

    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.when == "call":
        for mark in item.iter_markers("claim"):
            claim, kind = mark.args
            if claim not in BY_ID or kind not in KINDS:
                raise ValueError(f"{item.nodeid}: no claim {claim!r} or no kind {kind!r}; see theory/claims.py")
            report.user_properties.append(("claim", {"id": claim, "kind": kind, "planted": mark.kwargs.get("planted", False)}))
    return report


class _Collector:
    """Gathers the evidence of all reports (also of other processes') and, after a whole run, compares paper_checks.md with it."""

    def __init__(self, path: str | None) -> None:
        self.path = path
        self.found: list[dict[str, Any]] = []
        self.complete = True
        self.stale: str | None = None

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self.complete &= not report.failed  # a file that can't be imported has evidence that is not seen

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        properties = list(report.user_properties)
        for claim in (value for name, value in properties if name == "claim"):
            assert isinstance(claim, dict)
            if claim["planted"] and report.passed and not any(name == "rejected" for name, _ in properties):
                continue  # no wrong version was seen to be rejected
            said = {name: value for name, value in properties if name in SAID}
            self.found.append(claim | said | {"test": report.nodeid, "passed": report.passed})

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        found = sorted(self.found, key=lambda e: (e["test"], e["id"]))
        if self.path is not None:
            if self.complete:
                Path(self.path).write_text(json.dumps(found, ensure_ascii=False, indent=1), encoding="utf-8")
        elif _whole_run(session) and session.testsfailed == 0 and (stale := paper_checks.stale(found, ROOT)):
            self.stale = f"stale: {', '.join(stale)}; `tsla check` writes both files anew"
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.stale:
            terminalreporter.write_line(self.stale, red=True)


def _whole_run(session: pytest.Session) -> bool:
    option = session.config.option
    return not (option.keyword or option.markexpr or option.collectonly or option.claim) and session.config.args_source.name != "ARGS"
