"""How a network was run while it was measured, in words: dropout and BatchNorm do other things in training mode than in evaluation mode."""

from __future__ import annotations

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd


def mode(model: nn.Module, batch_norm: str | None = None) -> str:
    """Such as "training mode, dropout on, BatchNorm by its running statistics"; ``batch_norm`` as for :func:`tsla.gradient_moments`.

    Layers are looked at, so that a dropout which a forward pass calls as a function is not seen.
    """
    dropouts = [module.training for module in model.modules() if isinstance(module, _DropoutNd) and module.p > 0]
    norms = [module.training or module.running_mean is None for module in model.modules() if isinstance(module, _BatchNorm)]
    said = ["training mode" if model.training else "evaluation mode"]
    if dropouts:
        said.append(
            "dropout on"
            if all(dropouts)
            else f"dropout on in {sum(dropouts)} of {len(dropouts)} layers"
            if any(dropouts)
            else "dropout off"
        )
    if norms:
        said.append(f"BatchNorm by {'the statistics of each batch' if any(norms) and batch_norm == 'batch' else 'its running statistics'}")
    return ", ".join(said if dropouts or norms else [*said, "no dropout or BatchNorm layer"])
