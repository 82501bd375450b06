"""FITS files of a selection: multi-extension, one file per source, or one cube.

Images are streamed one at a time from the memory-mapped catalogue to the file, so that only the
table of a large selection is held in memory.
"""

from __future__ import annotations

import datetime as dt
import shutil
import tempfile
from typing import IO, Any

import numpy as np

from radioviz.data.catalogue import Catalogue
from radioviz.data.source_planes import numbered
from radioviz.errors import ExportError
from radioviz.export.cards import (
    ORIGIN,
    ImageHeaders,
    block,
    card,
    commentary,
    image_bytes,
    linear_axes,
    primary,
    structure,
)
from radioviz.export.groups import (
    Group,
    Groups,
    SelectionTable,
    ascii_text,
    column_names,
    count,
    filled,
    fits_unit,
    selection_table,
    sources,
    timestamp,
    unique_name,
)
from radioviz.export.plane_cards import PlaneHeaders
from radioviz.jobs.progress import Progress, no_progress


def write_fits(
    file: IO[bytes],
    groups: Groups | Group,
    *,
    note: str = "",
    created: dt.datetime | None = None,
    images: bool = True,
    progress: Progress = no_progress,
) -> None:
    """Write a multi-extension FITS file: provenance, one image HDU per source, ``SOURCES``.

    The table is the last HDU; its column ``image_hdu`` names the image of each row. Several images
    of a source are a cube, or an HDU each where their pixels differ (``image_hdu_2``, ...). Images
    have the celestial WCS of :meth:`Catalogue.wcs`, or linear axes in arcsec where the source has
    no position. NaN stays NaN; 8-bit grey levels stay 8-bit.

    Parameters
    ----------
    file
        Binary file open for writing, not necessarily seekable.
    groups
        Groups in the order to write.
    note
        A sentence for the HISTORY of the primary header (how the selection was made).
    created
        Time of writing, now by default; set it for reproducible bytes.
    images
        False writes only the table.
    progress
        Called with the number of images written, and of all.

    Raises
    ------
    ExportError
        If the selection is empty.
    """
    groups = filled(groups)
    table = selection_table(groups, note)
    file.write(primary(table.provenance, created, count(groups)))
    if images:
        table = table.with_columns(**_write_images(file, groups, progress))
    write_table_hdu(file, table)


def _write_images(file: IO[bytes], groups: Groups, progress: Progress) -> dict[str, list[str]]:
    """Write the image HDUs; their names by column, as :func:`hdu_columns` numbers them."""
    taken = {"PRIMARY", "SOURCES"}
    headers = {id(g): image_headers(g) for g in groups}
    names: list[list[str]] = []
    for group, row in sources(groups, progress):
        own = headers[id(group)]
        source = str(group.catalogue.table["source_id"].iat[row]).upper()
        parts: list[tuple[str, np.ndarray, str]] = []
        if isinstance(own, ImageHeaders):
            parts.append((source, group.catalogue.images[row], own.cards(row)))
        elif own.one_grid:
            parts.append((source, _cube_of(own, row), own.cube_cards(row)))
        else:
            for k, plane in enumerate(own.names):
                data = own.of_plane[k].catalogue.images[row]
                parts.append((f"{source}_{plane.upper()}", data, own.plane_cards(row, k)))
        names.append([])
        for wanted, image, cards in parts:
            name = unique_name(wanted, taken)
            data, bitpix = image_bytes(image)
            header = structure(image.shape, bitpix, extension=True) + card("EXTNAME", name) + cards
            file.write(block(header))
            file.write(data)
            names[-1].append(name)
    return hdu_columns(names)


def hdu_columns(names: list[list[str]]) -> dict[str, list[str]]:
    """Columns that name the image HDUs of each source: ``image_hdu``, ``image_hdu_2``, ..."""
    most = max(map(len, names))
    return {
        "image_hdu" if not k else numbered("image_hdu", k): [
            own[k] if k < len(own) else "" for own in names
        ]
        for k in range(most)
    }


