"""Inner products of per-example gradients, layer by layer, without keeping the gradients.

``watch.py`` sees what happens in a forward pass. ``shape_probe.py`` notes the shapes in a pass of a few examples, by which ``axes.py``
tells where the examples lie, and ``tape.py`` notes which parameter is used where. Each use is a
:class:`~tsla.empirics.moments.per_example.terms.Term`: it knows its input, and gets the gradient of its output once for either label.
``linear.py``, ``convolution.py`` and ``normalisation.py`` hold the rules for the usual functions, which ``rules.py`` lists; ``fallback.py``
holds the rule for everything else, and ``weights.py`` what to do with tensors that were made of parameters. ``reshapes.py`` knows how
tokens of all examples came into one row, and ``graph.py`` finds what the logits depend on. ``alone.py`` is for models that loop over their
examples.
"""

from tsla.empirics.moments.per_example.gradients import gradient_products
from tsla.empirics.moments.per_example.known import Known
from tsla.empirics.moments.per_example.totals import GradientProducts

__all__ = ["GradientProducts", "Known", "gradient_products"]
