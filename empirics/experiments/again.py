"""What of each record is cheap to run again, and how near it must come: the tolerance of every experiment, with its reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tsla.empirics.experiments.study.settings import CONFIRMATORY, DATA, DECAY, DECAY_TUNING, PATHS, TEMPERING, TUNING
from tsla.empirics.experiments.study.third import SCRATCH, paths_of, runs_of, tuning_of

Config = Mapping[str, Any]


@dataclass(frozen=True)
class Again:
    """A part of a record that is cheap to run again, and how near it must come.

    of:            entries of the configuration, which is the first that has them
    tolerance:     the largest difference between two numbers, relative to the larger one
    reason:        why it is no smaller
    first:         how many entries are kept of the lists in the configuration, for fewer rows
    changes:       other changes to the configuration
    keys:          the columns that name a row; () where all rows of the configuration are run again, in their order
    where:         the values of columns that mark the rows which the changes leave as they are; all rows where empty
    of_one_scale:  columns of which a row's numbers are compared relative to its largest, as ends of an interval that may lie near 0
    same_kernels:  whether it can only be compared where torch takes the kernels that it took for the record
    needs:         a folder without which it can't be run: data that are not redistributed
    """

    of: Config
    tolerance: float
    reason: str
    first: Mapping[str, int] = field(default_factory=dict)
    changes: Config = field(default_factory=dict)
    keys: tuple[str, ...] = ()
    where: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    of_one_scale: tuple[str, ...] = ()
    same_kernels: bool = False
    needs: str = ""


# Measured between torch's kernels for AVX-512, for AVX2 and for neither, between OpenBLAS's, and with MKL on Intel and AMD: three times as
# much is room enough. On Intel, MKL's kernels for AVX-512 made an MLP with step 0.2 take another path from epoch 9 on.
STREAM = "random streams and the order of sums are the same everywhere; elementary functions differ in their last bits"
SUMMED = "the order of sums in float32 is the kernels', and some moments are small differences"
COUNTED = "the order of sums in float32 is the kernels', and an interval on the edge counts or does not"
SMALL = "the order of sums in float32 is the kernels', and training magnifies it"
LARGE = "with other kernels some ReLU changes sides, and the run takes another path; with these it is the same"
DERIVED = "the same sums of the same numbers; before SciPy 1.17, Student's quantiles are 3e-11 off"
SOLVED = "a solver stops at its tolerance"
SEARCHED = "a search stops where its steps no longer lower the worst case, and a solver at its tolerance"

CLEAN, NOISY, DECAYED = "mlp, digits, 0 % noise", "mlp, digits, 20 % noise", "mlp, digits, 20 % noise, step decay"
FROZEN = "efficientnet-lite0, linear head, cifar-100, 0 % noise, momentum, weight decay, step decay"
FROZEN_BESIDE = "efficientnet-lite0, linear head, cifar-100, 20 % noise, momentum, weight decay, step decay"
SKIPPED = "resnet8, digits, 0 % noise, momentum, weight decay, step decay"
SKIPPED_BESIDE = "resnet8, digits, 20 % noise, momentum, weight decay, step decay"
FALLING = "mlp, digits, 20 % noise, momentum, weight decay, step decay"
RUN = ("arm", "eta", "seed")
PATH = Again({"setting": NOISY}, 1e-3, SMALL, first={"runs": 1, "seeds": 2}, keys=(*RUN, "epoch"))
EARLY = {"epoch": range(6)}
HEAD = replace(PATH, of={"setting": FROZEN}, needs=DATA["cifar-100"]["folder"])
RESIDUAL = replace(PATH, of={"setting": SKIPPED}, tolerance=1e-9, reason=LARGE, first={"runs": 1, "seeds": 1}, same_kernels=True)
THIRD = {
    "mlp": replace(PATH, of={"setting": FALLING}),
    "resnet8": RESIDUAL,
    "resnet8_beside": replace(RESIDUAL, of={"setting": SKIPPED_BESIDE}),
    "heads": HEAD,
    "heads_beside": replace(HEAD, of={"setting": FROZEN_BESIDE}),
}
"""What is run again of the runs of each part of the third round."""
EPOCH = Again({"method": "sgd"}, 1e-9, LARGE, changes={"epochs": 1, "drop": 1, "measure_at": [0, 1]}, keys=("epoch",), same_kernels=True)
BRANCH = Again({"batch_size": 16, "eta": 0.5}, 1e-2, SMALL, first={"times": 1, "horizons": 1}, keys=("snapshot", "K", "theta"))


def _and_early(path: Again) -> tuple[Again, ...]:
    """All of the path where torch takes the kernels of the record, elsewhere its first epochs, in which no ReLU changes sides."""
    return replace(path, tolerance=1e-9, reason=LARGE, same_kernels=True), replace(path, where=EARLY)


AGAIN: Mapping[str, tuple[Again, ...]] = {
    "digits": (EPOCH, replace(EPOCH, tolerance=1e-3, reason=SUMMED, where={"epoch": [0]}, same_kernels=False)),
    "regimes": (Again({"method": "sgd"}, 1e-9, STREAM, first={"eps": 1}, keys=("eps", "replica")),),
    "rates": (Again({"name": "attained"}, 1e-9, STREAM),),
    "stall": (Again({}, 1e-9, STREAM),),
    "measured_rates": (Again({"problem": "quadratic", "q": 4}, 1e-9, STREAM),),
    "annealed": (Again({"problem": "stall", "bias": 0.0}, 1e-9, STREAM),),
    "power_of_tests": (Again({}, 1e-9, STREAM),),
    "batch_norm": (Again({}, 1e-4, SUMMED, changes={"batches": 16}, keys=("statistics",), where={"statistics": ["evaluation", "batch"]}),),
    "coverage": (
        Again(
            {"network": "MLP"}, 1e-2, COUNTED, changes={"trials": 2}, keys=("rule", "quantity"), where={"rule": ["until 0.05", "until 0.1"]}
        ),
    ),
    "error_rates": (Again({"simulation": "hit rates"}, 1e-9, STREAM, changes={"blocks": 1}, keys=("block", "unit", "measure")),),
    "known_architectures": (),  # all of it is training, or needs libraries that tsla[all] does not bring
    "branches": (BRANCH,),
    "branches_resnet8": (replace(BRANCH, of={"batch_size": 64, "eta": 0.4}, tolerance=1e-9, reason=LARGE, same_kernels=True),),
    TUNING: (replace(PATH, of={"setting": CLEAN}, keys=RUN),),
    CONFIRMATORY: _and_early(PATH),
    DECAY_TUNING: (replace(PATH, of={"setting": DECAYED}, keys=RUN),),
    DECAY: _and_early(replace(PATH, of={"setting": DECAYED})),
    PATHS: _and_early(PATH),
    **{tuning_of(part): (replace(path, keys=RUN),) for part, path in THIRD.items()},
    **{of(part): _and_early(path) if part == "mlp" else (path,) for part, path in THIRD.items() for of in (runs_of, paths_of)},
    SCRATCH: (),  # a run of a ResNet-20 takes eight minutes
    TEMPERING: (Again({"setting": CLEAN}, 1e-3, SMALL),),
    "planner": (Again({}, 1e-9, DERIVED, of_one_scale=("regret", "low", "high")),),
    "dropping": (Again({"T": 4, "kappa": 4.0}, 1e-2, SEARCHED, first={"arms": 1}, keys=("arm",)),),
    "certificates": (Again({"group": "worst_case.one_step"}, 1e-4, SOLVED),),
}
"""By the names of the records; of several, the first that can be compared here. A record without one has nothing that is cheap."""
