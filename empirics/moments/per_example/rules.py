"""Which function of torch has a rule. Everything else that layers do is made of these."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from tsla.empirics.moments.per_example import convolution, linear, normalisation
from tsla.empirics.moments.per_example.terms import Term

RULES: dict[Any, Callable[..., list[Term]]] = {
    nn.functional.linear: linear.linear,
    torch.embedding: linear.embedding,
    torch.embedding_bag: linear.embedding_bag,
    **dict.fromkeys((torch.add, Tensor.add, Tensor.__add__, Tensor.__radd__, Tensor.__iadd__, Tensor.add_), linear.add),
    **dict.fromkeys((torch.conv1d, torch.conv2d, torch.conv3d), convolution.convolution),
    torch.layer_norm: normalisation.layer_norm,
    torch.rms_norm: normalisation.rms_norm,
}
"""torch function -> the terms of its parameters, from the same arguments."""
WITH_ONE_EACH: dict[Any, Callable[..., tuple[Tensor, list[normalisation.Each]]]] = {
    torch.group_norm: normalisation.group_norm,
    torch.batch_norm: normalisation.batch_norm,
    torch.instance_norm: normalisation.instance_norm,
}
"""torch function -> the same, with a copy of the parameters for each example, at no more cost."""
EXPANSIONS = {Tensor.expand, Tensor.expand_as, torch.broadcast_to}
"""torch functions that give the examples a copy each, where these come to lie in front."""
