"""A stack of images in HDF5. Nothing leads to other files: links, virtual or external storage."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from radioviz.errors import CatalogueError
from radioviz.importing.readers.cube import Cube, choose_member, plain_scalar
from radioviz.importing.readers.table_builder import TableBuilder, UserTable, check_rows, reading
from radioviz.store.unpacking import excess


class H5Cube(Cube):
    """HDF5: its one dataset with three axes, in any group."""

    def __init__(self, path: Path, member: str = "") -> None:
        import h5py

        super().__init__(path)
        while h5py.h5pl.size():  # a file could have a filter loaded from these folders
            h5py.h5pl.remove(0)
        self._columns: list[str] = []
        found: dict[str, tuple[tuple[int, ...], np.dtype]] = {}

        seen: set[int] = set()

        def visit(group: Any, prefix: str, depth: int) -> None:
            for name in group:
                if depth > 8 or len(found) + len(self._columns) > 1000 or len(seen) > 10_000:
                    return
                # Other kinds of links lead, if only through one another, into other files.
                if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                    continue
                item = group.get(name)
                place = h5py.h5o.get_info(item.id).addr
                if place in seen:
                    continue
                seen.add(place)
                if isinstance(item, h5py.Group):
                    visit(item, f"{prefix}{name}/", depth + 1)
                elif isinstance(item, h5py.Dataset):
                    if item.ndim >= 2:
                        found[prefix + name] = (item.shape, item.dtype)
                    elif item.ndim == 1:
                        self._columns.append(prefix + name)

        with reading(path, "HDF5 file"), self._open() as file:
            visit(file, "", 0)
            self.member = choose_member(path, found, member)
            dataset = file[self.member]
            self.check(dataset.shape, dataset.dtype, what=self.member)
            if _is_elsewhere(dataset):
                raise CatalogueError(
                    f"{path} ({self.member}): its images lie in other files, which are not "
                    "read; copy the array into one file"
                )
            self.check_chunk(dataset.chunks or (1,))
            self._chunk = (dataset.chunks or (1,))[0]
            self.check_stored(min(dataset.id.get_storage_size(), path.stat().st_size))
            self.attributes = {
                **{k: plain_scalar(v) for k, v in file.attrs.items()},
                **{k: plain_scalar(v) for k, v in dataset.attrs.items()},
            }

    def _open(self) -> Any:
        import h5py

        return h5py.File(self.path, "r")

    def blocks(self, start: int = 0) -> Iterator[np.ndarray]:
        """See :class:`Cube`; blocks end where the file's chunks end."""
        step = max(self.block // self._chunk, 1) * self._chunk
        with reading(self.path, "HDF5 file"), self._open() as file:
            while start < self.shape[0]:
                stop = min(start - start % step + step, self.shape[0])
                yield file[self.member][start:stop]
                start = stop

    def table(self) -> UserTable | None:
        """One-dimensional datasets as long as the stack, with their attribute ``unit``."""
        builder = TableBuilder(self.path)
        with reading(self.path, "HDF5 file"), self._open() as file:
            columns = []
            size = stored = 0
            for name in self._columns:
                column = file[name]
                if column.shape == (self.shape[0],) and not _is_elsewhere(column):
                    columns.append((name, column))
                    # A chunk is unpacked as a whole, whatever the length of its column.
                    size += column.dtype.itemsize * max(column.shape + (column.chunks or ()))
                    stored += column.id.get_storage_size()
            check_rows(self.path, self.shape[0], len(columns), size)
            if why := excess(min(stored, self.path.stat().st_size), size):
                raise CatalogueError(f"{self.path}: its columns: {why}")
            for name, column in columns:
                if column.dtype.names:
                    for field in column.dtype.names:
                        builder.add(field, column[field][()])
                    continue
                attributes = {k: str(plain_scalar(v)) for k, v in column.attrs.items()}
                builder.add(
                    name.rpartition("/")[2],
                    column[()],
                    unit=attributes.get("unit", attributes.get("units", "")),
                    ucd=attributes.get("ucd", ""),
                )
        return builder.table() if builder.columns else None


def _is_elsewhere(dataset: Any) -> bool:
    """True where the cells of an HDF5 dataset lie in other files."""
    return bool(dataset.external or dataset.is_virtual)
