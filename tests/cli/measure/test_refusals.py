"""What is wrong with a checkpoint, data or a label is refused by `tsla measure` in one line."""

from __future__ import annotations

import io
import zipfile
from argparse import Namespace
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

FIVE = NETWORK | {"classes": 5}
COLOUR = NETWORK | {"name": "resnet8", "shape": (3, 8, 8)}
GOOD = {"state_dict": build(**NETWORK).state_dict(), "network": NETWORK, "training": {}}
WEIGHTS, SQUARE = mlp().state_dict(), torch.zeros(64, 64)
X, Y = np.zeros((8, 6)), np.arange(8) % 3
DENSE, NO_DATA, NO_LABEL = "must be a dense tensor with values", " must be an .npz file", " must hold probabilities"
Files = dict[str, tuple[Any, ...]]
"""What a file holds, and what is said of it after its name."""


class Malicious:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return (Path("touched").write_text, ("x",))


def weighing(name: str, weight: Tensor) -> dict[str, Any]:
    return GOOD | {"state_dict": GOOD["state_dict"] | {name: weight}}


def npy(header: str) -> bytes:
    """An array that is its header alone."""
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode()


def npz(content: bytes) -> bytes:
    with zipfile.ZipFile(file := io.BytesIO(), "w") as archive:
        for part in ("inputs", "labels"):
            archive.writestr(f"{part}.npy", content)
    return file.getvalue()


