"""What functions of torch do beyond what they return: write in place, cut by values, take detours, run twice, run in a transform."""

from __future__ import annotations

from collections.abc import Set
from inspect import signature
from typing import Any

import torch
from torch import Tensor

from tsla.empirics.moments.per_example.call import replaced, tensors_in

# The sizes of what these return, or of what is cut with it, depend on values: as many rows as there are examples may be chance.
_SIZED_BY_VALUES = {
    *(torch.nonzero, torch.argwhere, torch.masked_select, torch.unique_consecutive, torch._unique2, torch._pack_padded_sequence),
    *(Tensor.nonzero, Tensor.argwhere, Tensor.masked_select, Tensor.unique_consecutive),
    *(Tensor.item, Tensor.tolist, Tensor.__int__, Tensor.__index__),
}
_SIZED_BY_ARGUMENTS = {Tensor.__getitem__, torch.where, torch.repeat_interleave, Tensor.repeat_interleave}  # may be, by what else is given
_MOVES_ROWS = {
    *(torch.flip, torch.roll, torch.index_select, torch.gather, torch.take_along_dim, Tensor.__getitem__),
    *(Tensor.flip, Tensor.roll, Tensor.index_select, Tensor.gather, Tensor.take_along_dim),
}
# What a tensor is like: numbers and names, half of all calls in a transformer. No value and no gradient goes through them.
_ASKING = {
    *(Tensor.shape.__get__, Tensor.ndim.__get__, Tensor.dtype.__get__, Tensor.device.__get__, Tensor.layout.__get__),  # type: ignore[attr-defined]
    *(Tensor.is_nested.__get__, Tensor.is_cuda.__get__, Tensor.is_sparse.__get__, Tensor.requires_grad.__get__),  # type: ignore[attr-defined]
    *(Tensor.size, Tensor.dim, Tensor.numel, Tensor.stride, Tensor.is_contiguous, Tensor.is_floating_point, torch.is_floating_point),
}
# What lets the gradient be another than the derivative of the value; hooks on tensors ask for `grad_fn`.
_DETOURS = {Tensor.detach, torch.detach, Tensor.detach_, torch.detach_, Tensor.data.__get__, Tensor.grad_fn.__get__}  # type: ignore[attr-defined, union-attr]
_DERIVATIVES = {torch.autograd.grad, torch.autograd.backward, Tensor.backward}
_DUAL = torch._make_dual
_SETS_DATA = Tensor.data.__set__  # type: ignore[attr-defined]


def works_in_place(func: Any) -> bool:
    """Whether a torch function writes into its first argument."""
    name = getattr(func, "__name__", "")
    return name == "__setitem__" or name.startswith("__i") or (name.endswith("_") and not name.endswith("__")) or func == _SETS_DATA


def asks(func: Any) -> bool:
    """Whether it tells what a tensor is like, and nothing of its values."""
    return func in _ASKING


def reads_an_attribute(func: Any) -> bool:
    """Whether it reads a shape or the like, which no gradient goes through."""
    return getattr(func, "__name__", "") == "__get__"


def written(func: Any, args: Any, out: Any) -> Any:
    """What a call returned; or, where it writes into a view, what that is a view of: gradients of both arrive there."""
    if not works_in_place(func):
        return out
    return args[0]._base if args[0]._is_view() else args[0]


def is_sized_by_values(func: Any, args: Any, kwargs: Any) -> bool:
    """Whether sizes may come to depend on values by this call."""
    if func not in _SIZED_BY_ARGUMENTS:
        return func in _SIZED_BY_VALUES
    others = tensors_in((args[1:], kwargs))
    if func is Tensor.__getitem__:
        return any(t.dtype in (torch.bool, torch.uint8) for t in others)
    return not others if func is torch.where else bool(others) or len(args) == 1


