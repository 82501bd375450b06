"""The frame of a table's positions: given, said by the file, or in the columns' names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from radioviz.errors import CatalogueError
from radioviz.importing.readers.table_builder import UserTable
from radioviz.importing.survey_facts import Answers, Question, choice_answer
from radioviz.sky import celestial_frame, frame_name, is_j2000

if TYPE_CHECKING:
    from astropy.coordinates import BaseCoordinateFrame

FRAMES = ("ICRS", "FK5 J2000", "FK4 B1950", "Galactic", "Supergalactic", "ecliptic")
"""Answers to the question for the frame."""

_IN_NAMES = re.compile(
    r"(?P<letter>[BJ]?)(?P<year>1875|1900|1950|1975|2000)(?:\.0*)?(?!\d)|ICRS|FK[45]"
)
_IN_TEXT = re.compile(
    r"\b(?P<system>FK[45]|ICRS)\b|\b(?:equinox|ep\.?)[ =:]*(?P<equinox>[BJ]?\d{4}(?:\.\d+)?)"
    r"|\b(?P<both>[BJ](?:1875|1900|1950|1975|2000)(?:\.0)?)\b",
    re.IGNORECASE,
)


def frame_of_positions(
    table: UserTable, names: tuple[str, str], answers: Answers, otherwise: str = ""
) -> BaseCoordinateFrame | Question:
    """Frame of two columns; J2000 where nothing is said, a question where two things are.

    ``names``: columns of longitude and latitude; ``otherwise``: frame of columns that were found by
    the names of another frame. Raises CatalogueError if the frame is not one of the sky, or the two
    columns are in different ones.
    """
    given = choice_answer(answers, "frame", FRAMES)
    if given or otherwise:
        return _known(given or otherwise, names[0])
    found = [_frame_of(table, name) for name in names]
    for name, words in zip(names, found, strict=True):
        if len(words) > 1:
            return Question(
                "frame",
                f"Column '{name}' may be in one of several frames ({', '.join(words)}): "
                "in which are the positions?",
                FRAMES,
            )
    said = [words[0] for words in found if words] or ["ICRS"]
    first, second = (_known(w[0] if w else said[0], n) for w, n in zip(found, names, strict=True))
    if frame_name(first) != frame_name(second) and not (is_j2000(first) and is_j2000(second)):
        raise CatalogueError(
            f"columns '{names[0]}' and '{names[1]}' are in different frames "
            f"({frame_name(first)}, {frame_name(second)}); map two of one frame (columns)"
        )
    return first


def _frame_of(table: UserTable, name: str) -> list[str]:
    """Frame of a column in words; none where nothing is said, several where that differs."""
    own = table.frames.get(name, "")
    title = _of_name(name)
    described = _of_description(table.descriptions.get(name, ""))
    around = table.frames.get("", "")
    if own:
        # A name such as RAJ2000 and a reference to B1950 cannot both be right.
        said = [own, *([title] if title and celestial_frame(own) is not None else [])]
        names = {frame_name(_known(words, name)): words for words in said}
        alike = all(is_j2000(_known(words, name)) for words in said)
        return said[:1] if alike else list(names.values())
    if title or described:
        return [title or described]
    if around.startswith("? "):
        words = around[2:].split(", ")
        return words[:1] if all(is_j2000(_known(w, name)) for w in words) else words
    return [around] if around else []


def _of_name(name: str) -> str:
    match = _IN_NAMES.search(name.upper())
    return match[0] if match else ""


def _of_description(text: str) -> str:
    system = equinox = ""
    for match in _IN_TEXT.finditer(text):
        system = system or match["system"] or ""
        equinox = equinox or match["equinox"] or match["both"] or ""
    return f"{system} {equinox}".strip()


def _known(words: str, name: str) -> BaseCoordinateFrame:
    system, _, equinox = words.rpartition(" ")
    frame = celestial_frame(system, equinox) if system else celestial_frame(words)
    if frame is None:
        raise CatalogueError(
            f"column '{name}' is in the frame '{words[:60]}', which is not known here; give one "
            f"of {', '.join(FRAMES)} (frame), or map other columns"
        )
    return frame


# -- positions in several columns ------------------------------------------------------------------

_PARTS = re.compile(r"(?P<side>ra|dec?|del)[_ ]?(?P<part>deg|min|sec|sign|hr|[hdms-])(?P<rest>.*)")
_KINDS = {"h": "h", "hr": "h", "d": "d", "deg": "d", "m": "m", "min": "m", "s": "s", "sec": "s",
          "sign": "-", "-": "-"}  # fmt: skip


def join_parts(
    table: UserTable, found: tuple[str, str] = ("", "")
) -> tuple[pd.Series, pd.Series, str] | None:
    """RA and Dec in degrees from RAh, RAm, RAs, DE-, DEd, DEm and DEs; None without them.

    None also where columns with RA and Dec as a whole were ``found``. The third is the columns
    in words.
    """
    sides: dict[tuple[str, str], dict[str, str]] = {}
    for name in table.frame.columns:
        if match := _PARTS.fullmatch(str(name).lower()):
            side = sides.setdefault(("ra" if match["side"] == "ra" else "dec", match["rest"]), {})
            side.setdefault(_KINDS[match["part"]], str(name))
    for (kind, rest), ra in sides.items():
        dec = sides.get(("dec", rest), {})
        if kind == "ra" and {"h", "m"} <= set(ra) and {"d", "m"} <= set(dec):
            used = [*(ra[k] for k in "hms" if k in ra), *(dec[k] for k in "-dms" if k in dec)]
            if all(found) and not set(found) & set(used):
                continue
            words = ", ".join(used)
            return 15 * _sum(table, ra, "h"), _sum(table, dec, "d"), words
    return None


def _sum(table: UserTable, parts: dict[str, str], whole: str) -> pd.Series:
    first = table.frame[parts[whole]]
    values = {k: pd.to_numeric(table.frame[n], errors="coerce") for k, n in parts.items()
              if k != "-"}  # fmt: skip
    total = values[whole].abs() + values["m"].fillna(0.0) / 60
    if "s" in values:
        total = total + values["s"].fillna(0.0) / 3600
    signed = parts.get("-", parts[whole])
    signs = table.written.get(signed, table.frame[signed]).astype("str").str.strip()
    south = signs.str.startswith(("-", "−", "–")).to_numpy(dtype=bool)
    if first.dtype.kind == "f":
        south = south | np.signbit(first.to_numpy())
    return total.where(~south, -total)
