"""The table: what yields an interval or a test, over which units, at which level, and what the record says of it.

A function that makes an interval or a p-value, or asks for one, is named in ``used_by`` of a rate, or in ELSEWHERE with the reason why no
rate is needed. A test reads the source and finds those that are in neither.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from tsla.empirics.experiments.error_rates.grid import SETTINGS
from tsla.empirics.experiments.error_rates.rate import COVERAGE, Rate
from tsla.empirics.experiments.error_rates.replicas import BRANCHES, MILD, SIZES
from tsla.empirics.statistics.betting import LEVEL as ONE_SIDED
from tsla.empirics.statistics.power import LEVEL, POWER

FOLLOWING = (
    *("delta_at_batch_size", "delta0", "ratio", "bias", "noise", "shrinking", "beyond"),
    *("theta_star", "theta_for_step", "critical_batch_size_at_theta", "critical_batch_size_for_step"),
)
"""What `tsla measure` reports beside the moments."""


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
_NO_BENEFIT = "“no benefit that matters”, at the effect that just matters"
_MEASURE = "empirics.advice.measure.results.Reading.of"
_MOMENTS = "empirics.moments."
_interval = partial(Rate, kind="covers", level=COVERAGE)

RATES: tuple[Rate, ...] = (
    _interval(
        "study",
        "interval",
        "Student's interval of a paired difference",
        "seed",
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
    Rate("study", "family, normal", "the same, of as many normal differences", "seed", "false alarms", LEVEL),
    Rate("study", "supported", "any of E1-E5 called supported in the second round", "seed", "false alarms", LEVEL),
    Rate("study", "refuted", "any of E1-E5 called refuted in the second round", "seed", "false alarms", LEVEL),
    *(
        Rate("study", f"seen {claim}", f"{claim} called supported, at the effect that just matters in all settings", "seed", "power", None)
        for claim in ("E1", "E2", "E3", "E4", "E5")
    ),
    Rate("study", "no benefit", f"any of E1-E5 called {_NO_BENEFIT} in all settings, in the second round", "seed", "false alarms", LEVEL),
    Rate(
        "third round", "false word", "any setting of a group called supported or refuted in the third round", "seed", "false alarms", LEVEL
    ),
    Rate("third round", "false word, normal", "the same, of as many normal differences", "seed", "false alarms", LEVEL),
    Rate(
        "third round", "no benefit", f"any setting of a group called {_NO_BENEFIT}; 5 % is for one setting", "seed", "false alarms", LEVEL
    ),
    Rate("third round", "no benefit, normal", "the same, of as many normal differences", "seed", "false alarms", LEVEL),
    Rate("third round", "excluded", "one setting's interval excludes the effect that just matters", "seed", "false alarms", LEVEL),
    Rate("third round", "excluded, normal", "the same, of as many normal differences", "seed", "false alarms", LEVEL),
    Rate(
        "third round",
        "seen word",
        "a setting called supported, at the effect that just matters, if not “can't tell”",
        "seed",
        "power",
        None,
    ),
    Rate("predictions", "confirmed", "any of P1, P2 and P5 called confirmed", "seed", "false alarms", LEVEL),
    _interval(
        "regret",
        "regret",
        "Student's interval of a rule's regret, the best arm chosen on the other seeds",
        "seed",
        used_by=("empirics.experiments.planner.regret._interval",),
    ),
    _interval(
        "planned seeds",
        "sd",
        "interval of a standard deviation, from a pilot of 10",
        "seed",
        used_by=("empirics.statistics.power.sd_interval",),
    ),
    _interval(
        "planned seeds",
        "seeds",
        "interval of the seeds that `tsla power` asks for, from a pilot of 10",
        "seed",
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
            _interval(
                "runs",
                f"interval of {n}",
                f"Student's interval of E‖∇F‖², {n} replicas",
                "replica",
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
    _interval(
        "rates",
        "needed",
        "bootstrap of the samples needed to reach ε²",
        "replica",
        used_by=tuple(f"empirics.experiments.rates.samples.{name}" for name in ("percentiles", "Samples.ends")),
    ),
    _interval(
        "rates",
        "exponent",
        "bootstrap of a rate's exponent",
        "replica",
        used_by=tuple(f"empirics.experiments.rates.samples.{name}" for name in ("exponent", "measure")),
    ),
    _interval(
        "rates",
        "ratio",
        "bootstrap of the ratio of two arms' samples, on the same noise",
        "replica",
        used_by=("empirics.experiments.rates.annealed._contrast",),
    ),
    *(
        rate
        for name, copies in BRANCHES.items()
        for rate in (
            _interval(
                "branches",
                f"interval, {name}",
                f"Student's interval of two arms' difference, {copies} branches ({name})",
                "branch",
                used_by=("empirics.experiments.sign_prediction.experiment._paired",),
            ),
            Rate("branches", f"sign, {name}", f"a sign called established, {copies} branches ({name})", "branch", "false alarms", LEVEL),
        )
    ),
    *(
        rate
        for name, settings in SETTINGS.items()
        for rate in (
            _interval(
                "hit rates",
                f"interval, {name}",
                f"bootstrap of a hit rate's lead, {settings} settings ({name})",
                "setting",
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
        _interval(
            "following",
            name,
            f"`{name}` of `tsla measure`",
            "group of examples",
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
    _interval(
        "percentages",
        "share",
        "Wilson's interval of a percentage in these tables",
        "draw",
        used_by=(
            "empirics.statistics.intervals.share",
            "empirics.experiments.error_rates.rate.Rate.measured",
            "figures.documents.estimators._pooled",
        ),
    ),
)

_ESTIMATE = f"{_MOMENTS}estimators.estimate.Estimates"
_ON_NETWORKS = "measured on real networks, in estimators.md"
ELSEWHERE: Mapping[str, str] = {
    **dict.fromkeys((f"{_ESTIMATE}.{name}" for name in ("_estimate", "interval", "quantity", "table", "precise")), _ON_NETWORKS),
    **dict.fromkeys((f"{_ESTIMATE}.{name}" for name in ("delta", "theta_star", "critical_batch", "noise_scale")), _ON_NETWORKS),
    **dict.fromkeys(
        (f"{_MOMENTS}estimators.{name}" for name in ("spread.spread", "estimate.estimates", "accumulator.Accumulator.estimates")),
        _ON_NETWORKS,
    ),
    f"{_MOMENTS}minibatch.minibatch_moments": "has no rate: what was seen of it stands in intervals.md, under Without a row",
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
