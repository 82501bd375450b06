"""Crossmatch galaxies with a file or a service's catalogue, read in confined processes."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np

from radioviz.data.catalogue import Column
from radioviz.errors import CatalogueError
from radioviz.importing import tap
from radioviz.importing.catalogue_match import CatalogueFacts, MatchedCatalogue
from radioviz.importing.survey_facts import Answers, Question
from radioviz.importing.tap import ServiceColumns
from radioviz.jobs.progress import Progress, no_progress
from radioviz.jobs.reader_process import read_confined
from radioviz.jobs.sandbox import Limits
from radioviz.workspace.crossmatch import LARGEST_RADIUS, Shift, moved, usual_shifts

_HERE = __name__ + ":"
LIMITS = Limits(memory=6_000_000_000, seconds=600)
CLASSES = (MatchedCatalogue, CatalogueFacts, Question, Column)
_SLACK = 0.2  # arcsec more than the radius in queries: services round, and mix ICRS and FK5


def inspect_catalogue(path: Path, answers: Answers | None = None) -> CatalogueFacts:
    """See :func:`radioviz.importing.catalogue_match.inspect_catalogue`."""
    return read_confined(
        "radioviz.importing.catalogue_match:inspect_catalogue", path, dict(answers or {}),
        name=path.name, read=[path], classes=CLASSES, limits=LIMITS,
    )  # fmt: skip


def match_file(
    path: Path,
    ra: np.ndarray,
    dec: np.ndarray,
    radius: float,
    how: str = "nearest",
    columns: Sequence[str] | None = None,
    answers: Answers | None = None,
) -> MatchedCatalogue:
    """See :func:`radioviz.importing.catalogue_match.match_catalogue`."""
    return read_confined(
        "radioviz.importing.catalogue_match:match_catalogue", path, np.asarray(ra, float),
        np.asarray(dec, float), radius, how, None if columns is None else list(columns),
        dict(answers or {}), name=path.name, read=[path], classes=CLASSES, limits=LIMITS,
    )  # fmt: skip


def match_service(
    service: str,
    table: str,
    ra: np.ndarray,
    dec: np.ndarray,
    radius: float,
    how: str = "nearest",
    progress: Progress = no_progress,
) -> MatchedCatalogue:
    """Match galaxies with a table of a TAP service, to which their positions are sent.

    Chance matches are estimated from two moved copies of the galaxies, which are sent, too.

    Parameters
    ----------
    service : str
        Name in :data:`radioviz.importing.tap.SERVICES`, or an address.
    table : str
        As the service calls it: ``VIII/92/first14``.
    ra, dec : numpy.ndarray
        ICRS in degrees, shape ``(n,)``, NaN where unknown; at most
        :data:`radioviz.importing.tap.MOST_GALAXIES`.

    Raises
    ------
    FetchError
        If the service cannot be reached.
    CatalogueError
        If there is no such table, no row near a galaxy, too many galaxies, or the service reports
        an error.
    """
    if not 0 < radius <= LARGEST_RADIUS:
        raise CatalogueError(
            f"the radius is {radius:g} arcsec; expected more than 0 and at most {LARGEST_RADIUS:g}"
        )
    ra, dec = np.asarray(ra, float), np.asarray(dec, float)
    placed = np.flatnonzero(np.isfinite(ra) & np.isfinite(dec))
    if not len(placed):
        raise CatalogueError("no galaxy of the data set has a sky position to match")
    if len(placed) > tap.MOST_GALAXIES:
        raise CatalogueError(
            f"{len(placed):,} galaxies; at most {tap.MOST_GALAXIES:,} positions are sent to a "
            "service. Filter the galaxies first, or upload the catalogue as a file"
        )
    address = address_of(service)
    host = urlsplit(address).hostname or service
    columns: ServiceColumns = read_confined(
        "radioviz.importing.tap:read_columns", tap.request(address, tap.columns_query(table)),
        table, host, name=host, classes=(ServiceColumns,),
    )  # fmt: skip
    shifts = usual_shifts(radius, 2)
    places = [(ra[placed], dec[placed]), *(moved(ra[placed], dec[placed], s) for s in shifts)]
    all_ra, all_dec = (np.concatenate(part) for part in zip(*places, strict=True))
    query = tap.rows_query(table, columns, radius + _SLACK)
    answers = []
    for start in range(0, len(all_ra), tap.PER_QUERY):
        progress(start, len(all_ra), f"positions sent to {host}")
        part = slice(start, start + tap.PER_QUERY)
        upload = tap.positions_table(all_ra[part], all_dec[part])
        answers.append(tap.request(address, query, upload))
    progress(len(all_ra), len(all_ra), "matching")
    return read_confined(
        _HERE + "_match_answers", answers, host, dataclasses.asdict(columns), ra, dec, radius, how,
        [list(s) for s in shifts], name=host, classes=CLASSES, limits=LIMITS,
    )  # fmt: skip


def address_of(service: str) -> str:
    """Address of a service by its name; other text is an address itself.

    Raises
    ------
    CatalogueError
        If it is neither.
    """
    address = tap.SERVICES.get(service, service).strip()
    if service == next(iter(tap.SERVICES)):
        address = os.environ.get("RADIOVIZ_TAP", address)
    if urlsplit(address).scheme not in ("http", "https") or not urlsplit(address).hostname:
        raise CatalogueError(
            f"'{address[:80]}' is not the address of a service; expected http:// or https://"
        )
    return address


def _match_answers(
    answers: list[bytes],
    host: str,
    columns: dict[str, str],
    ra: np.ndarray,
    dec: np.ndarray,
    radius: float,
    how: str,
    shifts: list[Shift],
) -> MatchedCatalogue:
    """Read the answers of a service and match them; called in the confined process."""
    from radioviz.importing.catalogue_match import match_catalogue

    places = {role: columns[role].strip('"') for role in ("ra", "dec")}
    table = tap.read_rows(answers, host)
    given = {"columns": {r: c for r, c in places.items() if c in table.frame.columns}}
    return match_catalogue(table, ra, dec, radius, how, None, given, [(s[0], s[1]) for s in shifts])
