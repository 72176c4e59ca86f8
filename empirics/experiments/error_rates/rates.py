"""The table: what yields an interval or a test, over which units, at which level, and what the record says of it.

A function that makes an interval or a p-value, or asks for one, is named in ``used_by`` of a rate, or in ELSEWHERE with the reason why no
rate is needed. A test reads the source and finds those that are in neither.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from tsla.empirics.experiments.error_rates.grid import SETTINGS
from tsla.empirics.experiments.error_rates.replicas import BRANCHES, MILD, SIZES
from tsla.empirics.statistics.betting import LEVEL as ONE_SIDED
from tsla.empirics.statistics.intervals import IntervalOf, share
from tsla.empirics.statistics.power import LEVEL, POWER

Kind = Literal["covers", "false alarms", "power"]
COVERAGE = 0.95
FOLLOWING = (
    *("delta_at_batch_size", "delta0", "ratio", "bias", "noise", "shrinking", "beyond"),
    *("theta_star", "theta_for_step", "critical_batch_size_at_theta", "critical_batch_size_for_step"),
)
"""What `tsla measure` reports beside the moments."""
CONFIDENCE = 0.999
"""Of the interval by which a measured rate is held against its level: of some fifty rows one in twenty would fail by chance at 0.95."""


@dataclass(frozen=True)
class Rate:
    """A row of the table.

    simulation, measure:  of the record
    what:                 whose rate it is, in words
    unit:                 what varies independently, and is drawn anew in each trial
    kind, level:          an interval covers with at least this probability; a test raises false alarms with at most it, and finds what is
                          there with about it. A power without a level was not promised to anybody
    used_by:              the functions that make or ask for it, below ``tsla``
    """

    simulation: str
    measure: str
    what: str
    unit: str
    kind: Kind
    level: float | None
    used_by: tuple[str, ...] = ()

    def rows(self, record: pd.DataFrame, unit: str = "right") -> pd.DataFrame:
        """Its rows of the record; ``unit`` is "right" or "wrong". Raises ValueError where there are none."""
        rows = record[(record["simulation"] == self.simulation) & (record["measure"] == self.measure) & (record["unit"] == unit)]
        if rows.empty:
            raise ValueError(f"record has no trials of {self.simulation}, {self.measure}; must have some: `tsla records error_rates`")
        return rows

    def measured(self, record: pd.DataFrame, unit: str = "right", level: float = COVERAGE) -> IntervalOf[float]:
        """By the record, with the interval over trials. Raises what :meth:`rows` raises."""
        rows = self.rows(record, unit)
        return share(int(rows["events"].sum()), int(rows["trials"].sum()), level=level)

    def keeps(self, record: pd.DataFrame, unit: str = "right") -> bool:
        """Whether chance explains what is beyond the level, and what the rate is known to lack. A power must not be above it either."""
        if self.level is None:
            return True
        found, lacks = self.measured(record, unit, CONFIDENCE), LACKS.get((self.simulation, self.measure), 0.0)
        low_enough, high_enough = found.low <= self.level + lacks, found.high >= self.level - lacks
        return {"covers": high_enough, "false alarms": low_enough, "power": low_enough and high_enough}[self.kind]


def _study(name: str) -> str:
    return f"empirics.experiments.study.{name}"


_FINDINGS = tuple(_study(f"findings.{name}") for name in ("finding", "adjusted", "Finding.interval"))
_SEEDS = (
    *(_study(name) for name in ("never_dropped._compared", "paths.variance_at_equal_epoch", "paths.variance_at_equal_loss")),
    *("figures.digits.over_seeds", "figures.intervals.means", "figures.intervals.interval", "figures.gallery.training_curves.numbers"),
    *("figures.gallery.best_drop._less_none", "figures.gallery.tempered.numbers"),
    *(f"figures.gallery.{name}" for name in ("bound_and_measured.numbers", "delta_along_training.numbers", "slack._runs")),
    *("figures.gallery.variance_against_theta._at", "figures.gallery.variance_against_theta._curve"),
    *(f"figures.documents.study.{name}" for name in ("_confidence", "_arms", "_by_epochs_left", "_along")),
    "figures.documents.study_third._along",
)
_MEASURE = "empirics.advice.measure.results.Reading.of"
_MOMENTS = "empirics.moments."

RATES: tuple[Rate, ...] = (
    Rate(
        "study",
        "interval",
        "Student's interval of a paired difference",
        "seed",
        "covers",
        COVERAGE,
        used_by=("empirics.statistics.intervals.student_t", "empirics.statistics.intervals.paired", _FINDINGS[2], *_SEEDS),
    ),
    Rate(
        "study",
        "test",
        "the paired t-test by itself",
        "seed",
        "false alarms",
        LEVEL,
        used_by=("empirics.statistics.intervals.paired_p_value", "empirics.statistics.intervals.effect_size", _FINDINGS[0]),
    ),
    Rate("study", "family", "any of the second round's 25 tests, by Holm", "seed", "false alarms", LEVEL, used_by=(_FINDINGS[1],)),
    Rate("study", "supported", "any of E1-E5 called supported in the second round", "seed", "false alarms", LEVEL),
    Rate("study", "refuted", "any of E1-E5 called refuted in the second round", "seed", "false alarms", LEVEL),
    *(
        Rate("study", f"seen {claim}", f"{claim} called supported, at the effect that just matters in all settings", "seed", "power", None)
        for claim in ("E1", "E2", "E3", "E4", "E5")
    ),
    Rate(
        "third round", "false word", "any setting of a group called supported or refuted in the third round", "seed", "false alarms", LEVEL
    ),
    Rate(
        "third round",
        "seen word",
        "a setting called supported, at the effect that just matters, if not “can't tell”",
        "seed",
        "power",
        None,
    ),
    Rate("predictions", "confirmed", "any of P1, P2 and P5 called confirmed", "seed", "false alarms", LEVEL),
    Rate(
        "regret",
        "regret",
        "Student's interval of a rule's regret, the best arm chosen on the other seeds",
        "seed",
        "covers",
        COVERAGE,
        used_by=("empirics.experiments.planner.regret._interval",),
    ),
    Rate(
        "planned seeds",
        "sd",
        "interval of a standard deviation, from a pilot of 10",
        "seed",
        "covers",
        COVERAGE,
        used_by=("empirics.statistics.power.sd_interval",),
    ),
    Rate(
        "planned seeds",
        "seeds",
        "interval of the seeds that `tsla power` asks for, from a pilot of 10",
        "seed",
        "covers",
        COVERAGE,
        used_by=("empirics.statistics.power.need", "empirics.statistics.checkpoints.plan"),
    ),
    Rate(
        "planned seeds",
        "power",
        "the paired t-test at the seeds that the true spread asks for",
        "seed",
        "power",
        POWER,
        used_by=("empirics.statistics.power.paired_power",),
    ),
    Rate("planned seeds", "power from a pilot", "the paired t-test at the seeds that a pilot of 10 asks for", "seed", "power", POWER),
    *(
        rate
        for n in SIZES
        for rate in (
            Rate(
                "runs",
                f"interval of {n}",
                f"Student's interval of E‖∇F‖², {n} replicas",
                "replica",
                "covers",
                COVERAGE,
                used_by=("empirics.simulation.planned.beside_bound", "empirics.experiments.bounds.stall"),
            ),
            Rate(
                "runs",
                f"exceeded of {n}",
                f"a true bound called exceeded by `tsla simulate`, {n} replicas",
                "replica",
                "false alarms",
                0.025,
            ),
            Rate(
                "runs",
                f"too late of {n}",
                f"a true rate called refuted, as the mean at the plan's end is above ε², {n} replicas",
                "replica",
                "false alarms",
                ONE_SIDED,
                used_by=("empirics.experiments.rates.samples._point",),
            ),
        )
    ),
    Rate(
        "bets",
        "refutes",
        "any of 10 true bounds refuted, by betting and Holm, 20 replicas",
        "replica",
        "false alarms",
        ONE_SIDED,
        used_by=(
            *(f"empirics.statistics.betting.{name}" for name in ("p_values", "refutes")),
            *("empirics.experiments.power_of_tests.power", "figures.theorems.deciding._Check._refuted_by_runs"),
        ),
    ),
    Rate("bets", f"refutes at {MILD:g}", f"the same at the level {MILD:g}", "replica", "false alarms", MILD),
    Rate(
        "bets",
        "Bonferroni",
        "any of 10 true bounds refuted, by betting and Bonferroni, as the claims' runs are tested",
        "replica",
        "false alarms",
        ONE_SIDED,
    ),
    Rate(
        "rates",
        "needed",
        "bootstrap of the samples needed to reach ε²",
        "replica",
        "covers",
        COVERAGE,
        used_by=tuple(f"empirics.experiments.rates.samples.{name}" for name in ("percentiles", "Samples.ends")),
    ),
    Rate(
        "rates",
        "exponent",
        "bootstrap of a rate's exponent",
        "replica",
        "covers",
        COVERAGE,
        used_by=tuple(f"empirics.experiments.rates.samples.{name}" for name in ("exponent", "measure")),
    ),
    Rate(
        "rates",
        "ratio",
        "bootstrap of the ratio of two arms' samples, on the same noise",
        "replica",
        "covers",
        COVERAGE,
        used_by=("empirics.experiments.rates.annealed._contrast",),
    ),
    *(
        rate
        for name, copies in BRANCHES.items()
        for rate in (
            Rate(
                "branches",
                f"interval, {name}",
                f"Student's interval of two arms' difference, {copies} branches ({name})",
                "branch",
                "covers",
                COVERAGE,
                used_by=("empirics.experiments.sign_prediction.experiment._paired",),
            ),
            Rate("branches", f"sign, {name}", f"a sign called established, {copies} branches ({name})", "branch", "false alarms", LEVEL),
        )
    ),
    *(
        rate
        for name, settings in SETTINGS.items()
        for rate in (
            Rate(
                "hit rates",
                f"interval, {name}",
                f"bootstrap of a hit rate's lead, {settings} settings ({name})",
                "setting",
                "covers",
                COVERAGE,
                used_by=(
                    "empirics.statistics.clusters.clustered",
                    *(f"empirics.experiments.sign_prediction.verdicts.{of}" for of in ("_lines", "compared")),
                ),
            ),
            Rate(
                "hit rates", f"supported, {name}", f"a predictor without a lead called supported ({name})", "setting", "false alarms", 0.025
            ),
            Rate("hit rates", f"refuted, {name}", f"a predictor without a lead called refuted ({name})", "setting", "false alarms", 0.025),
            Rate("hit rates", f"seen, {name}", f"a predictor with a lead of 0.2 called supported ({name})", "setting", "power", None),
        )
    ),
    *(
        Rate(
            "following",
            name,
            f"`{name}` of `tsla measure`",
            "group of examples",
            "covers",
            COVERAGE,
            used_by=(
                *(_MEASURE, f"{_MEASURE}.over_plain", f"{_MEASURE}.theta", f"{_MEASURE}.batch_size"),
                *(f"{_MOMENTS}live.{of}" for of in ("instruments", "instruments.of", "instruments.over_plain")),
            ),
        )
        for name in FOLLOWING
    ),
    Rate(
        "following",
        "established",
        "`Adaptive` goes on smoothing at one look, where it has no advantage",
        "group of examples",
        "false alarms",
        0.025,
        used_by=("empirics.smoothing.schedules.adaptive.Adaptive.established",),
    ),
    Rate(
        "percentages",
        "share",
        "Wilson's interval of a percentage in these tables",
        "draw",
        "covers",
        COVERAGE,
        used_by=(
            "empirics.statistics.intervals.share",
            "empirics.experiments.error_rates.rates.Rate.measured",
            "figures.documents.estimators._pooled",
        ),
    ),
)

LACKS: Mapping[tuple[str, str], float] = {
    ("planned seeds", "power from a pilot"): 0.05,
    ("regret", "regret"): 0.2,
    ("runs", "interval of 20"): 0.06,
    ("runs", "interval of 100"): 0.02,
    ("branches", "interval, MLP"): 0.03,
    ("branches", "sign, MLP"): 0.03,
    ("branches", "interval, ResNet-8"): 0.05,
    ("branches", "sign, ResNet-8"): 0.05,
    ("hit rates", "interval, ResNet-8"): 0.16,
}
"""Simulation and measure -> by how much the rate is known to fall short of its level. ``docs/intervals.md`` says so of each, and why."""

LAWS: Mapping[str, str] = {
    "study": """The study's own paired differences at its five settings, moved to a known mean, are a population, and seeds are drawn
