"""Moments at positions, with class weights and with one logit, against torch's own losses, an example at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple, replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from tests.empirics.moments.layouts import IGNORED, Case, K, N, T, cases
from tests.refusals import refusals
from tests.theory.population import by_definition
from tsla.empirics.moments.full_batch import gradient_moments
from tsla.empirics.moments.measure import draw, measure
from tsla.empirics.moments.minibatch import minibatch_moments
from tsla.empirics.moments.monitor import MomentsMonitor
from tsla.empirics.moments.one_by_one import moments_by_loop
from tsla.empirics.smoothing.cross_entropy import CrossEntropy, LogitsWarning, Mass
from tsla.empirics.smoothing.loss import SmoothedCrossEntropy
from tsla.theory.moments import Moments
from tsla.theory.testing.planted import assert_rejects

WEIGHT = torch.tensor([0.2, 1.0, 3.0, 0.5], dtype=torch.float64)
EACH, BINARY = CrossEntropy(positions="each"), CrossEntropy(binary=True)
Losses = tuple[Tensor, Tensor]  # of an example at its labels and at the uniform label


def losses(logits: Tensor, labels: Tensor, loss: CrossEntropy) -> Losses:
    """By torch's own cross-entropies of one example, logits ``(1, K, ...)``."""
    how: dict[str, Any] = {"reduction": "sum", "ignore_index": IGNORED}
    plain = cross_entropy(logits, labels, loss.weights, **how)
    smooth = cross_entropy(logits, labels, loss.weights, label_smoothing=1.0, **how)
    if loss.weights is not None and loss.weighting == "label":
        kept = labels != IGNORED
        smooth = (loss.weights[labels[kept]] * -logits.log_softmax(1).mean(1)[kept]).sum()
    count = (labels != IGNORED).sum() if loss.positions == "mean" else 1
    return plain / count, smooth / count


def gradients(model: nn.Module, found: Losses) -> tuple[Tensor, Tensor]:
    parameters = list(model.parameters())
    g, g_hat = (torch.autograd.grad(loss, parameters, retain_graph=True, materialize_grads=True) for loss in found)
    return torch.cat([part.flatten() for part in g]), torch.cat([part.flatten() for part in g_hat])


def by_torch(case: Case, loss: CrossEntropy) -> list[float]:
    rows = []
    for x, y in zip(case.inputs, case.labels, strict=True):
        logits, labels = case.logits(x), y[None]
        alone = [labels]
        if loss.positions == "each":
            places = (labels != IGNORED).nonzero()
            alone = [torch.full_like(labels, IGNORED).index_put(tuple(place), labels[tuple(place)]) for place in places]
        rows += [gradients(case.model, losses(logits, labels, loss)) for labels in alone]
    g, g_hat = zip(*rows, strict=True)
    return list(by_definition(torch.stack(g).numpy(), torch.stack(g_hat).numpy()))


Measure = Callable[[Case, CrossEntropy], Moments]


def is_torch_s(measured: Measure, name: str, loss: CrossEntropy) -> None:
    case = cases()[name]
    expected = by_torch(case, loss)
    assert list(astuple(measured(case, loss))) == pytest.approx(expected, rel=1e-10, abs=1e-10 * max(expected))


def fast(case: Case, loss: CrossEntropy) -> Moments:
    return gradient_moments(case.model, case.inputs, case.labels, loss=loss, microbatch=2)


def loop(case: Case, loss: CrossEntropy) -> Moments:
    return moments_by_loop(case.model, case.inputs, case.labels, loss=loss)


LOSSES = {
    f"{positions}, weights: {weighting}": CrossEntropy(WEIGHT if weighting else None, weighting or "label", positions=positions)
    for positions in ("mean", "sum", "each")
    for weighting in (None, "label", "torch")
} | {"mean, a class of weight 0": CrossEntropy(torch.tensor([0.2, 0.0, 3.0, 0.5], dtype=torch.float64))}


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
@pytest.mark.parametrize("name", cases())
def test_they_are_those_of_torch_s_losses(name: str, loss: CrossEntropy) -> None:
    for measured in (fast, loop):
        is_torch_s(measured, name, loss)


