"""Masks of sources: which pixels belong to them, as FITS images and as DS9 polygons."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import IO

import numpy as np

from radioviz.data.catalogue import Catalogue
from radioviz.errors import CatalogueError, ExportError
from radioviz.export.cards import (
    block,
    card,
    commentary,
    image_bytes,
    linear_cards,
    primary,
    structure,
    wcs_cards,
)
from radioviz.export.fits import write_table_hdu
from radioviz.export.groups import (
    Group,
    Groups,
    ascii_text,
    count,
    filled,
    selection_table,
    sources,
    unique_name,
)
from radioviz.images.orientation import sky_of
from radioviz.jobs.progress import Progress, no_progress
from radioviz.morphology.measuring import extent_of

SKY, SOURCE, OTHERS = 0, 1, 2
_MEANING = (
    "Pixels: 0 sky, 1 the source at the centre, 2 other sources.",
    "Islands above 3 sigma; which belong to the source is decided as for las_measured.",
)
_FEWEST = 3  # vertices of a polygon


def mask_image(catalogue: Catalogue, row: int) -> np.ndarray:
    """Mask of one source: uint8 ``(ny, nx)``, 0 for sky, 1 for the source, 2 for other sources."""
    found = extent_of(catalogue, row)
    mask: np.ndarray = np.where(found.mask, SOURCE, np.where(found.others, OTHERS, SKY))
    return mask.astype(np.uint8)


def write_masks(
    file: IO[bytes],
    groups: Groups | Group,
    *,
    note: str = "",
    created: dt.datetime | None = None,
    progress: Progress = no_progress,
) -> None:
    """Write a FITS file with the mask of each source and the table ``SOURCES``.

    Masks are 8-bit images on the grid of the images, with their WCS or linear axes in arcsec; the
    column ``image_hdu`` of the table names that of each row.

    Raises ExportError if the selection is empty.
    """
    groups = filled(groups)
    table = selection_table(groups, note)
    file.write(primary((*table.provenance, *_MEANING), created, count(groups)))
    taken, names = {"PRIMARY", "SOURCES"}, []
    for group, row in sources(groups, progress):
        catalogue = group.catalogue
        name = unique_name(str(catalogue.table["source_id"].iat[row]).upper(), taken)
        mask = mask_image(catalogue, row)
        data, bitpix = image_bytes(mask)
        header = structure(mask.shape, bitpix, extension=True) + card("EXTNAME", name)
        try:
            header += "".join(card(*c) for c in wcs_cards(catalogue, row))
        except CatalogueError:  # without a position
            header += linear_cards(mask.shape, catalogue.info_of(row).pixel_scale)
        file.write(block(header + commentary("COMMENT", _MEANING)))
        file.write(data)
        names.append(name)
    write_table_hdu(file, table.with_columns(image_hdu=names))


def mask_regions(groups: Groups | Group) -> str:
    """DS9 polygons around the pixels of each source, J2000; those of other sources are dashed.

    Holes are not drawn.

    Raises ExportError if the selection is empty, or no source in it has a position.
    """
    groups = filled(groups)
    lines, seen = [], 0
    for group, row in sources(groups):
        catalogue = group.catalogue
        try:
            wcs = catalogue.wcs(row).celestial
        except CatalogueError:
            continue
        seen += 1
        mask = mask_image(catalogue, row)
        source = catalogue.table.iloc[row]
        name = ascii_text(source["name"] or source["source_id"], 60)
        name = name.translate(str.maketrans("{}", "()"))  # DS9 ends text at a closing brace
        for kind, more in ((SOURCE, f"text={{{name}}}"), (OTHERS, "dash=1")):
            for x, y in outlines(mask == kind):
                ra, dec = sky_of(wcs, x, y)
                at = ",".join(f"{a % 360.0:.7f},{d:.7f}" for a, d in zip(ra, dec, strict=True))
                lines.append(f"polygon({at}) # {more}")
    if not seen:
        raise ExportError(
            f"none of the {count(groups)} selected sources has a sky position, so there are no "
            "regions; export the masks as FITS instead"
        )
    head = [
        "# Region file format: DS9 version 4.1",
        f"# RadioViz: masks of {seen} of {count(groups)} selected sources",
        "# Dashed: other sources in the image.",
        'global color=green width=1 font="helvetica 10 normal roman" select=1 edit=1 move=1',
        "fk5",
    ]
    return "\n".join([*head, *lines]) + "\n"


def outlines(mask: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Outer outlines of the islands of a mask ``(ny, nx)``: x and y in pixels, from 0.

    They run along the edges of pixels half-way to their neighbours.
    """
    from contourpy import contour_generator

    padded = np.pad(mask.astype(float), 1)
    for points in contour_generator(z=padded).lines(0.5):
        x, y = np.asarray(points)[:-1].T - 1
        # Contours keep the higher side on one hand: outer ones run against the clock.
        area = np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y) / 2
        if len(x) >= _FEWEST and area > 0:
            yield x, y