from it. So differences have the skewness, the ties and the spread that they had, and the claims at a setting depend
on each other as they did. Without an effect, one of the comparisons that a claim needs is 0, and the others are ten
times what matters in its favour. With the wrong unit one setting also votes for all five.""",
    "third round": """The same of the third round's settings. A trial takes one group of settings with the same schedule and the same wrong
labels.""",
    "predictions": """The same of the differences of P1, P2 and P5 at the settings of the MLP. With the wrong unit one setting stands for
all.""",
    "regret": "Four arms of 10 seeds, whose losses share a part that is ten times as large as what they don't share.",
    "planned seeds": "Normal differences, as the t-test takes them for, with an effect of 0.8 standard deviations.",
    "runs": """The last iterate of SGD on w²/2 at η = 1/L, whose ‖∇F‖² is a squared normal number. Of what the simulator reports it
has the longest tail.""",
    "bets": """F after a noisy step on w²/2, with a long tail to the right, and F - F* of a cosine, with one to the left. Every bound
is the mean itself, which is the hardest true one.""",
    "rates": "SGD on w²/2 with the step of C4, 50 replicas where the records have 200, for three ε; the truth is the exact law's.",
    "branches": """‖∇F‖² of two arms with the same mean on the same noise, which is spread over more directions in one than in the other.
