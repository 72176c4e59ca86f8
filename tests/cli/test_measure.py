"""`tsla train --checkpoint` and `tsla measure`: from weights in a file to the numbers of Python, and one line for whatever is wrong."""

from __future__ import annotations

import argparse
import json
import zipfile
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.cli.support import Bad, Refused, Run, as_json, ends
from tests.empirics.data.making import image, noise
from tsla.empirics.advice.measure import reading, study
from tsla.empirics.data.datasets import arrays, load
from tsla.empirics.models import checkpoints
from tsla.empirics.models.networks import build
from tsla.empirics.moments.full_batch import gradient_moments
from tsla.empirics.moments.measure import draw, measure
from tsla.empirics.moments.minibatch import minibatch_moments
from tsla.theory.text import Json

TINY = "--epochs 3 --train-size 40 --model mlp --measure-at 0,3"
NETWORK = {"name": "mlp", "shape": (1, 8, 8), "classes": 10, "norm": "group"}
COLOUR = NETWORK | {"name": "resnet8", "shape": (3, 8, 8)}
MODELS = """
import torch

def mlp():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(6, 5), torch.nn.Tanh(), torch.nn.Linear(5, 3))

def batch_norm():
    return torch.nn.Sequential(torch.nn.Linear(6, 5), torch.nn.BatchNorm1d(5), torch.nn.Linear(5, 3))

def broken():
    return torch.nn.Linear(6, "3")

def nothing():
    return 3
"""


def mlp() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 3))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory: a digits checkpoint, and a network, its weights and data of another kind."""
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    training = {"seed": 3, "train_size": 60, "label_noise": 0.1}
    checkpoints.write(tmp_path / "digits.pt", build(**NETWORK), network=NETWORK, training=training)
    # A name of its own, as a module is imported once for all tests.
    (tmp_path / "measured_models.py").write_text(MODELS, encoding="utf-8")
    torch.save(mlp().state_dict(), tmp_path / "mlp.pt")
    generator = np.random.default_rng(0)
    labels = generator.integers(3, size=48)
    np.savez(tmp_path / "data.npz", inputs=generator.normal(size=(48, 6)) + labels[:, None], labels=labels)
    return tmp_path


ABOUT = "checkpoint model data smoothing until microbatch batch_norm seed until_reached versions"
OWN = "measure --checkpoint digits.pt --data digits"
THEIRS = "measure --checkpoint mlp.pt --model measured_models:mlp --data data.npz"

# --- what is measured


def said(found: Json) -> dict[str, float]:
    """The values of the moments."""
    return {name: estimate["value"] for name, estimate in found["moments"].items()}


def of_theirs() -> tuple[nn.Module, Tensor, Tensor]:
    model = mlp()
    model.load_state_dict(torch.load("mlp.pt", weights_only=True))
    return model, *arrays(Path("data.npz"))


def test_digits_with_the_seed_and_noise_of_the_checkpoint(run: Run) -> None:
    found = as_json(run(f"{OWN} --json"))
    split = load("digits", train_size=60, label_noise=0.1, seed=3)
    torch.manual_seed(0)
    expected = gradient_moments(build(**NETWORK), split.train_inputs, split.train_labels)
    assert said(found) == pytest.approx(asdict(expected), rel=1e-4)
    assert found["data"] == {"name": "digits", "seed": 3, "train_size": 60, "label_noise": 0.1}
    assert (found["examples"], found["population"], found["exact"], found["seed"]) == (60, 60, True, 0)
    assert (found["theta"], found["batch_size"], found["eta_L"], found["until_reached"]) == (0.1, 16, None, None)
    assert {"python", "torch", "tsla", "code"} <= set(found["versions"])


def test_images_of_a_folder_that_the_run_did_not_know(run: Run) -> None:
    """With the split of the checkpoint's run, here its train_size and pool, and the folder of the command before that of the run."""
    for part in ("train", "test"):
        for k, name in enumerate(("cats", "dogs")):
            (place := Path("photographs", part, name)).mkdir(parents=True)
            for i in range(4):
                (place / f"{i}.png").write_bytes(image(noise(64, 64, 3, seed=8 * k + i)))
    shape, training = (3, 32, 32), {"seed": 1, "train_size": 6, "pool": 2, "label_noise": 0.0, "data": "folder", "folder": "moved"}
    described = {"name": "mlp", "shape": shape, "classes": 2, "norm": "group"}
    checkpoints.write(Path("photographs.pt"), model := build("mlp", shape=shape, classes=2), network=described, training=training)
    found = as_json(run("measure --checkpoint photographs.pt --data folder --folder photographs --json"))
    split = load("folder", folder=Path("photographs"), train_size=6, pool=2, seed=1)
    expected = gradient_moments(model, split.train_inputs, split.train_labels)
    assert found["moments"]["s2"]["value"] == pytest.approx(expected.s2, rel=1e-4)
    assert found["examples"] == 6


