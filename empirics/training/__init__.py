"""Training a network on data by SGD, with and without smoothing, measuring the gradient moments along the way."""

from tsla.empirics.configuration import METHODS, TrainingConfig
from tsla.empirics.training.loop import Row, train
from tsla.empirics.training.setup import initial_model, network, training_split
from tsla.empirics.training.sgd import plain_sgd, shuffled

__all__ = ["METHODS", "Row", "TrainingConfig", "initial_model", "network", "plain_sgd", "shuffled", "train", "training_split"]
