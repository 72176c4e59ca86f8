"""What a classifier is called with and what of its output are logits, in the forms that people have: the one place that knows them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from tsla.theory.constants import said

ToLogits = Callable[[Any], Tensor]
"""From what a model returned to logits ``(n, K)``."""
CONSTANTS = (bool, int, float, str, type(None))


def check_values(name: str, tensor: Any) -> None:
    """Raises ValueError for what is no dense tensor ``(n, ...)`` of values that can be looked at."""
    must = "must be a dense tensor (n, ...) with values"
    if not isinstance(tensor, Tensor):
        raise ValueError(f"{name} is a {type(tensor).__name__}; {must}")  # noqa: TRY004 - bad input
    if tensor.is_nested:  # which has no shape that could be said
        raise ValueError(f"{name} is a nested tensor; {must}")
    if tensor.ndim == 0 or tensor.is_meta or tensor.layout != torch.strided:
        raise ValueError(f"{name} has shape {tuple(tensor.shape)}, layout {tensor.layout} and device {tensor.device}; {must}")


def check_real(name: str, tensor: Tensor) -> None:
    """Raises ValueError for complex numbers."""
    if tensor.is_complex() or (tensor.is_floating_point() and tensor.itemsize < 2):  # eight bits are for storage alone
        raise ValueError(f"{name} has type {tensor.dtype}; must hold real numbers{'' if tensor.is_complex() else ' of 16 bits at least'}")


def check_module(model: object) -> None:
    """Raises ValueError for what is no module."""
    if not isinstance(model, nn.Module):
        raise ValueError(f"model is a {type(model).__name__}; must be a torch.nn.Module")  # noqa: TRY004 - bad input is a ValueError


def check_function(name: str, value: object) -> None:
    """Raises ValueError for what can't be called and isn't None."""
    if value is not None and not callable(value):
        raise ValueError(f"{name} = {said(value)} must be a function or None")


class Inputs:
    """Examples, in the ``form`` that a model is called with: a tensor, a tuple for ``model(*form)``, or a dict for ``model(**form)``.

    Each tensor is ``(n, ...)``, the n examples in front. What else is among them is a constant, the same for all examples.
    """

    def __init__(self, form: Any) -> None:
        self.form, self.named = form, _named(form)
        self.tensors = [part for part in self.named.values() if isinstance(part, Tensor)]

    @classmethod
    def of(cls, given: Any) -> Inputs:
        """From a tensor, a tuple or list, or a mapping. Raises ValueError for another, and for parts that don't hold the same examples."""
        if isinstance(given, Inputs):
            return given
        if isinstance(given, PackedSequence):
            raise ValueError("inputs are a PackedSequence, where words stand before examples; must be padded: pack them within the model")  # noqa: TRY004
        if not isinstance(given, (Tensor, tuple, list, Mapping)):
            about = "a tuple of tensors for model(*inputs), or a dict of tensors for model(**inputs)"
            raise ValueError(f"inputs are a {type(given).__name__}; must be a tensor (n, ...), {about}")  # noqa: TRY004
        inputs = cls(given if isinstance(given, Tensor) else dict(given) if isinstance(given, Mapping) else tuple(given))
        for name, part in inputs.named.items():
            if not isinstance(part, (Tensor, *CONSTANTS)):
                about = "must be a tensor (n, ...), or a number, a string or None; give unpack= to leave out what model does not take"
                raise ValueError(f"{name} is a {type(part).__name__}; {about}")  # noqa: TRY004
            if isinstance(part, Tensor) and (part.is_nested or part.layout != torch.strided):
                kind = "nested" if part.is_nested else "sparse"
                raise ValueError(f"{name} is a {kind} tensor; must be a dense tensor (n, ...), padded")
        shapes = {name: tuple(part.shape) for name, part in inputs.named.items() if isinstance(part, Tensor)}
        if len({shape[:1] for shape in shapes.values()}) != 1 or () in shapes.values():
            held = ", ".join(f"{name} of shape {shape}" for name, shape in shapes.items()) or "no tensor"
            raise ValueError(f"inputs hold {held}; must be tensors (n, ...) of the same n examples, padded where they differ in size")
        return inputs

    def check_values(self, labels: Tensor) -> None:
        """Raises ValueError where the labels or an input are no dense tensors of values, as :func:`check_values` does."""
        for name, tensor in (("labels", labels), *(("inputs", part) for part in self.tensors)):
            check_values(name, tensor)

    def __len__(self) -> int:
        return len(self.tensors[0])

    def __getitem__(self, rows: slice | list[int] | Tensor) -> Inputs:
        return self.map(lambda t: t[rows])

    def map(self, function: Callable[[Tensor], Tensor]) -> Inputs:
        """Each tensor as the function makes it."""
        if isinstance(self.form, Tensor):
            return Inputs(function(self.form))
        parts = [function(part) if isinstance(part, Tensor) else part for part in self.named.values()]
        return Inputs(dict(zip(self.form, parts, strict=True)) if isinstance(self.form, dict) else tuple(parts))

    @property
    def device(self) -> torch.device:
        """Where the first tensor lies."""
        return self.tensors[0].device


class Classifier(nn.Module):
    """``model``, called with the form of :class:`Inputs` as its one argument, and returning logits alone.

    ``to_logits`` takes them from what the model returns, :func:`logits_in` by default.
    """

    def __init__(self, model: nn.Module, to_logits: ToLogits | None = None) -> None:
        super().__init__()
        check_module(model)
        check_function("logits", to_logits)
        self.model, self.to_logits = model, to_logits or logits_in

    def forward(self, form: Any) -> Any:
        """Logits."""
        return self.to_logits(_called(self.model, form))


def logits_in(outputs: Any) -> Any:
    """A tensor as it is; what an object or a dictionary has under ``logits``; else the first of a tuple. Raises ValueError for others."""
    if isinstance(outputs, Tensor):
        return outputs
    found = outputs.get("logits") if isinstance(outputs, Mapping) else getattr(outputs, "logits", None)
    if found is None and isinstance(outputs, (tuple, list)) and outputs:
        found = outputs[0]
    if not isinstance(found, Tensor):
        raise ValueError(  # noqa: TRY004 - bad input is a ValueError
            f"model returned a {type(outputs).__name__} without logits; give logits=, a function that takes them from it"
        )
    return found


def _called(model: nn.Module, form: Any) -> Any:
    args, kwargs = arguments(form)
    if kwargs:
        try:
            inspect.signature(model.forward).bind(**kwargs)
        except TypeError as error:
            names = ", ".join(map(str, form))
            raise ValueError(
                f"inputs have the names {names}, with which model can't be called: {error}; rename them, give a tuple, "
                "put a module of your own around model, or where batches hold more than inputs and labels give unpack="
            ) from error
    return model(*args, **kwargs)


def arguments(form: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """What a model is called with, by place and by name."""
    if isinstance(form, dict):
        return (), form
    return (form if isinstance(form, tuple) else (form,)), {}


def _named(form: Any) -> dict[str, Any]:
    """The parts by what a message calls them."""
    if isinstance(form, Tensor):
        return {"inputs": form}
    return {f"inputs[{key!r}]": part for key, part in (form.items() if isinstance(form, dict) else enumerate(form))}
