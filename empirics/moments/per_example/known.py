"""What was seen of a model is kept between calls, where it is measured again and again: along a loader, or along a training loop."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor

from tsla.empirics.models.inputs import Classifier, Inputs
from tsla.empirics.moments.per_example.shape_probe import ShapeProbe

WAYS = 8  # in which a model is called, such as lengths of sequences, that are remembered


@dataclass
class Way:
    """What is known of a model that is called in one way: the ``shapes`` along each path, that of the last microbatch in front.

    ``compared`` are the calls of microbatches whose examples were found to be independent. ``logits`` are some of the model's, for their
    layout. ``random`` says that the model draws at random.
    """

    shapes: list[ShapeProbe] = field(default_factory=list)
    compared: set[tuple[object, ...]] = field(default_factory=set)
    logits: Tensor = field(default_factory=lambda: torch.empty(0))
    random: bool = False


class Known:
    """What calls for the same model have found. A model that changed, or is called in another way, is looked at as if it were new.

    Changed is a model with other modules, modes, hooks or parameters; their values may be others. Another way is another shape, type or
    device of an example, another precision, or other statistics of BatchNorm. Nothing is kept of a call that raises, nor of a model that
    draws at random.
    """

    def __init__(self) -> None:
        self._ways: dict[Hashable, tuple[Classifier, Way]] = {}

    @contextmanager
    def way(self, classifier: Classifier, inputs: Inputs, batch_norm: str | None) -> Iterator[tuple[Classifier, Way]]:
        """The classifier, as it was seen if it was, and what is known of it; what is found is kept when the context ends."""
        key = _key(classifier, inputs, batch_norm)
        classifier, found = self._ways.pop(key, (classifier, Way()))
        yield classifier, found
        if not found.random:
            self._ways[key] = classifier, found
            while len(self._ways) > WAYS:
                del self._ways[next(iter(self._ways))]


def _key(classifier: Classifier, inputs: Inputs, batch_norm: str | None) -> Hashable:
    """The same for calls in which a model can only take the same paths, or others that are seen to be others."""
    modules = tuple(
        (module, module.training, *map(len, (module._forward_hooks, module._forward_pre_hooks, module._backward_hooks)))
        for module in classifier.model.modules()
    )
    parameters = tuple((id(p), p.requires_grad, p.dtype, p.shape) for p in classifier.model.parameters())
    kinds = ((part.shape[1:], part.dtype, part.device) if isinstance(part, Tensor) else part for part in inputs.named.values())
    examples = type(inputs.form), tuple(zip(inputs.named, kinds, strict=True))  # a constant is one for all of them
    kind = inputs.device.type
    precision = torch.is_autocast_enabled(kind), torch.get_autocast_dtype(kind)
    return modules, parameters, examples, precision, batch_norm, classifier.to_logits