class SmoothsIgnored(CrossEntropy):
    """Ignored labels have no loss, but ŷ is learned there all the same."""

    def masses(self, true: Tensor, smooth: Tensor) -> tuple[Mass, Mass]:
        one = torch.ones_like(true[..., :1])
        return super().masses(true, smooth)[0], (one * smooth, one)


def with_changes(**changes: Any) -> Measure:
    return lambda case, loss: fast(case, replace(loss, **changes))


def over_all_positions(case: Case, loss: CrossEntropy) -> Moments:
    """Ignored positions are counted in the mean."""
    return Moments(*(value / T**2 for value in astuple(fast(case, replace(loss, positions="sum")))))


@pytest.mark.parametrize(
    ("wrong", "loss"),
    [
        (over_all_positions, CrossEntropy()),
        (with_changes(positions="sum"), CrossEntropy()),
        (with_changes(positions="mean"), EACH),
        (lambda case, loss: fast(case, SmoothsIgnored()), CrossEntropy()),
        (with_changes(weighting="torch"), CrossEntropy(WEIGHT)),
        (with_changes(weighting="label"), CrossEntropy(WEIGHT, "torch")),
        (with_changes(weight=None), CrossEntropy(WEIGHT)),
        (lambda case, loss: fast(replace(case, labels=case.labels.flip(1)), loss), CrossEntropy()),
    ],
)
def test_planted_errors_are_rejected(wrong: Measure, loss: CrossEntropy) -> None:
    is_torch_s(fast, "tokens", loss)
    assert_rejects(lambda measured: is_torch_s(measured, "tokens", loss), wrong)


def test_one_logit_is_two_classes_and_several_are_so_many_questions() -> None:
    torch.manual_seed(0)
    inputs, answers = torch.randn(N, 6).double(), torch.rand(N, T).double().round(decimals=1)
    model = nn.Linear(6, T).double()
    rows = []
    for x, y in zip(inputs, answers, strict=True):
        at = (binary_cross_entropy_with_logits(model(x), label) for label in (y, torch.full_like(y, 0.5)))
        rows.append(gradients(model, (next(at), next(at))))
    g, g_hat = (torch.stack(column).numpy() for column in zip(*rows, strict=True))
    for loss in (BINARY, nn.BCEWithLogitsLoss()):
        found = gradient_moments(model, inputs, answers, loss=loss)
        assert astuple(found) == pytest.approx(by_definition(g, g_hat), rel=1e-10)
    alone, column = nn.Linear(6, 1).double(), answers[:, :1].round()
    two = gradient_moments(two_columns(alone), inputs, column[:, 0].long())
    for model, labels in ((alone, column), (alone, column[:, 0].long()), (nn.Sequential(alone, nn.Flatten(0)), column[:, 0])):
        assert astuple(gradient_moments(model, inputs, labels, loss=BINARY)) == pytest.approx(astuple(two), rel=1e-9)


def two_columns(model: nn.Module) -> nn.Module:
    """The same model with a column for either class, the first of which is 0."""
    pad = nn.Linear(1, 2, bias=False).double().requires_grad_(False)
    pad.weight.copy_(torch.tensor([[0.0], [1.0]]))
    return nn.Sequential(model, pad)