def test_numbers_are_those_of_python(run: Run) -> None:
    found = as_json(run(f"{THEIRS} --smoothing prior --theta 0.3 --batch-size 4 --eta 0.1 --L 5 --examples 40 --seed 2 --json"))
    model, inputs, labels = of_theirs()
    prior = torch.bincount(labels).double() / 48  # of all the data
    python = measure(model, draw(inputs, labels, examples=40, seed=2), prior, population=48, seed=2)
    expected = json.loads(json.dumps(reading(python, theta=0.3, batch_size=4, eta=0.1, L=5).json()))
    assert found | expected == found
    assert found.keys() - expected.keys() == set(ABOUT.split())
    assert found["eta_L"] == 0.5
    assert (found["examples"], found["population"], found["exact"]) == (40, 48, False)


def test_the_table(run: Run) -> None:
    lines = run(f"{THEIRS} --examples 40 --eta-L 0.5").splitlines()
    about = lines[lines.index("mlp.pt on data.npz") :]
    assert about[1:3] == ["smoothing label: uniform", "drawn with seed 0"]
    assert about[3] == "measured on 40 of 48 examples in 32 batches; 95 % intervals in brackets"
    assert about[4] == "network in training mode, no dropout or BatchNorm layer"
    assert any(line.startswith("  theta°") for line in lines)
    whole = run(OWN)
    assert "\ndigits.pt on digits (seed 3, train_size 60, label_noise 0.1)\nsmoothing label: uniform\n" in whole
    assert "measured on all 60 examples, so that values are exact for these" in whole
    found = as_json(run(f"{OWN} --json"))
    assert found["advice"].startswith(whole.splitlines()[0].removesuffix("."))
    assert found["study"] == study.read(0.1)
    assert study.table(found["study"]) in whole


def test_of_a_file_it_can_be_said_how_many_labels_are_wrong(run: Run) -> None:
    assert as_json(run(f"{THEIRS} --json"))["study"] == study.read()
    assert as_json(run(f"{THEIRS} --label-noise 0 --json"))["study"] == study.read(0)


def test_python_prints_the_same(run: Run) -> None:
    out = run(f"{THEIRS} --theta 0.3 --batch-size 4")
    python = str(reading(measure(*of_theirs()[:1], draw(*of_theirs()[1:]), population=48), theta=0.3, batch_size=4))
    about = "mlp.pt on data.npz\nsmoothing label: uniform\n"
    assert out.replace(about, "") == f"{python}\n"


def test_own_label_is_said_to_be_the_shrinkage_control(run: Run) -> None:
    out = run(f"{OWN} --smoothing own")
    assert "smoothing label: own, the model's prediction, so that ĝ = 0 as in C17" in out
    assert out.startswith("Smoothing is a smaller step, and nothing else.\n")
    found = as_json(run(f"{OWN} --smoothing own --json"))
    assert found["delta"]["value"] == pytest.approx(found["delta0"]["value"], rel=1e-12)
    assert found["second_moment"]["beyond"]["value"] == 0


@pytest.mark.parametrize("smoothing", ["own-hard", "row.npy", "table.npy", "mlp.pt"])
def test_other_labels(smoothing: str, run: Run) -> None:
    model, inputs, labels = of_theirs()
    predictions = model(inputs).detach().double().softmax(1)
    tables = {
        "own-hard": torch.eye(3)[predictions.argmax(1)],
        "row.npy": torch.tensor([0.25, 0.25, 0.5]).double(),
        "table.npy": torch.softmax(torch.randn(48, 3).double(), 1),
        "mlp.pt": predictions,
    }
    np.save("row.npy", tables["row.npy"].numpy())
    np.save("table.npy", tables["table.npy"].numpy())
    found = as_json(run(f"{THEIRS} --smoothing {smoothing} --seed 5 --json"))
    expected = asdict(gradient_moments(model, inputs, labels, tables[smoothing]))
    assert said(found) == pytest.approx(expected, rel=1e-4, abs=1e-9)
    assert found["smoothing"] == smoothing


