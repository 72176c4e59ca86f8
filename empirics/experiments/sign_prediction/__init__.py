"""Branches: from one snapshot of plain SGD, smoothed, plain and shrunk steps go on with common batches (the test of C12 and C14).

``predictions.py`` says, from the moments at the snapshot, which of two arms will have the lower ``‖∇F‖²``; ``copies.py`` steps many copies
of a network side by side; ``experiment.py`` runs both, and ``verdicts.py`` counts how often the prediction came true.
"""

from tsla.empirics.experiments.sign_prediction.configs import configs
from tsla.empirics.experiments.sign_prediction.experiment import run
from tsla.empirics.experiments.sign_prediction.verdicts import verdict

__all__ = ["configs", "run", "verdict"]
