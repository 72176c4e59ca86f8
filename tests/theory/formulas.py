"""Formulas as derivations and claims write them, read as numbers: ``E‖∇F(w_R)‖² <= 2F0/(ηT) + ηLσ² = {} + {}``."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Symbols = Mapping[str, Any]
"""A number, or a function of one, for each name; a name may be a whole phrase, such as ``E‖∇F(w_R)‖²``."""
RELATIONS = {"<=": "<=", "≤": "<=", ">=": ">=", "≥": ">=", "=": "=", "<": "<", ">": ">", "iff": "iff", "buys": "="}
POWERS = {"²": "**2", "⁴": "**4", "^": "**"}
PLAIN = re.compile(r"\d+\.?\d*|min\(|[-+·/()\[\]√]|[²⁴^]")
OPENS = ("(", "[", "min(")
CALLED = {"root": math.sqrt, "min": min}
WORD = re.compile(r"[A-Za-z_]\w*")


def relations(text: str, symbols: Symbols, numbers: Sequence[float] = ()) -> Iterator[tuple[float, str, float]]:
    """Each ``(left, relation, right)`` in it; a word, a comma or an unknown name ends a formula. Raises AssertionError for what is none."""
    for chain in _chains(text, symbols, iter(numbers)):
        sides: list[list[str]] = [[]]
        between = []
        for token in chain:
            if token in RELATIONS.values():
                between.append(token)
                sides.append([])
            else:
                sides[-1].append(token)
        for left, relation, right in zip(sides, between, sides[1:], strict=False):
            if left and right:
                yield _value(left, symbols), relation, _value(right, symbols)


def holds(left: float, relation: str, right: float) -> bool:
    """With 1e-9 for rounding."""
    near = math.isclose(left, right, rel_tol=1e-9, abs_tol=1e-12)
    return {"=": near, "<=": left <= right or near, ">=": left >= right or near, "<": left < right, ">": left > right}[relation]


def _chains(text: str, symbols: Symbols, numbers: Iterator[float]) -> Iterator[list[str]]:
    names = sorted(symbols, key=len, reverse=True)
    chain: list[str] = []
    at = 0
    while at < len(text):
        rest = text[at:]
        if found := next((sign for sign in RELATIONS if rest.startswith(sign)), None):
            token, length = RELATIONS[found], len(found)
        elif rest.startswith("{}"):
            token, length = repr(float(next(numbers))), 2
        elif found := next((name for name in names if rest.startswith(name) and not _within_a_word(text, at, name)), None):
            token, length = found, len(found)
        elif rest[0] == "," and "min(" in chain and _open(chain):
            token, length = ",", 1
        elif plain := PLAIN.match(rest):
            token, length = plain[0], len(plain[0])
        elif rest[0] == " " and not rest.startswith("  ") and not text.startswith("{} (", at - 2):  # a remark follows
            at += 1
            continue
        else:
            yield chain
            chain, word = [], WORD.match(rest)
            at += len(word[0]) if word else 1
            continue
        chain.append(token)
        at += length
    yield chain


def _open(side: list[str]) -> int:
    """How many brackets are not closed."""
    return sum(token in OPENS for token in side) - sum(token in (")", "]") for token in side)


def _within_a_word(text: str, at: int, name: str) -> bool:
    """A letter of the alphabet before or after it makes ``T`` a part of "The", but not of ``ηT``."""
    before, after = text[at - 1 : at], text[at + len(name) : at + len(name) + 1]
    return (name[0].isascii() and before.isascii() and before.islower()) or (
        name[-1].isascii() and name[-1].isalpha() and after.isascii() and after.islower()
    )


def _value(side: list[str], symbols: Symbols) -> float:
    while side[-1] == ")" and _open(side) < 0:  # that of a remark in which it stands
        side = side[:-1]
    written, names, ended = "", {}, False
    for i, token in enumerate(side):
        operand = token in symbols or token[0].isdecimal() or token in (*OPENS, "√")
        if ended and operand:
            written += "*"
        if token in symbols:
            names[f"x{i}"] = symbols[token]
            written += f"x{i}"
        else:
            written += POWERS.get(token, {"·": "*", "[": "(", "]": ")", "√": "root"}.get(token, token))
        ended = token in symbols or token[0].isdecimal() or token in (")", "]", "²", "⁴")
    try:
        return float(eval(written, {"__builtins__": {}}, CALLED | names))  # noqa: S307 - of our own texts, names taken out
    except (SyntaxError, TypeError) as error:
        raise AssertionError(f"{' '.join(side)} is no formula") from error