@pytest.mark.parametrize("loss", [CrossEntropy(ignore_index=IGNORED), nn.CrossEntropyLoss(), SmoothedCrossEntropy("own", 0.3)])
@pytest.mark.parametrize("smoothing", ["uniform", "prior", "own", "own-hard", "teacher", "table", "a row for each example"])
def test_any_smoothing_label_in_any_layout(smoothing: str, loss: Any) -> None:
    """Classes last, classes first, and the loop agree."""
    found = []
    for name in ("tokens", "classes first"):
        case = cases()[name]
        logits = case.model(case.inputs).detach()
        labels: dict[str, Any] = {"teacher": case.model, "table": (2 * logits).softmax(1 if name == "classes first" else 2)}
        labels["a row for each example"] = logits.flatten(1)[:, :K].softmax(1) if name == "tokens" else logits[:, :, 0].softmax(1)
        y_hat = labels.get(smoothing, smoothing)
        if smoothing == "prior":
            counts = torch.bincount(case.labels[case.labels != IGNORED], minlength=K).double()
            found.append(gradient_moments(case.model, case.inputs, case.labels, counts / counts.sum()))
        found += [measured(case.model, case.inputs, case.labels, y_hat, loss=loss) for measured in (gradient_moments, moments_by_loop)]
    for other in found[1:]:
        assert astuple(other) == pytest.approx(astuple(found[0]), rel=1e-9, abs=1e-12)
    if smoothing in ("own", "teacher"):
        assert found[0].shat2 == pytest.approx(found[0].grad2, rel=1e-12)  # ĝ = 0


def test_whatever_takes_batches_has_the_same_loss() -> None:
    case, loss = cases()["tokens"], CrossEntropy(WEIGHT)
    exact = fast(case, loss)
    for smoothing in ("uniform", "prior"):
        whole = measure(case.model, draw(case.inputs, case.labels), smoothing, population=N, loss=loss).estimates.moments
        assert astuple(whole) == pytest.approx(
            astuple(gradient_moments(case.model, case.inputs, case.labels, smoothing, loss=loss)), rel=1e-9
        )
    monitor = MomentsMonitor(case.model, (case.inputs, case.labels), every=1, examples=N, microbatch=1, loss=loss)
    monitor.step()
    assert monitor.rows[0]["s2"] == pytest.approx(exact.s2)
    one = minibatch_moments(case.model, (case.inputs, case.labels), batch_size=N, batches=2, loss=loss)
    assert one.moments.grad2 == pytest.approx(exact.grad2)


def test_probabilities_in_place_of_logits_are_warned_of() -> None:
    case = cases()["one label"]
    with pytest.warns(LogitsWarning, match="^logits look like probabilities: .* must be what comes before the softmax$"):
        fast(replace(case, model=nn.Sequential(case.model, nn.Softmax(1))), CrossEntropy())


def refused(of: str | nn.Module, labels: Tensor | None, loss: Any = None, **options: Any) -> None:
    case = cases()["one label" if isinstance(of, nn.Module) else of]
    model = of if isinstance(of, nn.Module) else case.model
    gradient_moments(model, case.inputs, case.labels if labels is None else labels, loss=loss, **options)


