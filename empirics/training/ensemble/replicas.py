"""Networks of one architecture side by side: one forward pass, one backward pass and one step for all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap
from torch.nn.functional import one_hot

Slope = Callable[[Tensor], Tensor]
"""From the logits of all networks to the gradient of each one's mean loss there; both ``(R, b, K)``."""

NUMBERS = 2**20
"""Most input numbers that all networks together take in at once, so that what they make of them stays near the cache."""


def fitting(images: Tensor, each: int) -> int:
    """How many portions of ``each`` of these images may be taken in at once: at least one."""
    return max(1, NUMBERS // (each * images[0].numel()))


class Replicas:
    """R networks whose weights are stacked, and SGD on all of them, by the rule of :class:`torch.optim.SGD`.

    models:        one for each network, with the same parameters and no buffers; they stay as they are until :meth:`model` is called
    momentum:      each network's own, by default 0
    weight_decay:  of all networks
    arms:          if given, R is ``(arms, replicas)``: ``models`` are one arm after the other, the arms share their inputs
                   ``(replicas, b, ...)``, and step sizes and momenta are those of the arms, ``(arms,)``
    """

    def __init__(
        self, models: Sequence[nn.Module], momentum: Sequence[float] = (), weight_decay: float = 0.0, *, arms: int | None = None
    ) -> None:
        self._model, self._forward = models[0], vmap(self._network)
        self._weights = {name: w.detach() for name, w in stack_module_state(list(models))[0].items()}
        self._before: tuple[slice, ...] = ()  # the axes before that of the replicas
        if arms is not None:
            self._forward, self._before = vmap(self._forward, in_dims=(0, None)), (slice(None),)
            self._weights = {name: w.unflatten(0, (arms, -1)) for name, w in self._weights.items()}
        self._velocity = [torch.zeros_like(w) for w in self._weights.values()] if any(momentum) else None
        self._momentum, self._weight_decay = torch.tensor(momentum, dtype=torch.float64), weight_decay

    def _network(self, weights: dict[str, Tensor], inputs: Tensor) -> Tensor:
        logits: Tensor = functional_call(self._model, weights, (inputs,))
        return logits

    @torch.no_grad()
    def evaluate(self, images: Tensor, places: Tensor) -> Tensor:
        """Logits ``(R, n, K)`` of the images at ``places`` ``(R, n)``."""
        parts = torch.split(places, fitting(images, len(places)), dim=1)
        return torch.cat([self._forward(self._weights, images[some]) for some in parts], dim=1)

    def gradients(self, inputs: Tensor, slope: Slope, some: slice = slice(None)) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Logits ``(R, b, K)`` at each network's own inputs ``(R, b, ...)``, and the gradients of its loss, ``(R, *shape)`` a parameter.

        some:  of which networks, or, of each arm, of which replicas
        """
        weights = {name: w[(*self._before, some)].detach().requires_grad_() for name, w in self._weights.items()}
        logits = self._forward(weights, inputs)
        return logits.detach(), torch.autograd.grad(logits, list(weights.values()), slope(logits.detach()))

    def step(self, inputs: Tensor, slope: Slope, eta: Tensor) -> None:
        """One step of each network on its batch ``(R, b, ...)``, with the step size of its own, ``eta`` ``(R,)``."""
        self._descend(self.gradients(inputs, slope)[1], eta)

    @torch.no_grad()
    def _descend(self, gradients: Sequence[Tensor], eta: Tensor) -> None:
        weights = list(self._weights.values())
        if self._weight_decay:
            gradients = [g.add(w, alpha=self._weight_decay) for g, w in zip(gradients, weights, strict=True)]
        if self._velocity is not None:
            for velocity, gradient in zip(self._velocity, gradients, strict=True):
                velocity.mul_(_beside(velocity, self._momentum)).add_(gradient)
            gradients = self._velocity
        for weight, gradient in zip(weights, gradients, strict=True):
            weight.addcmul_(_beside(weight, eta), gradient, value=-1)

    @torch.no_grad()
    def model(self, run: int) -> nn.Module:
        """The network of one run: the same module for every run, with that run's weights until the next call."""
        for name, parameter in self._model.named_parameters():
            parameter.copy_(self._weights[name][run])
        return self._model


class SmoothingLabels:
    """``ŷ`` of R runs by the names of their distributions: "uniform", "prior" (of the run's own labels), "own", "own-hard".

    As :func:`tsla.empirics.smoothing.labels.smoothing_rule` has them; ``labels`` ``(R, n)`` are those that the runs are trained on.
    """

    def __init__(self, names: Sequence[str], labels: Tensor, classes: int) -> None:
        self._priors = torch.stack([of_run.bincount(minlength=classes).double() / len(of_run) for of_run in labels])
        prior, self._own, self._hard = (
            torch.tensor([name == kind for name in names])[:, None, None] for kind in ("prior", "own", "own-hard")
        )
        self._fixed = torch.where(prior, self._priors[:, None], 1 / classes)

    def prior(self, run: int) -> Tensor:
        """The frequencies of the classes among a run's labels, ``(K,)``; float64."""
        return self._priors[run]

    def slope(self, labels: Tensor, theta: Tensor) -> Slope:
        """Of the mean cross-entropy of a batch with ``labels`` ``(R, b)``, smoothed by each run's own ``theta`` ``(R,)``.

        The gradient of cross-entropy with a fixed label ``y`` at the logits is ``softmax - y``: no loss needs to be written down.
        """

        def slope(logits: Tensor) -> Tensor:
            probabilities = logits.softmax(2)
            strength = _beside(logits, theta)
            towards = probabilities - strength * self._of(probabilities)
            towards.scatter_add_(2, labels[:, :, None], (strength - 1).expand(*labels.shape, 1))
            return towards / labels.shape[1]

        return slope

    def _of(self, probabilities: Tensor) -> Tensor:
        """``ŷ`` where the networks predict ``probabilities`` ``(R, b, K)``: what broadcasts against them."""
        labels = self._fixed.to(probabilities)
        if self._own.any():
            labels = torch.where(self._own, probabilities, labels)
        if self._hard.any():
            labels = torch.where(self._hard, one_hot(probabilities.argmax(2), probabilities.shape[2]).to(probabilities), labels)
        return labels


def _beside(tensor: Tensor, values: Tensor) -> Tensor:
    """One value a run, ``(R,)``, in the precision of a stacked tensor ``(R, ...)`` and shaped to broadcast against it."""
    return values.to(tensor.dtype).view(-1, *(1,) * (tensor.ndim - 1))
