"""The command line: what can be asked, and who answers.

A layer is imported only when something of it is asked for, so that ``tsla bound`` starts about as fast as NumPy does.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from tsla.extras import MissingExtraError, needing
from tsla.streams import unfailing


def _resolve(where: str) -> Any:
    """What "module:attribute" names, imported now."""
    module, _, attribute = where.partition(":")
    return getattr(import_module(module), attribute)


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
    "theta": "smoothing strength in [0, 1]; if left out, 1/(1+delta), with beta2 and nu2 the best for eta, for critical-batch 1",
    "eps": "target: E‖∇F‖² <= eps²",
    "s2": "E‖g-∇F‖²",
    "shat2": "E‖ĝ-∇F‖²",
    "c": "E⟨g-∇F, ĝ-∇F⟩ (with beta2 and nu2: 0 if left out)",
    "grad2": "‖∇F‖², for the shrinkage control (C17)",
    "beta2": "‖Eĝ-∇F‖² <= beta2, the squared bias of ĝ (C12)",
    "nu2": "E‖ĝ-Eĝ‖² <= nu2, the noise of ĝ (C12)",
    "budget": "samples that may be spent",
    "effect": "smallest difference worth finding, in units of the column; if left out, the pilot's own mean",
    "level": "level of the two-sided paired t-test (default 0.05)",
    "power": "probability of finding the effect (default 0.8)",
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


class _Version(argparse.Action):
    """Prints the version of the installed package, which takes an import that no other command needs."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> NoReturn:
        print(f"tsla {_resolve('importlib.metadata:version')('tsla')}")
        parser.exit()


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code.

    Bad input, a missing extra, and a file or standard output that can't be written end in one line on standard error and exit code 2. A
    closed pipe ends nothing: the command goes on in silence, and has the exit code that it would have had.
    """
    try:
        with unfailing():
            return _answer(sys.argv[1:] if argv is None else argv)
    except OSError as error:
        _Parser(prog="tsla").error(f"standard output can't be written: {error.strerror}")


def _answer(given: Sequence[str]) -> int:
    args, unknown = _parser().parse_known_args(_join_negative_values(given))
    parser: _Parser = args.parser
    if unknown:
        parser.error(f"unknown argument {unknown[0]}; allowed: {parser.option_names()}")
    if not args.run:
        parser.print_help()
        return 0
    missing = [f"--{name}" for name in args.needed if getattr(args, name) is None]
    if missing:
        parser.error(f"the following arguments are required: {', '.join(missing)}")
    if args.checkout and not Path(args.checkout).is_dir():  # said first, whatever else is missing and however long it would run
        parser.error(f"{args.checkout}/ is not here; `tsla {args.command}` needs it: call it in a checkout of the repository")
    try:
        with needing(args.extra):
            codes = [_resolve(function)(args) for function in args.run.split()]
        return max(int(code or 0) for code in codes)
    except (ValueError, OSError, MemoryError, MissingExtraError) as error:
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
        return float(text) + 0.0  # -0.0 is 0
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None


def _size(text: str) -> int | str:
    """A number of examples; "all" stands for itself."""
    return text if text == "all" else _whole(text)


def _epochs(text: str) -> tuple[int, ...]:
    return tuple(map(_whole, text.split(","))) if text else ()


def _command(commands: Any, name: str, run: str, about: str, *, extra: str = "", checkout: str = "") -> _Parser:
    """A subcommand, answered by ``run``: one or more "module:function", imported when it is called and called in turn.

    ``extra`` and ``checkout``, a folder that a checkout of the repository has, are what it needs, if anything.
    """
    parser: _Parser = commands.add_parser(name, help=about, description=f"{about} (extra {extra})" if extra else about)
    parser.set_defaults(run=run, parser=parser, needed=(), extra=extra, checkout=checkout)
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
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    parser.set_defaults(run="", parser=parser)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")

    bounds = commands.add_parser("bound", help="evaluate a bound (C4, C5, C8, C12, C16)").add_subparsers(required=True, metavar="METHOD")
    for method, (required, optional) in BOUNDS.items():
        leaf = _command(bounds, method, "tsla.theory.commands:bound", f"the bound of {method} and its terms")
        leaf.set_defaults(method=method)
        _numbers(leaf, required, optional)
        leaf.add_argument("--why", action="store_true", help="the derivation, line by line, with these numbers")
        if method == "sgd":
            leaf.add_argument("--exact", action="store_true", help="the exact worst case (C16) in place of C4; eta may be up to 2/L")

    steps = commands.add_parser("steps", help="samples that a bound asks for").add_subparsers(required=True, metavar="METHOD")
    for method, required in STEPS.items():
        leaf = _command(steps, method, "tsla.theory.commands:steps", f"samples until {method} has E‖∇F‖² <= eps², by its bound")
        leaf.set_defaults(method=method)
        _numbers(leaf, required, " ".join(name for name in CONSTANTS if name not in required.split()))

    _numbers(
        _command(commands, "compare", "tsla.theory.commands:compare", "all methods side by side"), "L mu sigma2 delta F0 eps", "beta2 nu2 c"
    )
    about = "a budget of samples -> the best eps of each method; or a target eps -> the largest delta at which smoothing pays"
    _numbers(_command(commands, "invert", "tsla.theory.commands:invert", about), "L mu sigma2 F0", "delta budget eps")
    _numbers(
        _command(commands, "anneal", "tsla.theory.commands:anneal", "the theta that suits a step size (C12)"), "L sigma2 beta2 nu2 eta", "c"
    )
    about = "the batch size from which on smoothing no longer lowers the variance; with L and eta, the bound (C14)"
    _numbers(_command(commands, "critical-batch", "tsla.theory.commands:critical_batch", about), "sigma2 beta2 nu2", "c theta L eta")
    _numbers(
        _command(
            commands,
            "variance",
            "tsla.theory.commands:variance",
            "variance of the smoothed direction: give sigma2 and delta, or s2, shat2 and c",
        ),
        "",
        "sigma2 delta s2 shat2 c grad2 theta",
    )
    _add_runs(commands)
    _add_plan(commands)
    _add_sweep(commands)
    return parser


def _add_runs(commands: Any) -> None:
    about = "run a bound's own plan on a test problem"
    simulate = _command(commands, "simulate", "tsla.empirics.commands.simulate:simulate", about, extra="runs")
    simulate.add_argument("--problem", required=True, help="a module of empirics/problems")
    simulate.add_argument("--method", required=True, choices=STEPS, help="whose plan to run")
    simulate.add_argument("--seeds", type=_whole, default=100, help="number of independent replicas (default 100)")
    simulate.add_argument("--seed", type=_whole, default=0, help="seed of the whole run (default 0)")
    simulate.add_argument("--T", type=_whole, metavar="N", help="number of steps, in place of --eps: for the smallest eps that they reach")
    simulate.add_argument("--out", type=Path, help="write the checkpoints, and what holds there of the assumptions, to this Parquet file")
    simulate.add_argument("--state", type=Path, help="a file that keeps where the run is: a killed one goes on there, to the same numbers")
    _numbers(simulate, "", "eps sigma2 delta")
    simulate.set_defaults(sigma2=1.0, delta=0.1)

    about = "seeds and steps that it takes to tell two methods apart, from a pilot record"
    power = _command(commands, "power", "tsla.empirics.commands.power:power", about, extra="runs")
    power.add_argument("record", type=Path, metavar="RECORD", help="a Parquet record, such as records/digits.parquet")
    power.add_argument("--a", help="a method of the record, or a column; with --b")
    power.add_argument("--b", help="what is subtracted from it, seed by seed")
    power.add_argument("--column", help="what is compared; without --a and --b, a column of differences")
    power.add_argument("--where", action="append", default=[], metavar="NAME=VALUE", help="keep these rows only; may be given again")
    power.add_argument("--seeds", type=_whole, help="seeds that can be afforded: the first checkpoint at which they are enough")
    _numbers(power, "", "effect level power")
    power.set_defaults(level=0.05, power=0.8)

    _add_train(commands)
    _add_measure(commands)

    make = _command(
        commands,
        "records",
        "tsla.empirics.commands.records:records",
        "run experiments and write their records, or check those there are",
        extra="torch",
        checkout="records",
    )
    make.add_argument("name", nargs="*", help="experiments (default: those of the report; with --check all that have a record)")
    about = "write nothing: look for changed numbers and other configurations, and run a part of each again"
    make.add_argument("--check", action="store_true", help=about)
    figures = _command(
        commands, "figures", "tsla.figures.commands:figures", "redraw every figure from the records", extra="figures", checkout="records"
    )
    figures.add_argument("--out", type=Path, default=Path("build/figures"), help="folder (default build/figures)")
    about = "run every certificate, write their record, and print one row a claim and what failed (then exit code 1)"
    _command(
        commands, "certify", "tsla.empirics.commands.records:certify tsla.figures.commands:certify", about, extra="all", checkout="records"
    )
    about = "rerun the evidence, write it to records/evidence.json, and paper_checks.md from it; with a claim, print its row"
    check = _command(commands, "check", "tsla.figures.commands:check", about, extra="all", checkout="tests")
    check.add_argument("claim", nargs="?", help="a claim, such as C5")
    about = "one HTML page: the records drawn and checked, one seed of each arm trained again, each method's plan run"
    steps = ("tsla.figures.commands:begin_report", "tsla.empirics.commands.report:report", "tsla.figures.commands:report")
    _command(commands, "report", " ".join(steps), about, extra="all", checkout="records")


TRAINING = {  # options of `tsla train`: their kind, and what they say; a kind of None is a switch
    "method": (str, "sgd, lsr, tsla, annealed, adaptive, or a control: shrink, shrink-tsla"),
    "seed": (_whole, "of split, label noise, initial weights and batches; 0"),
    "epochs": (_whole, "20"),
    "eta": (_number, "step size; 0.1"),
    "theta": (_number, "smoothing strength; 0.3"),
    "drop": (_whole, "the epoch from which tsla does not smooth; half of the epochs"),
    "smoothing": (str, "uniform, prior, own or own-hard; uniform"),
    "data": (str, "digits, mnist, fashion-mnist, cifar10, cifar100, cub200, dogs or folder; digits"),
    "folder": (str, "where the files of the data are"),
    "train-size": (_size, "training examples, or all; 1000"),
    "test-size": (_size, "test examples, or all; all"),
    "pool": (_whole, "means over squares of so many pixels a side; 1"),
    "label-noise": (_number, "fraction of wrong labels; 0.2"),
    "augment": (None, "random crops and reflections"),
    "model": (str, "mlp, resnet8, resnet18, resnet20, resnet32, resnet34, resnet50 or resnet56; resnet8"),
    "norm": (str, "group or batch; group"),
    "batch-size": (_whole, "16"),
    "momentum": (_number, "0"),
    "weight-decay": (_number, "0"),
    "warmup": (_whole, "epochs in which the step size rises; 0"),
    "rates": (str, "constant, step or cosine; constant"),
    "measure-at": (_epochs, "epochs before which moments are measured, such as 0,5,20; 0,1,2,5,10,20"),
    "measured-examples": (_size, "training examples to measure moments on, or all; all"),
    "curvature": (None, "where moments are measured, also eta times the largest curvature"),
    "device": (str, "cpu, cuda, or auto: a GPU where there is one; cpu"),
    "threads": (_whole, "of a process on the CPU; 1"),
    "precision": (str, "float32 or bf16; float32"),
    "channels-last": (None, "the memory format of images"),
    "compile": (None, "compile the network"),
    "deterministic": (None, "the same bits again on a GPU too"),
}


def _add_train(commands: Any) -> None:
    about = "train a network once, measuring gradient moments; alone, or under torchrun"
    train = _command(commands, "train", "tsla.empirics.commands.train:train", about, extra="torch")
    for name, (kind, says) in TRAINING.items():
        how: dict[str, Any] = {"action": argparse.BooleanOptionalAction} if kind is None else {"type": kind}
        train.add_argument(f"--{name}", default=argparse.SUPPRESS, help=says, **how)
    train.add_argument("--config", type=Path, help="a TOML file of these names; options win")
    train.add_argument("--state", type=Path, help="a file that keeps where the run is: a killed one goes on there, to the same bits")
    train.add_argument("--watch", action="store_true", help="also L, sigma2, delta and the PL ratio where moments are measured (slow)")
    train.add_argument("--out", type=Path, help="write the record to this Parquet file")
    train.add_argument("--checkpoint", type=Path, help="write the final weights to this file, for `tsla measure`")


def _add_measure(commands: Any) -> None:
    about = "what smoothing does at the weights of a checkpoint, with intervals"
    measure = _command(commands, "measure", "tsla.empirics.commands.measure:measure", about, extra="torch")
    measure.add_argument("--checkpoint", type=Path, help="what `tsla train --checkpoint` wrote, or a state_dict with --model (required)")
    measure.add_argument("--data", help="a data set such as digits, or an .npz file with inputs (n, ...) and labels (n,) (required)")
    measure.add_argument("--folder", type=Path, help="where the files of the data set are (default: where those of the run were)")
    measure.add_argument("--model", help="module:function that builds the network of a state_dict")
    about = "uniform (default), prior, own, own-hard, an .npy file of probabilities (K,) or (n, K), or the checkpoint of a teacher"
    measure.add_argument("--smoothing", default="uniform", help=about)
    for name, kind, default, about in (
        ("theta", _number, 0.1, "smoothing strength in (0, 1]"),
        ("batch-size", _whole, 16, "examples of a batch"),
        ("eta-L", _number, None, "eta*L in (0, 1], in place of eta and L"),
        ("examples", _whole, None, "how many to draw from the data (default: all)"),
        ("until", _number, None, "stop when delta and theta* are known to this relative half-width, such as 0.05"),
        ("microbatch", _whole, 32, "examples that are handled at once"),
        ("seed", _whole, 0, "seed of the draw"),
    ):
        measure.add_argument(f"--{name}", type=kind, default=default, help=about + ("" if default is None else f" (default {default})"))
    measure.add_argument(
        "--batch-norm", choices=["evaluation"], help="measure a BatchNorm that is in training mode by its running statistics"
    )
    _numbers(measure, "", "eta L")
    measure.set_defaults(needed=["checkpoint", "data"])


def _add_sweep(commands: Any) -> None:
    about = "many training runs: a grid times seeds, resumable, on all cores or on a cluster"
    sweep = _command(commands, "sweep", "tsla.empirics.commands.sweep:sweep", about, extra="torch")
    sweep.add_argument("file", type=Path, metavar="FILE", help="a TOML file such as examples/sweep.toml")
    sweep.add_argument(
        "--backend", choices=["loky", "ray", "dask"], default="loky", help="loky (default): processes of this machine; or a cluster"
    )
    sweep.add_argument("--address", help="of a running Ray or Dask cluster (default: one is started here)")
    sweep.add_argument("--jobs", type=_whole, metavar="N", help="at most this many runs at once (default: one for each core)")
    sweep.add_argument(
        "--out", type=Path, metavar="FOLDER", help="where the results go (default build/sweeps/NAME); shared by all of a cluster"
    )


def _add_plan(commands: Any) -> None:
    about = "from the moments of a pilot run: what smoothing would do, when to drop it for an outcome, and how sure that is"
    plan = _command(commands, "plan", "tsla.empirics.commands.plan:plan", about, extra="torch")
    plan.add_argument("--pilot", type=Path, metavar="RUN", help="a record that `tsla train --out` wrote (required)")
    plan.add_argument("--outcome", help="what counts at the end: train_loss, grad2, test_loss or test_accuracy (required)")
    plan.add_argument("--method", help="which run, in a record of several methods")
    plan.add_argument("--seed", type=_whole, help="which run, in a record of several seeds")
    plan.add_argument("--epochs", type=_whole, help="length of the planned run (default: the pilot's, as it was meant to be)")
    plan.add_argument("--theta", type=_number, help="smoothing strength of the planned run (default: the pilot's)")
    plan.add_argument("--batch-size", type=_whole, help="batch size of the planned run (default: the pilot's)")
    plan.add_argument("--eta", type=_number, help="step size of the planned run, for a pilot that measured eta*L (`tsla train --watch`)")
    plan.add_argument("--eta-L", type=_number, help="eta times the largest curvature, for C12 (default: as measured, else 1)")
    plan.add_argument("--json", action="store_true", help="print one JSON object")
    plan.set_defaults(needed=["pilot", "outcome"])
