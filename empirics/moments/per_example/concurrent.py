"""Two microbatches at once, each on half of the threads: most calls of a backward pass are too short to be worth waking a thread for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait

import torch
from torch import nn

from tsla.empirics.moments.per_example.microbatch import Microbatch
from tsla.empirics.moments.per_example.terms import Products

Found = list[tuple[nn.Parameter, Products]]


def can_be_two() -> bool:
    """Whether there are two threads, on processors of their own."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
    return min(allowed, torch.get_num_threads()) >= 2


def products_of(microbatches: Iterator[Microbatch], *, two_at_once: bool) -> Iterator[Found]:
    """The products of each microbatch, in order and the same in either way but for rounding. Forward passes come one after the other."""
    if not two_at_once:
        yield from (microbatch.products() for microbatch in microbatches)
        return
    with ThreadPoolExecutor(1) as other:
        for first in microbatches:
            second = next(microbatches, None)
            if second is not None and first.alone and second.alone:
                yield from _together(first, second, other)
            else:
                yield first.products()
                if second is not None:
                    yield second.products()


def _together(first: Microbatch, second: Microbatch, other: ThreadPoolExecutor) -> tuple[Found, Found]:
    threads = torch.get_num_threads()
    torch.set_num_threads(threads // 2)  # of this thread; the other one begins with as many
    try:
        later = other.submit(second.products)
        try:
            found = first.products()
        finally:
            wait([later])
    finally:
        torch.set_num_threads(threads)
    return found, later.result()
