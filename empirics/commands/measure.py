"""``tsla measure``. ``tsla/cli.py`` parses, this answers."""

from __future__ import annotations

import argparse

from tsla.empirics.advice.measure import Setting
from tsla.empirics.advice.measure import checkpoint as measured_checkpoint
from tsla.theory.commands import print_result


def measure(args: argparse.Namespace) -> None:
    """``tsla measure``: what smoothing does at the weights of a checkpoint."""
    setting = Setting.of(theta=args.theta, batch_size=args.batch_size, eta=args.eta, L=args.L, eta_L=args.eta_L)
    names = ("folder", "model", "smoothing", "examples", "until", "chunk", "batch_norm", "seed")
    found = measured_checkpoint.measured(args.checkpoint, args.data, setting, **{name: getattr(args, name) for name in names})
    print_result(args, found.json, found.table)
