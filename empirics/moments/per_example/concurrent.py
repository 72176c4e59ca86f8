"""Two backward passes at once, each on half of the threads: most calls in one are too short to be worth waking a thread for."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

import torch

from tsla.empirics.moments.per_example.precision import autocast_as_now


def can_be_two() -> bool:
    """Whether there are two threads, on processors of their own, and no mode of this thread watches what torch does."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
    return min(allowed, torch.get_num_threads()) >= 2 and not torch._C._len_torch_dispatch_stack()


def both(one: Callable[[], None], other: Callable[[], None]) -> None:
    """Run the two at once, under this thread's autocast and context variables, until both have ended. Raises what either of them raised.

    One after the other where no thread can be had, as when Python is shutting down.
    """
    threads, autocast, context = torch.get_num_threads(), autocast_as_now(), copy_context()
    finish: Callable[[], None]

    def in_context() -> None:
        with autocast():
            context.run(other)

    try:
        torch.set_num_threads(threads // 2)  # of this thread; the other one begins with as many
        with ThreadPoolExecutor(1) as pool:
            try:
                finish = pool.submit(in_context).result
            except RuntimeError:
                finish = other
            one()
    finally:
        torch.set_num_threads(threads)
    finish()