So their difference is skewed.""",
    "hit rates": "Settings whose rows all agree, with from 2 to 20 rows each. Then settings are all that there is to count.",
    "following": "512 examples in 32 groups from a population of 1,500 whose lengths of gradients have a long tail.",
    "percentages": "2,000 draws that cover with probability 0.95.",
}
"""Simulation -> the law that is simulated, and why."""

_ESTIMATE = f"{_MOMENTS}estimators.estimate.Estimates"
_ON_NETWORKS = "measured on real networks, in estimators.md"
ELSEWHERE: Mapping[str, str] = {
    **dict.fromkeys((f"{_ESTIMATE}.{name}" for name in ("_estimate", "interval", "quantity", "table", "precise")), _ON_NETWORKS),
    **dict.fromkeys((f"{_ESTIMATE}.{name}" for name in ("delta", "theta_star", "critical_batch", "noise_scale")), _ON_NETWORKS),
    f"{_MOMENTS}estimators.spread.spread": _ON_NETWORKS,
    **dict.fromkeys(
        (f"empirics.experiments.interval_coverage.rules.{name}" for name in ("shifted", "normal", "bootstrap")),
        "a rule that is compared in estimators.md",
    ),
    **dict.fromkeys((f"empirics.advice.measure.advice.{name}" for name in ("_less", "_reversed")), "moves an interval that it is given"),
    **dict.fromkeys(
        (f"{_MOMENTS}live._point", "empirics.experiments.batch_norm._exact", "empirics.experiments.batch_norm._exact.point"),
        "a point, of an exact number",
    ),
    "empirics.smoothing.schedules._schedule.Estimated.interval": "says what a schedule asks of estimates",
}
"""Function -> why it needs no rate here."""
