"""How often the intervals of :mod:`empirics.estimators` cover on real networks: draws from populations whose exact moments are known.

A population is the examples of a training set at one point of training. Its explicit per-example gradients give the Gram matrices
``⟨g_i, g_j⟩, ⟨ĝ_i, ĝ_j⟩, ⟨g_i, ĝ_j⟩``; a draw of groups is then arithmetic on them. ``tsla records coverage`` makes the record, and
``python -m empirics.coverage`` writes its tables into ``docs/estimators.md``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy import sparse, stats
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap
from torch.nn.functional import cross_entropy

from empirics import markdown, records
from empirics.datasets import CLASSES, Split, digits
from empirics.estimators import FROM_BASICS, LEVEL, MIN_GROUPS, QUANTITIES, SKETCH, GroupSums, Quantity, Spread, folded, spread
from empirics.moments import GradientMoments
from empirics.networks import resnet
from theory.constants import Array

THETA = 0.3
UNTIL = (0.05, 0.1)
UNTIL_GROUPS, UNTIL_SIZE, UNTIL_TRIALS = 64, 64, 500
SMALL_SKETCH = 2**10
RESAMPLES = 199
CHUNK = 100

MEASURED: Mapping[str, Quantity] = {
    **QUANTITIES,
    "second_moment": Quantity(lambda m: (1 - THETA) ** 2 * m.s2 + THETA**2 * m.shat2 + 2 * THETA * (1 - THETA) * m.c),
    "beyond": Quantity(lambda m: THETA**2 * (m.shat2 - m.grad2) + 2 * THETA * (1 - THETA) * m.c),
}
"""All are linear, or ratios of linear functions, so that their gradients are the same for all draws."""

NETWORKS: Mapping[str, Callable[[], nn.Module]] = {
    "ResNet": lambda: resnet(channels=1, classes=CLASSES, widths=(8, 16, 32)),
    "MLP": lambda: nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, CLASSES)),
    "CNN": lambda: nn.Sequential(
        *(nn.Conv2d(1, 8, 3, padding=1), nn.Tanh(), nn.MaxPool2d(2)),
        *(nn.Conv2d(8, 16, 3, padding=1), nn.Tanh(), nn.Flatten(), nn.Linear(256, CLASSES)),
    ),
}
# The method was chosen on two other seeds and at epochs 0, 1, 2, 5, 20, 30: these populations had no part in it.
CONFIGS = tuple(
    {"network": network, "epoch": epoch, "seed": 2, "population": 1500, "label_noise": 0.2, "trials": 2000}
    for network in NETWORKS
    for epoch in (0, 3, 25)
)


@dataclass(frozen=True, eq=False)
class Population:
    """N examples by the products of their gradients.

    gram:   ``⟨g_i, g_j⟩, ⟨ĝ_i, ĝ_j⟩, (⟨g_i, ĝ_j⟩ + ⟨ĝ_i, g_j⟩)/2``, ``(N, N, 3)``, float32, which is exact enough and fast
    basics: the exact basic means, ``(6,)``
    """

    gram: NDArray[np.float32]
    basics: Array

    @classmethod
    def of(cls, g: Tensor, g_hat: Tensor) -> Population:
        """From the gradients, ``(N, p)`` each, float64."""
        cross = g @ g_hat.T
        gram = torch.stack((g @ g.T, g_hat @ g_hat.T, (cross + cross.T) / 2), dim=2).numpy()
        basics = np.concatenate((np.einsum("iia->a", gram) / len(gram), gram.mean((0, 1))))
        return cls(gram.astype(np.float32), basics)

    def draws(self, *, groups: int, size: int, trials: int, seed: int, replacement: bool) -> GroupSums:
        """Groups of ``size`` examples each, drawn ``trials`` times; with the same seed and size, fewer groups are the first of more."""
        N = len(self.gram)
        flat, own = self.gram.reshape(N, 3 * N), np.einsum("iia->ia", self.gram).astype(np.float64)
        squares, products = np.empty((trials, groups, 3)), np.empty((trials, 3, groups, groups))
        ones, starts = np.ones(groups * size, dtype=np.float32), np.arange(groups + 1) * size
        for trial in range(trials):
            generator = np.random.default_rng([seed, trial])
            drawn = generator.integers(N, size=groups * size) if replacement else generator.permutation(N)[: groups * size]
            squares[trial] = own[drawn].reshape(groups, size, 3).sum(1)
            rows = sparse.csr_matrix((ones, drawn, starts), shape=(groups, N)) @ flat
            columns = rows.reshape(groups, N, 3)[:, drawn].reshape(groups, groups, size, 3)
            products[trial] = np.moveaxis(columns.sum(2, dtype=np.float64), -1, 0)
        return GroupSums(np.full(groups, float(size)), squares, products)


def gradients(config: Mapping[str, Any]) -> tuple[Tensor, Tensor]:
    """``g_i`` and ``ĝ_i`` (uniform ŷ) of all training examples, ``(N, p)`` each, float64, after ``epoch`` epochs of plain SGD."""
    split = digits(train_size=config["population"], label_noise=config["label_noise"], seed=config["seed"])
    with torch.random.fork_rng():
        torch.manual_seed(config["seed"])
        model = NETWORKS[config["network"]]()
    _train(model, split, epochs=config["epoch"], seed=config["seed"])
    one_hot = torch.eye(CLASSES)[split.train_labels]
    return _per_example(model, split.train_inputs, one_hot), _per_example(model, split.train_inputs, torch.full_like(one_hot, 1 / CLASSES))


def _train(model: nn.Module, split: Split, *, epochs: int, seed: int) -> None:
    optimiser, order = torch.optim.SGD(model.parameters(), lr=0.1), torch.Generator().manual_seed(seed)
    for _ in range(epochs):
        for batch in torch.split(torch.randperm(len(split.train_labels), generator=order), 16):
            optimiser.zero_grad()
            cross_entropy(model(split.train_inputs[batch]), split.train_labels[batch]).backward()  # type: ignore[no-untyped-call]
            optimiser.step()


def _per_example(model: nn.Module, inputs: Tensor, labels: Tensor) -> Tensor:
    parameters = {name: p.detach() for name, p in model.named_parameters()}

    def loss(parameters: dict[str, Tensor], x: Tensor, label: Tensor) -> Tensor:
        logits: Tensor = functional_call(model, parameters, (x[None],))[0]
        return -(label * logits.log_softmax(0)).sum()

    rows = []
    for x, label in zip(torch.split(inputs, CHUNK), torch.split(labels, CHUNK), strict=True):
        found = vmap(grad(loss), in_dims=(None, 0, 0))(parameters, x, label)
        rows.append(torch.cat([gradient.flatten(1) for gradient in found.values()], dim=1).double())
    return torch.cat(rows)


# --- parts of draws


def some(sums: GroupSums, groups: int, trials: NDArray[np.int64] | slice = slice(None)) -> GroupSums:
    """The first groups of some trials."""
    return GroupSums(sums.sizes[:groups], sums.squares[trials, :groups], sums.products[trials, :, :groups, :groups])


def paired(sums: GroupSums) -> GroupSums:
    """Half as many groups, of twice the size."""
    trials, K = sums.squares.shape[:2]
    products = sums.products.reshape(trials, 3, K // 2, 2, K // 2, 2).sum((3, 5))
    return GroupSums(sums.sizes[::2] + sums.sizes[1::2], sums.squares.reshape(trials, K // 2, 2, 3).sum(2), products)


# --- the rules that are compared: from draws to the ends of intervals for a quantity, (trials,) each, or None where they don't apply

Ends = tuple[Array, Array]
FORMS = {name: quantity.gradients(GradientMoments(*[1.0] * 6)) @ FROM_BASICS for name, quantity in MEASURED.items()}


@dataclass(frozen=True, eq=False)
class Draws:
    """Draws with what all rules need of them."""

    sums: GroupSums
    population: int | None
    basics: Array
    spread: Spread

    @classmethod
    def of(cls, sums: GroupSums, population: int | None = None) -> Draws:
        """Of ``sums``, drawn without replacement from ``population`` or else independently."""
        return cls(sums, population, sums.basics(population), spread(sums, population))


def _of(name: str, basics: Array) -> Array:
    """The value of a quantity at basic means ``(..., 6)``."""
    return MEASURED[name].value(np.moveaxis(basics @ FORMS[name].T, -1, 0))


def shifted(name: str, draws: Draws) -> Ends:
    """That of the estimators."""
    forms = np.broadcast_to(FORMS[name][:, None], (len(FORMS[name]), *draws.basics.shape))
    values = np.moveaxis(draws.basics @ FORMS[name].T, -1, 0)
    return MEASURED[name].interval(values, forms, draws.spread)[:2]


def unshifted(name: str, draws: Draws) -> Ends:
    """About the estimate itself: Student's interval with the jackknife's variance, or Fieller's."""
    return shifted(name, replace(draws, spread=replace(draws.spread, pairs=np.zeros_like(draws.spread.pairs))))