def image_headers(group: Group) -> ImageHeaders | PlaneHeaders:
    """Cards of the images of a group."""
    return PlaneHeaders(group) if group.catalogue.planes else ImageHeaders(group)


def _cube_of(headers: PlaneHeaders, row: int) -> np.ndarray:
    cube = headers.catalogue.cube
    assert cube is not None
    return cube[row]


def write_fits_table(file: IO[bytes], groups: Groups | Group, **options: Any) -> None:
    """Write a FITS file that holds only the table ``SOURCES``; see :func:`write_fits`."""
    write_fits(file, groups, images=False, **options)


def single_fits(
    headers: ImageHeaders | PlaneHeaders, row: int, created: dt.datetime | None = None
) -> bytes:
    """FITS file of one source, image in the primary HDU.

    Several images of it are a cube there, or one extension each where their pixels differ.
    """
    date = card("DATE", timestamp(created), "UTC of writing")
    if isinstance(headers, PlaneHeaders) and not headers.one_grid:
        out = block(
            card("SIMPLE", True, "conforms to FITS standard 4.0")
            + card("BITPIX", 8)
            + card("NAXIS", 0)
            + card("EXTEND", True)
            + card("ORIGIN", ORIGIN)
            + date
            + headers.name_cards()
        )
        taken = {"PRIMARY"}
        for k, plane in enumerate(headers.names):
            image = headers.of_plane[k].catalogue.images[row]
            data, bitpix = image_bytes(image)
            name = card("EXTNAME", unique_name(plane.upper(), taken))
            cards = structure(image.shape, bitpix, extension=True) + name
            out += block(cards + headers.plane_cards(row, k)) + data
        return out
    if isinstance(headers, PlaneHeaders):
        image, cards = _cube_of(headers, row), headers.cube_cards(row)
    else:
        image, cards = headers.catalogue.images[row], headers.cards(row)
    data, bitpix = image_bytes(image)
    return block(structure(image.shape, bitpix, extension=False) + date + cards) + data


def write_cube(
    file: IO[bytes],
    groups: Groups | Group,
    *,
    note: str = "",
    created: dt.datetime | None = None,
    progress: Progress = no_progress,
) -> None:
    """Write one cube ``(source, y, x)`` in the primary HDU and the table ``SOURCES``.

    Axes 1 and 2 are offsets in arcsec, since the planes lie at different positions (given in the
    table); axis 3 counts sources from 1. Where sources have several images, axis 3 counts these,
    and axis 4 the sources.

    Raises ExportError if the selection is empty, or its images differ in size.
    """
    groups = filled(groups)
    stored = {id(g): _stored(g) for g in groups}
    shapes = {stored[id(g)].shape[1:]: g.catalogue.info.key for g in groups}
    if len(shapes) > 1:
        found = ", ".join(
            f"{key} {'x'.join(map(str, shape[::-1]))}" for shape, key in shapes.items()
        )
        raise ExportError(
            f"one cube needs images of one size, but the selection has {found} pixels; "
            "export one data set at a time, or a multi-extension FITS file"
        )
    planes = {g.catalogue.planes: g.catalogue.info.key for g in groups}
    if len(planes) > 1:
        said = "; ".join(f"{key}: {', '.join(names) or 'one'}" for names, key in planes.items())
        raise ExportError(
            f"one cube needs the same images of each source, but there are: {said}; export one "
            "data set at a time, or a multi-extension FITS file"
        )
    shape, names = next(iter(shapes)), next(iter(planes))
    ny, nx = shape[-2:]
    dtype = np.result_type(*(g.catalogue.images.dtype for g in groups))
    _, bitpix = image_bytes(np.zeros((1, 1), dtype))
    views = [v for g in groups for v in _views(g.catalogue)]
    scales = {s for g in groups for v in _views(g.catalogue) for s in v.pixel_scales[g.rows]}
    units = {fits_unit(v.info.bunit) for v in views}
    table = selection_table(groups, note)
    header = structure((count(groups), *shape), bitpix, extension=False)
    header += card("DATE", timestamp(created), "UTC of writing") + card("ORIGIN", ORIGIN)
    if len(units) == 1 and (unit := units.pop()):
        header += card("BUNIT", unit)
    elif len(units) > 1:
        header += commentary("COMMENT", ["Units differ: see column bunit of SOURCES."])
    if len(scales) == 1:
        scale = float(scales.pop())
        last = len(shape) + 1
        header += card("PIXSCALE", scale, "[arcsec] size of a pixel") + card("WCSAXES", last)
        header += linear_axes((ny, nx), scale)
        if names:
            header += card("CTYPE3", "PLANE", "image of a source, named in PLANEn")
            header += card("CRPIX3", 1.0) + card("CRVAL3", 1.0) + card("CDELT3", 1.0)
        header += card(f"CTYPE{last}", "SOURCE", "row of the table SOURCES")
        header += card(f"CRPIX{last}", 1.0) + card(f"CRVAL{last}", 1.0) + card(f"CDELT{last}", 1.0)
    else:
        header += commentary("COMMENT", ["Pixel scales differ: see column pixel_scale of SOURCES."])
    if names:
        header += card("NPLANES", len(names), "images of one source")
        header += "".join(card(f"PLANE{k}", name) for k, name in enumerate(names, 1))
    file.write(block(header + commentary("HISTORY", table.provenance)))
    written = 0
    for group, row in sources(groups, progress):
        plane = np.asarray(stored[id(group)][row]).astype(dtype, copy=False)
        written += file.write(_unpadded(plane))
    file.write(b"\0" * (-written % 2880))
    write_table_hdu(file, table.with_columns(image_plane=np.arange(1, count(groups) + 1)))


