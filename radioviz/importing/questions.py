"""What an inspection found, and what it has to ask before an import can run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from radioviz.errors import CatalogueError

UNKNOWN = "unknown"
"""The answer that leaves a fact open where it may stay open."""


@dataclass(frozen=True)
class Question:
    """One fact that the files do not tell.

    Attributes
    ----------
    key : str
        Key of the answer.
    text : str
        The question, with what was found, for a person.
    choices : tuple of str
        Accepted answers; empty where any text or number will do.
    default : str or None
        What is taken without an answer; None where an answer is required.
    """

    key: str
    text: str
    choices: tuple[str, ...] = ()
    default: str | None = None

    @property
    def required(self) -> bool:
        """True where an import cannot run without an answer."""
        return self.default is None


Answers = Mapping[str, Any]


def chosen(answers: Answers, key: str, choices: tuple[str, ...]) -> str | None:
    """An answer that must be one of ``choices``; None where it was not given.

    Raises
    ------
    CatalogueError
        If it is another one.
    """
    value = answers.get(key)
    if value in (None, ""):
        return None
    for choice in choices:
        if str(value).strip().lower() == choice.lower():
            return choice
    raise CatalogueError(f"{key} is {value!r}; expected one of {', '.join(choices)}")


def positive(answers: Answers, key: str, unit: str, *, unknown: bool = False) -> float | None:
    """An answer that must be a positive number; None where not given or ``unknown``.

    Raises
    ------
    CatalogueError
        If it is neither.
    """
    value = answers.get(key)
    if value in (None, "") or (unknown and str(value).strip().lower() == UNKNOWN):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = float("nan")
    if not 0 < number < float("inf") or isinstance(value, bool):
        either = f" or '{UNKNOWN}'" if unknown else ""
        raise CatalogueError(f"{key} is {value!r}; expected a positive number of {unit}{either}")
    return number
