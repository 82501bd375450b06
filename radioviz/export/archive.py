"""ZIP of a selection: one FITS file per source, the table, and the terms of use."""

from __future__ import annotations

import datetime as dt
import zipfile
from typing import IO

from radioviz.export.fits import image_headers, single_fits
from radioviz.export.groups import (
    Group,
    Groups,
    SelectionTable,
    count,
    filled,
    selection_table,
    shared_origin,
    sources,
    unique_name,
)
from radioviz.export.tables import write_csv_table
from radioviz.jobs.progress import Progress, no_progress

_README = """RadioViz export
===============

{number} FITS file(s), one galaxy each, in images/. sources.csv has one row per file, named in its
column image_file.
Images are in FITS orientation; where the position is known they have a celestial WCS, otherwise
linear axes in arcsec. Missing numbers in the table are empty cells. A text cell that a
spreadsheet could interpret as a formula begins with an apostrophe (').

Columns
-------
{columns}

Provenance
----------
{provenance}
"""


def write_zip(
    file: IO[bytes],
    groups: Groups | Group,
    *,
    note: str = "",
    created: dt.datetime | None = None,
    progress: Progress = no_progress,
) -> None:
    """Write ``images/<source>.fits``, ``sources.csv``, ``README.txt`` and ``LICENCE.txt``.

    File names consist of letters, digits and ``_-+.``, are unique on file systems that ignore
    case, and stay in the folder into which the archive is unpacked.

    Raises ExportError if the selection is empty.
    """
    groups = filled(groups)
    table = selection_table(groups, note)
    headers = {id(g): image_headers(g) for g in groups}
    moment = (created or dt.datetime.now(dt.UTC)).timetuple()[:6]
    names, taken = [], set(_RESERVED)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:

        def entry(name: str) -> zipfile.ZipInfo:
            info = zipfile.ZipInfo(name, moment)
            info.compress_type = zipfile.ZIP_DEFLATED
            return info

        def add(name: str, payload: bytes) -> None:
            archive.writestr(entry(name), payload)

        for group, row in sources(groups, progress):
            name = unique_name(str(group.catalogue.table["source_id"].iat[row]), taken) + ".fits"
            add(f"images/{name}", single_fits(headers[id(group)], row, created))
            names.append(f"images/{name}")
        table = table.with_columns(image_file=names)
        with archive.open(entry("sources.csv"), "w") as csv:
            write_csv_table(csv, table)
        add("README.txt", readme(table, count(groups)).encode("utf-8"))
        add("LICENCE.txt", licence(groups).encode("utf-8"))


# Device names that Windows reserves, with any extension.
_RESERVED = frozenset(
    ["CON", "PRN", "AUX", "NUL", *(f"{d}{i}" for d in ("COM", "LPT") for i in range(1, 10))]
)


def readme(table: SelectionTable, number: int) -> str:
    """Content of the archive: columns with units and descriptions, and provenance."""
    columns = [
        f"{name:<16} {f'[{c.unit}]' if c.unit else '':<10} {c.description}".rstrip()
        for name, c in table.columns.items()
    ]
    columns += [
        f"{name + '_0 ...':<27} Latent vector, {v.shape[1]} values"
        for name, v in table.latents.items()
    ]
    return _README.format(
        number=number, columns="\n".join(columns), provenance="\n".join(table.provenance)
    )


def licence(groups: Groups) -> str:
    """Terms of use of every data set in the selection."""
    return "\n".join(
        f"{info.title}\n"
        f"Licence: {info.licence or 'not stated by the origin; ask before publishing'}\n"
        f"Reference: {info.reference or 'not stated'}\n"
        f"Origin: {shared_origin(info) or 'not stated'}\n"
        for info in {g.catalogue.info.key: g.catalogue.info for g in groups}.values()
    )
