"""Where seeds vary independently: paired differences of the study, its families of tests, its words; and seeds that are planned.

The law is that of the study: its own differences seed by seed, moved so that the effect is known, are a population, and seeds are drawn
from it. All comparisons at a setting share their seeds, and depend on each other as they did there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from tsla.empirics.experiments.error_rates.trial import Trial, as_normal, centred, covers, units
from tsla.empirics.experiments.study import predictions, third_verdicts, verdicts
from tsla.empirics.experiments.study.findings import (
    CANT_TELL,
    IN_FAVOUR,
    MATTERS,
    NO_BENEFIT,
    REFUTED,
    SUPPORTED,
    Finding,
    adjusted,
    finding,
    weakest,
)
from tsla.empirics.statistics.intervals import IntervalOf, paired
from tsla.empirics.statistics.power import LEVEL, need, sd_interval, seeds_for
from tsla.theory.constants import Array

FAR = 10
"""So many times what matters: an effect that no test misses."""

Draw = NDArray[np.int64]
"""Numbers of the seeds that are drawn."""
FLAT = 1e-9
"""Shares that differ by no more are the same, to rounding."""
FEWEST = 10
"""Seeds of a population: ResNet-20 has 2 and 4, of which as many draws may all be the same."""


@dataclass(frozen=True, eq=False)
class Population:
    """Of a comparison, differences around 0 seed by seed, and those of what must hold with it: ``parts``, each (seeds,)."""

    like: Finding
    parts: tuple[Array, ...]

    @classmethod
    def of(cls, found: Finding) -> Population:
        """The differences of a finding, moved to mean 0."""
        return cls(found, tuple(centred(part) for part in (found.differences, *found.others)))

    def normal(self, rng: Generator) -> Population:
        """The same with normal differences."""
        return replace(self, parts=tuple(as_normal(part, rng) for part in self.parts))

    def drawn(self, seeds: Draw, effects: Sequence[float], wrong: bool) -> Finding:
        """What the study would find on these seeds, if the parts had these effects."""
        one = self.like
        found = (units(part[seeds] + effect, wrong) for part, effect in zip(self.parts, effects, strict=True))
        return weakest([finding(one.claim, one.setting, one.what, differences, one.etas) for differences in found])

    def without_effect(self, rng: Generator) -> list[float]:
        """The least favourable law without an effect: one comparison of 0, and the others far in favour."""
        effects = [FAR * self.matters] * len(self.parts)
        effects[int(rng.integers(len(effects)))] = 0.0
        return effects

    @property
    def matters(self) -> float:
        """The effect in favour that just matters."""
        return IN_FAVOUR[self.like.claim] * MATTERS[self.like.claim]

    @property
    def with_effect(self) -> list[float]:
        """That effect in each comparison."""
        return [self.matters] * len(self.parts)


def study(folder: Path) -> Trial:
    """The second round: 25 tests, and what is said of each claim over the five settings."""
    return of_family([Population.of(one) for one in verdicts.family(verdicts.load(folder))])


def of_family(family: Sequence[Population]) -> Trial:
    """One family, and a verdict for each claim by the vote of its settings. If the unit is wrong, one setting is taken for all of them."""
    claims = list(dict.fromkeys(one.like.claim for one in family))
    alike = [next(other for other in family if other.like.claim == one.like.claim) for one in family]

    def trial(rng: Generator, wrong: bool) -> Mapping[str, bool]:
        seeds, voting = _seeds(family, rng), alike if wrong else family
        without = {id(one): one.without_effect(rng) for one in family}
        no_effects = [without[id(one)] for one in voting]
        none = _found(voting, seeds, no_effects, wrong)
        some = _found(voting, seeds, [one.with_effect for one in voting], wrong)
        said, seen = (
            {claim: verdicts.verdict(claim, [one for one in found if one.claim == claim]) for claim in claims} for found in (none, some)
        )
        normals = {id(one): one.normal(rng) for one in family}  # of all, so that the wrong unit has the same draws
        normal = _found([normals[id(one)] for one in voting], seeds, no_effects, wrong)
        alone = family[int(rng.integers(len(family)))]
        drawn = finding(alone.like.claim, "", "", units(alone.parts[0][seeds[_group(alone)]], wrong), ())
        return {
            "interval": covers(drawn.interval, 0.0),
            "test": drawn.p < LEVEL,
            "family": any(one.adjusted < LEVEL for one in none),
            "supported": SUPPORTED in said.values(),
            "refuted": REFUTED in said.values(),
            **{f"seen {claim}": word == SUPPORTED for claim, word in seen.items()},
            "no benefit": NO_BENEFIT in seen.values(),
            "family, normal": any(one.adjusted < LEVEL for one in normal),
        }

    return trial


def third_round(folder: Path) -> Trial:
    """The third round: words of the settings of a random group of one schedule and amount of wrong labels, within which p is adjusted."""
    found = third_verdicts.found(third_verdicts.load(folder))
    names = [{setting.name for setting in group} for group in third_verdicts.by_schedule_and_noise()]
    many = [one for one in found if len(one.differences) >= FEWEST]
    groups = [[Population.of(one) for one in many if one.setting in group] for group in names]
    some = [group for group in groups if group]

    def trial(rng: Generator, wrong: bool) -> Mapping[str, bool]:
        group = some[int(rng.integers(len(some)))]
        seeds = _seeds(group, rng)
        no_effects, pick = [one.without_effect(rng) for one in group], rng.random()

        def words(ones: Sequence[Population]) -> tuple[list[str], list[str], bool]:
            """Without an effect; at the one that just matters; and whether the interval of one setting leaves that out."""
            none = _found(ones, seeds, no_effects, wrong)
            some = _found(ones, seeds, [one.with_effect for one in ones], wrong)
            return [one.word for one in none], [one.word for one in some], some[int(pick * len(some))].excludes_what_matters

        found: dict[str, bool] = {}
        for law, ones in ((", normal", [one.normal(rng) for one in group]), ("", group)):
            none, seen, excluded = words(ones)
            found |= {f"false word{law}": _is_said(none), f"no benefit{law}": NO_BENEFIT in seen, f"excluded{law}": excluded}
        told = [word for word in seen if word != CANT_TELL]
        return found | ({"seen word": told[int(pick * len(told))] == SUPPORTED} if told else {})

    return trial


def predicted(folder: Path) -> Trial:
    """The rules of P1, P2 and P5, over the settings of the MLP: without an effect, whether any of them is confirmed.

    If the unit is wrong, one setting is taken for all of them. P3 and P4 are read at each setting alone, at the limit of what they say,
    where seeds differ.
    """
    found = predictions.found(third_verdicts.load(folder))
    populations = [Population.of(one) for one in found if one.claim in predictions.TESTED]
    alike = [next(other for other in populations if other.like.claim == one.like.claim) for one in populations]
    read = [Population.of(one) for one in found if one.claim not in predictions.TESTED and np.ptp(one.differences) > FLAT]

    def drawn(one: Population, seeds: Mapping[tuple[str, int], Draw], effect: float, wrong: bool) -> Finding:
        return finding(one.like.claim, one.like.setting, "", units(one.parts[0][seeds[_group(one)]] + effect, wrong), ())

    def trial(rng: Generator, wrong: bool) -> Mapping[str, bool]:
        seeds, voting = _seeds([*populations, *read], rng), alike if wrong else populations
        of_rules = [drawn(one, seeds, 0.0, wrong) for one in voting]
        by_loss, by_accuracy = ([one for one in of_rules if (one.claim == "P5") == is_p5] for is_p5 in (False, True))
        own = [*adjusted(by_loss), *adjusted(by_accuracy)]
        said = [
            (one.like.claim, predictions.at_setting(drawn(one, seeds, predictions.limit(one.like.claim), wrong)) != predictions.OPEN)
            for one in read
        ]
        pick = rng.random()
        of_p3, of_p4 = ([word for of, word in said if of == claim] for claim in ("P3", "P4"))
        return {
            "confirmed": any(predictions.decided(claim, own) == predictions.CONFIRMED for claim in predictions.TESTED),
            "P3": of_p3[int(pick * len(of_p3))],
            "any of P3": any(of_p3),
            "P4": of_p4[int(pick * len(of_p4))],
        }

    return trial


def _found(
    family: Sequence[Population], seeds: Mapping[tuple[str, int], Draw], effects: Sequence[Sequence[float]], wrong: bool
) -> list[Finding]:
    """What the study would find in a family on these seeds, if its members had these effects."""
    return adjusted([one.drawn(seeds[_group(one)], effect, wrong) for one, effect in zip(family, effects, strict=True)])


def _is_said(words: Collection[str]) -> bool:
    return SUPPORTED in words or REFUTED in words


def _group(one: Population) -> tuple[str, int]:
    """Comparisons at a setting that have the same seeds."""
    return one.like.setting, len(one.parts[0])


def _seeds(family: Iterable[Population], rng: Generator) -> dict[tuple[str, int], Draw]:
    return {group: rng.integers(group[1], size=group[1]) for group in dict.fromkeys(map(_group, family))}


PILOT, EFFECT = 10, 0.8
"""Seeds of a pilot, and the effect that is planned for in standard deviations of the differences."""


def planned(_: Path) -> Trial:
    """Seeds planned from a pilot by `tsla power`, and the test at that number; the differences are normal, as the test takes them for."""
    enough = seeds_for(EFFECT)

    def trial(rng: Generator, wrong: bool) -> Mapping[str, bool]:
        pilot = units(rng.normal(EFFECT, 1, PILOT), wrong)
        asked, known = need(pilot, effect=EFFECT), rng.normal(EFFECT, 1, (2, 1000))
        sd = IntervalOf(0.0, *sd_interval(float(np.std(pilot, ddof=1)), len(pilot)))
        a, b = rng.normal(0, 3, enough) + np.array([[0.0], [EFFECT]]) + rng.normal(0, np.sqrt(0.5), (2, enough))
        return {
            "sd": covers(sd, 1.0),
            "seeds": asked.low <= enough <= asked.high,
            "power": bool(paired(units(b, wrong), units(a, wrong)).low > 0),
            "power from a pilot": bool(finding("E3", "", "", units(known[0][: asked.n], wrong), ()).p < LEVEL),
        }

    return trial
