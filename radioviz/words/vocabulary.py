"""The vocabulary: tags in plain English, from ``vocabulary.toml`` and from a file of the user's."""

from __future__ import annotations

import functools
import tomllib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from radioviz.errors import VocabularyError
from radioviz.paths import user_data_folder

APPLIES = 0.5
"""Probability from which a tag applies."""
LIKELY = 2.0
"""Log odds at the second value of a measured condition: 88 %."""
OWN_FILE = "vocabulary.toml"
"""In the user's data folder: more tags, or others in place of those that ship."""


@dataclass(frozen=True)
class Tag:
    """One word of the vocabulary."""

    column: str  # name of the column with its probability
    name: str  # as it is shown
    sentence: str  # what it says of a galaxy
    synonyms: tuple[str, ...] = ()  # other words for it
    # Column, value at which it is as likely as not, and value at which it is likely.
    measured: tuple[tuple[str, float, float], ...] = ()
    learned: tuple[str, ...] = ()  # labels that a head is trained on
    test: str = ""  # where it is shown to be right

    @property
    def decided(self) -> str:
        """How it is decided: ``measured``, ``learned``, ``both``, or ``yours``."""
        if self.measured and self.learned:
            return "both"
        return "measured" if self.measured else "learned" if self.learned else "yours"


@dataclass(frozen=True)
class Vocabulary:
    """Tags in the order of the file."""

    tags: tuple[Tag, ...]

    def __contains__(self, column: object) -> bool:
        return any(tag.column == column for tag in self.tags)

    def __getitem__(self, column: str) -> Tag:
        return next(tag for tag in self.tags if tag.column == column)

    @property
    def columns(self) -> list[str]:
        """Names of the columns, in order."""
        return [tag.column for tag in self.tags]


def read_vocabulary() -> Vocabulary:
    """The tags that ship, with those of the user's file in their place or after them.

    Raises VocabularyError if the user's file cannot be read: the line or the tag, and what is
    expected.
    """
    own = user_data_folder() / OWN_FILE
    return _vocabulary(own, own.stat().st_mtime_ns if own.is_file() else 0)


@functools.lru_cache(maxsize=4)
def _vocabulary(own: Path, stamp: int) -> Vocabulary:
    shipped = resources.files("radioviz.words").joinpath("vocabulary.toml").read_text("utf-8")
    tags = parse_vocabulary(shipped, "vocabulary.toml")
    if stamp:
        try:
            text = own.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise VocabularyError(f"{own} cannot be read: {error}") from error
        tags |= parse_vocabulary(text, str(own))
    return Vocabulary(tuple(tags.values()))


def parse_vocabulary(text: str, where: str) -> dict[str, Tag]:
    """Tags of a file by column.

    Raises VocabularyError if it is not such a file.
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise VocabularyError(f"{where} is not TOML: {error}") from error
    return {column: _tag(column, table, where) for column, table in tables.items()}


def _tag(column: str, table: Any, where: str) -> Tag:
    about = f"{where}, tag '{column[:60]}'"
    if not column.isidentifier() or not isinstance(table, dict):
        raise VocabularyError(f"{about}: expected a table whose title is letters, digits and _")
    unknown = set(table) - {"name", "sentence", "synonyms", "measured", "learned", "test"}
    if unknown:
        raise VocabularyError(f"{about}: '{min(unknown)}' is not a field of a tag")
    texts = {n: table.get(n, "") for n in ("name", "sentence", "test")}
    lists = {n: table.get(n, []) for n in ("synonyms", "learned")}
    if not all(isinstance(t, str) for t in texts.values()) or not texts["sentence"]:
        raise VocabularyError(f"{about}: name, sentence and test are text, and sentence is needed")
    if not all(isinstance(v, list) and all(isinstance(t, str) for t in v) for v in lists.values()):
        raise VocabularyError(f"{about}: synonyms and learned are lists of text")
    conditions = []
    for one in table.get("measured", []):
        numbers = one[1:] if isinstance(one, list) and len(one) == 3 else []
        good = len(numbers) == 2 and all(type(v) in (int, float) for v in numbers)
        if not good or not isinstance(one[0], str) or numbers[0] == numbers[1]:
            raise VocabularyError(
                f'{about}: {one!r} in measured; expected ["column", value as likely as not, '
                "another value at which it is likely]"
            )
        conditions.append((one[0], float(numbers[0]), float(numbers[1])))
    return Tag(
        column, texts["name"] or column.replace("_", " "), texts["sentence"],
        tuple(lists["synonyms"]), tuple(conditions), tuple(lists["learned"]), texts["test"],
    )  # fmt: skip


def measured_probability(tag: Tag, columns: dict[str, np.ndarray]) -> np.ndarray | None:
    """Probability of a tag by its measured conditions, float64 ``(n,)``.

    NaN where a column is unknown; None if it has no conditions, or a column is missing.
    """
    if not tag.measured or any(name not in columns for name, _, _ in tag.measured):
        return None
    out: np.ndarray | None = None
    for name, half, likely in tag.measured:
        odds = LIKELY * (np.asarray(columns[name], np.float64) - half) / (likely - half)
        share = 1 / (1 + np.exp(-np.clip(odds, -30, 30)))
        out = share if out is None else out * share
    return out
