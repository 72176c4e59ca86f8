"""Calls of the public names with arguments as they should not be.

Each begins as a call that works, one to three arguments of which are exchanged (:mod:`tests.torture.strange`). It ends with an answer of
finite numbers, or is refused by a line of the house's own that names what is wrong. It warns of nothing, says nothing, and leaves what it
was given as it was.
"""

from __future__ import annotations

import io
import linecache
import random
import re
import signal
import traceback
import warnings
from collections.abc import Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

import tsla
from tests.torture.api import CALLS, Call
from tests.torture.strange import in_place_of

HOUSE = [str(path.resolve()) for path in Path(str(tsla.__file__)).parent.iterdir() if path.suffix == ".py" or path.is_dir()]
REMEDY = re.compile(
    r"must|needs?\b|give\b|rescale|exclude|at most|choose|no such|can't|has no use|goes? with|float64|float32"
    r"|requires a gradient|hold |initialise"
)
"""What a refusal says beside what is wrong."""
PARTS = (
    "arguments",
    "sigma2",
    "inputs",
    "moments",
    "labels",
    "logits",
    "batch",
    "dataset",
    "rows",
    "pilot",
    "strength",
    "gradients",
    "parameter",
    "state",
    "BatchNorm",
    "float64",
)
"""What a refusal may name in place of the argument that holds it."""
ANYWHERE = re.compile("")
LONGEST = 1500
"""Characters of a refusal."""
SECONDS = 20
"""Of the processor: what takes more goes on for ever."""


class TooLongError(BaseException):
    """Raised in a call that goes on for more than SECONDS; no Exception, which a call might take for one of its own."""


def _stop(*_: object) -> None:
    raise TooLongError(f"goes on for more than {SECONDS} s of the processor")


def tries(seed: int, n: int, names: tuple[str, ...] = ()) -> Iterator[tuple[str, str | None]]:
    """Calls, each by the first word of its name, which is one of these or of all, and how it did not end as it must."""
    draw = random.Random(seed)  # noqa: S311 - no secret
    for _ in range(n):
        name = draw.choice(names or [*CALLS])
        torch.manual_seed(draw.randrange(2**32))
        yield f"calls, {name.partition(' ')[0].partition('.')[0]}", ill_end(CALLS[name], exchanged(draw, CALLS[name].given()))


def exchanged(draw: random.Random, given: Mapping[str, Any]) -> dict[str, Any]:
    """With one to three arguments that are others."""
    names = draw.sample([*given], min(draw.choice((1, 1, 1, 2, 3)), len(given)))
    with warnings.catch_warnings():  # torch's of its prototypes
        warnings.simplefilter("ignore")
        return dict(given) | {name: in_place_of(given[name], draw) for name in names}


def ill_end(call: Call, given: Mapping[str, Any]) -> str | None:
    """How the call did not end as each must; None where it did."""
    said, before = io.StringIO(), state(given)
    with warnings.catch_warnings(record=True) as warned, redirect_stdout(said), redirect_stderr(said):
        warnings.simplefilter("always")
        signal.signal(signal.SIGPROF, _stop)
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        try:
            unknown = call.through and not all(np.isfinite(value).all() for _, value in numbers(given))
            wrong = _unsound(call.function(**given), ANYWHERE if unknown else call.open)
        except Exception as error:
            wrong = _ill_refused(error, [*given])
        except TooLongError:
            wrong = traceback.format_exc()
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
    if wrong is None:
        unwelcome = [str(one.message) for one in warned if not call.warns.search(str(one.message))]
        wrong = f"warns: {unwelcome[0]}" if unwelcome else f"says {said.getvalue()!r}" if said.getvalue() else None
    if wrong is None and state(given) != before:
        wrong = "changed what it was given"
    return None if wrong is None else f"{_shown(given)}: {wrong}"


