"""The examples of many runs, each image kept once: another seed deals the same images out anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from tsla.empirics.data.datasets import Split
from tsla.empirics.training.configuration import TrainingConfig
from tsla.empirics.training.setup import training_split


@dataclass(frozen=True)
class Part:
    """Training or test examples of R runs: their places among the images ``(R, n)``, in each run's own order, and labels ``(R, n)``."""

    places: Tensor
    labels: Tensor

    def of(self, runs: slice) -> Part:
        """Those of some of the runs."""
        return Part(self.places[runs], self.labels[runs])

    def rows(self, rows: Tensor) -> Part:
        """In each run the examples of its row of ``rows`` ``(R, b)``."""
        return Part(self.places.gather(1, rows), self.labels.gather(1, rows))


@dataclass(frozen=True)
class SharedExamples:
    """What R runs are trained and tested on: ``images`` ``(N, ...)``, all of them different, and who has which."""

    images: Tensor
    train: Part
    test: Part
    classes: int

    def of(self, runs: slice) -> SharedExamples:
        """Those of some of the runs."""
        return replace(self, train=self.train.of(runs), test=self.test.of(runs))

    def split(self, run: int) -> Split:
        """Those of one run, as :func:`tsla.empirics.training.setup.training_split` has them."""
        train, test = (self.images[part.places[run]] for part in (self.train, self.test))
        return Split(train, self.train.labels[run], test, self.test.labels[run], self.classes)


def examples_of(configs: Sequence[TrainingConfig]) -> SharedExamples:
    """The examples of runs that share data and ``train_size``. Raises what :func:`tsla.empirics.training.setup.training_split` raises."""
    images = _Images()
    dealt: dict[tuple[int, float], tuple[Tensor, ...]] = {}
    for config in configs:
        key = config.seed, config.label_noise
        if key not in dealt:
            split = training_split(config)
            dealt[key] = (images.places(split.train_inputs), split.train_labels, images.places(split.test_inputs), split.test_labels)
    columns = [torch.stack(column) for column in zip(*(dealt[config.seed, config.label_noise] for config in configs), strict=True)]
    return SharedExamples(images.together(), Part(*columns[:2]), Part(*columns[2:]), split.classes)


class _Images:
    """Images without repetitions, in the order in which they were first seen."""

    def __init__(self) -> None:
        self._found: dict[bytes, int] = {}
        self._like = torch.empty(0)

    def places(self, inputs: Tensor) -> Tensor:
        """Where these images are kept, ``(n,)``; those not seen before are added."""
        self._like = inputs[:1]
        return torch.tensor([self._found.setdefault(image.tobytes(), len(self._found)) for image in inputs.numpy()])

    def together(self) -> Tensor:
        """All of them, ``(N, ...)``."""
        return torch.frombuffer(bytearray(b"".join(self._found)), dtype=self._like.dtype).reshape(-1, *self._like.shape[1:])
