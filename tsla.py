"""The front door of tsla: ``import tsla`` for Python, ``tsla`` on the command line.

A layer is imported only when something of it is asked for, so that ``tsla bound`` starts about as fast as NumPy does.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from theory.biased import SmoothingOracle
    from theory.constants import Constants

# name -> "module" or "module:attribute", resolved on first use (PEP 562). `tsla.two_stage` is theory/tsla.py, whose name is taken.
_EXPORTS = {
    "Bound": "theory.bound:Bound",
    "Constants": "theory.constants:Constants",
    "Oracle": "empirics.oracles:Oracle",
    "Plan": "theory.plan:Plan",
    "Stage": "theory.plan:Stage",
    "compare": "theory.complexity:compare",
    "gradient_moments": "empirics.moments:gradient_moments",
    "lsr": "theory.lsr",
    "problems": "empirics.problems",
    "sgd": "theory.sgd",
    "sgd_pl": "theory.sgd_pl",
    "shrinkage": "theory.shrinkage",
    "simulate": "empirics.sgd:simulate",
    "smoothing": "theory.smoothing",
    "two_stage": "theory.tsla",
    "variance": "theory.variance",
}
__all__ = list(_EXPORTS)


def __getattr__(name: str) -> Any:
    if name not in _EXPORTS:
        raise AttributeError(f"module 'tsla' has no attribute {name!r}")
    module, _, attribute = _EXPORTS[name].partition(":")
    found = import_module(module)
    return getattr(found, attribute) if attribute else found


def __dir__() -> list[str]:
    return sorted(__all__)


OPTIONS = {
    "L": "smoothness of F (A1)",
    "mu": "Polyak-Łojasiewicz constant (A4), at most L",
    "sigma2": "variance of the one-hot stochastic gradient (A2)",
    "delta": "E‖ĝ-∇F‖² <= delta*sigma2 (A3)",
    "F0": "F(w_0), at least F(w_0) - F*",
    "eta": "step size, at most 1/L",
    "T": "number of steps",
    "eta1": "step size of the smoothed stage, at most 1/L",
    "T1": "steps of the smoothed stage",
    "eta2": "step size of the plain stage, at most 1/L",
    "T2": "steps of the plain stage",
    "theta": "smoothing strength in [0, 1] (default: the paper's 1/(1+delta))",
    "eps": "target: E‖∇F‖² <= eps²",
    "s2": "E‖g-∇F‖²",
    "shat2": "E‖ĝ-∇F‖²",
    "c": "E⟨g-∇F, ĝ-∇F⟩ (with beta2 and nu2: 0 if left out)",
    "grad2": "‖∇F‖², for the shrinkage control (C17)",
    "beta2": "‖Eĝ-∇F‖² <= beta2, the squared bias of ĝ (C12)",
    "nu2": "E‖ĝ-Eĝ‖² <= nu2, the noise of ĝ (C12)",
    "budget": "samples that may be spent",
}
CONSTANTS = ("L", "mu", "sigma2", "delta", "F0")
BOUNDS = {  # method -> required and optional options
    "sgd": ("L sigma2 F0 eta T", ""),
    "lsr": ("L sigma2 F0 eta T", "delta theta beta2 nu2 c mu"),
    "tsla": ("L mu sigma2 delta F0 eta1 T1 eta2 T2", "theta"),
}
STEPS = {
    "sgd": "L sigma2 F0 eps",
    "sgd-exact": "L sigma2 F0 eps",
    "lsr": "L sigma2 delta F0 eps",
    "tsla": "L mu sigma2 delta F0 eps",
    "sgd-pl": "L mu sigma2 F0 eps",
    "sgd-pl-last": "L mu sigma2 F0 eps",
    "sgd-two-step": "L mu sigma2 F0 eps",
    "lsr-pl": "L mu sigma2 delta F0 eps",
}
RECORDS, BUILD = Path("records"), Path("build")


class _Parser(argparse.ArgumentParser):
    """argparse whose refusals are one line with exit code 2, and which takes no abbreviated options."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_abbrev=False, **kwargs)

    def error(self, message: str) -> NoReturn:
        if message.endswith("expected one argument"):
            message = message.replace("expected one argument", "a value must follow it")
        self.exit(2, f"{self.prog}: {message}\n")

    def option_names(self) -> str:
        return " ".join(sorted(name for name in self._option_string_actions if name.startswith("--")))


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code. Bad input ends in one line on standard error and exit code 2."""
    given = sys.argv[1:] if argv is None else argv
    args, unknown = _parser().parse_known_args(_join_negative_values(given))
    parser: _Parser = args.parser
    if unknown:
        parser.error(f"unknown argument {unknown[0]}; allowed: {parser.option_names()}")
    missing = [f"--{name}" for name in args.needed if getattr(args, name) is None]
    if missing:
        parser.error(f"the following arguments are required: {', '.join(missing)}")
    try:
        return int(args.run(args) or 0)
    except (ValueError, OSError) as error:
        parser.error(str(error))


def _join_negative_values(argv: Sequence[str]) -> list[str]:
    """``--c -1e-3`` as ``--c=-1e-3``: argparse takes a negative number with an exponent, or -inf, for an option."""
    joined: list[str] = []
    for word in argv:
        negative = word.startswith("-") and not word.startswith("--") and word != "-h"
        if negative and joined and joined[-1].startswith("--") and "=" not in joined[-1]:
            joined[-1] += f"={word}"
        else:
            joined.append(word)
    return joined


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None


def _command(commands: Any, name: str, run: Callable[[argparse.Namespace], int | None], about: str) -> _Parser:
    parser: _Parser = commands.add_parser(name, help=about, description=about)
    parser.set_defaults(run=run, parser=parser, needed=())
    return parser


def _numbers(parser: _Parser, required: str, optional: str = "") -> None:
    """Options for numbers. ``main`` asks for the required ones itself, after it has refused unknown ones: a misspelt option is both."""
    parser.set_defaults(needed=required.split())
    for name in required.split() + optional.split():
        parser.add_argument(
            f"--{name}", type=_number, metavar="X", help=OPTIONS[name] + (" (required)" if name in required.split() else "")
        )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def _parser() -> _Parser:
    parser = _Parser(prog="tsla", description="When does label smoothing help optimisation, how much, and when should it be dropped?")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    bounds = commands.add_parser("bound", help="evaluate a bound (C4, C5, C8)").add_subparsers(required=True, metavar="METHOD")
    for method, (required, optional) in BOUNDS.items():
        leaf = _command(bounds, method, _bound, f"the bound of {method} and its terms")
        leaf.set_defaults(method=method)
        _numbers(leaf, required, optional)
        leaf.add_argument("--why", action="store_true", help="the derivation, line by line, with these numbers")
        if method == "sgd":
            leaf.add_argument("--exact", action="store_true", help="the exact worst case (C16) in place of C4; eta may be up to 2/L")

    steps = commands.add_parser("steps", help="samples that a bound asks for").add_subparsers(required=True, metavar="METHOD")
    for method, required in STEPS.items():
        leaf = _command(steps, method, _steps, f"samples until {method} has E‖∇F‖² <= eps², by its bound")
        leaf.set_defaults(method=method)
        _numbers(leaf, required, " ".join(name for name in CONSTANTS if name not in required.split()))

    _numbers(_command(commands, "compare", _compare, "all methods side by side"), "L mu sigma2 delta F0 eps", "beta2 nu2 c")
    about = "a budget of samples -> the best eps of each method; or a target eps -> the largest delta at which smoothing pays"
    _numbers(_command(commands, "invert", _invert, about), "L mu sigma2 F0", "delta budget eps")
    _numbers(_command(commands, "anneal", _anneal, "the theta that suits a step size (C12)"), "L sigma2 beta2 nu2 eta", "c")
    about = "the batch size from which on smoothing no longer lowers the variance; with L and eta, the bound (C14)"
    _numbers(_command(commands, "critical-batch", _critical_batch, about), "sigma2 beta2 nu2", "c theta L eta")
    _numbers(
        _command(commands, "variance", _variance, "variance of the smoothed direction: give sigma2 and delta, or s2, shat2 and c"),
        "",
        "sigma2 delta s2 shat2 c grad2 theta",
    )
    _add_runs(commands)
    return parser


def _add_runs(commands: Any) -> None:
    simulate = _command(commands, "simulate", _simulate, "run a bound's own plan on a test problem")
    simulate.add_argument("--problem", required=True, help="a module of empirics/problems")
    simulate.add_argument("--method", required=True, choices=STEPS, help="whose plan to run")
    simulate.add_argument("--seeds", type=_whole, default=100, help="number of independent replicas (default 100)")
    simulate.add_argument("--seed", type=_whole, default=0, help="seed of the whole run (default 0)")
    _numbers(simulate, "eps", "sigma2 delta")
    simulate.set_defaults(sigma2=1.0, delta=0.1)

    train = _command(commands, "train", _train, "train the ResNet on digits once, measuring gradient moments")
    train.add_argument("--method", required=True, help="sgd, lsr, tsla, or a control: shrink, shrink-tsla")
    for name in ("seed", "epochs", "drop"):
        train.add_argument(f"--{name}", type=_whole, default=argparse.SUPPRESS)
    for name in ("eta", "theta", "label-noise"):
        train.add_argument(f"--{name}", type=_number, default=argparse.SUPPRESS)
    train.add_argument("--out", type=Path, help="write the record to this Parquet file")

    make = _command(commands, "records", _records, "run experiments and write their records")
    make.add_argument("name", nargs="*", help="experiments (default: those of the report)")
    figures = _command(commands, "figures", _figures, "redraw every figure from the records")
    figures.add_argument("--out", type=Path, default=BUILD / "figures", help=f"folder (default {BUILD / 'figures'})")
    _command(commands, "certify", _certify, "run every certificate (extra certify), write its record, and print one row a claim")
    check = _command(commands, "check", _check, "rerun the evidence and write paper_checks.md; with a claim, print its row")
    check.add_argument("claim", nargs="?", help="a claim, such as C5")
    _command(commands, "report", _report, "everything: runs, checks, figures, and one HTML page")


def _constants(args: argparse.Namespace) -> Constants:
    from theory.constants import Constants

    given: dict[str, Any] = {name: getattr(args, name, None) for name in CONSTANTS}
    return Constants(**given)


def _print(args: argparse.Namespace, as_json: Callable[[], dict[str, Any]], as_table: Callable[[], str]) -> None:
    print(json.dumps(as_json(), ensure_ascii=False) if args.json else as_table())


def _oracle(args: argparse.Namespace) -> SmoothingOracle | None:
    """The oracle of --beta2 --nu2 [--c]; None where none of them is given."""
    from theory.biased import SmoothingOracle

    given = [name for name in ("beta2", "nu2", "c") if getattr(args, name) is not None]
    if not given:
        return None
    if args.beta2 is None or args.nu2 is None:
        raise ValueError(
            f"got --{given[0]} without {'--nu2' if args.nu2 is None else '--beta2'}; bias and noise go together: --beta2 --nu2 [--c]"
        )
    return SmoothingOracle(beta2=args.beta2, nu2=args.nu2, c=args.c or 0.0)


def _bound(args: argparse.Namespace) -> None:
    from theory import tables

    run = {name: getattr(args, name) for name in ("eta", "T", "eta1", "T1", "eta2", "T2", "theta") if hasattr(args, name)}
    known = _constants(args)
    function, *given = _bound_function(args, known)
    bound = function(*given, **run)
    lines = []
    if args.why:
        from theory.derivations import DERIVATIONS

        lines = DERIVATIONS[bound.claim](*given, **run)
    _print(
        args,
        lambda: tables.bound_json(bound) | ({"derivation": lines} if lines else {}),
        lambda: "\n".join([tables.bound_table(bound), *(f"  {i}. {line}" for i, line in enumerate(lines, 1))]),
    )


def _bound_function(args: argparse.Namespace, known: Constants) -> tuple[Any, ...]:
    """The bound that the options ask for, and what it takes before the numbers of the run."""
    from theory import biased, lsr, sgd, tsla, worst_case

    if args.method == "sgd":
        return (worst_case.sgd_bound if args.exact else sgd.bound), known
    if args.method == "tsla":
        return tsla.bound, known
    oracle = _oracle(args)
    if oracle is None:
        if args.mu is not None:
            raise ValueError(f"mu = {args.mu:g} has no use with --delta; it goes with --beta2 --nu2 (C12)")
        if args.delta is None:
            raise ValueError("the following arguments are required: --delta (C5), or --beta2 --nu2 (C12)")
        return lsr.bound, known
    if args.delta is not None:
        raise ValueError(f"delta = {args.delta:g} goes without --beta2 and --nu2: delta*sigma2 is their sum")
    return (biased.bound if args.mu is None else biased.gap_bound), known, oracle


def _steps(args: argparse.Namespace) -> None:
    from theory import tables
    from theory.methods import METHODS

    plan = METHODS[args.method](_constants(args), eps=args.eps)
    _print(args, lambda: tables.plan_json(plan), lambda: tables.plan_table(plan, args.eps))


def _compare(args: argparse.Namespace) -> None:
    from theory import complexity, tables

    comparison = complexity.compare(_constants(args), eps=args.eps, oracle=_oracle(args))
    _print(args, lambda: tables.comparison_json(comparison), lambda: tables.comparison_table(comparison, args.eps))


def _invert(args: argparse.Namespace) -> None:
    from theory import inversion, tables

    if args.budget is not None and args.delta is not None and args.eps is None:
        best = inversion.best_eps(_constants(args), budget=args.budget)
        _print(args, lambda: {"budget": args.budget, "eps": best}, lambda: tables.best_eps_table(best, args.budget))
    elif args.eps is not None and args.budget is None and args.delta is None:
        largest = inversion.crossovers(_constants(args), eps=args.eps)
        _print(args, lambda: tables.crossovers_json(largest, args.eps), lambda: tables.crossovers_table(largest, args.eps))
    else:
        raise ValueError("give --budget and --delta for the best eps of each method, or --eps alone for the largest delta that pays")


def _anneal(args: argparse.Namespace) -> None:
    from theory import annealing

    theta = float(annealing.best_theta(args.sigma2, beta2=args.beta2, nu2=args.nu2, c=args.c or 0.0, L=args.L, eta=args.eta))
    _print(args, lambda: {"theta": theta}, lambda: f"theta°(eta) = {theta:.6g}   (C12; it goes to 0 with eta)")


def _critical_batch(args: argparse.Namespace) -> None:
    from theory import minibatch, tables
    from theory.biased import SmoothingOracle

    oracle = SmoothingOracle(beta2=args.beta2, nu2=args.nu2, c=args.c or 0.0)
    theta = 1.0 if args.theta is None else args.theta
    if (args.L is None) != (args.eta is None):
        raise ValueError("L and eta go together: with both, the batch size for the bound at that step size; without, for the variance")
    if args.eta is None:
        size = float(minibatch.critical_batch_size(args.sigma2, oracle, theta))
    else:
        size = float(minibatch.critical_batch_size_for_step(args.sigma2, oracle, L=args.L, eta=args.eta, theta=theta))
    _print(args, lambda: tables.critical_batch_json(size), lambda: tables.critical_batch_table(size, theta))


def _variance(args: argparse.Namespace) -> None:
    from theory import tables, variance

    given = {name for name in ("sigma2", "delta", "s2", "shat2", "c", "grad2") if getattr(args, name) is not None}
    if given == {"sigma2", "delta"}:
        found = variance.from_bounds(sigma2=args.sigma2, delta=args.delta, theta=args.theta)
        plain, smoothed = args.sigma2, args.sigma2 * args.delta
    elif given - {"grad2"} == {"s2", "shat2", "c"}:
        found = variance.from_moments(s2=args.s2, shat2=args.shat2, c=args.c, grad2=args.grad2, theta=args.theta)
        plain, smoothed = args.s2, args.shat2
    else:
        raise ValueError(
            f"got {' '.join(f'--{name}' for name in sorted(given)) or 'nothing'}; give --sigma2 --delta, or --s2 --shat2 --c [--grad2]"
        )
    _print(args, lambda: tables.variance_json(found), lambda: tables.variance_table(found, plain, smoothed))


def _simulate(args: argparse.Namespace) -> None:
    from empirics import synthetic

    result = synthetic.beside_bound(
        args.problem, args.method, eps=args.eps, sigma2=args.sigma2, delta=args.delta, replicas=args.seeds, seed=args.seed
    )
    _print(args, lambda: result, lambda: "\n".join(f"  {name:14} {value}" for name, value in result.items()))


def _train(args: argparse.Namespace) -> None:
    from dataclasses import asdict

    import pandas as pd

    from empirics import records
    from empirics.progress import Progress
    from empirics.training import TrainingConfig, train

    given = {name: value for name, value in vars(args).items() if name in TrainingConfig.__dataclass_fields__}
    if "epochs" in given:  # the defaults of a shorter run
        given.setdefault("drop", min(TrainingConfig.drop, given["epochs"]))
        given["measure_at"] = tuple(epoch for epoch in TrainingConfig.measure_at if epoch <= given["epochs"])
    config = TrainingConfig(**{"seed": 0} | given)
    rows = []
    with Progress("train", total=config.epochs + 1) as progress:
        for row in train(config):
            rows.append(row)
            progress.advance(f"epoch {row['epoch']}, test accuracy {row['test_accuracy']:.3f}")
    table = pd.DataFrame(rows)
    print(table.to_string(index=False, float_format="%.4g"))
    if args.out is not None:
        options = " ".join(f"--{name.replace('_', '-')} {value}" for name, value in asdict(config).items() if hasattr(args, name))
        records.write(args.out, table, asdict(config), f"tsla train {options}")


def _records(args: argparse.Namespace) -> None:
    from empirics.experiments import EXPERIMENTS
    from empirics.runs import make_records

    names = args.name or [name for name, experiment in EXPERIMENTS.items() if experiment.in_report]
    for path in make_records(names, out=RECORDS, build=BUILD / "runs"):
        print(path)


def _figures(args: argparse.Namespace) -> None:
    from figures.drawing import draw_all

    for path in draw_all(RECORDS, args.out):
        print(path)


def _certify(_: argparse.Namespace) -> int:
    from figures import checking

    _records(argparse.Namespace(name=["certificates"]))
    failed = checking.write_paper_checks(BUILD)
    print(checking.summary(BUILD))
    return failed


def _check(args: argparse.Namespace) -> int:
    from figures import checking

    if args.claim is None:
        return checking.write_paper_checks(BUILD)
    return checking.print_row(args.claim, BUILD)


def _report(args: argparse.Namespace) -> int:
    from figures import checking, drawing, report

    _records(argparse.Namespace(name=[]))
    failed = checking.write_paper_checks(BUILD)
    drawn = drawing.draw_all(RECORDS, BUILD / "report" / "figures")
    print(report.write(RECORDS, drawn, checking.read(BUILD), BUILD / "report" / "index.html"))
    return failed


if __name__ == "__main__":
    sys.exit(main())
