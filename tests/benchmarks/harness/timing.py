"""Honest clocks: interleaved rounds, calls under foreign load set aside, and peak memory."""

from __future__ import annotations

import gc
import os
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

FOREIGN_SHARE = 0.05  # of wall time × cores, used by others during a call, sets the call aside
SHORTEST = 0.3  # seconds of a timed call, below which it is repeated: /proc/stat counts in hundredths


@dataclass(frozen=True)
class Call:
    """Wall time in seconds of one call, and the share of all cores' time that others used meanwhile (0 where nobody can say)."""

    seconds: float
    foreign: float

    @property
    def disturbed(self) -> bool:
        """Whether others used so much that the time says little."""
        return self.foreign > FOREIGN_SHARE


def timed(work: Callable[[], object], *, repeats: int = 1, steps: int = 1, device: str = "cpu") -> Call:
    """Time ``repeats`` calls of ``work``, each of so many ``steps``, as seconds of one step."""
    gc.collect()
    synchronise(device)
    busy, own, start = _busy_seconds(), time.process_time(), time.perf_counter()
    for _ in range(repeats):
        work()
    synchronise(device)
    wall, own, busy = time.perf_counter() - start, time.process_time() - own, _busy_seconds() - busy
    return Call(wall / (repeats * steps), max(busy - own, 0.0) / (wall * (os.cpu_count() or 1)))


def synchronise(device: str) -> None:
    """Wait for the accelerator, if it is one."""
    if device.startswith("cuda"):
        torch.cuda.synchronize()


def _busy_seconds() -> float:
    """CPU time that all processes, interrupts and the hypervisor's other guests used since boot; 0 where the system doesn't tell."""
    try:
        user, nice, system, _idle, _wait, irq, softirq, steal = map(int, Path("/proc/stat").read_text().split()[1:9])
    except OSError:
        return 0.0
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def interleaved(
    works: Mapping[str, Callable[[], Call]], rounds: Mapping[str, int], advance: Callable[[str], None] = lambda _: None
) -> dict[str, list[Call | None]]:
    """Call each work once a round, the first of a round being another each time; None after its last round."""
    names, calls = list(works), {name: [] for name in works}
    for k in range(max(rounds.values(), default=0)):
        at = k % len(names)
        for name in names[at:] + names[:at]:
            calls[name].append(works[name]() if k < rounds[name] else None)
        advance(f"round {k + 1}")
    return calls


@dataclass(frozen=True)
class Spread:
    """Median, least and largest of ratios of calls of the same round; how many counted, and how many were set aside."""

    median: float
    low: float
    high: float
    kept: int
    dropped: int

    def __str__(self) -> str:
        return f"{'~' if not self.kept else ''}{self.median:.2f} ({self.low:.2f} to {self.high:.2f})"


def ratios(calls: Sequence[Call | None], base: Sequence[Call | None]) -> Spread | None:
    """Time of ``calls`` over that of ``base``, round by round. If all rounds were disturbed, all count, and ``kept`` is 0."""
    pairs = [(a, b) for a, b in zip(calls, base, strict=False) if a is not None and b is not None]
    clean = [(a, b) for a, b in pairs if not (a.disturbed or b.disturbed)]
    values = [a.seconds / b.seconds for a, b in clean or pairs]
    if not values:
        return None
    return Spread(statistics.median(values), min(values), max(values), len(clean), len(pairs) - len(clean))


def peak_increase(work: Callable[[], object], device: str = "cpu") -> int | None:
    """Bytes by which ``work`` raises the peak of memory over what is held right before; for a fresh process. None where nobody can say."""
    gc.collect()
    if device.startswith("cuda"):
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        work()
        return torch.cuda.max_memory_allocated() - before
    if sys.platform == "win32":
        return None
    before, restarted = _held("VmRSS") or _largest_ever(), _restart_peak()
    work()
    peak = (_held("VmHWM") if restarted else None) or _largest_ever()
    return max(peak - before, 0)


def _restart_peak() -> bool:
    """Let the kernel's VmHWM start anew from what is held now; whether it did."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return False
    return True


def _held(field: str) -> int | None:
    """A field of /proc/self/status in bytes."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(field + ":"))


def _largest_ever() -> int:
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def limit_memory(share: float = 0.9) -> None:
    """Let this process allocate at most ``share`` of the free memory: too large a batch is then an error, and not a killed process."""
    if not sys.platform.startswith("linux"):
        return
    import resource

    available = next(line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemAvailable"))
    limit = (_held("VmData") or 0) + int(share * 1024 * int(available.split()[1]))
    resource.setrlimit(resource.RLIMIT_DATA, (limit, resource.getrlimit(resource.RLIMIT_DATA)[1]))