SQUARE = nn.Sequential(nn.Linear(6, 9), nn.Unflatten(1, (3, 3))).double()
COLUMN = nn.Linear(6, 1).double()
UNLABELLED = torch.full((N, T), IGNORED)
test_refusals = refusals(
    refused,
    (SQUARE, torch.zeros(N, 3).long(), r"^classes_at = None: logits \(n, 3, 3\) may have .* dimension 1 or 2, .*; must be 1 or -1$"),
    (SQUARE, torch.full((N, 3, 3), 1 / 3), r"^classes_at = None: logits \(n, 3, 3\) may have their classes in dimension 1 or 2"),
    (
        SQUARE,
        torch.zeros(N, 3).long(),
        CrossEntropy(classes_at=3),
        r"^classes_at = 3 must be a dimension of the logits \(n, 3, 3\), from 1",
    ),
    (
        "tokens",
        None,
        CrossEntropy(classes_at=1),
        r"^labels have shape \(5, 3\) .* class indices \(n, 4\) or probabilities \(n, 3, 4\), for",
    ),
    ("tokens", torch.zeros(N, 2).long(), r"^labels have shape \(5, 2\) .* must be class indices \(n, 4\) or \(n, 3\) or probab"),
    ("tokens", UNLABELLED, r"^labels\[0\] has no position but ignore_index = -100, and so no mean; must have one"),
    ("tokens", UNLABELLED, EACH, r"^labels have no position but ignore_index = -100; must"),
    (
        "tokens",
        torch.full((N, T), 9),
        r"^labels run from 9 to 9; must lie in 0 ... 3, or be ignore_index = -100: the model gives K = 4 logits",
    ),
    (COLUMN, None, r"^logits have shape \(n, 1\), one class; must have 2 classes at least; a loss with binary = True takes each logit for"),
    (COLUMN, torch.rand(N, 1), r"^logits have shape \(n, 1\), one class; must have 2 classes at least"),
    (nn.Sequential(COLUMN, nn.Flatten(0)), None, r"^logits have shape \(n,\), one number an example; must have 2 classes at least"),
    (
        COLUMN,
        torch.full((N, 1), 1.5),
        r"^logits have shape \(n, 1\), one class, and labels are numbers, as of a regression, which has no cross-ent",
    ),
    (
        COLUMN,
        torch.full((N, 1), 1.5),
        BINARY,
        r"^binary = True: labels run from 1.5 to 1.5; must be 0, 1 or a probability of class 1 between",
    ),
    (COLUMN, torch.zeros(N, 2), BINARY, r"^binary = True: labels have shape \(n, 2\); must be one for each logit \(n, 1\)$"),
    (
        "one label",
        torch.rand(N),
        r"^labels have shape \(5,\) and type torch.float32: numbers, as of a regression, which has no cross-entropy; ",
    ),
    ("one label", torch.ones(N), r"a regression, .*, or class indices, whose type must be one of integers: labels.long\(\); must"),
    (
        "one label",
        torch.eye(N, K).long(),
        r"^labels have shape \(5, 4\) and type torch.int64, as of one-hot rows, .*: labels.float\(\); must",
    ),
    ("one label", torch.rand(N, 1), r"^labels have shape \(5, 1\) and type torch.float32: numbers, as of a regression"),
    (
        "one label",
        torch.tensor([[1.0, 1, 0, 0]] * N),
        r"^labels must be .* row 0 adds up to 2, as of several labels at once: a loss with binary = True",
    ),
    ("one label", None, CrossEntropy(WEIGHT[:3]), r"^weight has 3 classes; must have 4, as the logits$"),
    (
        "one label",
        None,
        nn.MSELoss(),
        r"^loss = MSELoss\(\) must be a tsla.CrossEntropy, a SmoothedCrossEntropy, or torch's CrossEntropyLoss",
    ),
    (
        "tokens",
        torch.full((N, T, K), 1 / K),
        CrossEntropy(positions="each", classes_at=-1),
        r"^positions = 'each' must go with class indices",
    ),
)


OF_EXAMPLES = r"^positions = 'each' must go with gradient_moments or layer_moments; estimates take examples"
test_estimates_take_no_position_for_an_example = refusals(
    lambda estimate: estimate(cases()["tokens"]),
    (lambda case: measure(case.model, draw(case.inputs, case.labels), loss=EACH), OF_EXAMPLES),
    (lambda case: MomentsMonitor(case.model, (case.inputs, case.labels), loss=EACH), OF_EXAMPLES),
)
test_bad_losses = refusals(
    lambda options: CrossEntropy(**options),
    ({"weighting": "class"}, r"^weighting = 'class' must be one of label, torch$"),
    ({"positions": "all"}, r"^positions = 'all' must be one of mean, sum, each$"),
    ({"classes_at": 0}, r"^classes_at = 0 must be 1, -1 or another dimension of the logits, of which 0 has the examples$"),
    ({"classes_at": "last"}, r"^classes_at = 'last' must be 1, -1 or"),
    ({"classes_at": 1, "binary": True}, r"^classes_at = 1 has no use with binary = True; must be None$"),
    ({"weight": [[1.0]]}, r"^weight has shape \(1, 1\); must be \(K,\)$"),
    ({"weight": [1, -1]}, r"^weight = \[1.0, -1.0\] must be finite class weights: not negative, and not all 0$"),
)
