"""Strange calls and hostile files in small numbers, and what thousands of them found; `make torture` tries those."""

from __future__ import annotations

import random
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import tsla
from tests.refusals import refusals
from tests.torture import calls, hostile, kills, surroundings
from tests.torture.api import CALLS, Call
from tests.torture.kills import COMMANDS
from tests.torture.surroundings import Ended, ill_said
from tsla.empirics.advice.measure import Setting
from tsla.empirics.models import networks
from tsla.theory import inversion, lsr, sgd, variance
from tsla.theory.moments import Moments
from tsla.theory.testing.planted import Rejects

SLOW = ("compare", "crossovers", "train")


def test_calls_that_work_work() -> None:
    assert [wrong for name, call in CALLS.items() if name not in SLOW and (wrong := calls.ill_end(call, call.given()))] == []


def test_strange_calls_are_answered_or_refused() -> None:
    quick = tuple(name for name in CALLS if name not in SLOW)
    assert [wrong for _, wrong in calls.tries(0, 150, quick) if wrong] == []


def test_hostile_files_do_no_harm() -> None:
    assert [wrong for _, wrong in hostile.tries(0, 40) if wrong] == []


def test_killed_and_hindered_commands_lose_nothing() -> None:
    simulate, figures = ({name: COMMANDS[name]} for name in ("simulate", "figures"))
    assert [wrong for _, wrong in [*kills.tries(1, 100, simulate), *surroundings.tries(0, 100, figures)] if wrong] == []


# --- the judges


def changes(x: Any) -> None:
    x *= 2


def ends(function: Callable[..., Any]) -> None:
    assert calls.ill_end(Call(function, dict), {"x": np.ones(2)}) is None


def refuses(said: str) -> Callable[..., Any]:
    def function(x: Any) -> None:
        raise ValueError(said)

    return function


@pytest.mark.parametrize(
    "wrong",
    [
        lambda x: x / 0.0,
        lambda x: {"a": [x * np.nan]},
        lambda x: warnings.warn("overflow encountered", RuntimeWarning, stacklevel=1),
        lambda x: sys.stdout.write("overflow"),
        lambda x: x["a"],
        lambda x: float(x),
        lambda x: np.ones(3) + x,
        changes,
        refuses("x must be another"),  # by nobody of the house
    ],
)
def test_calls_that_end_otherwise_are_seen(wrong: Callable[..., Any], rejects: Rejects) -> None:
    rejects(ends, right=lambda x: x + 1, wrong=wrong)


def loaded(path: Path) -> object:
    return torch.load(path, weights_only=False)


def is_harmless(read: Callable[[Path], object], folder: Path) -> None:
    """Reading a pickle that makes a folder."""
    (folder / "file").write_bytes(hostile.PICKLES["global"](str(folder / hostile.CANARY)))
    try:
        assert hostile.harm(lambda: read(folder / "file"), folder) is None
    finally:
        if (folder / hostile.CANARY).exists():
            (folder / hostile.CANARY).rmdir()


def test_a_reader_that_runs_code_is_caught(tmp_path: Path, rejects: Rejects) -> None:
    rejects(lambda read: is_harmless(read, tmp_path), right=hostile.PLACES[0][2], wrong=loaded)


@pytest.mark.parametrize(
    "wrong",
    [
        Ended(1, "it failed"),
        Ended(3, ""),
        Ended(2, "tsla: out = a is bad\n"),
        Ended(2, "Traceback\ntsla: x can't be written"),
        Ended(0, "Warning: x"),
    ],
)
def test_processes_that_end_otherwise_are_seen(wrong: Ended, rejects: Rejects) -> None:
    def ends_well(ended: Ended) -> None:
        assert ill_said(ended, (0, 1, 2), ("can't be written",)) is None

    rejects(ends_well, right=Ended(2, "tsla train: out = a can't be written\n"), wrong=wrong)