def reorders(func: Any, args: Any, kwargs: Any, examples: int, data: Set[int]) -> bool:
    """Whether the examples, one to a row, may stand in another order after this call, as where sentences are sorted by their length.

    It is asked what it does to the numbers of the rows, also with what is made of the examples, whose ids are ``data``, turned round: two
    rows may be in order by chance. Where two dimensions are as long as there are examples, one has to stay as it was.
    """
    if func not in _MOVES_ROWS or not args or (func is Tensor.__getitem__ and not (tensors_in(args[1:]) or _lists(args[1]))):
        return False
    others = args[1:], kwargs
    turned = {id(t): t.flip(0) for t in tensors_in(others) if id(t) in data and t.ndim}
    numbered = [_numbered(args[0], axis) for axis, size in enumerate(args[0].shape) if size == examples]
    ways = [others, replaced(others, turned)] if turned else [others]
    return bool(numbered) and any(not any(_in_order(func(rows, *more, **named), examples) for rows in numbered) for more, named in ways)


def _lists(index: Any) -> bool:
    return any(isinstance(i, list) for i in (index if isinstance(index, tuple) else (index,)))


def _numbered(tensor: Tensor, axis: int) -> Tensor:
    """In place of each entry, its number along ``axis``."""
    shape = [-1, *[1] * (tensor.ndim - 1 - axis)]
    return torch.arange(tensor.shape[axis], device=tensor.device).view(shape).expand(tensor.shape)


def _in_order(rows: Tensor, examples: int) -> bool:
    """Whether the numbers of the rows count up along a dimension; also where no dimension is theirs any more."""
    theirs = [axis for axis, size in enumerate(rows.shape) if size == examples]
    return not theirs or any(torch.equal(rows, _numbered(rows, axis)) for axis in theirs)


def is_detour(func: Any) -> bool:
    """Whether gradients may be others than the derivatives of the logits after this call."""
    owner = getattr(func, "__self__", None)
    custom = isinstance(owner, type) and issubclass(owner, torch.autograd.Function)
    return custom or func in _DETOURS or not torch.is_grad_enabled() or in_transform()


def refuse_derivatives(func: Any, args: Any, kwargs: Any) -> None:
    """Raises ValueError where a derivative is taken that depends on parameters: its own uses of them are in no call that can be seen."""
    if in_transform():
        return
    if func == _DUAL or (func in _DERIVATIVES and signature(func).bind(*args, **kwargs).arguments.get("create_graph")):
        raise ValueError(
            "model takes a derivative with create_graph=True or torch.autograd.forward_ad, in which uses of parameters can't be seen; "
            "choose torch.func, or take moments_by_loop of tsla.empirics.moments.one_by_one"
        )


def refuse_writing(func: Any, args: Any, kwargs: Any, weights: Set[int]) -> None:
    """Raises ValueError where a call would write into the memory of a parameter; ``weights`` are the addresses of their storages."""
    if not (works_in_place(func) or "out" in kwargs) or in_transform():
        return
    into = tensors_in((args[:1] if works_in_place(func) else (), kwargs.get("out")))
    if any(t.layout == torch.strided and t.untyped_storage().data_ptr() in weights for t in into):
        raise ValueError(
            "model writes into a parameter when it is called, as an embedding with max_norm does: to measure it would change it; "
            "do so outside of forward"
        )


def is_made_again() -> bool:
    """Whether the backward pass may make what it needs anew, as that of a checkpoint does: by then no call may have become another."""
    return torch._C._autograd._top_saved_tensors_default_hooks(False) is not None


def in_transform() -> bool:
    """Whether a transform of torch.func is at work."""
    return torch._C._functorch.peek_interpreter_stack() is not None


def unwrapped(tensor: Tensor) -> Tensor:
    """The tensor that transforms of torch.func made this one of."""
    while torch._C._functorch.is_functorch_wrapped_tensor(tensor):
        tensor = torch._C._functorch.get_unwrapped(tensor)
    return tensor
