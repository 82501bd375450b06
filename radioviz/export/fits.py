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
    in_memory,
    selection_table,
    sources,
    timestamp,
    unique_name,
)
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

    The table is the last HDU; its column ``image_hdu`` names the image of each row. Images have
    the celestial WCS of :meth:`Catalogue.wcs`, or linear axes in arcsec where the source has no
    position. NaN stays NaN; 8-bit grey levels stay 8-bit.

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
        table = table.with_columns(image_hdu=_write_images(file, groups, progress))
    write_table_hdu(file, table)


def _write_images(file: IO[bytes], groups: Groups, progress: Progress) -> list[str]:
    taken = {"PRIMARY", "SOURCES"}
    names, headers = [], {id(g): ImageHeaders(g) for g in groups}
    for group, row in sources(groups, progress):
        name = unique_name(str(group.catalogue.table["source_id"].iat[row]).upper(), taken)
        data, bitpix = image_bytes(group.catalogue.images[row])
        header = (
            structure(group.catalogue.images.shape[1:], bitpix, extension=True)
            + card("EXTNAME", name)
            + headers[id(group)].cards(row)
        )
        file.write(block(header))
        file.write(data)
        names.append(name)
    return names


def fits_bytes(groups: Groups | Group, **options: Any) -> bytes:
    """:func:`write_fits` into memory."""
    return in_memory(write_fits, groups, **options)


def write_fits_table(file: IO[bytes], groups: Groups | Group, **options: Any) -> None:
    """Write a FITS file that holds only the table ``SOURCES``; see :func:`write_fits`."""
    write_fits(file, groups, images=False, **options)


def fits_table_bytes(groups: Groups | Group, **options: Any) -> bytes:
    """:func:`write_fits_table` into memory."""
    return in_memory(write_fits_table, groups, **options)


def single_fits(headers: ImageHeaders, row: int, created: dt.datetime | None = None) -> bytes:
    """FITS file of one source, image in the primary HDU."""
    image = headers.catalogue.images[row]
    data, bitpix = image_bytes(image)
    header = (
        structure(image.shape, bitpix, extension=False)
        + card("DATE", timestamp(created), "UTC of writing")
        + headers.cards(row)
    )
    return block(header) + data


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
    table); axis 3 counts sources from 1.

    Raises
    ------
    ExportError
        If the selection is empty, or its images differ in size.
    """
    groups = filled(groups)
    shapes = {g.catalogue.images.shape[1:]: g.catalogue.info.key for g in groups}
    if len(shapes) > 1:
        found = ", ".join(f"{key} {nx}x{ny}" for (ny, nx), key in shapes.items())
        raise ExportError(
            f"one cube needs images of one size, but the selection has {found} pixels; "
            "export one data set at a time, or a multi-extension FITS file"
        )
    (ny, nx) = next(iter(shapes))
    dtype = np.result_type(*(g.catalogue.images.dtype for g in groups))
    _, bitpix = image_bytes(np.zeros((1, 1), dtype))
    scales = {s for g in groups for s in g.catalogue.pixel_scales[g.rows].tolist()}
    units = {fits_unit(g.catalogue.info.bunit) for g in groups}
    table = selection_table(groups, note)
    header = structure((count(groups), ny, nx), bitpix, extension=False)
    header += card("DATE", timestamp(created), "UTC of writing") + card("ORIGIN", ORIGIN)
    if len(units) == 1 and (unit := units.pop()):
        header += card("BUNIT", unit)
    elif len(units) > 1:
        header += commentary("COMMENT", ["Units differ: see column bunit of SOURCES."])
    if len(scales) == 1:
        scale = scales.pop()
        header += card("PIXSCALE", scale, "[arcsec] size of a pixel") + card("WCSAXES", 3)
        header += linear_axes((ny, nx), scale)
        header += card("CTYPE3", "SOURCE", "row of the table SOURCES") + card("CRPIX3", 1.0)
        header += card("CRVAL3", 1.0) + card("CDELT3", 1.0)
    else:
        header += commentary("COMMENT", ["Pixel scales differ: see column pixel_scale of SOURCES."])
    file.write(block(header + commentary("HISTORY", table.provenance)))
    written = 0
    for group, row in sources(groups, progress):
        plane = np.asarray(group.catalogue.images[row]).astype(dtype, copy=False)
        written += file.write(_unpadded(plane))
    file.write(b"\0" * (-written % 2880))
    write_table_hdu(file, table.with_columns(image_plane=np.arange(1, count(groups) + 1)))


def _unpadded(plane: np.ndarray) -> bytes:
    data, bitpix = image_bytes(plane)
    return data[: plane.size * abs(bitpix) // 8]


def cube_bytes(groups: Groups | Group, **options: Any) -> bytes:
    """:func:`write_cube` into memory."""
    return in_memory(write_cube, groups, **options)


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
