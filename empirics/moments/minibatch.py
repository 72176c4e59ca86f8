"""The stochastic gradient of training mode itself, batch by batch: for networks whose examples are coupled, as BatchNorm couples them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeGuard

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.nn.parallel import DistributedDataParallel

from tsla.empirics.data.datasets import CLASSES, digits
from tsla.empirics.models.forward import as_logits, with_own_buffers
from tsla.empirics.models.networks import resnet
from tsla.empirics.moments.estimators import Accumulator, Estimate, Estimates
from tsla.empirics.moments.full_batch import gradient_moments
from tsla.empirics.moments.per_example import GradientProducts
from tsla.empirics.moments.per_example.terms import accumulable, inner_products
from tsla.empirics.smoothing.labels import Smoothing, one_hot, smoothing_rule
from tsla.theory.constants import whole
from tsla.theory.moments import MOMENTS, Moments

Drawn = NDArray[np.int64]  # indices of examples


def minibatch_moments(
    model: nn.Module,
    dataset: Any,
    *,
    batch_size: int,
    batches: int = 256,
    smoothing: Smoothing = "uniform",
    replacement: bool = False,
    seed: int = 0,
) -> Estimates:
    """Unbiased moments of the gradient of a batch's mean loss, with 95 % intervals over ``batches`` of ``batch_size`` examples each.

    dataset:      two tensors (inputs, labels), ``(N, ...)`` and ``(N,)`` or ``(N, K)``; or what has a length and items (input, label)
    smoothing:    ŷ as in :func:`tsla.gradient_moments`, but for "prior", which would be another label in every batch
    replacement:  False: a batch is so many different examples, as in a shuffled epoch; True: independent draws, as C14 supposes.
                  In either case batches are drawn independently of each other, the same ones for the same ``seed``

    They are :class:`~tsla.theory.moments.Moments` with the batch as the unit: g is its gradient at the labels, ĝ
    the one at ŷ, from one forward pass in the model's own mode and by plain autograd; ``∇F`` is the mean of g over all batches that may be
    drawn. Where the model treats its examples independently they are ``at_batch_size(batch_size)`` of the per-example moments for
    draws with replacement; without, s2, c and nu2 are smaller by ``(N-B)/(N-1)``. ``critical_batch`` and ``noise_scale`` count batches.

    Kept are the gradients of one batch, their sums, and a sketch a batch. The model, its ``.grad`` and buffers, and the random state
    are left as they were. Raises ValueError outside the ranges.
    """
    for name, value, least in (("batch_size", batch_size, 1), ("batches", batches, 2), ("seed", seed, 0)):
        whole(name, value, at_least=least)
    parameters = {name: p for name, p in model.named_parameters() if p.requires_grad}
    examples = Examples(dataset, smoothing, device_of(model))
    if not replacement and batch_size > len(examples):
        raise ValueError(f"batch_size = {batch_size} must be at most {len(examples)}, the number of examples; or set replacement=True")
    generator, found = np.random.default_rng(seed), Accumulator()
    with private_randomness(seed, examples.device), torch.enable_grad():
        for _ in range(batches):
            drawn = generator.choice(len(examples), batch_size, replace=replacement)
            found.add(_batch_products(model, parameters, *examples.take(drawn)))
    return found.estimates()


def _batch_products(
    model: nn.Module, parameters: dict[str, nn.Parameter], inputs: Tensor, labels: Tensor, smoothing: Smoothing
) -> GradientProducts:
    """Products of one batch's two gradients, as of one example. Layers that update their buffers do so in copies."""
    logits = as_logits(with_own_buffers(model, inputs), inputs)
    true = one_hot(labels, logits.shape[1])
    smooth = smoothing_rule(smoothing, true)(slice(None), inputs, logits)
    G, G_hat = _gradients(logits, (true, smooth), list(parameters.values()))
    gg, hh, gh = (
        torch.stack([inner_products(a[None], b[None]) for a, b in zip(*pair, strict=True)]) for pair in ((G, G), (G_hat, G_hat), (G, G_hat))
    )
    return GradientProducts(tuple(parameters), gg.cpu(), hh.cpu(), gh.cpu(), G, G_hat)


def _gradients(logits: Tensor, labels: tuple[Tensor, Tensor], parameters: list[nn.Parameter]) -> list[tuple[Tensor, ...]]:
    """Gradients of the mean cross-entropy at either label, in float32 at least."""
    log_probabilities = accumulable(logits).log_softmax(1)
    losses = [-(y.to(log_probabilities) * log_probabilities).sum(1).mean() for y in labels]
    found = [torch.autograd.grad(loss, parameters, retain_graph=loss is losses[0], materialize_grads=True) for loss in losses]
    return [tuple(accumulable(gradient) for gradient in gradients) for gradients in found]


def side_by_side(config: Mapping[str, Any]) -> pd.DataFrame:
    """What training mode does to the noise of a ResNet with BatchNorm on digits, after ``epochs`` epochs of plain SGD; three rows.

    ``statistics`` is "evaluation" or "batch": per-example moments of the whole training set
    (:func:`tsla.gradient_moments`), exact, at ``batch_size`` by C14; or "training": :func:`minibatch_moments`, examples
    drawn independently as C14 supposes. Each of the six moments and δ has three columns, the last two for the ends of its 95 % interval.
    """
    data = digits(train_size=config["train_size"], label_noise=config["label_noise"], seed=config["seed"])
    training_set = (data.train_inputs, data.train_labels)
    model, B = _batch_norm_resnet(config, *training_set), config["batch_size"]
    found = {how: _exact(gradient_moments(model, *training_set, batch_norm=how).at_batch_size(B)) for how in ("evaluation", "batch")}
    found["training"] = minibatch_moments(
        model, training_set, batch_size=B, batches=config["batches"], replacement=True, seed=config["seed"]
    ).quantity
    about = {"epochs": config["epochs"], "batch_size": B}
    return pd.DataFrame([about | {"statistics": how} | columns(estimate, (*MOMENTS, "delta")) for how, estimate in found.items()])


