"""What is refused at the calls that take a network: by one line that names the argument."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

import tsla
from tests.refusals import refusals

N, K = 9, 4
X, Y = torch.linspace(-1, 1, N * 5).reshape(N, 5), torch.arange(N) % K


class Head(nn.Module):
    """Logits, changed."""

    def __init__(self, change: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.layer, self.change = nn.Linear(5, K), change

    def forward(self, x: Tensor) -> Tensor:
        return self.change(self.layer(x))


def moments(model: Any = None, inputs: Any = X, labels: Any = Y, *given: Any, **options: Any) -> object:
    return tsla.gradient_moments(nn.Linear(5, K) if model is None else model, inputs, labels, *given, **options)


def measured(batches: Any, **options: Any) -> object:
    return tsla.measure(nn.Linear(5, K), batches, **options)


def loss(logits: Any, labels: Any, distribution: Any = "uniform") -> Tensor:
    return tsla.SmoothedCrossEntropy(distribution)(logits, labels, X)


Z = torch.linspace(-1, 2, N * K).reshape(N, K)
NONE = tsla.CrossEntropy(ignore_index=-1, binary=True)
COMPLEX = torch.full((K,), 1 / K, dtype=torch.complex64)
test_refused = refusals(
    lambda call, *given: call(*given[:-1], **given[-1]),
    (moments, lambda x: x, {}, "^model is a function; must be a torch.nn.Module"),
    (moments, nn.Linear(5, K, device="meta"), {}, "^parameter weight is on the device meta"),
    (moments, Head(lambda z: z.to(torch.complex64)), {}, "^logits has type torch.complex64; must hold real numbers"),
    (moments, Head(lambda z: z * torch.nan), {}, "^gradients of example 0 are not finite"),
    (moments, None, X.where(torch.arange(N)[:, None] != 7, torch.nan), {}, "^gradients of example 7 are not finite"),
    (moments, None, X, Y + 1, {}, "^labels run from 1 to 4; .*: the model gives K = 4 logits, and such labels take 5$"),
    (moments, nn.Linear(5, K, bias=False), X * 1e-22, {}, "^gradients are for float32 too short: .* must be measured in float64"),
    (moments, nn.Linear(5, K, bias=False), X * 1e20, {}, "^gradients are for float32 too long: their squares overflow; must be measured"),
    (measured, [(X * 1e20, Y)], {}, "^gradients are for float32 too long"),
    (lambda batches: tsla.measure(nn.Linear(5, K, bias=False), batches), [(X * 1e-22, Y)], {}, "^gradients are for float32 too short"),
    (torch.inference_mode()(moments), {}, "^torch.inference_mode is on"),
    (moments, None, X.to("meta"), {}, "^inputs has shape .* and device meta; must be a dense tensor"),
    (moments, None, X, Y.tolist(), {}, "^labels is a list; must be a dense tensor"),
    (moments, None, X, torch.tensor(1), {}, r"^labels has shape \(\), .* must be a dense tensor"),
    (moments, None, X, Y.to(torch.complex64), {}, "^labels has type torch.complex64"),
    (moments, None, X, Y, COMPLEX, {}, "^smoothing has type torch.complex64"),
    (moments, None, X, Y, {"logits": "scores"}, "^logits = 'scores' must be a function or None"),
    (moments, None, X, torch.tensor([[1, 0.5, 0, 0]] * N), {}, "^labels must be probabilities: non-negative rows .* adds up to 1.5$"),
    (moments, None, X, torch.full((N, K), -1.0), {"loss": NONE}, r"^labels\[0\] has no position but ignore_index = -1"),
    (moments, None, {1: X}, {}, "^inputs have the names 1, with which model can't be called"),
    (measured, 3, {}, "^batches are a int; must be a DataLoader, a list"),
    (measured, {"a": X}, {}, "^dataset is a dict; must be "),
    (measured, [(X[0], Y[0])], {}, "with labels a tensor of no dimension"),
    (measured, [(X, Y)], {"seed": "1"}, "^seed = '1' must be a whole number"),
    (measured, [(X, Y)], {"unpack": "1"}, "^unpack = '1' must be a function or None"),
    (tsla.MomentsMonitor, None, (X, Y), {}, "^model is a NoneType"),
    (tsla.MomentsMonitor, nn.Linear(5, K), (X, Y), {"smoothing": "unifrom"}, "^smoothing = 'unifrom': must be 'uniform', "),
    (tsla.MomentsMonitor, nn.Linear(5, K), (X, Y), {"collate": 3}, "^collate = 3 must be a function or None"),
    (tsla.MomentsMonitor, nn.Linear(5, K), (X, Y), {"logits": 3}, "^logits = 3 must be a function or None"),
    (tsla.Live, {"page": 3}, "^page = 3 must be a Path"),
    (tsla.CrossEntropy, [1, 1j], {}, "^weight has type torch.complex64"),
    (tsla.CrossEntropy, ["a"], {}, r"^weight = \['a'\] must be class weights"),
    (tsla.CrossEntropy, {"ignore_index": "a"}, "^ignore_index = 'a' must be a whole number"),
    (tsla.CrossEntropy, {"classes_at": True}, "^classes_at = True must be 1, -1 or "),
    (tsla.CrossEntropy, {"binary": "no"}, "^binary = 'no' must be True or False"),
    (loss, Z, Y + 1, {}, "^labels run from 1 to 4; must lie in 0 ... 3"),
    (loss, {"logits": Z}, Y, {}, "^logits are a dict; must be a tensor"),
    (loss, Z, Y, nn.Linear(5, 3), {}, "^the teacher in distribution has 3 classes; must have 4"),
    (loss, Z, Y, ["uniform"], {}, r"^distribution = \['uniform'\] must be one of uniform, own"),
    (tsla.SmoothedCrossEntropy, "prior", {"prior": [1, 2]}, r"^prior = \[1, 2\] must be the frequencies"),
)
