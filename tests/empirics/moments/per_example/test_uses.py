"""Every way in which a network may use a parameter, against plain autograd on one example at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.empirics.moments.per_example.cases import ALL, EACH_WAY
from tests.empirics.moments.per_example.layers import LAYERS
from tests.empirics.moments.per_example.oracle import agrees, by_autograd, errors, is_right, labels_for
from tsla.empirics.moments.per_example import convolution, functions, gradient_products, rules
from tsla.empirics.moments.per_example.call import tensors_in
from tsla.empirics.moments.per_example.linear import Added, LinearWeight
from tsla.empirics.moments.per_example.probe import Probe
from tsla.empirics.moments.per_example.reshapes import Reshapes
from tsla.empirics.moments.per_example.terms import Term, products
from tsla.theory.testing.planted import assert_rejects

N = 5
# torch warns that it copies the input to pad it unevenly.
pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")


@pytest.mark.parametrize("name", ALL)
def test_every_parameter_and_example(name: str) -> None:
    case = ALL[name]
    is_right(case.network(), case.inputs(N))


@pytest.mark.parametrize("n", [1, 5, 7])
@pytest.mark.parametrize("name", EACH_WAY)
def test_result_does_not_depend_on_the_microbatch(name: str, n: int) -> None:
    model, inputs = EACH_WAY[name].network(), EACH_WAY[name].inputs(n)
    expected = by_autograd(model, inputs)
    for size in {1, 2, 3, n, n + 2}:
        agrees(gradient_products(model, inputs, labels_for(n), microbatch=size), expected)


@pytest.mark.parametrize("name", ["folded", "folded, time in front", "folded in two steps", "folded, norm", "self-attention, tokens first"])
def test_tokens_of_all_examples_in_a_row_have_rules(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("tsla.empirics.moments.per_example.tape.Tape._leave_to")
    is_right(ALL[name].network(), ALL[name].inputs(N))


def test_the_comparison_sees_every_table() -> None:
    """What is compared with is not compared with itself: a relative error of 1e-8 anywhere is found."""
    case = LAYERS["two convolutions"]
    model, inputs = case.network(), case.inputs(N)
    expected = by_autograd(model, inputs)
    for table in ("gg", "hh", "gh", "G", "G_hat"):
        found = gradient_products(model, inputs, labels_for(N))
        entry = getattr(found, table)[2].flatten()  # of the second kernel
        entry[entry.abs().argmax()] *= 1 + 1e-8
        assert_rejects(lambda found: agrees(found, expected), found)
        assert [name for name, error in errors(found, expected).items() if error > 1e-10] == ["2.weight"]


# --- planted errors

Planted = Callable[[pytest.MonkeyPatch], None]


def setting(name: str, wrong: Any) -> Planted:
    return lambda patch: patch.setattr(f"tsla.empirics.moments.per_example.{name}", wrong)


def kernel_with(**changes: Callable[[Any], Any]) -> Planted:
    """The rule of convolutions, with its first term changed."""

    def rule(*given: Any) -> list[Term]:
        terms = convolution.convolution(*given)
        for name, change in changes.items():
            setattr(terms[0], name, change(getattr(terms[0], name)))
        return terms

    return lambda patch: patch.setitem(rules.RULES, torch.conv2d, rule)


def sums_over_the_outputs(self: LinearWeight, label: int, rows: slice) -> Tensor:
    D = self.signals[label][rows].sum(2, keepdim=True).expand(-1, -1, len(self.parameter))
    return D.transpose(1, 2) @ self.x[rows]


form = Added.form


def transposes(self: Added, D: Tensor) -> Tensor:
    D = form(self, D)
    return D.transpose(1, 2).reshape(D.shape) if self.parameter.ndim == 3 else D


def looks_for_their_number(self: Any, old: torch.Size, new: torch.Size) -> int | None:
    """Takes any dimension that is as long as there are examples for theirs."""
    return next((d for d, size in enumerate(new) if size == self._now), None)


note = Reshapes.note


def never_forgets(self: Reshapes, func: Any, args: Any, out: Any) -> None:
    if func is Tensor.view:
        note(self, func, args, out)


def as_if_in_front(rows: Tensor, shape: torch.Size, axis: int) -> Tensor:
    return rows.reshape(shape[axis], -1, rows.shape[-1])


def skips_what_has_no_rule(self: Any, again: Any, data: Any, out: Any, *rest: Any) -> Any:
    return out


@contextmanager
def nobody_is_deaf(self: Any) -> Iterator[None]:
    yield


PLANTED: dict[str, tuple[str, Planted]] = {
    "another stride": ("conv2d, stride and dilation", kernel_with(stride=lambda _: (4, 4))),
    "no dilation": ("conv2d, stride and dilation", kernel_with(dilation=lambda _: (1, 1))),
    "odd padding on the other side": ("conv2d, same, even", kernel_with(x=lambda x: x.roll(-1, 2))),
    "sum over the wrong axis": ("linear of tokens", setting("linear.LinearWeight.per_example", sums_over_the_outputs)),
    "wrong order of what was added": ("vision transformer", setting("linear.Added.form", transposes)),
    "gradient of the padding": (
        "embedding, padding",
        setting("linear.EmbeddingWeight.receive", lambda self, D, label: Term.receive(self, D.reshape(len(D), -1, D.shape[-1]), label)),
    ),
    "scale without its input": (
        "layer norm of tokens",
        setting("normalisation.Scale.form", lambda self, D: D.sum(list(range(1, D.ndim - self.parameter.ndim)))),
    ),
    "first use alone": ("linear twice", setting("uses.products", lambda uses: products(uses[:1]))),
    "later uses again in each": ("fallback twice", setting("tape.alias_of", lambda tensor: tensor)),
    "heard twice": ("folded twice", setting("fallback.FallbackCall._others_deaf", nobody_is_deaf)),
    "made weights for parameters": (
        "standardised kernels",
        setting("weights.Derived.per_example", lambda self, *given: self.use.per_example(*given)),
    ),
    "tokens for examples": (
        "self-attention, as many tokens as examples, tokens first",
        setting("axes.Axes._grown", looks_for_their_number),
    ),
    "another's rows": ("sorted and put back", setting("shape_probe.reorders", lambda *given: False)),
    "nothing without a rule": ("prelu", setting("tape.Tape._leave_to", skips_what_has_no_rule)),
    "nothing of modules": ("self-attention with its weights", setting("tape.Tape._leave_to", skips_what_has_no_rule)),
    "remembered when transposed": ("folded, transposed in place", setting("reshapes.Reshapes.note", never_forgets)),
    "examples in front of time": ("folded, time in front", setting("tape.examples_in_front", as_if_in_front)),
}


@pytest.mark.parametrize("name", PLANTED)
def test_planted_errors_are_rejected(name: str) -> None:
    case, plant = PLANTED[name]

    def check(planted: Planted) -> None:
        with pytest.MonkeyPatch.context() as patch:
            planted(patch)
            patch.setattr(Probe, "compare_gradients", lambda *given: None)  # which would refuse some of them
            is_right(ALL[case].network(), ALL[case].inputs(N))

    check(lambda patch: None)
    assert_rejects(check, plant)


def tells_nothing_of_values(func: Callable[[Tensor], object]) -> None:
    answers = [func(torch.full((2, 3), value)) for value in (0.0, 1.0)]
    assert not tensors_in(answers)
    assert answers[0] == answers[1]


@pytest.mark.parametrize("wrong", [Tensor.detach, Tensor.nonzero, Tensor.tolist])
def test_what_goes_past_the_watch_asks_for_nothing_but_the_kind(wrong: Callable[[Tensor], object]) -> None:
    for func in functions._ASKING:
        tells_nothing_of_values(func)
    assert_rejects(tells_nothing_of_values, wrong)