def _shown(given: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={' '.join(ascii(value).split())[:150]}" for name, value in given.items())


def _ill_refused(error: Exception, names: list[str]) -> str | None:
    """What is wrong with a refusal: the house does not raise it, it has several lines, or says not what is wrong or what would be right."""
    if _of_network(error.__traceback__):
        return None
    said = str(error)
    if not isinstance(error, ValueError | TypeError | FloatingPointError) or not _by_house(error.__traceback__):
        return "".join(traceback.format_exception(error))
    if "\n" in said or len(said) > LONGEST:
        return f"is refused by {said!r}"
    named = any(name in said or name.replace("_", "-") in said for name in (*names, *PARTS))
    return None if named and REMEDY.search(said) else f"is refused by {said!r}, which names no argument or no remedy"


def _of_network(trace: TracebackType | None) -> bool:
    """Whether it was raised within a call of somebody's network, which says for itself what it does not take."""
    frames = traceback.extract_tb(trace)
    inside = [place for place, frame in enumerate(frames) if frame.filename.endswith("torch/nn/modules/module.py")]
    return bool(inside) and not (_in_house(frames[-1]) and "func(" not in (frames[-1].line or ""))


def _in_house(frame: traceback.FrameSummary) -> bool:
    return str(Path(frame.filename).resolve()).startswith(tuple(HOUSE))


def _by_house(trace: TracebackType | None) -> bool:
    """Whether the innermost line is a statement of the house that raises."""
    found = traceback.extract_tb(trace)
    if not found:
        return False
    last = found[-1]
    return _in_house(last) and linecache.getline(last.filename, last.lineno or 0).lstrip().startswith(("raise ", "yield"))


def _unsound(found: Any, allowed: re.Pattern[str]) -> str | None:
    """What is wrong with an answer: a number in it that is none, or that it can't be printed."""
    for where, value in numbers(found):
        if not np.isfinite(value).all() and not allowed.search(where):
            return f"answers {where} = {value.ravel()[~np.isfinite(value.ravel())][0]}"
    shown = f"{found!r}{found}"
    return None if shown else "answers nothing"


def numbers(found: Any, where: str = "answer", depth: int = 8) -> Iterator[tuple[str, Any]]:
    """All floating numbers within, each by where it is."""
    if depth == 0:
        return
    if isinstance(found, Tensor):
        plain = found.layout == torch.strided and not (found.is_meta or found.is_nested or found.is_complex())
        found = found.detach().double().numpy() if plain else None
    if isinstance(found, float | np.floating):
        found = np.asarray(found)
    if isinstance(found, np.ndarray):
        if found.dtype.kind == "f":
            yield where, found
    elif isinstance(found, pd.DataFrame):
        yield from (pair for name in found for pair in numbers(found[name].to_numpy(), f"{where}.{name}", depth - 1))
    elif isinstance(found, Mapping):
        yield from (pair for name, value in found.items() for pair in numbers(value, f"{where}.{name}", depth - 1))
    elif isinstance(found, list | tuple):
        yield from (pair for value in found for pair in numbers(value, where, depth - 1))
    elif is_dataclass(found) and not isinstance(found, type):
        yield from (pair for one in fields(found) for pair in numbers(getattr(found, one.name), f"{where}.{one.name}", depth - 1))


def state(given: Any) -> object:
    """All of the arguments that a call might change."""
    if isinstance(given, nn.Module):
        own = {
            name: value
            for name, value in [*given.named_parameters(), *given.named_buffers()]
            if not isinstance(value, nn.UninitializedParameter)
        }
        return [state(own), [module.training for module in given.modules()], [state(value.grad) for value in own.values()]]
    if isinstance(given, Tensor):
        if given.layout != torch.strided or given.is_meta or given.is_nested:
            return None
        return (
            str(given.dtype),
            given.shape,
            given.detach().contiguous().flatten().view(torch.uint8).numpy().tobytes(),
            state(given.grad if given.is_leaf else None),
        )
    if isinstance(given, np.ndarray):
        return str(given.dtype), given.shape, repr(given) if given.dtype == object else np.ma.getdata(given).tobytes()
    if isinstance(given, pd.DataFrame | pd.Series):
        return given.to_csv()
    if isinstance(given, Mapping):
        return [(name, state(value)) for name, value in given.items()]
    return [state(value) for value in given] if isinstance(given, list | tuple) else None
