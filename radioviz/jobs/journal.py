"""An append-only record of a run: arrays in one ``.npy`` file, a line of JSON per item.

Items are written in batches: first the arrays are forced to the disk, then the lines that describe
them. A resumed run drops everything after the last complete line, so a kill costs at most one
batch.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec
import numpy as np

from radioviz.jobs.scratch import can_resume, clear, write_plan
from radioviz.store.atomic import report_unwritable
from radioviz.store.npy import GROWING_BYTES, growing_header
from radioviz.store.records import to_record

JOURNAL, ARRAYS = "journal.jsonl", "images.npy"

_BATCH_BYTES = 1 << 25
_BATCH = 256

Record = TypeVar("Record", bound=msgspec.Struct)


class Journal(Generic[Record]):
    """Writer of one run; a context manager.

    Parameters
    ----------
    folder : pathlib.Path
        Scratch folder of the run; created. A run with another plan in it is deleted, one with
        the same plan is resumed.
    plan : mapping
        Everything that the result depends on.
    record : type
        ``msgspec.Struct`` with ``array_like=True`` that describes an item.
    shape : tuple of int
        Shape of every array.
    dtype : numpy.dtype
    asked : mapping, optional
        How to start the run again; kept in the plan file.

    Attributes
    ----------
    done, count : int
        Items, and those of them with an array.

    Raises
    ------
    CatalogueError
        If the folder cannot be written.
    """

    def __init__(
        self,
        folder: Path,
        plan: Mapping[str, Any],
        record: type[Record],
        shape: tuple[int, ...],
        dtype: np.dtype,
        asked: Mapping[str, Any] | None = None,
    ) -> None:
        self.folder, self.shape = folder, shape
        self.dtype = np.dtype(dtype).newbyteorder("<")
        self.item_bytes = math.prod(shape) * self.dtype.itemsize
        self.done = self.count = 0
        self._record = record
        self._lines: list[bytes] = []
        self._pending = 0
        with self._writing():
            if not (can_resume(folder, plan) and self._resume()):
                clear(folder)
                (self.folder / ARRAYS).write_bytes(self._header(0))
                (folder / JOURNAL).write_bytes(b"")
                write_plan(folder, plan, asked or {})  # last: it makes the folder resumable
            self._arrays = (self.folder / ARRAYS).open("r+b")
            self._arrays.seek(GROWING_BYTES + self.count * self.item_bytes)
            self._journal = (folder / JOURNAL).open("ab")

    def __enter__(self) -> Journal[Record]:
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        try:
            if kind is None or not issubclass(kind, OSError):
                self.commit()
        finally:
            for file in (self._arrays, self._journal):
                # On a full disk closing fails as well; what is not committed does not count.
                with suppress(OSError):
                    file.close()

    def _writing(self) -> AbstractContextManager[None]:
        return report_unwritable(self.folder.parent)

    def _header(self, count: int) -> bytes:
        return growing_header((count, *self.shape), self.dtype)

    def _resume(self) -> bool:
        """Truncate both files to the last complete item; False if they cannot be used."""
        try:
            with (self.folder / ARRAYS).open("rb") as file:
                header = file.read(GROWING_BYTES)
                size = file.seek(0, os.SEEK_END)
            done = count = whole = 0
            with (self.folder / JOURNAL).open("rb") as journal:
                for line in journal:
                    found = self._parse(line)
                    if not found or GROWING_BYTES + (count + found[0]) * self.item_bytes > size:
                        break
                    done, count, whole = done + 1, count + found[0], whole + len(line)
            # The header counts no arrays, or all of them after finish().
            if header not in (self._header(0), self._header(count)):
                return False
            os.truncate(self.folder / JOURNAL, whole)
            os.truncate(self.folder / ARRAYS, GROWING_BYTES + count * self.item_bytes)
        except OSError:
            return False
        self.done, self.count = done, count
        return True

    def _parse(self, line: bytes) -> tuple[bool, Record] | None:
        """Whether an item has an array, and its record; None for an incomplete line."""
        if not line.endswith(b"\n"):
            return None
        try:
            stored, *fields = json.loads(line)
            return bool(stored), to_record(fields, self._record)
        except (ValueError, TypeError):
            return None

    def add(self, record: Record, array: np.ndarray | None = None) -> None:
        """Append an item, with an array or without.

        Raises CatalogueError if the disk is full.
        """
        if array is not None and array.shape != self.shape:
            raise ValueError(f"array of shape {array.shape}, expected {self.shape}")
        line = [int(array is not None), *msgspec.structs.astuple(record)]
        self._lines.append(json.dumps(line, default=plain).encode() + b"\n")
        with self._writing():
            if array is not None:
                self._arrays.write(np.ascontiguousarray(array, self.dtype).data)
                self.count += 1
                self._pending += self.item_bytes
        self.done += 1
        if len(self._lines) >= _BATCH or self._pending >= _BATCH_BYTES:
            self.commit()

    def commit(self) -> None:
        """Force all items to the disk, arrays first."""
        if not self._lines:
            return
        with self._writing():
            self._arrays.flush()
            os.fsync(self._arrays.fileno())
            self._journal.write(b"".join(self._lines))
            self._journal.flush()
            os.fsync(self._journal.fileno())
        self._lines.clear()
        self._pending = 0

    def items(self) -> Iterator[tuple[bool, Record]]:
        """Every item in order: whether it has an array, and its record."""
        self.commit()
        with (self.folder / JOURNAL).open("rb") as journal:
            for line in journal:
                if found := self._parse(line):
                    yield found

    def finish(self) -> np.ndarray:
        """All arrays (at least one), memory-mapped from a valid file: ``(count, *shape)``."""
        self.commit()
        with self._writing():
            self._arrays.seek(0)
            self._arrays.write(self._header(self.count))
            self._arrays.flush()
            os.fsync(self._arrays.fileno())
        return np.load(self.folder / ARRAYS, mmap_mode="r", allow_pickle=False)


def plain(value: Any) -> Any:
    """A value of a record as plain JSON has it."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} cannot be kept in a journal")
