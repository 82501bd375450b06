"""Where the header and the rows of a text table are, and what stands between its cells.

Known are commented headers (TOPCAT, PyBDSF, Selavy), rows of units and dashes (VizieR),
``sep=`` (Excel), and lines that start and end with bars.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from radioviz.errors import CatalogueError
from radioviz.importing.column_names import UNIT_WORDS, is_known
from radioviz.importing.columns import is_unit
from radioviz.importing.readers.declared_frames import frame_of_comments

# A comma may be a decimal one, so it comes last.
_DELIMITERS = ("\t", ";", "|", ",")
_NUMBER = re.compile(r"[-+−]?(\d[\d.:,]*|\.\d+)([eE][-+]?\d+)?")
_DASHES = re.compile(r"[-=+:\s]*")
_SEP = re.compile(r'"?sep=(.)"?;*', re.IGNORECASE)
_VIZIER = re.compile(
    r"#Column\t(?P<name>\S+)\s*\((?P<format>[^)]*)\)\s*(?P<text>.*?)\s*(?:\[ucd=(?P<ucd>[^\]]*)\])?\s*$"
)
_COOSYS = re.compile(r"#Coosys\t[^:]*:\s*(.+)")
_SAMPLE = 30


@dataclass
class TextLayout:
    """Layout of a text table."""

    names: list[str]  # one for each column
    delimiter: str  # a blank stands for any number of blanks and tabs
    first: int  # index of the first line of rows
    alone: bool = False  # True where there is no header, but only positions and perhaps names
    bars: bool = False  # True where lines start and end with a bar
    units: list[str] | None = None  # one for each column, where the file has a row of them
    # ucds, descriptions: by column
    ucds: dict[str, str] = field(default_factory=dict)
    descriptions: dict[str, str] = field(default_factory=dict)
    frame: str = ""  # of the coordinates of all columns; empty where the file does not say


def find_layout(path: Path, lines: list[str]) -> TextLayout:
    """Layout of a text table.

    Raises CatalogueError if there are only comments, or the first line is neither a header nor a
    position.
    """
    comments: list[str] = []
    rows: list[int] = []  # the first lines that are no comments
    given = ""
    for i, line in enumerate(lines):
        if not line.strip():
            continue
        if not rows and not given and (match := _SEP.fullmatch(line.strip())):
            given = match[1]
        elif line.lstrip().startswith("#"):
            if not rows:
                comments.append(line.strip())
        else:
            rows.append(i)
            if len(rows) == _SAMPLE:
                break
    if not rows:
        raise CatalogueError(f"{path}: only comments and empty lines; expected a header and rows")
    sample = [lines[i] for i in rows]
    bars = all(re.fullmatch(r"\s*\|.*\|\s*", line) for line in sample)
    if bars:
        sample = [line.strip().strip("|") for line in sample]
    delimiter = given or ("|" if bars else _delimiter(sample, comments))
    layout = TextLayout([], delimiter, rows[0], bars=bars)
    _describe(layout, comments)
    cells = [split(line, delimiter) for line in sample]
    header = _commented_header(layout, comments, cells[0])
    if header is None and not _is_data(cells[0]):
        header = cells[0]
        rows, cells = rows[1:], cells[1:]
        layout.first += 1
        if len(header) == 1 and not re.fullmatch(r"[\w\s().\[\]/-]+", header[0]):
            raise CatalogueError(
                f"{path}: line {layout.first} is not a header or a position: '{header[0][:60]}'; "
                "expected column names separated by commas, semicolons, tabs, bars or blanks"
            )
    if header is None:
        layout.alone = True
        header = _names_of_positions(path, cells[0], delimiter)
    layout.names = header
    _skip_units(layout, rows, cells)
    return layout


def split(line: str, delimiter: str) -> list[str]:
    """Cells of a line, without quotes."""
    if delimiter == " ":
        blanks = line.replace("\t", " ").strip()
        return next(csv.reader([blanks], delimiter=" ", skipinitialspace=True), [])
    try:
        return [c.strip() for c in next(csv.reader([line], delimiter=delimiter), [])]
    except csv.Error:  # a quoted cell ends on a later line
        return [c.strip() for c in line.split(delimiter)]


def _delimiter(sample: list[str], comments: list[str]) -> str:
    """The one that gives the header, commented or not, as many cells as most of the rows."""
    headers = [sample[0], *(c.lstrip("# ") for c in comments)]
    for delimiter in _DELIMITERS:
        counts = Counter(len(split(line, delimiter)) for line in sample)
        width, most = counts.most_common(1)[0]
        if (
            width > 1
            and 2 * most > len(sample)
            and any(len(split(h, delimiter)) == width for h in headers)
        ):
            return delimiter
    best = max(_DELIMITERS, key=lambda d: len(split(sample[0], d)))
    return best if len(split(sample[0], best)) > 1 else " "


def _is_number(cell: str) -> bool:
    return bool(_NUMBER.fullmatch(cell.strip()))


def _is_data(cells: list[str]) -> bool:
    """True for a row without names: it holds numbers, and no name of a column of positions."""
    if all(_is_number(c) for c in cells[:2]):
        return True
    return any(_is_number(c) for c in cells) and not any(is_known(c) for c in cells)


def _commented_header(layout: TextLayout, comments: list[str], row: list[str]) -> list[str] | None:
    """The last comment with as many names as the row has cells, if the row has none.

    A comment of units below it becomes the layout's units.
    """
    units: list[str] | None = None
    for comment in reversed(comments):
        names = split(comment.lstrip("# "), layout.delimiter)
        if len(names) != len(row) or len(names) < 2 or any(_is_number(n) for n in names):
            continue
        bracketed = [n.strip() for n in names]
        if units is None and all(re.fullmatch(r"\[.*\]|-+", n) for n in bracketed):
            units = [n.strip("[]-") for n in bracketed]
            continue
        if _is_data(row) or (any(map(is_known, names)) and not any(map(is_known, row))):
            layout.units = units
            return names
    return None


def _skip_units(layout: TextLayout, rows: list[int], cells: list[list[str]]) -> None:
    """Move the layout's first row behind rows of units and dashes (VizieR, spreadsheets)."""
    dashes = [any(row) and all(map(_DASHES.fullmatch, row)) for row in cells[:2]]
    if dashes[:1] == [True]:
        layout.first = rows[0] + 1
    elif layout.units is None and cells and len(cells[0]) == len(layout.names):
        filled = [c for c in cells[0] if c]
        words = [c for c in filled if c.lower() in UNIT_WORDS or len(c) > 2]
        below = dashes[1:] == [True]
        if below or (len(cells) > 1 and words and all(map(is_unit, filled))):
            layout.units = cells[0]
            layout.first = rows[1 if below else 0] + 1


