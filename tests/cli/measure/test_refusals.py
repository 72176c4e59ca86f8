"""What is wrong with a checkpoint, data or a label is refused by `tsla measure` in one line."""

from __future__ import annotations

import argparse
import zipfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.cli.measure.support import NETWORK, OWN, THEIRS, before, mlp, safetensors
from tests.cli.support import Bad, Refused
from tsla.empirics.models.networks import build

COLOUR = NETWORK | {"name": "resnet8", "shape": (3, 8, 8)}


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