class _Skewed(Spread):
    """A spread whose shift counts the third cumulant of single groups too."""

    def shift(self, form: Array) -> Array:
        K, variance = self.single.shape[-2], self.of(form, form)
        cubes = (np.einsum("...ki,...i->...k", self.single, form) ** 3).sum(-1) * K**2 / ((K - 1) * (K - 2))
        moved = super().shift(form) + (2 * self.t**2 + 1) / 6 * cubes / variance
        return np.asarray(np.clip(moved, -np.sqrt(variance), np.sqrt(variance)))


def with_skewness(name: str, draws: Draws) -> Ends:
    """The same with the skewness of the groups (Johnson, 1978), which is estimated from as few as there are."""
    spread = draws.spread
    return shifted(name, replace(draws, spread=_Skewed(spread.covariance, spread.single, spread.pairs, spread.t)))


def normal(name: str, draws: Draws) -> Ends:
    """As unshifted, with the quantile of the normal distribution."""
    return unshifted(name, replace(draws, spread=replace(draws.spread, t=float(stats.norm.ppf((1 + LEVEL) / 2)))))


def unbiased_variance(name: str, draws: Draws) -> Ends | None:
    """Student's interval with the jackknife's variance less all of what it has too much, at most half; of linear functions."""
    if MEASURED[name].over is not None:
        return None
    form, K = FORMS[name][0], len(draws.sums.sizes)
    jackknife = draws.spread.of(form, form)
    pairs = np.einsum("a,...ajk->...jk", form[3:], draws.spread.pairs)
    error = np.sqrt(np.maximum(jackknife - 2 * K / (K - 3) * (pairs**2).sum((-2, -1)), jackknife / 2))
    value = draws.basics @ form
    return value - draws.spread.t * error, value + draws.spread.t * error


