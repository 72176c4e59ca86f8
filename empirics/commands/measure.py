"""``tsla measure``."""

from __future__ import annotations

import argparse
from pathlib import Path

from tsla.options import Parser, number, whole
from tsla.theory.commands.options import add_numbers

ABOUT = "what smoothing does at the weights of a checkpoint"
DETAILS = "E‖g_LS-∇F‖² = θ²β² + N(θ)/B (C11) and what follows from it, with intervals."
EXAMPLE = "measure --checkpoint digits.pt --data digits --examples 500"
EXTRA = "torch"


def add(parser: Parser) -> None:
    """Its options."""
    about = "what `tsla train --checkpoint` wrote, or with --model a state_dict or a file that holds one (required)"
    parser.add_argument("--checkpoint", type=Path, help=about)
    parser.add_argument("--data", help="a data set such as digits, or an .npz file with inputs (n, ...) and labels (n,) (required)")
    parser.add_argument("--folder", type=Path, help="where the files of the data set are (default: where those of the run were)")
    parser.add_argument("--model", help="module:function that builds the network of a state_dict")
    about = "uniform (default), prior, own, own-hard, an .npy file of probabilities (K,) or (n, K), or the checkpoint of a teacher"
    parser.add_argument("--smoothing", default="uniform", help=about)
    for name, kind, default, about in (
        ("theta", number, 0.1, "smoothing strength in (0, 1]"),
        ("batch-size", whole, 16, "examples of a batch"),
        ("eta-L", number, None, "eta*L in (0, 1], in place of eta and L"),
        ("examples", whole, None, "how many to draw from the data (default: all)"),
        ("until", number, None, "stop when delta and theta* are known to this relative half-width, such as 0.05"),
        ("microbatch", whole, 32, "examples that are handled at once"),
        ("seed", whole, 0, "seed of the draw"),
        ("label-noise", number, None, "part of the labels that is wrong, of an .npz file: chooses what is shown of the study"),
    ):
        parser.add_argument(f"--{name}", type=kind, default=default, help=about + ("" if default is None else f" (default {default})"))
    parser.add_argument(
        "--batch-norm",
        choices=["evaluation", "training"],
        help="how to measure BatchNorm in training mode: by its running statistics, or by the gradients of whole batches",
    )
    parser.add_argument("--threads", type=whole, help="of the CPU (default: as many as torch takes)")
    parser.add_argument("--device", default="cpu", help="where to compute: cpu (default), or cuda where torch sees a GPU")
    add_numbers(parser, "", "eta L")
    parser.need("checkpoint", "data")


def run(args: argparse.Namespace) -> None:
    """What smoothing does at the weights of a checkpoint."""
    from tsla.empirics.advice.measure import Setting
    from tsla.empirics.advice.measure import checkpoint as measured_checkpoint
    from tsla.empirics.training.devices import threads
    from tsla.theory.commands.answer import print_result

    setting = Setting.of(theta=args.theta, batch_size=args.batch_size, eta=args.eta, L=args.L, eta_L=args.eta_L)
    names = ("folder", "model", "smoothing", "examples", "until", "microbatch", "batch_norm", "device", "seed", "label_noise")
    with threads(args.threads):
        found = measured_checkpoint.measured(args.checkpoint, args.data, setting, **{name: getattr(args, name) for name in names})
    print_result(args, found.json, found.table)
