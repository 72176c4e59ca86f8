"""The configuration of a training run: what can be said of one, each field in one place. Knows no torch: options are made from it."""

from tsla.empirics.training.configuration.config import FIELDS, METHODS, PRETRAINED, Machine, TrainingConfig

__all__ = ["FIELDS", "METHODS", "PRETRAINED", "Machine", "TrainingConfig"]