OF_OWN: Files = {
    "text.pt": (b"no weights", " is not", "weights_only=True"),
    "empty.pt": (b"", " is not"),
    "bytes.pt": (b"abc", " is not", "weights_only=True"),
    "meta.pt": (weighing("1.weight", SQUARE.to("meta")), ": 1.weight is torch.strided of torch.float32 on meta", DENSE),
    "sparse.pt": (weighing("1.weight", SQUARE.to_sparse()), ": 1.weight is torch.sparse_coo of ", DENSE),
    "complex.pt": (weighing("1.weight", SQUARE.to(torch.complex64)), ": 1.weight is torch.strided of torch.complex", DENSE),
    "bits.pt": (weighing("1.weight", SQUARE.byte().view(torch.bits8)), ": 1.weight is torch.strided of torch.bits8 on cpu", DENSE),
    "eight.pt": (weighing("1.weight", (SQUARE + torch.nan).to(torch.float8_e4m3fn)), ": 1.weight has values that are not finite"),
    "overflow.pt": (weighing("1.weight", SQUARE.double() + 1e300), ": 1.weight has values that are not finite as torch.float32"),
    "code.pt": (Malicious(), " is not", "weights_only=True"),
    "list.pt": ([1, 2], " holds a list", "must be a state_dict"),
    "keys.pt": ({"epoch": 1, "loss": 2.0}, " holds the keys epoch, loss", "state_dict or model_state_dict or model"),
    "nan.pt": (weighing("1.weight", torch.zeros(64, 64).fill_diagonal_(torch.nan)), ": 1.weight has values that are not finite"),
    "shape.pt": (weighing("1.weight", SQUARE[:, :25]), ": 1.weight has shape (64, 25); must be (64, 64)"),
    "extra.pt": (weighing("9.weight", torch.zeros(1)), ": the network lacks 9.weight, which the file has"),
    "short.pt": (GOOD | {"state_dict": {"1.weight": SQUARE}}, ": the file lacks 1.bias, which the network has"),
    "network.pt": (GOOD | {"network": {"channels": 1, "classes": 10}}, ": network = ", "must give name, shape, classes and norm"),
    "unknown.pt": (GOOD | {"network": NETWORK | {"name": "vgg"}}, ": network: model = 'vgg' must be one of mlp"),
    "classes.pt": (GOOD | {"network": NETWORK | {"classes": 10**12}}, ": network = ", "must have sizes that fit the memory"),
    "beyond.pt": (GOOD | {"network": NETWORK | {"classes": 2**63}}, ": network = ", "must have sizes that fit the memory"),
    "shapes.pt": (GOOD | {"network": NETWORK | {"shape": (1, 8, 0)}}, ": network = ", "must give name, shape, classes and norm"),
    "seed.pt": (GOOD | {"training": {"seed": -1}}, ": training = ", "seed = -1 must be at least 0"),
}
OF_THEIRS: Files = {
    "numbers.pt": ({1: torch.zeros(1)}, " holds the keys 1;"),
    "arguments.pt": ({"args": Namespace(lr=0.1), "model": WEIGHTS}, " is not", "it holds argparse.Namespace,", "model.state_dict()"),
    "module.pt": (mlp(), " is not", "torch.nn.modules.linear.Linear", "model.state_dict()"),
    "two.pt": ({"model": WEIGHTS, "state_dict": WEIGHTS}, " holds weights as state_dict and model", "one network"),
    "twice.pt": (WEIGHTS | before("module.", WEIGHTS), ": 1.weight and module.1.weight are both 1.weight without a prefix"),
    "teacher.pt": (
        before("module.", WEIGHTS) | before("model.", WEIGHTS),
        *(": module.1.weight and model.1.weight are both 1.weight", "one network"),
    ),
    "deeper.pt": (before("model.", WEIGHTS | {"9.weight": torch.zeros(1)}), ": the network lacks model.9.weight"),
    "net.pt": (before("net.", WEIGHTS), ": the file lacks 1.weight", "(net.1.weight has a prefix that is none of module."),
    "text.safetensors": (b"no weights, whatever the name may say", " is not a file of safetensors"),
    "cut.safetensors": (safetensors(WEIGHTS)[:-1], " is not a file of safetensors"),
}
DATA: Files = {
    "names.npz": ({"x": X, "labels": Y}, NO_DATA),
    "pickled.npz": ((np.array([None] * 8), Y), NO_DATA),
    "text.npz": (b"no arrays", NO_DATA),
    "torn.npz": (npz(npy("(((")), NO_DATA),
    "huge.npz": (npz(npy(repr({"descr": "<f8", "fortran_order": False, "shape": (2**50,)}))), NO_DATA, "arrays do not fit the memory"),
    "array.npy": (X, NO_DATA),
    "sizes.npz": ((X, Y[:5]), ": inputs have shape (8, 6), labels (5,)"),
    "one.npz": ((X[:1], Y[:1]), ": inputs have shape (1, 6)", "n at least 2"),
    "floats.npz": ((X, Y / 2), ": inputs are float64 and labels float64", "labels whole ones"),
    "nan.npz": ((X + np.nan, Y), ": inputs hold values that are not finite"),
    "overflow.npz": ((X + 1e300, Y), ": inputs hold values that are too large for float32, above 3.4e+38"),
    "four.npz": ((X, Y + 1), ": labels run from 1 to 3; must lie in 0 ... 2"),
    "wide.npz": ((np.zeros((8, 7)), Y), ": the model does not take inputs of shape (7,)"),
    "whole.npz": ((X.astype(int), Y), ": the model does not take inputs of shape (6,) and type torch.int64", "must be floats"),
}
LABELS: Files = {
    "half.npy": (np.full(3, 0.5), NO_LABEL, "add up to 1"),
    "rows.npy": (np.full((7, 3), 1 / 3), NO_LABEL, "(7, 3); must be (3,) or (48, 3)"),
    "pickled.npy": (np.array([None]), NO_LABEL),
    "complex.npy": (np.full(3, 1 / 3) * (1 + 1j), NO_LABEL),
    "torn.npy": (npy("((("), NO_LABEL),
}
OTHERS = {  # what is said of them depends on the command
    "million.npz": (X + 1e6, Y),
    "photographs.pt": GOOD | {"training": {"data": "folder", "folder": "theirs"}},
    "part.pt": GOOD | {"training": {"data": "cifar100", "per_class": 8}},
    "digits of a part.pt": GOOD | {"training": {"data": "digits", "per_class": 8}},
    "five.pt": GOOD | {"state_dict": build(**FIVE).state_dict(), "network": FIVE},
    "colour.pt": GOOD | {"state_dict": build(**COLOUR).state_dict(), "network": COLOUR},
    "norm.pt": nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.Linear(5, 3)).state_dict(),
}
FILES = {name: content for name, (content, *_) in (OF_OWN | OF_THEIRS | DATA | LABELS).items()} | OTHERS


def write(name: str, content: Any) -> None:
    """As the end of its name has it; bytes as they are."""
    if isinstance(content, bytes):
        Path(name).write_bytes(content)
    elif name.endswith(".npz"):
        np.savez(name, **content if isinstance(content, dict) else dict(zip(("inputs", "labels"), content, strict=True)))
    elif name.endswith(".npy"):
        np.save(name, content)
    else:
        torch.save(content, name)


def bad(command: str, *says: str, **changes: str) -> Bad:
    """The command with some of its options changed."""
    name, *words = command.split()
    options = dict(zip((word.removeprefix("--") for word in words[::2]), words[1::2], strict=True))
    return Bad(name, options | {name.replace("_", "-"): value for name, value in changes.items()}, says)