def jackknife(name: str, draws: Draws, scale: Callable[[Array], Array] = np.asarray, back: Callable[[Array], Array] = np.asarray) -> Ends:
    """Student's interval with the jackknife of the quantity itself, on a scale; everything where that is not finite."""
    K, rest = len(draws.sums.sizes), 1.0 if draws.population is None else 1 - draws.sums.examples / draws.population
    with np.errstate(all="ignore"):
        value, without = scale(_of(name, draws.basics)), scale(_of(name, draws.sums.basics_without_each(draws.population)))
        error = np.sqrt(rest * (K - 1) / K * ((without - without.mean(-1, keepdims=True)) ** 2).sum(-1))
        known = np.isfinite(value) & np.isfinite(error)
        reach = np.where(known, draws.spread.t * error, np.inf)
        value = np.where(known, value, 0)
        return back(value - reach), back(value + reach)


def log_jackknife(name: str, draws: Draws) -> Ends | None:
    """The same for logarithms, of what is never negative."""
    return None if name in ("c", "critical_batch", "beyond") else jackknife(name, draws, np.log, np.exp)


def bootstrap(name: str, draws: Draws) -> Ends:
    """The percentiles of resampled groups."""
    K, generator = len(draws.sums.sizes), np.random.default_rng(0)
    counts = generator.multinomial(K, np.full(K, 1 / K), size=RESAMPLES).astype(np.float64)
    squares = counts @ draws.sums.squares
    products = np.einsum("bj,...ajk,bk->...ba", counts, draws.sums.products, counts, optimize=True)
    again = GroupSums(draws.sums.sizes, squares[..., None, :], products[..., None, None])
    ends = [50 * (1 - LEVEL), 50 * (1 + LEVEL)]
    low, high = np.percentile(_of(name, again.basics(draws.population)), ends, axis=-1, method="inverted_cdf")
    return low, high


