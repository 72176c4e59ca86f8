"""What the loss refuses: strengths, distributions, logits and labels that it can't mean."""

from __future__ import annotations

import operator

import torch

from tests.empirics.smoothing.losses import FIXED
from tests.refusals import refusals
from tsla.empirics.smoothing.loss import SmoothedCrossEntropy
from tsla.empirics.smoothing.schedules import Adaptive, Constant, Schedule, TwoStage

OF_ADAPTIVE = SmoothedCrossEntropy("own", Adaptive(0.1, 1))
TOKENS = torch.zeros(2, 3, 3)
ROWS, INDICES = TOKENS[0], torch.zeros(3).long()


class Growing(Schedule):
    """Its θ is none."""

    theta = 1.5


test_refusals = refusals(
    operator.call,
    (lambda: SmoothedCrossEntropy("flat"), r"^distribution = 'flat' must be one of uniform, own, own-hard, prior, a teacher"),
    (lambda: SmoothedCrossEntropy(TwoStage(0.1, 3)), r"^distribution = TwoStage.* must be .*; θ or its schedule comes after it$"),
    (lambda: SmoothedCrossEntropy("uniform", "cosine"), r"^schedule = 'cosine' must be a number or a schedule, such as Cosine"),
    (lambda: SmoothedCrossEntropy("uniform", 1.2), r"^strength = 1\.2 must be a finite number at least 0 and at most 1$"),
    (lambda: SmoothedCrossEntropy(reduction="all"), r"^reduction = 'all' must be one of mean, sum, none$"),
    (lambda: SmoothedCrossEntropy(convention="keras"), r"^convention = 'keras' must be one of paper, torch, timm, others, confidence$"),
    (lambda: SmoothedCrossEntropy(convention="others"), r"^classes = None must be the number of classes"),
    (lambda: SmoothedCrossEntropy(convention="others", classes=1), r"^classes = 1 must be a whole number, at least 2 and at most 9007"),
    (lambda: SmoothedCrossEntropy("uniform", 0.6, convention="others", classes=2), r"^strength = 0\.6 must be .* at most 0\.5$"),
    (lambda: SmoothedCrossEntropy("own", convention="others", classes=4), r"^convention = 'others' goes with distribution = 'uniform'"),
    (lambda: SmoothedCrossEntropy("uniform", Constant(0.1), convention="confidence"), r"^convention = 'confidence' goes with a number"),
    (lambda: SmoothedCrossEntropy({"uniform": 0.5, "own": 0.4}), r"^weights in distribution add up to 0\.9; must add up to 1$"),
    (lambda: SmoothedCrossEntropy({"uniform": 1.5, "own": -0.5}), r"^weight in distribution = -0\.5 must be"),
    (lambda: SmoothedCrossEntropy({}), r"^weights in distribution add up to 0; must"),
    (lambda: SmoothedCrossEntropy("prior"), r"^prior = None must be the frequencies or counts"),
    (lambda: SmoothedCrossEntropy("prior", prior=torch.tensor([1.0, -1.0, 2.0])), r"^prior must be frequencies or counts"),
    (lambda: SmoothedCrossEntropy("prior", prior=torch.zeros(3)), r"^prior must be frequencies or counts"),
    (lambda: SmoothedCrossEntropy("prior", prior=torch.ones(2, 3)), r"^prior has shape \(2, 3\); must be \(K,\)$"),
    (lambda: SmoothedCrossEntropy(torch.tensor([0.5, 0.6])), r"^distribution must be probabilities"),
    (lambda: SmoothedCrossEntropy(torch.ones(2, 3) / 3), r"^distribution has shape \(2, 3\); must be \(K,\)$"),
    (lambda: SmoothedCrossEntropy()(TOKENS, torch.zeros(2, 3).long()), r"^classes_at = None: logits \(n, 3, 3\) may .* must be 1 or -1$"),
    (lambda: SmoothedCrossEntropy()(TOKENS, torch.zeros(1, 3).long()), r"^logits hold 2 examples and labels 1; must be equally many$"),
    (lambda: SmoothedCrossEntropy("own")(ROWS, torch.zeros(3)), r"^labels have shape \(3,\) and type torch.float32: numbers, as of a"),
    (lambda: SmoothedCrossEntropy()(ROWS[:, :1], torch.zeros(3)), r"^logits have shape \(n, 1\), one class; must .* binary = True"),
    (lambda: SmoothedCrossEntropy()(ROWS[:, :1], INDICES), r"^logits have shape \(n, 1\), one class; must"),
    (lambda: SmoothedCrossEntropy()(ROWS[:, 0], INDICES), r"^logits have shape \(n,\), one number an example; must"),
    (lambda: SmoothedCrossEntropy()(ROWS, torch.ones(3, 3)), r"^labels must be .* row 0 adds up to 3, as of several labels"),
    (lambda: SmoothedCrossEntropy()(ROWS, torch.full((3, 3), 2.5)), r"^labels must be probabilities: non-negative rows"),
    (lambda: SmoothedCrossEntropy(weight=[1, 2])(ROWS, INDICES), r"^weight has 2 classes; must have 3"),
    (lambda: SmoothedCrossEntropy(reduction="sum")(ROWS, INDICES, num_items_in_batch=3), r"^num_items_in_batch goes with"),
    (lambda: SmoothedCrossEntropy()(ROWS, INDICES, num_items_in_batch=0), r"^num_items_in_batch = 0 must be .* above 0$"),
    (lambda: SmoothedCrossEntropy(FIXED)(ROWS, INDICES), r"^logits have 3 classes; must have 4"),
    (lambda: SmoothedCrossEntropy("own").load_state_dict(OF_ADAPTIVE.state_dict()), r"^state has dropped, elapsed; must have elapsed"),
    (lambda: SmoothedCrossEntropy("uniform", Growing())(ROWS, INDICES), r"^theta = 1\.5 of the schedule Growing "),
)
