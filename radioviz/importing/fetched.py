"""Positions alone: a survey service cuts the images."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from radioviz.errors import CatalogueError, ImageError
from radioviz.images.common_grid import Common, facts, place
from radioviz.images.reading import read_image
from radioviz.importing.cutouts import SERVICES, Request, Service, fetch_cutouts
from radioviz.importing.facts import pixels_of, resolve
from radioviz.importing.files import path_state
from radioviz.importing.inspection import SAMPLE, Inspection, Source, key_of
from radioviz.importing.mosaic import DEFAULT_PIXELS
from radioviz.importing.outcome import FileOutcome
from radioviz.importing.questions import Answers, Question, chosen, positive
from radioviz.importing.reader import Reader, Step, SurveyFacts
from radioviz.importing.readers.user_tables import UserTable
from radioviz.importing.source_rows import SourceList, read_sources


class FetchedReader(Reader):
    """A cutout of a service for each position.

    Parameters
    ----------
    service : Service
    sources : SourceList
        With positions.
    survey : SurveyFacts
        ``pixel_scale`` is that of the cutouts.
    pixels : int
        Along an edge.
    base : str or None
        Address to use instead of the service's public one.
    rate : float or None
        Requests a second, where another than the service's own is wanted.
    attempts : int
        Tries a position gets.
    """

    def __init__(
        self,
        service: Service,
        sources: SourceList,
        survey: SurveyFacts,
        pixels: int,
        base: str | None = None,
        rate: float | None = None,
        attempts: int = 4,
    ) -> None:
        super().__init__()
        if survey.pixel_scale is None:
            raise CatalogueError("cutouts need a pixel scale in arcsec")
        self.service, self.sources, self.survey = service, sources, survey
        self.base, self.rate, self.attempts = base, rate, attempts
        self.shape, self.dtype = (pixels, pixels), np.dtype(np.float32)
        self.common = Common(self.shape, survey.pixel_scale, survey.bunit, survey.survey)
        self._refused = sources.refused
        self._requests = [
            Request(float(ra), float(dec), pixels, survey.pixel_scale)
            for ra, dec in zip(sources.frame["ra"], sources.frame["dec"], strict=True)
        ]
        self._names = [
            f"row {number}: {name}"
            for number, name in zip(sources.frame.index, sources.frame["source_id"], strict=True)
        ]
        self.total = len(self._refused) + len(self._requests)

    def read(self, start: int = 0) -> Iterator[Step]:
        """See :class:`Reader`; the rows that the table refuses come first."""
        for number, why in self._refused[start:]:
            yield FileOutcome(f"row {number}", why), None
        first = max(0, start - len(self._refused))
        cutouts = fetch_cutouts(
            self.service,
            self._requests[first:],
            base=self.base,
            rate=self.rate,
            attempts=self.attempts,
            cancelled=self.cancelled,
        )
        for cutout in cutouts:
            row = first + cutout.index
            name = self._names[row]
            if cutout.path is None:
                yield FileOutcome(name, cutout.refused, row), None
                continue
            try:
                image = read_image(cutout.path, name=name)
                placed = place(image, self.common, self.survey.bunit or None)
            except ImageError as error:
                yield FileOutcome(name, str(error).removeprefix(f"{name}: "), row), None
                continue
            cells = facts(placed, "", self.common)
            del cells["file"]
            yield FileOutcome(name, "", row, cells, placed.notes), placed.data


def inspect_positions(source: Source, answers: Answers, table: UserTable) -> Inspection:
    """Look at a list of positions and the service that is to cut them.

    Raises
    ------
    CatalogueError
        If the table has no positions, or an answer is none of the accepted.
    """
    path = Path(source.path)
    sources = read_sources(table, answers, key=key_of(source, answers), positions=True)
    needed = list(sources.needed)
    chosen_key = chosen(answers, "service", tuple(SERVICES))
    found = {"positions": f"{len(sources.frame):,}", **sources.found}
    make = None
    if chosen_key is None:
        text = (
            "The table names no images: which service shall cut them? "
            "Or map the column with their files by hand (columns: image)."
        )
        needed.append(Question("service", text, tuple(SERVICES)))
    else:
        service = SERVICES[chosen_key]
        told = SurveyFacts(
            None,
            service.beam,
            service.bunit,
            service.survey,
            frequency=service.frequency,
            licence=service.licence,
            reference=service.reference,
        )
        told = dataclasses.replace(told, pixel_scale=service.scale)
        survey, facts_found, asked = resolve(answers, told)
        pixels = pixels_of(answers) or DEFAULT_PIXELS
        base = str(answers.get("base") or "") or None
        rate = positive(answers, "rate", "requests a second")
        attempts = int(positive(answers, "attempts", "tries") or 4)
        found |= {
            "service": f"{service.title} at {service.address(base)}",
            "shape": f"{pixels} x {pixels} pixels",
            **facts_found,
        }
        needed += asked

        def make() -> Reader:
            return FetchedReader(service, sources, survey, pixels, base, rate, attempts)

    return Inspection(
        source,
        "positions",
        len(sources.frame) + len(sources.refused),
        found,
        tuple(needed),
        sources.frame.head(SAMPLE),
        tuple((f"row {n}", why) for n, why in sources.refused[:SAMPLE]),
        sources.notes,
        key_of(source, answers),
        path_state(path),
        make,
    )