CHOSEN = "shifted"
RULES: Mapping[str, Callable[[str, Draws], Ends | None]] = {
    CHOSEN: shifted,
    "with skewness": with_skewness,
    "unshifted": unshifted,
    "normal": normal,
    "unbiased variance": unbiased_variance,
    "jackknife": jackknife,
    "log jackknife": log_jackknife,
    "bootstrap": bootstrap,
}


# --- the record


def run(config: Mapping[str, Any]) -> pd.DataFrame:
    """One row for each way of drawing, rule and quantity: how many of ``trials`` intervals cover the ``truth``, and how wide they are.

    ``kurtosis`` is that of the ‖g_i‖², 3 for a normal distribution; ``half_width`` the median, relative to the truth.
    """
    g, g_hat = gradients(config)
    population = Population.of(g, g_hat)
    rows = [*_designs(population, config), *_sketched(population, g, g_hat, config), *_until(population, config)]
    of_all = {"network": config["network"], "epoch": config["epoch"], "kurtosis": float(stats.kurtosis((g**2).sum(1), fisher=False))}
    return pd.DataFrame([of_all | row for row in rows])


def _designs(population: Population, config: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """128, 256 and 512 examples in groups of 16 or 32; by all rules where 256 are drawn independently in 16 groups."""
    for replacement, sampling, total in ((True, "independent", None), (False, "without replacement", config["population"])):
        sums = population.draws(groups=32, size=16, trials=config["trials"], seed=config["seed"], replacement=replacement)
        for part in (some(sums, 8), some(sums, 16), sums, paired(sums)):
            draws = Draws.of(part, total)
            about = {"sampling": sampling, "examples": part.examples, "groups": len(part.sizes)}
            rules = RULES if replacement and part.examples == 256 else {CHOSEN: shifted}
            for rule, interval in rules.items():
                yield from (about | {"rule": rule} | row for row in _coverage(population, draws, interval))


def _sketched(population: Population, g: Tensor, g_hat: Tensor, config: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The same draws of 256 in 16 groups, with the products of different groups from sketches."""
    signs = torch.randint(2, g.shape[1:], generator=torch.Generator().manual_seed(config["seed"])) * 2 - 1
    how = {"groups": 16, "size": 16, "trials": config["trials"], "seed": config["seed"], "replacement": True}
    exact = population.draws(**how)
    own = np.eye(16, dtype=bool)
    for entries in (SKETCH, SMALL_SKETCH):
        size = min(entries, g.shape[1])
        sketched = Population.of(*(folded(vectors * signs, size) for vectors in (g, g_hat))).draws(**how)
        draws = Draws.of(replace(exact, products=np.where(own, exact.products, sketched.products)))
        draws = replace(draws, basics=exact.basics())
        about = {"sampling": "independent", "examples": 256, "groups": 16, "rule": f"sketch of {entries}"}
        yield from (about | row for row in _coverage(population, draws, shifted))


def _until(population: Population, config: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Drawing groups until δ and θ* are known to a relative half-width, or given up; then how often their intervals cover."""
    sums = population.draws(groups=UNTIL_GROUPS, size=UNTIL_SIZE, trials=UNTIL_TRIALS, seed=config["seed"], replacement=True)
    walks = {until: _Walk.of(UNTIL_TRIALS) for until in UNTIL}
    hardest = walks[min(UNTIL)]
    for groups in range(MIN_GROUPS, UNTIL_GROUPS + 1):
        going = np.flatnonzero(hardest.going)
        if not len(going):
            break
        draws = Draws.of(some(sums, groups, going))
        ends = {name: np.array(shifted(name, draws)) for name in _Walk.names}
        half_widths = [(high - low) / 2 / np.abs(_of(name, draws.basics)) for name, (low, high) in ends.items()]
        for until, walk in walks.items():
            walk.step(groups, going, ends, np.maximum(*half_widths) <= until)
    for until, walk in walks.items():
        groups_used, given_up = float(walk.groups.mean()), float(walk.going.mean())
        about = {"sampling": "independent", "examples": groups_used * UNTIL_SIZE, "groups": groups_used}
        about |= {"rule": f"until {until}", "given_up": given_up}
        yield from (about | _row(population, name, *walk.ends[name]) for name in walk.names)


@dataclass(frozen=True, eq=False)
class _Walk:
    """How far each trial has come: whether it goes on, its groups, and the ends of its intervals, ``(2, trials)``."""

    names = ("delta", "theta_star")
    going: NDArray[np.bool_]
    groups: NDArray[np.int64]
    ends: Mapping[str, Array]

    @classmethod
    def of(cls, trials: int) -> _Walk:
        return cls(np.ones(trials, dtype=bool), np.zeros(trials, dtype=np.int64), {name: np.empty((2, trials)) for name in cls.names})

    def step(self, groups: int, trials: NDArray[np.int64], ends: Mapping[str, Array], precise: NDArray[np.bool_]) -> None:
        still = self.going[trials]
        self.groups[trials[still]] = groups
        for name in self.names:
            self.ends[name][:, trials[still]] = ends[name][:, still]
        self.going[trials[still & precise]] = False


def _coverage(population: Population, draws: Draws, rule: Callable[[str, Draws], Ends | None]) -> Iterator[dict[str, Any]]:
    for name in MEASURED:
        ends = rule(name, draws)
        if ends is not None:
            yield _row(population, name, *ends)


def _row(population: Population, name: str, low: Array, high: Array) -> dict[str, Any]:
    truth = float(_of(name, population.basics))
    slack = 1e-9 * abs(truth)  # where truth and end are both clipped
    below, above = high < truth - slack, low > truth + slack
    return {
        "quantity": name,
        "truth": truth,
        "trials": len(low),
        "covered": int((~below & ~above).sum()),
        "too_low": int(below.sum()),
        "too_high": int(above.sum()),
        "unbounded": float(np.isinf(high - low).mean()),
        "half_width": float(np.median(high - low) / 2 / abs(truth)),
    }


# --- its tables

DOCUMENT = Path("docs/estimators.md")
BEGIN, END = "<!-- written by python -m empirics.coverage -->", "<!-- end -->"
INDEPENDENT, WITHOUT = "independent", "without replacement"


def tables(record: pd.DataFrame) -> str:
    """The record as Markdown: percentages of intervals that cover, each with its own 95 % interval (Wilson, 1927)."""
    chosen = record[record["rule"] == CHOSEN]
    designs = {
        f"{examples} in {groups}" + ("" if sampling == INDEPENDENT else ", w/o"): _design(chosen, sampling, examples, groups)
        for sampling, examples, groups in (
            *((INDEPENDENT, 128, 8), (INDEPENDENT, 256, 16), (INDEPENDENT, 512, 16), (INDEPENDENT, 512, 32)),
            *((WITHOUT, 256, 16), (WITHOUT, 512, 16), (WITHOUT, 512, 32)),
        )
    }
    same_draws = _design(record, INDEPENDENT, 256, 16)
    by_rule = {rule: same_draws[same_draws["rule"] == rule] for rule in RULES}
    populations = {f"{key[0]} {key[1]}": rows for key, rows in designs["512 in 32"].groupby(["network", "epoch"], sort=False)}
    parts = (
        ("Examples and groups (w/o: drawn without replacement)", _table("quantity", _quantities(designs, _pooled))),
        ("512 independent examples in 32 groups, by population (network and epoch)", _population_table(populations)),
        ("Rules, on the same draws of 256 in 16 groups", _table("quantity", _quantities(by_rule, _pooled))),
        (f"Drawing groups of {UNTIL_SIZE} until δ and θ* are known to a relative half-width", _until_table(record)),
        ("Sketches, on the same draws of 256 in 16 groups", _sketch_table(same_draws)),
    )
    return "\n\n".join(f"### {title}\n\n{body}" for title, body in parts)


def _design(rows: pd.DataFrame, sampling: str, examples: int, groups: int) -> pd.DataFrame:
    return rows[(rows["sampling"] == sampling) & (rows["examples"] == examples) & (rows["groups"] == groups)]


def _quantities(columns: Mapping[str, pd.DataFrame], cell: Callable[[pd.DataFrame], str]) -> dict[str, list[str]]:
    """By column, the cells of all quantities."""
    names = {"quantity": [f"`{name}`" for name in MEASURED]}
    return names | {title: [cell(rows[rows["quantity"] == name]) for name in MEASURED] for title, rows in columns.items()}


def _pooled(rows: pd.DataFrame) -> str:
    """Coverage in all rows together and, where there are several, its range over them."""
    if rows.empty:
        return ""
    covered, trials = int(rows["covered"].sum()), int(rows["trials"].sum())
    ends = stats.binomtest(covered, trials).proportion_ci(LEVEL, method="wilson")
    pooled = f"{100 * covered / trials:.1f} ± {50 * (ends.high - ends.low):.1f}"
    each = 100 * rows["covered"] / rows["trials"]
    return pooled if len(rows) == 1 else f"{pooled} ({each.min():.1f}-{each.max():.1f})"


def _population_table(populations: Mapping[str, pd.DataFrame]) -> str:
    columns = _quantities(populations, _pooled)
    first = ["kurtosis of ‖g_i‖²", *(f"{rows['kurtosis'].iloc[0]:.1f}" for rows in populations.values())]
    return _table("quantity", {title: [cell, *cells] for cell, (title, cells) in zip(first, columns.items(), strict=True)})


def _until_table(record: pd.DataFrame) -> str:
    columns: dict[str, list[str]] = {"population": [], "until": [], "examples": [], "given up": [], "`delta`": [], "`theta_star`": []}
    until = record[record["rule"].str.startswith("until")].assign(population=lambda rows: rows["network"] + " " + rows["epoch"].astype(str))
    for (population, rule), rows in pd.concat((until, until.assign(population="all"))).groupby(["population", "rule"], sort=False):
        cells = (str(population), str(rule).split()[1], f"{rows['examples'].mean():.0f}", f"{100 * rows['given_up'].mean():.0f} %")
        coverages = (_pooled(rows[rows["quantity"] == name]) for name in _Walk.names)
        for column, value in zip(columns.values(), (*cells, *coverages), strict=True):
            column.append(value)
    return _table("population", columns)


def _sketch_table(rows: pd.DataFrame) -> str:
    exact = rows[rows["rule"] == CHOSEN]
    sketched = {rule: rows[rows["rule"] == rule] for rule in rows["rule"].unique() if rule.startswith("sketch")}
    widths = {f"width, {rule}": [f"{_width_ratio(table, exact, name):.3f}" for name in MEASURED] for rule, table in sketched.items()}
    return _table("quantity", _quantities({"exact": exact} | sketched, _pooled) | widths)


def _width_ratio(rows: pd.DataFrame, exact: pd.DataFrame, name: str) -> float:
    """Of median half-widths, the median over the populations where they are bounded."""
    widths, exact_widths = (table[table["quantity"] == name]["half_width"].to_numpy() for table in (rows, exact))
    bounded = np.isfinite(widths) & np.isfinite(exact_widths)
    return float(np.median(widths[bounded] / exact_widths[bounded]))


def _table(first: str, columns: Mapping[str, list[str]]) -> str:
    titles = [first, *(title for title in columns if title != first)]
    return markdown.table(titles, zip(*(columns[title] for title in titles), strict=True))


def with_tables(document: str, record: pd.DataFrame) -> str:
    """The document with the tables of this record. Raises ValueError where it has no place for them."""
    before, after = markdown.around(document, BEGIN, END)
    return f"{before}{tables(record)}{after}"


if __name__ == "__main__":
    found = records.read(records.FOLDER / "coverage.parquet").table
    DOCUMENT.write_text(with_tables(DOCUMENT.read_text(encoding="utf-8"), found), encoding="utf-8")
