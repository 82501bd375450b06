"""Import of cutouts that a survey service makes for a table of positions."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from radioviz.errors import ImageError
from radioviz.images.common_grid import CommonGrid, row_values, to_common_grid
from radioviz.images.reading import read_image
from radioviz.importing.cutouts import SERVICES, CutoutRequest, CutoutService, fetch_cutouts
from radioviz.importing.image_files import without_name
from radioviz.importing.inspection import (
    SAMPLE,
    CutoutReader,
    Inspection,
    Source,
    Step,
)
from radioviz.importing.mosaic import DEFAULT_PIXELS
from radioviz.importing.outcome import FileOutcome
from radioviz.importing.readers.table_builder import UserTable
from radioviz.importing.source_rows import SourceList, read_sources
from radioviz.importing.survey_facts import (
    Answers,
    Question,
    SurveyFacts,
    choice_answer,
    pixels_answer,
    positive_answer,
    resolve_facts,
)


class ServiceReader(CutoutReader):
    """A cutout of a service for each position.

    ``sources``, ``survey``, ``pixels``: as for :class:`CutoutReader`; ``base``: address that
    replaces the service's public one; ``rate``: requests per second that replace the service's own
    limit; ``attempts``: attempts per position.
    """

    several = True

    def __init__(
        self,
        service: CutoutService,
        sources: SourceList,
        survey: SurveyFacts,
        pixels: int,
        base: str | None = None,
        rate: float | None = None,
        attempts: int = 4,
    ) -> None:
        super().__init__(sources, survey, pixels)
        self.service, self.base, self.rate, self.attempts = service, base, rate, attempts
        self.common = CommonGrid(self.shape, self.step, survey.bunit, survey.survey)

    def cutouts(self, first: int) -> Iterator[Step]:
        positions = zip(self.ra[first:], self.dec[first:], strict=True)
        requests = [
            CutoutRequest(float(ra), float(dec), self.shape[0], self.step) for ra, dec in positions
        ]
        for cutout in fetch_cutouts(
            self.service,
            requests,
            base=self.base,
            rate=self.rate,
            attempts=self.attempts,
            cancelled=self.cancelled,
        ):
            row = first + cutout.index
            name = self.names[row]
            if cutout.path is None:
                yield FileOutcome(name, cutout.refused, row), None
                continue
            try:
                image = read_image(cutout.path, name=name)
                placed = to_common_grid(image, self.common, self.survey.bunit or None)
            except ImageError as error:
                yield FileOutcome(name, without_name(str(error), name), row), None
                continue
            cells = row_values(placed, "", self.common)
            del cells["file"]
            yield FileOutcome(name, "", row, cells, placed.notes), np.asarray(placed.data)


def inspect_positions(source: Source, answers: Answers, table: UserTable) -> Inspection:
    """Inspect a table of positions and the service that cuts them.

    Raises CatalogueError if the table has no positions, or an answer is not accepted.
    """
    sources = read_sources(table, answers, key=answers["key"], positions=True)
    needed = list(sources.needed)
    chosen = choice_answer(answers, "service", tuple(SERVICES))
    found = {"positions": f"{len(sources.frame):,}", **sources.found}
    make = None
    if chosen is None:
        text = (
            "The table names no images: which service should cut them? "
            "Or map the column with their files by hand (columns: image)."
        )
        needed.append(Question("service", text, tuple(SERVICES)))
    else:
        service = SERVICES[chosen]
        survey, facts_found, questions = resolve_facts(answers, service.facts)
        pixels = pixels_answer(answers) or DEFAULT_PIXELS
        base = str(answers.get("base") or "") or None
        rate = positive_answer(answers, "rate", "requests a second")
        attempts = int(positive_answer(answers, "attempts", "tries") or 4)
        found |= {
            "service": f"{service.title} at {service.address(base)}",
            "shape": f"{pixels} x {pixels} pixels",
            **facts_found,
        }
        needed += questions

        def make() -> ServiceReader:
            return ServiceReader(service, sources, survey, pixels, base, rate, attempts)

    return Inspection(
        source,
        "positions",
        count=len(sources.frame) + len(sources.refused),
        found=found,
        needed=tuple(needed),
        make=make,
        sample=sources.frame.head(SAMPLE),
        refused=tuple((f"row {n}", why) for n, why in sources.refused[:SAMPLE]),
        notes=sources.notes,
    )