def _describe(layout: TextLayout, comments: list[str]) -> None:
    """UCDs, descriptions and the frame in comments: those of VizieR, and of other authors."""
    frames = set()
    for comment in comments:
        if match := _VIZIER.match(comment):
            layout.descriptions[match["name"]] = match["text"]
            layout.ucds[match["name"]] = match["ucd"] or ""
        elif match := _COOSYS.match(comment):
            frames.add(match[1].strip())
    if len(frames) == 1:
        layout.frame = frames.pop()
    elif not frames:
        layout.frame = frame_of_comments(comments)


def _names_of_positions(path: Path, cells: list[str], delimiter: str) -> list[str]:
    numbers = [_is_number(c) for c in cells]
    if len(cells) == 3 and numbers == [False, True, True]:
        return ["name", "ra", "dec"]
    if all(numbers[:6]) and delimiter == " " and len(cells) >= 6:
        return ["ra", "dec", "name"]  # hh mm ss dd mm ss, and names with blanks
    if all(numbers[:2]) and (len(cells) in (2, 3) or (delimiter == " " and not numbers[2])):
        # Three at once: later lines may have a name where the first has none.
        return ["ra", "dec", "name"][: 3 if delimiter == " " else len(cells)]
    raise CatalogueError(
        f"{path}: the first line holds {len(cells)} cells with numbers and no names; put a line "
        "of column names first, or give only positions as 'RA Dec' or 'RA Dec name'"
    )
