"""The table: what yields an interval or a test, over which units, at which level, and what the record says of it.

A function that makes an interval or a p-value, or asks for one, is named in ``used_by`` of a rate, or in ELSEWHERE with the reason why no
rate is needed. A test reads the source and finds those that are in neither.
"""

from __future__ import annotations

from functools import partial

from tsla.empirics.experiments.error_rates.grid import SETTINGS
from tsla.empirics.experiments.error_rates.rate import COVERAGE, Rate
from tsla.empirics.experiments.error_rates.replicas import BRANCHES, EPS, MILD, SIZES
from tsla.empirics.statistics.betting import LEVEL as ONE_SIDED
from tsla.empirics.statistics.power import LEVEL, POWER

FOLLOWING = (
    *("delta_at_batch_size", "delta0", "ratio", "bias", "noise", "shrinking", "beyond"),
    *("theta_star", "theta_for_step", "critical_batch_size_at_theta", "critical_batch_size_for_step"),
)
"""What `tsla measure` reports beside the moments."""
LOOKS = 20
"""Measurements along a run."""


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
_alarms = partial(Rate, kind="false alarms")
_finds = partial(Rate, kind="power", level=None)

RATES: tuple[Rate, ...] = (
    _interval(
        "study",
        "interval",
        "Student's interval of a paired difference",
        "seed",
        used_by=("empirics.statistics.intervals.student_t", "empirics.statistics.intervals.paired", _FINDINGS[2], *_SEEDS),
    ),
    _alarms(
        "study",
        "test",
        "the paired t-test by itself",
        "seed",
        level=LEVEL,
        used_by=("empirics.statistics.intervals.paired_p_value", "empirics.statistics.intervals.effect_size", _FINDINGS[0]),
    ),
    _alarms("study", "family", "any of the second round's 25 tests, by Holm", "seed", level=LEVEL, used_by=(_FINDINGS[1],)),
    _alarms("study", "family, normal", "the same, of as many normal differences", "seed", level=LEVEL),
    _alarms("study", "supported", "any of E1-E5 called supported in the second round", "seed", level=LEVEL),
    _alarms("study", "refuted", "any of E1-E5 called refuted in the second round", "seed", level=LEVEL),
    *(
        _finds("study", f"seen {claim}", f"{claim} called supported, at the effect that just matters in all settings", "seed")
        for claim in ("E1", "E2", "E3", "E4", "E5")
    ),
    _alarms("study", "no benefit", f"any of E1-E5 called {_NO_BENEFIT} in all settings, in the second round", "seed", level=LEVEL),
    _alarms("third round", "false word", "any setting of a group called supported or refuted in the third round", "seed", level=LEVEL),
    _alarms("third round", "false word, normal", "the same, of as many normal differences", "seed", level=LEVEL),
    _alarms("third round", "no benefit", f"any setting of a group called {_NO_BENEFIT}; 5 % is for one setting", "seed", level=LEVEL),
    _alarms("third round", "no benefit, normal", "the same, of as many normal differences", "seed", level=LEVEL),
    _alarms("third round", "excluded", "one setting's interval excludes the effect that just matters", "seed", level=LEVEL),
    _alarms("third round", "excluded, normal", "the same, of as many normal differences", "seed", level=LEVEL),
    _finds("third round", "seen word", "a setting called supported, at the effect that just matters, if not “can't tell”", "seed"),
    _alarms("predictions", "confirmed", "any of P1, P2 and P5 called confirmed", "seed", level=LEVEL),
    _alarms("predictions", "P3", "P3 called as predicted, or not as predicted, at one setting", "seed", level=LEVEL),
    _alarms("predictions", "any of P3", "the same at any setting; 5 % is for one", "seed", level=LEVEL),
    _alarms("predictions", "P4", "P4 called as predicted, or not as predicted, at one setting", "seed", level=LEVEL),
    _interval(
        "regret",
        "regret",
        "Student's interval of a rule's regret, the best arm chosen on the other seeds",
        "seed",
        used_by=("empirics.experiments.planner.regret._interval",),
    ),
    _interval("regret", "beside the tuned", "the same, beside the arm that tuning chose", "seed"),
    _interval("regret", "beside what tuning may choose", "the same, about its mean over all that tuning may choose", "seed"),
    _alarms("drops", "a drop", "a drop's interval excludes 0 in its favour", "seed", level=0.025),
    _alarms("drops", "a drop, normal", "the same, of as many normal differences", "seed", level=0.025),
    _alarms("drops", "any drop", "the interval of any drop of a line excludes 0 in its favour; 2.5 % is for one", "seed", level=0.025),
    _alarms("drops", "any drop, normal", "the same, of as many normal differences, which drops do not share", "seed", level=0.025),
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
            _alarms("runs", f"exceeded of {n}", f"a true bound called exceeded by `tsla simulate`, {n} replicas", "replica", level=0.025),
            _alarms(
                "runs",
                f"too late of {n}",
                f"a true rate called refuted, as the mean at the plan's end is above ε², {n} replicas",
                "replica",
                level=ONE_SIDED,
                used_by=("empirics.experiments.rates.samples._point",),
            ),
        )
    ),
    _alarms(
        "bets",
        "refutes",
        "any of 10 true bounds refuted, by betting and Holm, 20 replicas",
        "replica",
        level=ONE_SIDED,
        used_by=(
            *(f"empirics.statistics.betting.{name}" for name in ("p_values", "refutes")),
            *("empirics.experiments.power_of_tests.power", "figures.theorems.deciding._Check._refuted_by_runs"),
        ),
    ),
    _alarms("bets", f"refutes at {MILD:g}", f"the same at the level {MILD:g}", "replica", level=MILD),
    _alarms(
        "bets",
        "Bonferroni",
        "any of 10 true bounds refuted, by betting and Bonferroni, as the claims' runs are tested",
        "replica",
        level=ONE_SIDED,
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
    _alarms(
        "rates",
        "refuted",
        "a true bound called refuted, by its exponent at the tolerance or by any mean at the plan's end",
        "replica",
        level=0.025 + len(EPS) * ONE_SIDED,
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
            _alarms("branches", f"sign, {name}", f"a sign called established, {copies} branches ({name})", "branch", level=LEVEL),
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
            _alarms("hit rates", f"supported, {name}", f"a predictor without a lead called supported ({name})", "setting", level=0.025),
            _alarms("hit rates", f"refuted, {name}", f"a predictor without a lead called refuted ({name})", "setting", level=0.025),
            _finds("hit rates", f"seen, {name}", f"a predictor with a lead of 0.2 called supported ({name})", "setting"),
        )
    ),
    *(
        _interval(
            "following",
            name,
            f"`{name}` of `tsla measure`",
            "group of examples",
            used_by=(_MEASURE, f"{_MEASURE}.over_plain", f"{_MEASURE}.theta", f"{_MEASURE}.batch_size"),
        )
        for name in FOLLOWING
    ),
    _alarms(
        "following",
        "established",
        "`Adaptive` goes on smoothing at one look, where it has no advantage",
        "group of examples",
        level=0.025,
        used_by=("empirics.smoothing.schedules.adaptive.Adaptive.established",),
    ),
    *(
        _interval(
            "monitored",
            name,
            f"{'reduction beyond a smaller step' if name == 'less' else name}, of the live instruments",
            "group of examples",
            used_by=tuple(f"{_MOMENTS}live.{of}" for of in ("instruments", "instruments.of", "instruments.over_plain")),
        )
        for name in ("δ", "variance", "smaller step", "less", "B_c")
    ),
    _alarms(
        "monitored",
        "said",
        "the live instruments say that smoothing changes the variance, where it does not, at one look",
        "group of examples",
        level=LEVEL,
    ),
    _alarms("monitored", "ever said", f"the same at any of {LOOKS} looks; 5 % is for one", "group of examples", level=LEVEL),
    _finds(
        "monitored",
        "kept",
        f"`Adaptive` goes on smoothing at each of {LOOKS} looks, at half the θ from which there is no advantage",
        "group of examples",
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
