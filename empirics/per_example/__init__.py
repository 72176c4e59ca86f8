"""Inner products of per-example gradients, layer by layer, without keeping the gradients.

``tape.py`` watches one forward pass and notes which parameter is used where. Each use is a :class:`~empirics.per_example.terms.Term`:
it knows its input, and gets the gradient of its output once for either label. ``linear.py``, ``convolution.py``, ``normalisation.py``
and ``embedding.py`` hold the rules for the usual functions; ``fallback.py`` holds the rule for everything else.
"""

from empirics.per_example.gradients import gradient_products
from empirics.per_example.products import GradientProducts

__all__ = ["GradientProducts", "gradient_products"]