def test_until(run: Run) -> None:
    reached = as_json(run(f"{THEIRS} --until 1000 --json"))
    assert (reached["until"], reached["until_reached"], reached["exact"]) == (1000, True, False)
    assert reached["groups"] == 16
    assert as_json(run(f"{THEIRS} --until 1e-9 --json"))["exact"]
    assert "\nnot as precise as --until asks for\n" in run(f"{THEIRS} --until 1e-9 --examples 20")


def test_batch_norm_by_its_running_statistics(run: Run) -> None:
    model = nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.Linear(5, 3))
    torch.save({"state_dict": model.state_dict(), "epoch": 3}, "norm.pt")
    found = as_json(run("measure --checkpoint norm.pt --model measured_models:batch_norm --data data.npz --batch-norm evaluation --json"))
    expected = asdict(gradient_moments(model.eval(), *arrays(Path("data.npz"))))
    assert said(found) == pytest.approx(expected, rel=1e-4, abs=1e-9)


def test_batch_norm_as_training_has_it(run: Run) -> None:
    """The gradients of whole batches, of which alone anything is said."""
    model = nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.Linear(5, 3))
    torch.save(model.state_dict(), "norm.pt")
    command = "measure --checkpoint norm.pt --model measured_models:batch_norm --data data.npz --batch-size 8 --batch-norm"
    found = as_json(run(f"{command} training --examples 160 --json"))
    expected = minibatch_moments(model, arrays(Path("data.npz")), batch_size=8, batches=20)
    assert said(found) == pytest.approx(asdict(expected.moments), rel=1e-4)
    assert found["delta_at_batch_size"]["value"] == pytest.approx(expected.moments.delta, rel=1e-4)
    assert found["mode"] == "training mode, BatchNorm by the statistics of each batch"
    alone = ("delta", "critical_batch_size", "critical_batch_size_at_theta", "noise_scale")
    assert [found[name] for name in alone] == [None] * 4
    text = run(f"{command} training")
    assert "\nnetwork in training mode, BatchNorm by the statistics of each batch\n" in text
    assert "measured on 2,048 examples in batches of 8; 95 %" in text
    assert "B_c(1)" not in text
    assert "smaller than B_c" not in text
    assert "BatchNorm by its running statistics" in run(f"{command} evaluation")


def test_the_same_command_says_the_same(run: Run) -> None:
    command = f"{THEIRS} --examples 30 --seed 4 --json"
    assert run(command) == run(command)
    assert run(command) != run(f"{THEIRS} --examples 30 --seed 5 --json")


# --- checkpoints


def test_train_writes_a_checkpoint_that_measure_reads(run: Run) -> None:
    """The last row of what it says has moments of the very weights that were written."""
    rows = as_json(run(f"train --method lsr {TINY} --seed 2 --label-noise 0.5 --checkpoint new/run.pt --json"))["rows"]
    assert [file.name for file in Path("new").iterdir()] == ["run.pt"]
    found = torch.load("new/run.pt", weights_only=True)
    assert set(found) == {"state_dict", "network", "training"}
    assert found["network"] == NETWORK
    assert found["training"].items() >= {"method": "lsr", "seed": 2, "label_noise": 0.5, "train_size": 40}.items()
    measured = as_json(run("measure --checkpoint new/run.pt --data digits --json"))
    assert measured["data"] == {"name": "digits", "seed": 2, "train_size": 40, "label_noise": 0.5}
    assert measured["moments"]["s2"]["value"] == pytest.approx(rows[-1]["s2"], rel=1e-3)


def safetensors(state: dict[str, Tensor]) -> bytes:
    """A file as the library writes it, which tests/integrations reads as well."""
    parts = {name: value.contiguous().numpy().tobytes() for name, value in state.items()}
    header, at = {"__metadata__": {"format": "pt"}}, 0
    for name, part in parts.items():
        header[name] = {"dtype": "F32", "shape": list(state[name].shape), "data_offsets": [at, at := at + len(part)]}
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + b"".join(parts.values())