def test_a_piece_gives_the_same_again() -> None:
    once, again = ([calls.exchanged(random.Random(5), CALLS["settled"].given()) for _ in range(3)] for _ in range(2))  # noqa: S311 - no secret
    assert repr(once) == repr(again)


# --- what was found

K = tsla.Constants(L=10, sigma2=1, F0=1, delta=0.1, mu=1)
LOGITS, LABELS = torch.zeros(9, 4), torch.zeros(8, dtype=torch.long)
with warnings.catch_warnings():  # torch's, of a prototype
    warnings.simplefilter("ignore")
    RAGGED = torch.nested.nested_tensor([*LOGITS])
GRADIENT = torch.ones(2, requires_grad=True)
ARRAY = np.array([0.1, 0.2])


def constants(**changed: Any) -> tsla.Constants:
    return tsla.Constants(**{"L": 10, "sigma2": 1, "F0": 1} | changed)


def moments(**changed: Any) -> Moments:
    return Moments(**dict.fromkeys(("grad2", "s2", "shat2", "c", "beta2", "nu2"), 0.5) | changed)


class Square(nn.Linear):
    """As many logits as there are examples."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found = super().forward(x)
        return found @ found.T


test_found = refusals(
    lambda call: call(),
    (
        lambda: constants(L=GRADIENT),
        r"^L = tensor\(\[1\., 1\.\], requires_grad=True\) must be a finite number above 0$",
    ),
    (lambda: constants(L=[[1, 2], [3]]), r"^L = \[\[1, 2\], \[3\]\] must be a finite number"),
    (lambda: constants(L=np.longdouble("1e4000")), "^L = inf must be a finite number above 0$"),
    (lambda: constants(L=np.array(["a\nb"] * 99)), r"^L = array\(.*\.\.\..* must be a finite number above 0$"),
    (
        lambda: constants(sigma2=np.ones(2), F0=np.ones(3)),
        r"^sigma2 of shape \(2,\), F0 of shape \(3,\): the shapes must broadcast together$",
    ),
    (lambda: constants(L=np.ones(2), mu=np.ones(3)), r"^L of shape \(2,\), mu of shape \(3,\): the shapes must broadcast together$"),
    (lambda: lsr.bound(K, eta=ARRAY / 10, T=[1, 2, 3]), r"^the arguments of bound have shapes \(2,\) \(3,\); must broadcast together$"),
    (lambda: moments(s2="1"), "^s2 = '1' must be a number, or an array of numbers$"),
    (lambda: moments(c=np.array([None])), "^c = .* must be a number, or an array of numbers$"),
    (lambda: moments(nu2=np.ma.array(ARRAY, mask=[True, False])), "^nu2 = .* must be a number, or an array of numbers$"),
    (lambda: moments(nu2=ARRAY[None].view(np.matrix)), "^nu2 = .* must be a number, or an array of numbers$"),
    (lambda: moments(s2=-1.0).sharp(0.2), "^s2 = -1 must be a finite number at least 0$"),
    (lambda: moments(shat2=-1.0).sharp(0.2), "^shat2 = -1 must be a finite number at least 0$"),
    (lambda: inversion.best_eps(constants(L=[10.0]), budget=9, methods=["sgd"]), r"^L = .* has shape \(1,\); must be a single number$"),
    (lambda: inversion.best_eps(K, budget=9, methods=["sdg"]), "^methods = 'sdg' must be one of sgd, "),
    (lambda: inversion.crossovers(constants(F0=ARRAY), eps=0.1), r"^F0 = .* has shape \(2,\); must be a single number$"),
    (lambda: tsla.Constant(ARRAY), r"^theta = array\(\[0\.1, 0\.2\]\) has shape \(2,\); must be a single number$"),
    (lambda: tsla.Linear(0.1, 5).load_state_dict({"elapsed": "3"}), r"^state\['elapsed'\] = '3' must be a whole number, at least 0$"),
    (lambda: tsla.Linear(0.1, 5).load_state_dict(np.array(3)), r"^state = array\(3\) must be a mapping"),
    (lambda: tsla.Adaptive(0.1, 8).observe(moments(s2=ARRAY)), r"^moments have shape \(2,\); must be single numbers$"),
    (lambda: tsla.Annealed(8).observe(moments(s2=ARRAY), eta_L=0.5), r"^moments have shape \(2,\); must be single numbers$"),
    (lambda: tsla.Adaptive(0.1, 8, beyond=ARRAY), r"^beyond = array\(\[0\.1, 0\.2\]\) must be one of plain, shrinkage$"),
    (lambda: tsla.SmoothedCrossEntropy("own")(LOGITS, LABELS), "^logits hold 9 examples and labels 8; must be equally many$"),
    (lambda: tsla.SmoothedCrossEntropy()(LOGITS, torch.tensor(1)), "^logits hold 9 examples and labels no; must be equally many$"),
    (lambda: tsla.SmoothedCrossEntropy()(RAGGED, LABELS), "^logits are a nested tensor; must be a dense one$"),
    (lambda: tsla.SmoothedCrossEntropy("prior", prior=torch.ones(4) * 1j), "^prior has type torch.complex64; must hold real numbers$"),
    (lambda: tsla.SmoothedCrossEntropy("x" * 3000), r"^distribution = 'x+\.\.\.x+' must be one of uniform"),
    (lambda: tsla.CrossEntropy(weighting=ARRAY), r"^weighting = array\(\[0\.1, 0\.2\]\) must be one of "),
    (
        lambda: tsla.gradient_moments(Square(5, 4), torch.eye(9, 5), torch.zeros(9, dtype=torch.long)),
        "^logits have shape .* must be of as many classes",
    ),
    (lambda: Setting.of(theta=0.1, batch_size=4, eta=ARRAY, L=2.0), r"^eta_L = .* has shape \(2,\); must be a single number$"),
    (
        lambda: tsla.gradient_moments(nn.Linear(4, 4), LOGITS, torch.zeros(9, dtype=torch.long), batch_norm=ARRAY),  # type: ignore[arg-type]
        r"^batch_norm = array\(\[0\.1, 0\.2\]\) must be None, 'evaluation' or 'batch'$",
    ),
    (
        lambda: tsla.problems.get("quadratic", dimension=1e38),
        r"^dimension = \d+ needs .* GiB of memory, and there are .*; must be at most ",
    ),
    (lambda: tsla.Oracle(ARRAY), r"^sigma2 = .* has shape \(2,\); must be a single number$"),
    (
        lambda: tsla.simulate(tsla.problems.get("stall"), tsla.Oracle(1), [], replicas=2, seed=-1),
        "^seed = -1 must be a whole number, at least 0$",
    ),
    (lambda: next(tsla.train(tsla.TrainingConfig("sgd", train_size=16), "mlp")), "^model is a str; must be a torch.nn.Module$"),  # type: ignore[arg-type]
    (lambda: networks.build("x" * 3000, shape=(1, 8, 8), classes=10), r"^model = 'x+\.\.\.x+' must be one of mlp"),
    (
        lambda: variance.from_bounds(sigma2=1.7e308, delta=ARRAY * 10, theta=5e-324),
        "^lemma overflows float64 for these constants; rescale F$",
    ),
    (lambda: tsla.TrainingConfig("sgd", eta=ARRAY), r"^eta = array\(\[0\.1, 0\.2\]\) must be a number$"),  # type: ignore[arg-type]
    (lambda: tsla.plan([{"epoch": 0}], outcome=ARRAY, theta=0.1, batch_size=4), "lacks grad2"),
)


def test_a_bound_of_no_numbers_can_be_printed() -> None:
    assert "<= -" in str(sgd.bound(constants(sigma2=[]), eta=0.1, T=3))