def _views(catalogue: Catalogue) -> list[Catalogue]:
    """The catalogue in each of its planes."""
    return [catalogue.of_plane(k) for k in range(max(1, len(catalogue.planes)))]


def _stored(group: Group) -> np.ndarray:
    """All images of a group's catalogue, ``(n, ny, nx)`` or ``(n, planes, ny, nx)``."""
    catalogue = group.catalogue
    return catalogue.images if catalogue.cube is None else catalogue.cube


def _unpadded(plane: np.ndarray) -> bytes:
    data, bitpix = image_bytes(plane)
    return data[: plane.size * abs(bitpix) // 8]


def write_table_hdu(file: IO[bytes], table: SelectionTable, name: str = "SOURCES") -> None:
    """Write a binary-table HDU; units, UCDs and descriptions are TUNITn, TUCDn and TCOMMn."""
    from astropy.io import fits

    safe = column_names([*table.frame.columns, *table.latents])
    columns, described = [], []
    for key in table.frame.columns:
        cells, about = table.frame[key], table.columns[key]
        values: np.ndarray
        if cells.dtype.kind in "fib":
            values = cells.to_numpy()
            form = {"f": "D", "i": "K", "b": "L"}[cells.dtype.kind]
        else:
            text = np.array([ascii_text(c).encode("ascii") for c in cells], dtype="S")
            values, form = text, f"{max(1, text.dtype.itemsize)}A"
        columns.append(fits.Column(safe[key], form, unit=about.unit or None, array=values))
        described.append((about.ucd, about.description))
    for key, vectors in table.latents.items():
        columns.append(fits.Column(safe[key], f"{vectors.shape[1]}E", array=vectors))
        described.append(("", "Latent vector"))
    hdu = fits.BinTableHDU.from_columns(columns, name=name)
    for i, (ucd, description) in enumerate(described, 1):
        place = f"TFORM{i}" if f"TUNIT{i}" not in hdu.header else f"TUNIT{i}"
        if description:
            hdu.header.set(f"TCOMM{i}", ascii_text(description)[:66], after=place)
        if ucd:
            hdu.header.set(f"TUCD{i}", ucd, after=place)
    for line in table.provenance:
        hdu.header.add_history(ascii_text(line))
    # astropy writes whole files only; its first 2,880 bytes are an empty primary HDU.
    with tempfile.TemporaryFile() as whole:
        fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(whole)
        whole.seek(2880)
        shutil.copyfileobj(whole, file)
