"""Images of RadioViz's own exports in one FITS file, one image or plane per source, read back."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from radioviz.errors import CatalogueError, ImageError
from radioviz.images.hdus import BLOCK, HDU, FitsFile, as_block, open_source
from radioviz.images.observation import find_simulation
from radioviz.images.plane_choice import plane_names
from radioviz.images.planes import physical_values, stored_type
from radioviz.importing.image_files import FileEntry, ImageFiles
from radioviz.importing.readers.cube_formats import Cube
from radioviz.importing.readers.table_builder import UserTable
from radioviz.importing.readers.user_tables import read_table

# -- FITS with one image per source --------------------------------------------------------------


def is_multi_extension(path: Path) -> bool:
    """True for a FITS file of images and the table of their sources."""
    hdus = _hdus(path)
    images = any(h.is_image for h in hdus)
    return images and hdus[-1].kind == "table" and _has_column(hdus[-1], "image_hdu")


def _hdus(path: Path) -> tuple[HDU, ...]:
    """Those of a FITS file; none of another one."""
    try:
        with open_source(path) as file:
            return file.hdus
    except ImageError:
        return ()


def _has_column(hdu: HDU, name: str) -> bool:
    header = hdu.header
    names = (header.string(f"TTYPE{i}") for i in range(1, 1000) if f"TTYPE{i}" in header)
    return name in names


SIMULATED = "SIMULATED"
"""Name of the table of latent vectors and conditions beside generated galaxies."""


def is_generated(path: Path) -> bool:
    """True for a FITS file of generated galaxies with the table of their latent vectors."""
    hdus = _hdus(path)
    tables = any(h.kind == "table" and h.name == SIMULATED for h in hdus)
    return tables and any(h.is_image and bool(find_simulation(h.header)) for h in hdus)


def generated_table(path: Path, names: list[str]) -> UserTable:
    """Latent vectors, requested classes and models of generated galaxies, by file name.

    ``names``: of their images, in the order of the file (:class:`ExtensionFiles`). Raises
    CatalogueError if the table is damaged, or of other images.
    """
    table = read_table(path, SIMULATED)
    with open_source(path) as file:
        headers = [h.header for h in file.hdus if h.is_image]
    rows = table.frame.get("image_index", pd.Series(dtype="int64"))
    if not rows.isin(range(len(names))).all() or not len(rows):
        raise CatalogueError(
            f"{path}: column 'image_index' of the table {SIMULATED} is not a number of one of "
            f"its {len(names)} images"
        )
    made = [find_simulation(header) for header in headers]
    ids = [text.replace(", ", "-").replace(" ", "-") for text in made]
    frame = table.frame.drop(columns="image_index").rename(columns={"condition_class": "label"})
    frame = frame.assign(
        source_id=[ids[i] for i in rows],
        simulated=[made[i] for i in rows],
        image_file=[names[i] for i in rows],
    )
    return dataclasses.replace(table, frame=frame, names=(), name="")


class ExtensionFiles(ImageFiles):
    """The images of one FITS file as if each were a file; they are called by their extensions.

    Raises CatalogueError if the file holds no image, or cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.archive = path, False
        try:
            with open_source(path) as file:
                images = [h for h in file.hdus if h.is_image]
        except ImageError as error:
            raise CatalogueError(str(error)) from error
        if not images:
            raise CatalogueError(f"{path}: holds no image")
        names = [h.name for h in images]
        self.names = [
            f"{h.name if h.name and names.count(h.name) == 1 else h.index}.fits" for h in images
        ]

    def entries(self, start: int = 0) -> Iterator[FileEntry]:
        yield from self._some(self.names[start:])

    def open(self, name: str) -> FileEntry:
        return next(self._some([name]))

    def sample(self, count: int) -> Iterator[FileEntry]:
        places = np.linspace(0, len(self.names) - 1, min(count, len(self.names)), dtype=int)
        yield from self._some([self.names[i] for i in places])

    def named(self, names: dict[str, list[int]]) -> Iterator[FileEntry]:
        yield from self._some(sorted(names, key=lambda name: names[name][0]))

    def _some(self, names: list[str]) -> Iterator[FileEntry]:
        with open_source(self.path) as file:
            images = dict(zip(self.names, (h for h in file.hdus if h.is_image), strict=True))
            for name in names:
                try:
                    yield FileEntry(name, _alone(file, images[name]))
                except ImageError as error:
                    yield FileEntry(name, refused=str(error))


def _alone(file: FitsFile, hdu: HDU) -> bytes:
    """A FITS file with one image of another."""
    header = b"" if hdu.index == 0 else as_block(_NO_IMAGE)
    data = file.data(hdu)
    return header + as_block(hdu.header.text.split("\n")) + data + b"\0" * (-len(data) % BLOCK)


_NO_IMAGE = (
    "SIMPLE  =                    T", "BITPIX  =                    8",
    "NAXIS   =                    0", "EXTEND  =                    T",
)  # fmt: skip


# -- FITS cube of sources ------------------------------------------------------------------------


def is_source_cube(path: Path) -> bool:
    """True for a FITS cube whose last axis counts sources."""
    hdus = _hdus(path)
    if not any(h.kind == "table" and _has_column(h, "image_plane") for h in hdus):
        return False
    first = hdus[0]
    return len(first.axes) in (3, 4) and not first.header.string("CTYPE1").startswith("RA")


class SourceCube(Cube):
    """The cube of an export, mapped; its table is in the same file.

    Raises CatalogueError if it is cut short or cannot be mapped.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        try:
            with open_source(path) as file:
                hdu = file.hdus[0]
                file.check_length(hdu)
        except ImageError as error:
            raise CatalogueError(str(error)) from error
        stored = stored_type(hdu.header)
        shape = hdu.axes[::-1]
        self.check(shape, stored.newbyteorder("="))
        if len(shape) == 4:
            self.planes = tuple(plane_names(hdu.header, 2, shape[1]))
        self._header = hdu.header
        try:
            self._array: np.memmap = np.memmap(path, stored, "r", hdu.start, shape)
        except (OSError, ValueError) as error:
            raise CatalogueError(f"{path}: cannot be mapped: {error}") from error
        self.attributes = {
            "bunit": hdu.header.string("BUNIT"),
            "pixel_scale": hdu.header.number("PIXSCALE"),
        }

    def blocks(self, start: int = 0) -> Iterator[np.ndarray]:
        for i in range(start, self.shape[0], self.block):
            block = np.asarray(self._array[i : i + self.block])
            yield block if self.is_grey else physical_values(block, self._header)

    def table(self) -> UserTable | None:
        return read_table(self.path)
