"""Per-example gradient moments of a network: the quantities that decide whether smoothing helps (C11, C14, C17).

One example at a time: slow, and obviously right.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from empirics.labels import one_hot, smoothing_labels
from theory import smoothing as theory_smoothing


@dataclass(frozen=True)
class GradientMoments:
    """Moments of ``g_i = ∇ℓ(y_i, f(x_i))`` and ``ĝ_i = ∇ℓ(ŷ_i, f(x_i))`` over given examples as a finite population.

    With the means ``G`` and ``Ĝ``, so that ``∇F = G``; all in units of ``‖∇F‖²``, for batches of one:

    grad2:  ``‖G‖²``                      s2:     ``mean ‖g_i - G‖²``
    shat2:  ``mean ‖ĝ_i - G‖²``           c:      ``mean ⟨g_i - G, ĝ_i - G⟩``
    beta2:  ``‖Ĝ - G‖²``, squared bias    nu2:    ``shat2 - beta2``, noise of ĝ
    """

    grad2: float
    s2: float
    shat2: float
    c: float
    beta2: float
    nu2: float

    @property
    def delta(self) -> float:
        """``δ = ŝ²/s²``: A3 with equality. Infinite where the one-hot gradient has no variance."""
        return self.shat2 / self.s2 if self.s2 > 0 else float("inf")

    def second_moment(self, theta: float) -> float:
        """``E‖g_LS - ∇F‖²`` at smoothing strength ``theta`` (C11, exact)."""
        return float(theory_smoothing.second_moment(self.s2, self.shat2, self.c, theta))

    def at_batch_size(self, B: int) -> GradientMoments:
        """The moments of the mean over ``B`` examples drawn independently: noise falls as ``1/B``, the bias stays (C14)."""
        if isinstance(B, bool) or not isinstance(B, int) or B < 1:
            raise ValueError(f"B = {B!r} must be a whole number, at least 1")
        return replace(self, s2=self.s2 / B, c=self.c / B, nu2=self.nu2 / B, shat2=self.beta2 + self.nu2 / B)


def gradient_moments(model: nn.Module, inputs: Tensor, labels: Tensor, smoothing: str | Tensor = "uniform") -> GradientMoments:
    """Measure :class:`GradientMoments` of ``model`` on ``inputs`` ``(n, ...)`` and ``labels`` ``(n,)`` or probabilities ``(n, K)``.

    ``smoothing`` is ŷ: "uniform", or probabilities ``(K,)`` or ``(n, K)``. The loss of an example is cross-entropy, not divided by
    n. Gradients are those of the parameters that require one, in the model's own mode and precision; sums are float64. The model,
    its ``.grad`` and the random state are left as they were.

    Raises ValueError for BatchNorm that takes its statistics from the batch, as in training mode: it couples the examples, and
    per-example gradients are not defined.
    """
    if len(inputs) == 0 or len(inputs) != len(labels):
        raise ValueError(f"inputs hold {len(inputs)} examples and labels {len(labels)}; must be equally many, at least 1")
    _refuse_coupled_examples(model)
    parameters = [p for p in model.parameters() if p.requires_grad]
    if not parameters:
        raise ValueError("model has no parameter that requires a gradient")

    sums = torch.zeros(3, dtype=torch.float64)
    total, total_hat = (torch.zeros(sum(p.numel() for p in parameters), dtype=torch.float64) for _ in range(2))
    with torch.enable_grad(), torch.random.fork_rng():
        for i in range(len(inputs)):
            # Copies, so that a layer that updates its buffers does so for nobody, and every example meets the same model.
            buffers = {name: buffer.clone() for name, buffer in model.named_buffers()}
            log_probabilities = torch.func.functional_call(model, buffers, inputs[i : i + 1]).log_softmax(dim=1)
            classes = log_probabilities.shape[1]
            if i == 0:
                true, smooth = one_hot(labels, classes), smoothing_labels(smoothing, len(inputs), classes)
            g = _flat_gradient(true[i], log_probabilities, parameters, keep=True)
            g_hat = _flat_gradient(smooth[i], log_probabilities, parameters, keep=False)
            total += g
            total_hat += g_hat
            sums += torch.stack((g @ g, g_hat @ g_hat, g @ g_hat))

    n = len(inputs)
    G, G_hat = total / n, total_hat / n
    mean_gg, mean_hh, mean_gh = (sums / n).tolist()
    grad2, cross, bias = float(G @ G), float(G @ G_hat), G_hat - G
    s2 = max(mean_gg - grad2, 0.0)
    shat2 = max(mean_hh - 2 * cross + grad2, 0.0)
    beta2 = min(float(bias @ bias), shat2)
    limit = (s2 * shat2) ** 0.5  # Cauchy-Schwarz, which rounding may leave by an ulp
    return GradientMoments(grad2=grad2, s2=s2, shat2=shat2, c=min(max(mean_gh - cross, -limit), limit), beta2=beta2, nu2=shat2 - beta2)


def _flat_gradient(label: Tensor, log_probabilities: Tensor, parameters: list[nn.Parameter], *, keep: bool) -> Tensor:
    """Gradient of one example's cross-entropy at ``label``, as one float64 vector on the CPU."""
    loss = -(label.to(log_probabilities) * log_probabilities[0]).sum()
    gradients = torch.autograd.grad(loss, parameters, retain_graph=keep, materialize_grads=True)
    return torch.cat([gradient.double().flatten().cpu() for gradient in gradients])


def _refuse_coupled_examples(model: nn.Module) -> None:
    for name, module in model.named_modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            where = name or "model"
            if module.running_mean is None:
                raise ValueError(
                    f"{where} is BatchNorm without running statistics: per-example gradients are not defined; use another norm"
                )
            if module.training:
                raise ValueError(f"{where} is BatchNorm in training mode: per-example gradients are not defined; call model.eval()")
