"""Forward passes under watch, and the first of them, which tells what a batch is to the model."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from itertools import count
from typing import Any

import torch
from torch import Tensor, nn

from tsla.empirics.forward import as_logits, with_own_buffers
from tsla.empirics.per_example.tape import Tape

COUPLED = 0.02  # of the largest logit, a difference that rounding in half precision does not make


class Forward:
    """Logits under watch; every chunk meets the same model."""

    def __init__(self, model: nn.Module, statistics: Callable[[], AbstractContextManager[Any]]) -> None:
        self.model, self.statistics = model, statistics

    def __call__(self, x: Tensor, tape: Tape) -> Tensor:
        """Logits of the examples ``x``, noted by the tape."""
        x = x.clone()  # the model may write into it
        with tape.watching(), self.statistics():
            outputs = with_own_buffers(self.model, x)
        return as_logits(outputs, x)  # out of sight of the tape


class Probe:
    """A pass of copies of the first example, as few as no chunk has. ``logits`` ``(classes,)`` are those of that example among them.

    ``random`` says that the model draws at random.
    """

    def __init__(self, forward: Forward, inputs: Tensor, parameters: list[nn.Parameter], sizes: set[int]) -> None:
        examples = next(n for n in count(1) if n not in sizes)
        self.tape = Tape(parameters, examples)
        before = self._random_state(inputs)
        self.logits = forward(inputs[:1].expand(examples, *inputs.shape[1:]), self.tape)[0].detach()
        self._compared = False
        self.random = not torch.equal(before, self._random_state(inputs))

    @staticmethod
    def _random_state(inputs: Tensor) -> Tensor:
        return torch.cuda.get_rng_state(inputs.device) if inputs.is_cuda else torch.get_rng_state()

    def compare(self, logits: Tensor) -> None:
        """Raise ValueError if the first example got other logits, the first of these, beside other examples.

        What is drawn at random can't be compared. Only the first call compares: that is the chunk of the first example.
        """
        compared, self._compared = self._compared, True
        off, scale = (logits[0].detach() - self.logits).abs().max(), self.logits.abs().max()
        if not (compared or self.random) and off > COUPLED * scale:
            raise ValueError(
                f"model gives the first example other logits beside other examples, by {float(off / scale):.2g} of the largest: "
                "it does not treat the examples of a batch independently, so that per-example gradients are not defined"
            )