Saved = Callable[[dict[str, Tensor]], dict[str, Any]]
AVERAGED = {"n_averaged": torch.tensor(3)}
LOSS = {"loss.schedule.elapsed": torch.tensor(2.0), "loss._extra_state": {"elapsed": 2}}
WRAPPED: dict[str, tuple[Saved, str]] = {  # what people save, and what `tsla measure` says of it
    "the weights": (lambda state: state, ""),
    "with the epoch": (lambda state: {"epoch": 3, "model_state_dict": state, "optimizer_state_dict": {"state": {}}}, ""),
    "as model": (lambda state: {"model": state, "name": "mlp"}, ""),
    "a name as model": (lambda state: {"state_dict": state, "model": "mlp"}, ""),
    "DataParallel": (lambda state: before("module.", state), "without the prefix module."),
    "torch.compile": (lambda state: {"model": before("_orig_mod.", state)}, "without the prefix _orig_mod."),
    "compiled, then distributed": (lambda state: before("module._orig_mod.", state), "without the prefix module._orig_mod."),
    "averaged": (lambda state: before("module.", state) | AVERAGED, "without the prefix module.; left out: n_averaged"),
    "Lightning": (
        lambda state: {"epoch": 2, "state_dict": before("model.", state) | LOSS},
        "without the prefix model.; left out: loss.schedule.elapsed",
    ),
}


def before(prefix: str, state: dict[str, Tensor]) -> dict[str, Any]:
    return {prefix + name: value for name, value in state.items()}


def holds(path: str, expected: dict[str, Tensor]) -> None:
    found = checkpoints.build(checkpoints.read(Path(path)), "measured_models:mlp").state_dict()
    torch.testing.assert_close(found, expected, rtol=0, atol=0)


@pytest.mark.parametrize("saved", WRAPPED)
def test_weights_as_people_save_them(saved: str, caplog: pytest.LogCaptureFixture) -> None:
    of, says = WRAPPED[saved]
    torch.save(of(expected := mlp().state_dict()), "saved.pt")
    holds("saved.pt", expected)
    assert caplog.messages == ([f"checkpoint = saved.pt: {says}"] if says else [])


def test_a_file_of_safetensors() -> None:
    Path("model.safetensors").write_bytes(safetensors(before("module.", expected := mlp().state_dict())))
    holds("model.safetensors", expected)


def test_a_run_that_diverged_writes_no_checkpoint(capsys: pytest.CaptureFixture[str]) -> None:
    assert ends(f"train --method sgd {TINY} --eta 1e30 --checkpoint run.pt".split()) == 2
    assert "too large: the run diverged" in capsys.readouterr().err
    assert not Path("run.pt").exists()