def _batch_norm_resnet(config: Mapping[str, Any], inputs: Tensor, labels: Tensor) -> nn.Module:
    with torch.random.fork_rng([]):
        torch.manual_seed(config["seed"])
        model = resnet(channels=1, classes=CLASSES, widths=tuple(config["widths"]), norm=nn.BatchNorm2d)
        optimiser = torch.optim.SGD(model.parameters(), lr=config["eta"])
        for _ in range(config["epochs"]):
            for batch in torch.split(torch.randperm(len(labels)), config["training_batch_size"]):
                optimiser.zero_grad()
                cross_entropy(model(inputs[batch]), labels[batch]).backward()  # type: ignore[no-untyped-call]
                optimiser.step()
    return model


def _exact(moments: Moments) -> Callable[[str], Estimate]:
    def estimate(name: str) -> Estimate:
        value = getattr(moments, name)
        return Estimate(value, value, value, 0.0)

    return estimate


def columns(estimate: Callable[[str], Estimate], names: Sequence[str]) -> dict[str, float]:
    """Of a row: for each of these quantities its value and, under ``_low`` and ``_high``, its 95 % interval."""
    return {
        name + end: value
        for name in names
        for found in [estimate(name)]
        for end, value in (("", found.value), ("_low", found.low), ("_high", found.high))
    }


class Examples:
    """A set to draw examples from, onto ``device``: two tensors (inputs, labels), or what has a length and items (input, label)."""

    def __init__(self, dataset: Any, smoothing: Smoothing, device: torch.device) -> None:
        self.smoothing, self.device = smoothing, device
        self._tensors: tuple[Tensor, Tensor] | None = None
        self._items = dataset
        if isinstance(dataset, (tuple, list)) and len(dataset) == 2 and all(isinstance(part, Tensor) for part in dataset):
            self._tensors = (dataset[0], dataset[1])
            if len(dataset[0]) != len(dataset[1]):
                raise ValueError(f"dataset holds {len(dataset[0])} inputs and {len(dataset[1])} labels; must be equally many")
        if not hasattr(dataset, "__getitem__") or not hasattr(dataset, "__len__"):
            raise ValueError(f"dataset is a {type(dataset).__name__}; must be two tensors (inputs, labels), or have a length and items")
        if len(self) == 0:
            raise ValueError("dataset holds 0 examples; must be at least 1")
        if isinstance(smoothing, str) and smoothing == "prior":
            raise ValueError("smoothing = 'prior' would change with the examples drawn; give the frequencies of the classes as a tensor")
        if _by_example(smoothing) and len(smoothing) != len(self):
            raise ValueError(f"smoothing has {len(smoothing)} rows; must be (K,), or one row for each of the {len(self)} examples")

    def __len__(self) -> int:
        return len(self._items if self._tensors is None else self._tensors[0])

    def take(self, drawn: Drawn) -> tuple[Tensor, Tensor, Smoothing]:
        """Inputs, labels and ŷ of these examples."""
        inputs, labels = self._stacked(drawn.tolist()) if self._tensors is None else (_rows(part, drawn) for part in self._tensors)
        return (
            inputs.to(self.device),
            labels.to(self.device),
            _rows(self.smoothing, drawn) if _by_example(self.smoothing) else self.smoothing,
        )

    def _stacked(self, drawn: Sequence[int]) -> tuple[Tensor, Tensor]:
        pairs = [self._pair(index) for index in drawn]
        return torch.stack([x for x, _ in pairs]), torch.stack([y for _, y in pairs])

    def _pair(self, index: int) -> tuple[Tensor, Tensor]:
        item = self._items[index]
        try:
            x, y = item
            return torch.as_tensor(x), torch.as_tensor(y)
        except (TypeError, ValueError, RuntimeError) as error:
            raise ValueError(f"dataset[{index}] must be a pair (input, label) of tensors, arrays or numbers: {error}") from error


def _rows(tensor: Tensor, drawn: Drawn) -> Tensor:
    return tensor[torch.from_numpy(drawn).to(tensor.device)]


def _by_example(smoothing: Smoothing) -> TypeGuard[Tensor]:
    return isinstance(smoothing, Tensor) and smoothing.ndim == 2 and len(smoothing) > 1


@contextmanager
def private_randomness(seed: int, device: torch.device) -> Iterator[None]:
    """Within this context Python, NumPy and torch on the CPU draw from ``seed``; afterwards the global states are what they were.

    What a dataset's transforms and a model's dropout draw is drawn from these.
    """
    of_python, of_numpy = random.getstate(), np.random.get_state()  # noqa: NPY002
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        random.seed(seed)
        np.random.seed(seed % 2**32)  # noqa: NPY002
        torch.default_generator.manual_seed(seed)
        try:
            yield
        finally:
            random.setstate(of_python)
            np.random.set_state(of_numpy)  # noqa: NPY002


def device_of(model: nn.Module) -> torch.device:
    """Where the model lies. Raises ValueError for one without a parameter that requires a gradient, and for one spread over ranks."""
    if isinstance(model, DistributedDataParallel):
        raise ValueError("model is DistributedDataParallel; must be the model inside, model.module, on one of the ranks")  # noqa: TRY004
    for parameter in model.parameters():
        if parameter.requires_grad:
            return parameter.device
    raise ValueError("model has no parameter that requires a gradient")
