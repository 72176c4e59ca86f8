"""What the tests of `tsla measure` share: networks and their weights as they are saved."""

from __future__ import annotations

import json
from typing import Any

from torch import Tensor, nn

NETWORK = {"name": "mlp", "shape": (1, 8, 8), "classes": 10, "norm": "group"}
OWN = "measure --checkpoint digits.pt --data digits"
THEIRS = "measure --checkpoint mlp.pt --model measured_models:mlp --data data.npz"


def mlp() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 3))


def safetensors(state: dict[str, Tensor]) -> bytes:
    """A file as the library writes it, which tests/integrations reads as well."""
    parts = {name: value.contiguous().numpy().tobytes() for name, value in state.items()}
    header, at = {"__metadata__": {"format": "pt"}}, 0
    for name, part in parts.items():
        header[name] = {"dtype": "F32", "shape": list(state[name].shape), "data_offsets": [at, at := at + len(part)]}
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + b"".join(parts.values())


def before(prefix: str, state: dict[str, Tensor]) -> dict[str, Any]:
    return {prefix + name: value for name, value in state.items()}
