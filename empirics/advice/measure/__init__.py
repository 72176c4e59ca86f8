"""What a measurement says about smoothing at one strength, batch size and step size, and one sentence of advice that follows from it.

``results.py`` has every number, ``advice.py`` the sentence, and ``table.py`` shows both; ``checkpoint.py`` measures what is in files.
"""

from tsla.empirics.advice.measure.results import Reading, reading
from tsla.empirics.advice.measure.setting import Setting

__all__ = ["Reading", "Setting", "reading"]