own, theirs = partial(bad, OWN), partial(bad, THEIRS)
BAD = [
    *(own(f"checkpoint = {name}{says}", *more, checkpoint=name) for name, (_, says, *more) in OF_OWN.items()),
    *(theirs(f"checkpoint = {name}{says}", *more, checkpoint=name) for name, (_, says, *more) in OF_THEIRS.items()),
    *(theirs(f"data = {name}{says}", *more, data=name) for name, (_, says, *more) in DATA.items()),
    *(theirs(f"smoothing = {name}{says}", *more, smoothing=name) for name, (_, says, *more) in LABELS.items()),
    Bad("measure", {"data": "digits"}, ("required: --checkpoint",)),
    Bad("measure", {"checkpoint": "digits.pt"}, ("required: --data",)),
    own("checkpoint = no.pt: no such file", "`tsla train --checkpoint`", checkpoint="no.pt"),
    own("checkpoint = mlp.pt does not say of which network its weights are", "--model module:function", checkpoint="mlp.pt"),
    own("data = digits: labels run from 0 to 9; must lie in 0 ... 4: the model gives K = 5 logits", checkpoint="five.pt"),
    own("data = digits: the model does not take inputs of shape (1, 8, 8)", "channels", checkpoint="colour.pt"),
    own("data = cifar10: folder = None must be a folder that holds cifar-10-python.tar.gz", data="cifar10", checkpoint="photographs.pt"),
    own("data = digits: per_class = 8 has no use with data = 'digits'", checkpoint="digits of a part.pt"),
    own("data = folder: folder = None must be a folder that holds train/CLASS/", data="folder", checkpoint="part.pt"),
    own("data = cifar10: folder = elsewhere", "cifar-10-python.tar.gz", data="cifar10", folder="elsewhere"),
    own("folder = xxx", "File name too long", data="folder", folder="x" * 256, checkpoint="part.pt"),
    theirs("smoothing = xxx", "File name too long", smoothing="x" * 256),
    theirs("folder = . has no use: data = data.npz is a file", folder="."),
    own("model = measured_models:mlp has no use", "digits.pt has a network of its own", model="measured_models:mlp"),
    theirs("model = 'mlp' must be module:function", model="mlp"),
    theirs("model = 'measured_nowhere:mlp'", "No module named 'measured_nowhere'", model="measured_nowhere:mlp"),
    theirs("model = 'measured_models:cnn'", "has no attribute 'cnn'", model="measured_models:cnn"),
    theirs("model = 'measured_models:broken'", "TypeError", model="measured_models:broken"),
    theirs(r"ValueError: \x1b[31mred", model="measured_models:shouts"),
    theirs(r"smoothing = no\u2028\x9b.npy: no such file", smoothing="no\u2028\x9b.npy"),
    theirs("model = 'measured_models:leaves'", "SystemExit: 3", model="measured_models:leaves"),
    theirs("model = 'measured_models:nothing' returned a int", "nn.Module", model="measured_models:nothing"),
    theirs("data = million.npz: inputs hold values that are not finite as torch.float16", data="million.npz", model="measured_models:half"),
    theirs("1 is BatchNorm in training mode", "add --batch-norm training", checkpoint="norm.pt", model="measured_models:batch_norm"),
    theirs("examples = 20 must be a whole number, at least 64", batch_norm="training", examples="20"),
    theirs("batch_size = 49 must be a whole number, at least 2 and at most 48", batch_norm="training", batch_size="49"),
    theirs("label_noise = 2 must be", "at most 1", label_noise="2"),
    own("label_noise = 0.4 has no use: data = digits says it itself; must come with an .npz file", label_noise="0.4"),
    theirs("until = 0.1 has no use with --batch-norm training", batch_norm="training", until="0.1"),
    theirs("data = no.npz: no such file", "inputs (n, ...) and labels (n,)", data="no.npz"),
    Bad("measure --checkpoint=--", {"data": "data.npz"}, ("checkpoint = --: no such file",)),
    theirs("threads = 0 must be a whole number, at least 1 and at most 1024", threads="0"),
    theirs("smoothing = teacher must be uniform, prior, own, own-hard,", "an .npy file", smoothing="teacher"),
    theirs("smoothing = no.npy: no such file", smoothing="no.npy"),
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
    for name in FILES.keys() & bad.options.values():
        write(name, FILES[name])
    before = contents(folder)
    refused(bad)
    assert contents(folder) == before
