"""What an error says, for a message of one line."""

from __future__ import annotations


def first_line(error: BaseException) -> str:
    """The first line of what it says; its class where it says nothing."""
    said = str(error).strip().splitlines()
    return said[0] if said else type(error).__name__


def class_and_line(error: BaseException) -> str:
    """Its class and the first line of what it says: of code of the user's, whose errors may say little without it."""
    return f"{type(error).__name__}: {first_line(error)}" if str(error).strip() else type(error).__name__
