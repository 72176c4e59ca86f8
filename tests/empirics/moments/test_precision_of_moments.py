"""The moments in float64, float32 and bfloat16, on one thread and on two, of gradients that nearly vanish, are ordinary, or huge."""

from __future__ import annotations

from dataclasses import astuple

import pytest
import torch
from torch import Tensor, nn

from tsla.empirics.moments.full_batch import gradient_moments, layer_moments
from tsla.empirics.moments.measure import measure
from tsla.empirics.moments.one_by_one import moments_by_loop
from tsla.empirics.training.devices import threads
from tsla.theory.moments import Moments
from tsla.theory.testing.planted import assert_rejects

TOLERANCES = {torch.float64: 1e-12, torch.float32: 1e-5, torch.bfloat16: 0.05}
"""Of the largest moment. Of bfloat16 a digit is 0.004."""
POWERS = {"near zero": -40, "ordinary": 0, "huge": 40}
"""Of 2, by which gradients are multiplied: from 1e-12 to 1e12."""
LOST = {"too short": -64, "too long": 64}
LABELS = torch.arange(12) % 3


def case(power: int) -> tuple[nn.Module, Tensor]:
    """A network and its inputs, of numbers that bfloat16 has: logits don't depend on the power, and gradients grow with it."""
    torch.manual_seed(0)
    first, head = nn.Linear(6, 8, bias=False).bfloat16(), nn.Linear(8, 3).bfloat16().requires_grad_(False)
    inputs = torch.randn(12, 6).bfloat16() * 2.0**power
    with torch.no_grad():
        first.weight /= 2.0**power
    return nn.Sequential(first, nn.Tanh(), head).double(), inputs.double()


def measured(power: int, dtype: torch.dtype, error: float = 0.0) -> Moments:
    model, inputs = case(power)
    return gradient_moments(model.to(dtype), (inputs * (1 + error)).to(dtype), LABELS, microbatch=3)


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("size", POWERS)
@pytest.mark.parametrize("dtype", TOLERANCES, ids=str)
def test_moments_agree_with_those_of_one_example_at_a_time_in_float64(dtype: torch.dtype, size: str, count: int) -> None:
    expected, tolerance = astuple(moments_by_loop(*case(POWERS[size]), LABELS)), TOLERANCES[dtype]

    def agree(found: Moments) -> None:
        assert astuple(found) == pytest.approx(expected, rel=0, abs=tolerance * max(expected))

    with threads(count):
        agree(measured(POWERS[size], dtype))
        assert_rejects(agree, measured(POWERS[size], dtype, error=2 * tolerance))


@pytest.mark.parametrize("why", LOST)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_gradients_whose_squares_float32_does_not_hold_are_refused(dtype: torch.dtype, why: str) -> None:
    assert min(astuple(measured(LOST[why], torch.float64))[:3]) > 0
    with pytest.raises(ValueError, match=f"^gradients are for float32 {why}"):
        measured(LOST[why], dtype)


# --- a layer alone


class Faint(nn.Module):
    """Its first layer hardly has a part in the logits."""

    def __init__(self, part: float) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.part, self.first, self.head = part, nn.Linear(6, 8), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.tanh(self.first(x)) * self.part + x[:, :1])


def faint(part: float, dtype: torch.dtype) -> tuple[nn.Module, Tensor]:
    model, inputs = Faint(part), torch.linspace(-1, 1, 72).reshape(12, 6).sin()
    return model.to(dtype), inputs.to(dtype)


def test_a_layer_whose_squares_float32_does_not_hold_is_refused_by_its_name() -> None:
    model, inputs = faint(1e-25, torch.float32)
    expected = layer_moments(*faint(1e-25, torch.float64), LABELS)
    assert 0 < expected["first"].s2 < 1e-40
    with pytest.raises(ValueError, match=r"^gradients of layer first are for float32 too short: .* must be measured in float64"):
        layer_moments(model, inputs, LABELS)
    whole = astuple(moments_by_loop(*faint(1e-25, torch.float64), LABELS))
    assert astuple(gradient_moments(model, inputs, LABELS)) == pytest.approx(whole, rel=1e-5)


@pytest.mark.parametrize(("part", "dtype"), [(0.0, torch.float32), (1e-10, torch.float32), (1e-25, torch.float64)])
def test_a_layer_without_a_gradient_and_one_that_its_type_holds_are_measured(part: float, dtype: torch.dtype) -> None:
    expected = layer_moments(*faint(part, torch.float64), LABELS)
    found = layer_moments(*faint(part, dtype), LABELS)
    assert astuple(found["first"]) == pytest.approx(astuple(expected["first"]), rel=1e-4)


@pytest.mark.parametrize(("part", "names"), [(0.0, {"first", "head"}), (1e-10, {"first", "head"}), (1e-25, {"head"})])
def test_a_measurement_has_no_moments_of_a_layer_that_float32_lost(part: float, names: set[str]) -> None:
    model, inputs = faint(part, torch.float32)
    batches = [(inputs[i : i + 3], LABELS[i : i + 3]) for i in range(0, 12, 3)]
    assert measure(model, batches).layers.keys() == names
    model, inputs = faint(part, torch.float64)
    assert measure(model, [(x.double(), y) for x, y in batches]).layers.keys() == {"first", "head"}
