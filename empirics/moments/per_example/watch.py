"""A forward pass in full view: every function of torch, every custom autograd function, every module's call and return."""

from __future__ import annotations

import sys
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence, Set
from contextlib import ExitStack, contextmanager
from functools import cache, wraps
from threading import RLock, get_ident
from types import FunctionType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import _global_forward_hooks_with_kwargs, register_module_forward_hook, register_module_forward_pre_hook
from torch.overrides import TorchFunctionMode

from tsla.empirics.moments.per_example.call import tensors_in
from tsla.empirics.moments.per_example.functions import asks, is_detour, reads_an_attribute, refuse_derivatives, refuse_writing
from tsla.empirics.moments.per_example.reshapes import Reshapes

ONE_AT_A_TIME = RLock()
"""All threads share torch's hooks on all modules, its ``apply`` of custom functions and its random state, and the buffers of a model."""


class Watch(TorchFunctionMode, ABC):
    """Within ``watching()`` the methods ``call``, ``enter`` and ``leave`` are called for what the model does. Nothing is left behind.

    What other threads do is none of it, nor what is done later, should an interrupt leave a hook or the mode where it was.

    It knows the ``tracked`` parameters, and what it is told to be made of parameters alone, or to look like it. ``seen_calls`` are the
    functions that were called. ``detours`` says that there were custom autograd functions, hooks, or detached values, after which gradients
    may be others than the derivatives of the logits.
    """

    def __init__(self, tracked: Sequence[nn.Parameter]) -> None:
        super().__init__()
        self.seen_calls: list[object] = []
        self.detours = False
        self.reshapes = Reshapes()
        self._weights_by_id: dict[int, Tensor] = {id(p): p for p in tracked}  # kept, so that the id stays theirs
        self._open: list[FunctionType] = []  # a function that hands itself over again on its way has no parameters: pooling does so
        self._in_call = False
        self._kept: Set[int] = frozenset()
        self._thread: int | None = None  # that is watched
        self._given: set[int] | None = None  # to the custom autograd function that is running

    @abstractmethod
    def call(self, func: Any, args: Any, kwargs: Any) -> Any:
        """Call a function that is not written in Python."""

    @abstractmethod
    def enter(self, module: nn.Module, args: Any) -> None:
        """A module is called."""

    @abstractmethod
    def leave(self, module: nn.Module, args: Any, kwargs: Any, out: Any) -> Any:
        """A module returns; what this returns takes the place of its output."""

    def hooked(self, tensor: Tensor) -> None:
        """The model has registered a hook on a tensor."""

    def uses_weights(self, given: list[Tensor]) -> bool:
        """Whether a parameter, or what was made of parameters, is given to a call that can have a gradient."""
        return torch.is_grad_enabled() and any(id(t) in self._weights_by_id for t in given)

    def add_weights(self, tensors: list[Tensor]) -> None:
        """Know these, too."""
        self._weights_by_id |= {id(t): t for t in tensors}

    def forget_weights(self) -> None:
        """Let go of them all: they are memory. Nor is anything reshaped any more."""
        self._weights_by_id.clear()
        self.reshapes = Reshapes()

    @contextmanager
    def watching(self, kept: Set[int] = frozenset()) -> Iterator[None]:
        """Watch what happens in this context. ``kept`` are the addresses of storages that must not be written into."""
        self._kept = kept
        with ONE_AT_A_TIME, ExitStack() as stack:
            self._thread = get_ident()
            stack.callback(setattr, self, "_thread", None)
            stack.callback(register_module_forward_pre_hook(_out_of_sight(self._enter)).remove)
            handle = register_module_forward_hook(_out_of_sight(self._leave), with_kwargs=True)
            stack.callback(_global_forward_hooks_with_kwargs.pop, handle.id, None)  # which `remove` forgets
            stack.callback(handle.remove)
            stack.enter_context(_eagerly())
            stack.enter_context(self._custom_functions())
            stack.enter_context(self)
            yield

    def _enter(self, module: nn.Module, args: Any) -> None:
        if self._watched():
            self.detours = self.detours or isinstance(module, torch.jit.ScriptModule)
            self.enter(module, args)

    def _leave(self, module: nn.Module, *given: Any) -> Any:
        return self.leave(module, *given) if self._watched() else None

    def _watched(self) -> bool:
        return get_ident() == self._thread

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Look into functions that are written in Python; the others are calls."""
        kwargs = kwargs or {}
        if asks(func) or not self._watched():
            return func(*args, **kwargs)
        refuse_derivatives(func, args, kwargs)
        refuse_writing(func, args, kwargs, self._kept)
        if self._given is not None:
            self._refuse_hidden(func, args, kwargs)
            return func(*args, **kwargs)
        if func is Tensor.register_hook:
            return self._hook(func, args, kwargs)
        if not isinstance(func, FunctionType) or func in self._open:
            return self._calling(func, args, kwargs)
        self._open.append(func)
        try:
            with self:
                return _opened(func)(*args, **kwargs)
        finally:
            self._open.pop()

    def _hook(self, func: Any, args: Any, kwargs: Any) -> Any:
        """Out of sight: the hook must come to the tensor itself, and not to what takes its place in calls."""
        if args[0].is_leaf and id(args[0]) in self._weights_by_id:
            raise ValueError(
                "model puts a hook on the gradient of a parameter when it is called, "
                "which could change it for a batch and not for each example: remove it"
            )
        self.detours = True
        with torch._C.DisableTorchFunction():
            handle = func(*args, **kwargs)
        self.hooked(args[0])
        return handle

    def _calling(self, func: Any, args: Any, kwargs: Any) -> Any:
        self._in_call = True
        try:
            return self._counted(func, args, kwargs)
        finally:
            self._in_call = False

    def _counted(self, func: Any, args: Any, kwargs: Any) -> Any:
        self.seen_calls.append(func)
        self.detours = self.detours or is_detour(func)
        out = self.call(func, args, kwargs)
        self.reshapes.note(func, args, out)
        return out

    @contextmanager
    def _custom_functions(self) -> Iterator[None]:
        """See ``torch.autograd.Function.apply``, which torch does not hand over to a mode."""
        apply = torch.autograd.Function.__dict__["apply"]

        def watched(cls: type, *args: Any, **kwargs: Any) -> Any:
            run = apply.__get__(None, cls)
            if self._in_call or not self._watched():  # how another function was written
                return run(*args, **kwargs)
            if self._given is not None:
                self._refuse_hidden(run, args, kwargs)
                return run(*args, **kwargs)
            self._given = {id(t) for t in tensors_in((args, kwargs))}
            try:
                return self._counted(run, args, kwargs)
            finally:
                self._given = None

        torch.autograd.Function.apply = classmethod(watched)  # type: ignore[assignment]
        try:
            yield
        finally:
            torch.autograd.Function.apply = apply  # type: ignore[method-assign]

    def _refuse_hidden(self, func: Any, args: Any, kwargs: Any) -> None:
        """No gradient of a parameter comes out of a function that was not given it: the function adds it to ``.grad`` by itself."""
        if reads_an_attribute(func):
            return
        if any(id(t) in self._weights_by_id and id(t) not in (self._given or ()) for t in tensors_in((args, kwargs))):
            raise ValueError(
                "a custom autograd function uses parameters that it was not given, as torch.utils.checkpoint does with use_reentrant=True: "
                "their gradients can't be seen; choose use_reentrant=False"
            )


@contextmanager
def _eagerly() -> Iterator[None]:
    """Within this context what was compiled by ``torch.compile`` runs as it was written."""
    if "torch._dynamo" not in sys.modules:  # importing it takes seconds
        yield
        return
    with torch.compiler.set_stance("force_eager"), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Using `torch.compile", UserWarning)  # with global hooks, as there are here
        yield


def _out_of_sight(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, where no mode sees what it does."""

    @wraps(function)
    def unseen(*args: Any, **kwargs: Any) -> Any:
        with torch._C.DisableTorchFunction():
            return function(*args, **kwargs)

    return unseen


@cache
def _opened(func: FunctionType) -> FunctionType:
    """The same function, which does not hand itself over to the mode that called it, as functions of torch written in Python do first."""
    blind = dict.fromkeys(("has_torch_function", "has_torch_function_unary", "has_torch_function_variadic"), lambda *_: False)
    opened = FunctionType(func.__code__, func.__globals__ | blind, func.__name__, func.__defaults__, func.__closure__)
    opened.__kwdefaults__ = func.__kwdefaults__
    return opened
