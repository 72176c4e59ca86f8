"""Training a network on data by SGD, with and without smoothing, measuring the gradient moments along the way."""

from tsla.empirics.configuration import METHODS, TrainingConfig
from tsla.empirics.training.loop import Row, train
from tsla.empirics.training.setup import initial_model, network, training_split

__all__ = ["METHODS", "Row", "TrainingConfig", "initial_model", "network", "train", "training_split"]
