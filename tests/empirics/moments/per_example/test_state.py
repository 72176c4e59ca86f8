"""A measurement leaves the model, its inputs and the process as they were, also when something fails on the way."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.modules import module as torch_module
from torch.utils.data import DataLoader, TensorDataset

from tests.empirics.moments.per_example.cases import EACH_WAY
from tests.empirics.moments.per_example.oracle import CLASSES, agrees, by_autograd, labels_for
from tests.empirics.moments.per_example.parts import TOKENS, WIDTH, Written, encoder, head, layer, parameter
from tsla.empirics.moments.full_batch import gradient_moments
from tsla.empirics.moments.measure import measure as measure_all
from tsla.empirics.moments.minibatch import minibatch_moments
from tsla.empirics.moments.per_example import gradient_products, rules, terms
from tsla.empirics.moments.per_example.call import Call
from tsla.empirics.moments.per_example.fallback import FallbackCall
from tsla.theory.testing.planted import assert_rejects

N = 7
MICROBATCH = 3  # microbatches of 3, 2 and 2, after a probe of 1


def model() -> nn.Module:
    """Rules, fallbacks, made weights, dropout, buffers that are updated in training mode, frozen and unused parameters, and gradients."""
    torch.manual_seed(0)
    made = Written(
        forward,
        first=nn.utils.parametrizations.spectral_norm(layer()),
        norm=nn.InstanceNorm1d(TOKENS, affine=True, track_running_stats=True),
        slope=nn.PReLU(),
        drop=nn.Dropout(0.5),
        encoder=encoder(),
        folded=Written(lambda s, x: s.layer(x.reshape(-1, WIDTH).tanh()).view(x.shape), layer=layer()),
        position=parameter(TOKENS, WIDTH),
        unused=layer(),
        head=head(),
    ).double()
    made.unused.bias.requires_grad_(False)
    made.norm.weight.requires_grad_(False)
    with torch.enable_grad():
        made(torch.randn(2, TOKENS, WIDTH).double()).sum().backward()
    return made.train()


def forward(s: Any, x: Tensor) -> Tensor:
    x = s.drop(s.slope(s.norm(s.first(x))) + s.position)
    return s.head(s.encoder(s.folded(x)).mean(1))


def inputs() -> Tensor:
    torch.manual_seed(1)
    return torch.randn(N, TOKENS, WIDTH).double()


def state(model: nn.Module, inputs: Tensor) -> dict[str, object]:
    """Copies of all that a measurement might disturb."""
    hooks = [value for name, value in vars(torch_module).items() if name.startswith("_global_") and isinstance(value, dict)]
    return {
        "tensors": {name: value.tolist() for name, value in model.state_dict().items()},
        "identities": [id(t) for t in (*model.parameters(), *model.buffers())],
        "gradients": {name: None if p.grad is None else p.grad.tolist() for name, p in model.named_parameters()},
        "requires_grad": [p.requires_grad for p in model.parameters()],
        "training": [part.training for part in model.modules()],
        "hooks of tensors": [dict(t._backward_hooks or {}) for t in (*model.parameters(), inputs)],
        "hooks of modules": [dict(value) for part in model.modules() for name, value in vars(part).items() if name.endswith("_hooks")],
        "global hooks": [dict(value) for value in hooks],
        "inputs": (inputs.tolist(), inputs.requires_grad, inputs.grad, inputs.is_leaf),
        "random": (torch.get_rng_state().tolist(), random.getstate(), np.random.get_state()[1].tolist()),  # noqa: NPY002 - the global one is meant
        "grad mode": (torch.is_grad_enabled(), torch.is_inference_mode_enabled()),
        "modes": torch._C._len_torch_function_stack(),
        "custom functions": torch.autograd.Function.__dict__["apply"],
        "autocast": [torch.is_autocast_enabled(device) for device in ("cpu", "cuda")],
    }


def leaves_the_state(run: Callable[[nn.Module, Tensor], object], x: Tensor | None = None) -> None:
    made, x = model(), inputs() if x is None else x
    before = state(made, x)
    run(made, x)
    after = state(made, x)
    changed = [key for key in before if before[key] != after[key]]
    assert not changed, changed


def measure(model: nn.Module, x: Tensor) -> object:
    return gradient_moments(model, x, labels_for(len(x)), microbatch=MICROBATCH)


def measure_batches(model: nn.Module, x: Tensor) -> object:
    return minibatch_moments(model, (x, labels_for(len(x))), batch_size=3, batches=4)


@pytest.mark.parametrize("run", [measure, measure_batches])
@pytest.mark.parametrize("mode", [nullcontext, torch.no_grad, torch.enable_grad, lambda: torch.autocast("cpu", torch.bfloat16)])
def test_in_any_mode(mode: Callable[[], Any], run: Callable[[nn.Module, Tensor], object]) -> None:
    with mode():
        leaves_the_state(run)


def in_place(model: nn.Module) -> nn.Module:
    """The model, which writes into what it is called with, normalises by the batch, and is its own teacher."""
    return Written(lambda s, x: s.norm(s.model(x.mul_(2))), model=model, norm=nn.BatchNorm1d(CLASSES).double())


WRITERS: dict[str, Callable[[nn.Module, Tensor], object]] = {
    "statistics of the batch": lambda made, x: gradient_moments(made, x, labels_for(N), batch_norm="batch"),
    "teacher": lambda made, x: gradient_moments(made.model, x, labels_for(N), in_place(made.model.eval()).eval()),
    "prior": lambda made, x: measure_all(made.eval(), [(x, labels_for(N))], "prior", batch_norm="evaluation"),
    "minibatches": lambda made, x: minibatch_moments(made, (x, labels_for(N)), batch_size=3, batches=4),
}


@pytest.mark.parametrize("name", WRITERS)
def test_inputs_that_the_model_writes_into(name: str) -> None:
    x = inputs()
    WRITERS[name](in_place(model()), x)
    assert torch.equal(x, inputs())


def test_what_a_loader_draws_from_the_random_state() -> None:
    data = TensorDataset(inputs(), labels_for(N))
    leaves_the_state(lambda made, x: measure_all(made, DataLoader(data, batch_size=3, shuffle=True)))


@pytest.mark.parametrize(
    "write",
    [lambda w: setattr(w, "data", w.data * 0.9), lambda w: torch.mul(w.detach(), 0.9, out=w.data), lambda w: w.data.mul_(0.9)],
    ids=["data", "out", "in place"],
)
def test_a_model_that_writes_into_its_weights_is_refused(write: Callable[[Tensor], object]) -> None:
    def forward(s: Any, x: Tensor) -> Tensor:
        with torch.no_grad():
            write(s.layer.weight)
        return s.head(s.layer(x))

    made = Written(forward, layer=layer(), head=head())
    before = made.layer.weight.clone()
    with pytest.raises(ValueError, match="writes into a parameter"):
        gradient_moments(made, torch.randn(N, WIDTH), labels_for(N))
    assert torch.equal(made.layer.weight, before)


def test_inputs_that_require_a_gradient() -> None:
    leaves_the_state(measure, inputs().requires_grad_())


# --- after a failure


def failing_after(calls: int) -> Callable[..., None]:
    left = iter(range(calls))

    def fail(*_: object) -> None:
        if next(left, None) is None:
            raise RuntimeError("broken on purpose")

    return fail


def fails(model: nn.Module, x: Tensor) -> None:
    with pytest.raises(RuntimeError, match="broken on purpose"):
        measure(model, x)


HOOKS: dict[str, Callable[[nn.Module, Callable[..., None]], Any]] = {
    "forward": lambda model, fail: model.register_forward_hook(fail),
    **{
        f"forward of {part}": lambda model, fail, part=part: model.get_submodule(part).register_forward_hook(fail)
        for part in ("first", "encoder", "folded", "head")
    },
    "backward of a module": lambda model, fail: model.encoder.register_full_backward_hook(fail),
    "backward of a tensor": lambda model, fail: model.norm.register_forward_hook(lambda _, given, out: out.register_hook(fail) and None),
}


@pytest.mark.parametrize("calls", [0, 1, 2])  # in the probe or the first microbatch, and later
@pytest.mark.parametrize("hook", HOOKS)
def test_after_an_exception_in_a_hook(hook: str, calls: int) -> None:
    def run(model: nn.Module, x: Tensor) -> None:
        handle = HOOKS[hook](model, failing_after(calls))
        before = state(model, x)
        fails(model, x)
        assert state(model, x) == before
        handle.remove()

    leaves_the_state(run)


@pytest.mark.parametrize("calls", [0, 1, 3], ids=["first", "second", "later microbatch"])
@pytest.mark.parametrize("where", ["rule", "flush", "products", "receive", "__init__", "_vectorised"])
def test_after_an_exception_in_the_engine(where: str, calls: int, monkeypatch: pytest.MonkeyPatch) -> None:
    fail = failing_after(calls)

    def first_failing(function: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *given, **named: fail() or function(*given, **named)

    owners = {"flush": Call, "products": terms, "receive": terms.Formed, "__init__": FallbackCall, "_vectorised": FallbackCall}
    if where == "rule":
        monkeypatch.setitem(rules.RULES, nn.functional.linear, first_failing(rules.RULES[nn.functional.linear]))
    else:
        monkeypatch.setattr(owners[where], where, first_failing(getattr(owners[where], where)))
    leaves_the_state(fails)


def test_after_a_refusal() -> None:
    def run(model: nn.Module, x: Tensor) -> None:
        with pytest.raises(ValueError, match="independently"):
            measure(Written(lambda s, x: torch.stack([s.layer(t[0] / len(x)) for t in x]), layer=model.head), x)
        with pytest.raises(ValueError, match="smoothing"):
            gradient_moments(model, x, labels_for(len(x)), "unifrom")

    leaves_the_state(run)


# --- planted errors: watching would notice


WRONG: dict[str, Callable[[nn.Module, Tensor], object]] = {
    "in the model itself": lambda model, x: model(x),
    "leaves a gradient": lambda model, x: model.head.weight.grad.add_(1),
    "leaves a hook": lambda model, x: model.head.weight.register_hook(lambda D: None),
    # As torch does: removing such a hook does not forget that it took keywords.
    "leaves a global hook": lambda model, x: torch_module.register_module_forward_hook(lambda *_: None, with_kwargs=True).remove(),
    "writes into the inputs": lambda model, x: x.mul_(2),
    "thaws": lambda model, x: model.norm.weight.requires_grad_(True),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_left_behind_is_noticed(wrong: str) -> None:
    before = dict(torch_module._global_forward_hooks_with_kwargs)
    assert_rejects(leaves_the_state, WRONG[wrong])
    torch_module._global_forward_hooks_with_kwargs.clear()
    torch_module._global_forward_hooks_with_kwargs.update(before)


def test_other_threads_are_not_watched() -> None:
    """Somebody's training goes on beside, and measures, too."""
    pairs = [(EACH_WAY[name].network(), EACH_WAY[name].inputs(N)) for name in ("linear of tokens", "rule and fallback")]
    expected = [by_autograd(*pair) for pair in pairs]

    def measured(which: int) -> None:
        for _ in range(10):
            agrees(gradient_products(*pairs[which], labels_for(N)), expected[which])

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(measured, [0, 1]))


def test_threads_that_measure_leave_the_state() -> None:
    """Each call puts back what it found, which is not what another one was in the middle of."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(2) as threads:
            leaves_the_state(lambda made, x: [list(threads.map(lambda run: run(made, x), [measure, measure_batches])) for _ in range(8)])
    finally:
        sys.setswitchinterval(interval)