def test_a_killed_writer_leaves_the_old_checkpoint(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / "digits.pt"
    before = path.read_bytes()

    def killed(_: object, file: BinaryIO) -> None:
        file.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", killed)
    with pytest.raises(KeyboardInterrupt):
        checkpoints.write(path, build(**NETWORK), network=NETWORK, training={})
    assert path.read_bytes() == before


# --- refusals


class Malicious:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return (Path("touched").write_text, ("x",))


def save(name: str, **changes: Any) -> None:
    torch.manual_seed(0)
    good = {"state_dict": build(**NETWORK).state_dict(), "network": NETWORK, "training": {}}
    torch.save(good | changes, name)


def state(**changes: Any) -> dict[str, Any]:
    return {**build(**NETWORK).state_dict(), **changes}


def bad_files() -> None:
    """Files of all the wrong kinds, a line each."""
    Path("text.pt").write_text("no weights", encoding="utf-8")
    Path("empty.pt").touch()
    Path("bytes.pt").write_bytes(b"abc")
    for name, change in {"meta": lambda t: t.to("meta"), "sparse": Tensor.to_sparse, "complex": lambda t: t.to(torch.complex64)}.items():
        save(f"{name}.pt", state_dict=state(**{"1.weight": change(torch.zeros(64, 64))}))
    torch.save(Malicious(), "code.pt")
    torch.save([1, 2], "list.pt")
    Path("text.safetensors").write_text("no weights, whatever the name may say", encoding="utf-8")
    Path("cut.safetensors").write_bytes(safetensors(mlp().state_dict())[:-1])
    torch.save({"epoch": 1, "loss": 2.0}, "keys.pt")
    torch.save({1: torch.zeros(1)}, "numbers.pt")
    torch.save({"args": argparse.Namespace(lr=0.1), "model": mlp().state_dict()}, "arguments.pt")
    torch.save(mlp(), "module.pt")
    torch.save(mlp().state_dict() | before("module.", mlp().state_dict()), "twice.pt")
    torch.save(before("module.", mlp().state_dict()) | before("model.", mlp().state_dict()), "teacher.pt")
    torch.save({"model": mlp().state_dict(), "state_dict": mlp().state_dict()}, "two.pt")
    torch.save(before("model.", mlp().state_dict()) | {"model.9.weight": torch.zeros(1)}, "deeper.pt")
    torch.save(before("net.", mlp().state_dict()), "net.pt")
    save("nan.pt", state_dict=state(**{"1.weight": torch.zeros(64, 64).fill_diagonal_(torch.nan)}))
    save("shape.pt", state_dict=state(**{"1.weight": torch.zeros(64, 25)}))
    save("extra.pt", state_dict=state(**{"9.weight": torch.zeros(1)}))
    save("short.pt", state_dict={"1.weight": torch.zeros(64, 64)})
    save("network.pt", network={"channels": 1, "classes": 10})
    save("unknown.pt", network=NETWORK | {"name": "vgg"})
    save("shapes.pt", network=NETWORK | {"shape": (1, 8, 0)})
    save("seed.pt", training={"seed": -1})
    save("photographs.pt", training={"data": "folder", "folder": "theirs"})
    save("part.pt", training={"data": "cifar100", "per_class": 8})
    save("digits of a part.pt", training={"data": "digits", "per_class": 8})
    save("five.pt", state_dict=build(**NETWORK | {"classes": 5}).state_dict(), network=NETWORK | {"classes": 5})
    save("colour.pt", state_dict=build(**COLOUR).state_dict(), network=COLOUR)
    torch.save(nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.Linear(5, 3)).state_dict(), "norm.pt")
    inputs, labels = np.zeros((8, 6)), np.arange(8) % 3
    np.savez("names.npz", x=inputs, labels=labels)
    np.savez("sizes.npz", inputs=inputs, labels=labels[:5])
    np.savez("one.npz", inputs=inputs[:1], labels=labels[:1])
    np.savez("floats.npz", inputs=inputs, labels=labels / 2)
    np.savez("pickled.npz", inputs=np.array([None] * 8), labels=labels)
    np.savez("nan.npz", inputs=inputs + np.nan, labels=labels)
    np.savez("four.npz", inputs=inputs, labels=labels + 1)
    np.savez("wide.npz", inputs=np.zeros((8, 7)), labels=labels)
    np.savez("whole.npz", inputs=inputs.astype(int), labels=labels)
    np.save("array.npy", inputs)
    huge = {"descr": "<f8", "fortran_order": False, "shape": (2**50,)}
    for name, header in (("torn", "((("), ("huge", repr(huge))):
        content = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode()
        Path(f"{name}.npy").write_bytes(content)
        with zipfile.ZipFile(f"{name}.npz", "w") as archive:
            for part in ("inputs", "labels"):
                archive.writestr(f"{part}.npy", content)
    np.save("half.npy", np.full(3, 0.5))
    np.save("rows.npy", np.full((7, 3), 1 / 3))
    np.save("pickled.npy", np.array([None]))
    np.save("complex.npy", np.full(3, 1 / 3) * (1 + 1j))
    Path("text.npz").write_text("no arrays", encoding="utf-8")


def bad(command: str, *says: str, **changes: str) -> Bad:
    """The command with some of its options changed."""
    name, *words = command.split()
    options = dict(zip((word.removeprefix("--") for word in words[::2]), words[1::2], strict=True))
    return Bad(name, options | {name.replace("_", "-"): value for name, value in changes.items()}, says)


