"""Two backward passes at once, each on half of the threads: most calls in one are too short to be worth waking a thread for."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import torch


def can_be_two() -> bool:
    """Whether there are two threads, on processors of their own."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
    return min(allowed, torch.get_num_threads()) >= 2


def both(one: Callable[[], None], other: Callable[[], None]) -> None:
    """Run the two at once, until both have ended. Raises what either of them raised."""
    threads = torch.get_num_threads()
    torch.set_num_threads(threads // 2)  # of this thread; the other one begins with as many
    try:
        with ThreadPoolExecutor(1) as pool:
            later = pool.submit(other)
            one()
    finally:
        torch.set_num_threads(threads)
    later.result()
