"""Training a network on data by SGD, with and without smoothing, measuring the gradient moments along the way."""

from empirics.training.config import METHODS, TrainingConfig
from empirics.training.loop import Row, train
from empirics.training.subject import initial_model, network, training_split

__all__ = ["METHODS", "Row", "TrainingConfig", "initial_model", "network", "train", "training_split"]