own, theirs = partial(bad, OWN), partial(bad, THEIRS)
BAD = [
    Bad("measure", {"data": "digits"}, ("required: --checkpoint",)),
    Bad("measure", {"checkpoint": "digits.pt"}, ("required: --data",)),
    own("checkpoint = no.pt: no such file", "`tsla train --checkpoint`", checkpoint="no.pt"),
    own("checkpoint = text.pt is not", "weights_only=True", checkpoint="text.pt"),
    own("checkpoint = empty.pt is not", checkpoint="empty.pt"),
    own("checkpoint = bytes.pt is not", "weights_only=True", checkpoint="bytes.pt"),
    *(
        own(f"checkpoint = {name}.pt: 1.weight is torch.{kind}", "must be a dense tensor with values", checkpoint=f"{name}.pt")
        for name, kind in (
            ("meta", "strided of torch.float32 on meta"),
            ("sparse", "sparse_coo of "),
            ("complex", "strided of torch.complex"),
        )
    ),
    theirs("smoothing = complex.npy must hold probabilities", smoothing="complex.npy"),
    own("checkpoint = code.pt is not", "weights_only=True", checkpoint="code.pt"),
    own("checkpoint = list.pt holds a list", "must be a state_dict", checkpoint="list.pt"),
    theirs("checkpoint = numbers.pt holds the keys 1;", checkpoint="numbers.pt"),
    own("checkpoint = keys.pt holds the keys epoch, loss", "state_dict or model_state_dict or model", checkpoint="keys.pt"),
    theirs("checkpoint = arguments.pt is not", "it holds argparse.Namespace,", "model.state_dict()", checkpoint="arguments.pt"),
    theirs("checkpoint = module.pt is not", "torch.nn.modules.linear.Linear", "model.state_dict()", checkpoint="module.pt"),
    theirs("checkpoint = two.pt holds weights as state_dict and model", "one network", checkpoint="two.pt"),
    theirs("checkpoint = twice.pt: 1.weight and module.1.weight are both 1.weight without a prefix", checkpoint="twice.pt"),
    theirs("checkpoint = teacher.pt: module.1.weight and model.1.weight are both 1.weight", "one network", checkpoint="teacher.pt"),
    theirs("checkpoint = deeper.pt: the network lacks model.9.weight", checkpoint="deeper.pt"),
    theirs("checkpoint = net.pt: the file lacks 1.weight", "(net.1.weight has a prefix that is none of module.", checkpoint="net.pt"),
    *(theirs(f"checkpoint = {k}.safetensors is not a file of safetensors", checkpoint=f"{k}.safetensors") for k in ("text", "cut")),
    own("checkpoint = nan.pt: 1.weight has values that are not finite", checkpoint="nan.pt"),
    own("checkpoint = shape.pt: 1.weight has shape (64, 25); must be (64, 64)", checkpoint="shape.pt"),
    own("checkpoint = extra.pt: the network lacks 9.weight, which the file has", checkpoint="extra.pt"),
    own("checkpoint = short.pt: the file lacks 1.bias, which the network has", checkpoint="short.pt"),
    own("checkpoint = network.pt: network = ", "must give name, shape, classes and norm", checkpoint="network.pt"),
    own("checkpoint = unknown.pt: network: model = 'vgg' must be one of mlp", checkpoint="unknown.pt"),
    own("checkpoint = shapes.pt: network = ", "must give name, shape, classes and norm", checkpoint="shapes.pt"),
    own("checkpoint = seed.pt: training = ", "seed = -1 must be at least 0", checkpoint="seed.pt"),
    own("checkpoint = mlp.pt does not say of which network its weights are", "--model module:function", checkpoint="mlp.pt"),
    own("data = digits: labels run from 0 to 9; must lie in 0 ... 4: the model gives K = 5 logits", checkpoint="five.pt"),
    own("data = digits: the model does not take inputs of shape (1, 8, 8)", "channels", checkpoint="colour.pt"),
    own("data = cifar10: folder = None must be a folder that holds cifar-10-python.tar.gz", data="cifar10", checkpoint="photographs.pt"),
    own("data = digits: per_class = 8 has no use with data = 'digits'", checkpoint="digits of a part.pt"),
    own("data = folder: folder = None must be a folder that holds train/CLASS/", data="folder", checkpoint="part.pt"),
    own("data = cifar10: folder = elsewhere", "cifar-10-python.tar.gz", data="cifar10", folder="elsewhere"),
    theirs("folder = . has no use: data = data.npz is a file", folder="."),
    own("model = measured_models:mlp has no use", "digits.pt has a network of its own", model="measured_models:mlp"),
    theirs("model = 'mlp' must be module:function", model="mlp"),
    theirs("model = 'measured_nowhere:mlp'", "No module named 'measured_nowhere'", model="measured_nowhere:mlp"),
    theirs("model = 'measured_models:cnn'", "has no attribute 'cnn'", model="measured_models:cnn"),
    theirs("model = 'measured_models:broken'", "TypeError", model="measured_models:broken"),
    theirs("model = 'measured_models:nothing' returned a int", "nn.Module", model="measured_models:nothing"),
    theirs("1 is BatchNorm in training mode", "add --batch-norm training", checkpoint="norm.pt", model="measured_models:batch_norm"),
    theirs("examples = 20 must be a whole number, at least 64", batch_norm="training", examples="20"),
    theirs("batch_size = 49 must be a whole number, at least 2 and at most 48", batch_norm="training", batch_size="49"),
    theirs("label_noise = 2 must be", "at most 1", label_noise="2"),
    theirs("until = 0.1 has no use with --batch-norm training", batch_norm="training", until="0.1"),
    theirs("data = no.npz: no such file", "inputs (n, ...) and labels (n,)", data="no.npz"),
    *(theirs(f"data = {name}.npz must be an .npz file", data=f"{name}.npz") for name in ("names", "pickled", "text", "torn")),
    theirs("data = huge.npz must be an .npz file", "arrays do not fit the memory", data="huge.npz"),
    theirs("smoothing = torn.npy must hold probabilities", smoothing="torn.npy"),
    Bad("measure --checkpoint=--", {"data": "data.npz"}, ("checkpoint = --: no such file",)),
    theirs("threads = 0 must be a whole number, at least 1 and at most 1024", threads="0"),
    theirs("data = array.npy must be an .npz file", data="array.npy"),
    theirs("data = sizes.npz: inputs have shape (8, 6), labels (5,)", data="sizes.npz"),
    theirs("data = one.npz: inputs have shape (1, 6)", "n at least 2", data="one.npz"),
    theirs("data = floats.npz: inputs are float64 and labels float64", "labels whole ones", data="floats.npz"),
    theirs("data = nan.npz: inputs hold values that are not finite", data="nan.npz"),
    theirs("data = four.npz: labels run from 1 to 3; must lie in 0 ... 2", data="four.npz"),
    theirs("data = wide.npz: the model does not take inputs of shape (7,)", data="wide.npz"),
    theirs("data = whole.npz: the model does not take inputs of shape (6,) and type torch.int64", "must be floats", data="whole.npz"),
    theirs("smoothing = teacher must be uniform, prior, own, own-hard,", "an .npy file", smoothing="teacher"),
    theirs("smoothing = no.npy: no such file", smoothing="no.npy"),
    theirs("smoothing = half.npy must hold probabilities", "add up to 1", smoothing="half.npy"),
    theirs("smoothing = rows.npy must hold probabilities", "(7, 3); must be (3,) or (48, 3)", smoothing="rows.npy"),
    theirs("smoothing = pickled.npy must hold probabilities", smoothing="pickled.npy"),
    theirs("smoothing = text.pt is not a file of torch.save", smoothing="text.pt"),
    own("smoothing = five.pt: the teacher has 5 classes; must have 10", smoothing="five.pt"),
    own("smoothing = colour.pt: the teacher does not take inputs of shape (1, 8, 8)", smoothing="colour.pt"),
    own("smoothing = mlp.pt does not say of which network its weights are; --model", smoothing="mlp.pt"),
    own("theta = 0 must be", "above 0 and at most 1", theta="0"),
    *(own(f"theta = {theta} must be", theta=theta) for theta in ("1.5", "nan")),
    own("batch_size = 0 must be a whole number, at least 1", batch_size="0"),
    own("got eta;", "eta and L, or their product eta_L", eta="0.1"),
    own("got L;", L="1"),
    own("eta = 0.2 is larger than 1/L = 0.1", eta="0.2", L="10"),
    own("got eta, L, eta_L", eta="0.1", L="1", eta_L="0.1"),
    own("eta_L = 2 must be", "at most 1", eta_L="2"),
    own("examples = 3 must be a whole number, at least 4 and at most 60", examples="3"),
    own("seed = -1 must be a whole number, at least 0", seed="-1"),
    own("device = mps has no float64", "cpu", device="mps"),
    own("device = 'gpu' must be cpu or cuda", device="gpu"),
    pytest.param(
        own("device = cuda must be a GPU that torch sees, and it sees none", "cpu works", device="cuda"),
        marks=pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is there"),
    ),
    own("--batch-size", "'2.5' is not a whole number", batch_size="2.5"),
    own("--batch-norm", "'batch'", batch_norm="batch"),
    own("unknown argument --bias", "allowed:", "--smoothing", bias="1"),
]


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.suffix != ".pyc" and path.is_file()}


@pytest.mark.parametrize("bad", BAD, ids=str)
def test_bad_input_is_refused_in_one_line_and_nothing_is_written(bad: Bad, folder: Path, refused: Refused) -> None:
    bad_files()
    before = contents(folder)
    refused(bad)
    assert contents(folder) == before
