"""Many runs of a small network trained at once: a step of hundreds of networks is a few products of stacked matrices.

``examples.py`` keeps each image once for all runs, ``replicas.py`` does the steps, also those of arms that share their batches, and
``together.py`` yields what :func:`tsla.train` yields for each run.
"""

from tsla.empirics.training.ensemble.together import train_together

__all__ = ["train_together"]
