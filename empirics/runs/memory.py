"""How much memory there is: what can't fit is refused before it is asked for."""

from __future__ import annotations

import os
import sys
from pathlib import Path

LIMIT = Path("/sys/fs/cgroup/memory.max")
"""Of a container; "max" where there is none."""


def there_is() -> int:
    """Bytes that processes may have here, together; as many as can be addressed where the system does not tell, as on Windows."""
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else sys.maxsize
    limit = LIMIT.read_text(encoding="ascii").strip() if LIMIT.is_file() else "max"
    return min(physical, int(limit)) if limit.isdecimal() else physical


def must_fit(name: str, count: int, each: int) -> None:
    """Raises ValueError, calling the number by ``name`` and saying which would fit, where ``count`` times ``each`` bytes are too many."""
    most = there_is() // each
    if count > most:
        needed, there = count * each / 2**30, there_is() / 2**30
        raise ValueError(f"{name} = {count} needs {needed:.4g} GiB of memory, and there are {there:.4g}; must be at most {most}")
