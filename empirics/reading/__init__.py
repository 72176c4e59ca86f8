"""What a measurement says about smoothing at one strength, batch size and step size, and one sentence of advice that follows from it.

``results.py`` has every number, ``advice.py`` the sentence, and ``table.py`` shows both.
"""

from tsla.empirics.reading.results import Reading, reading
from tsla.empirics.reading.setting import Setting

__all__ = ["Reading", "Setting", "reading"]
