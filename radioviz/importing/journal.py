"""An import on its way: images and outcomes written so that a kill costs little.

Images are appended to ``images.npy``, outcomes to ``journal.jsonl``, in batches: first the
images are forced to the disk, then the lines that speak of them. Whatever stands behind
the last whole line is cut off when the import is resumed.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from radioviz.data.user_surveys import JOURNAL, PLAN, surveys_folder
from radioviz.errors import CatalogueError
from radioviz.store.atomic import unwritable
from radioviz.store.records import read_json_object

_HEADER_BYTES = 128
_BATCH_BYTES = 1 << 25
_BATCH = 256
# Free space that is left alone, whatever the import needs.
_SPARE = 1 << 28


@dataclass(frozen=True)
class FileOutcome:
    """What became of one file.

    Attributes
    ----------
    name : str
        The file, row or plane, as the report calls it.
    refused : str
        Why it was not read; empty where it was.
    row : int or None
        Its row in the table that came with the images.
    facts : dict
        Cells that it adds to the table; None stands for NaN.
    notes : tuple of str
        What was repaired.
    """

    name: str
    refused: str = ""
    row: int | None = None
    facts: Mapping[str, Any] | None = None
    notes: tuple[str, ...] = ()


def digest(plan: Mapping[str, Any]) -> str:
    """What two imports have in common where one can take the other up."""
    text = json.dumps(plan, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def npy_header(shape: tuple[int, int, int], dtype: np.dtype) -> bytes:
    """A NumPy 1.0 header of always the same length, so that it can be rewritten in place."""
    text = repr(
        {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    )
    body = text.encode("ascii").ljust(_HEADER_BYTES - 11) + b"\n"
    return b"\x93NUMPY\x01\x00" + (_HEADER_BYTES - 10).to_bytes(2, "little") + body


class ImportJournal:
    """Writer of one import.

    Parameters
    ----------
    folder : pathlib.Path
        Scratch folder of the import; created.
    plan : mapping
        Everything that the outcome depends on. An import with another plan in the same
        folder is thrown away, one with the same is taken up.
    shape : tuple of int
        ``(ny, nx)`` of every image.
    dtype : numpy.dtype
    expected : int or None
        Number of images, for a look at the free space.
    asked : mapping, optional
        How the import was asked for; kept for whoever takes it up.

    Attributes
    ----------
    done : int
        Files that have an outcome.
    count : int
        Images that are stored.

    Raises
    ------
    CatalogueError
        If the folder cannot be written or has too little space.
    """

    def __init__(
        self,
        folder: Path,
        plan: Mapping[str, Any],
        shape: tuple[int, int],
        dtype: np.dtype,
        expected: int | None = None,
        asked: Mapping[str, Any] | None = None,
    ) -> None:
        self.folder, self.shape = folder, shape
        self.dtype = np.dtype(dtype).newbyteorder("<")
        self.done = self.count = 0
        self._bytes = shape[0] * shape[1] * self.dtype.itemsize
        self._lines: list[bytes] = []
        self._pending = 0
        try:
            if not self._take_up(plan):
                self._begin(plan, asked or {})
            self._check_space(expected)
            self._images = (folder / "images.npy").open("r+b")
            self._images.seek(_HEADER_BYTES + self.count * self._bytes)
            self._journal = (folder / JOURNAL).open("ab")
        except OSError as error:
            raise unwritable(surveys_folder(), error) from error

    def __enter__(self) -> ImportJournal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None or not issubclass(kind, OSError):
                self.commit()
        finally:
            for file in (self._images, self._journal):
                # On a full disk closing fails, too; what is not committed does not count.
                with suppress(OSError):
                    file.close()

    @property
    def path(self) -> Path:
        """The file of the images."""
        return self.folder / "images.npy"

    def _begin(self, plan: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
        if self.folder.exists():
            shutil.rmtree(self.folder)
        self.folder.mkdir(parents=True)
        self.path.write_bytes(npy_header((0, *self.shape), self.dtype))
        (self.folder / JOURNAL).write_bytes(b"")
        # Last, because an import without a plan is not taken up.
        kept = {"digest": digest(plan), "plan": plan, "asked": asked}
        text = json.dumps(kept, indent=1, default=str)
        (self.folder / (PLAN + ".new")).write_text(text, "utf-8")
        (self.folder / (PLAN + ".new")).rename(self.folder / PLAN)

    def _take_up(self, plan: Mapping[str, Any]) -> bool:
        """Cut what is there back to the last whole line; False where it cannot be used."""
        try:
            if read_json_object(self.folder / PLAN).get("digest") != digest(plan):
                return False
            with self.path.open("rb") as file:
                header = file.read(_HEADER_BYTES)
                size = file.seek(0, os.SEEK_END)
            done = count = whole = 0
            with (self.folder / JOURNAL).open("rb") as journal:
                for line in journal:
                    stored_image = _has_image(line)
                    room = _HEADER_BYTES + (count + bool(stored_image)) * self._bytes
                    if stored_image is None or room > size:
                        break
                    done, count, whole = done + 1, count + stored_image, whole + len(line)
            # The header speaks of no images, or of all where finish() was the last to come.
            if header not in (npy_header((n, *self.shape), self.dtype) for n in (0, count)):
                return False
            os.truncate(self.folder / JOURNAL, whole)
            os.truncate(self.path, _HEADER_BYTES + count * self._bytes)
        except (OSError, ValueError, AttributeError):
            return False
        self.done, self.count = done, count
        return True

    def _check_space(self, expected: int | None) -> None:
        missing = max(0, (expected or 0) - self.count) * self._bytes
        free = shutil.disk_usage(self.folder).free
        if missing + _SPARE > free:
            raise CatalogueError(
                f"the images need {missing / 1e9:.1f} GB and {self.folder.parent} has "
                f"{free / 1e9:.1f} GB free. Free some space, point RADIOVIZ_HOME elsewhere, or "
                "ask for fewer pixels"
            )

    def add(self, outcome: FileOutcome, image: np.ndarray | None = None) -> None:
        """Record a file; ``image`` is ``(ny, nx)`` and None where it was refused.

        Raises
        ------
        CatalogueError
            If the disk is full.
        """
        if (image is None) != bool(outcome.refused):
            raise ValueError(f"{outcome.name}: an image that is refused, or none that is not")
        if image is not None and image.shape != self.shape:
            raise ValueError(f"image of shape {image.shape}, expected {self.shape}")
        line = [
            0 if image is None else 1,
            outcome.name,
            outcome.refused,
            outcome.row,
            dict(outcome.facts or {}),
            list(outcome.notes),
        ]
        self._lines.append(json.dumps(line, ensure_ascii=True, default=_plain).encode() + b"\n")
        try:
            if image is not None:
                self._images.write(np.ascontiguousarray(image, self.dtype).data)
                self.count += 1
                self._pending += self._bytes
            self.done += 1
            if len(self._lines) >= _BATCH or self._pending >= _BATCH_BYTES:
                self.commit()
        except OSError as error:
            raise unwritable(surveys_folder(), error) from error

    def commit(self) -> None:
        """Force what was added to the disk, images first."""
        if not self._lines:
            return
        try:
            self._images.flush()
            os.fsync(self._images.fileno())
            self._journal.write(b"".join(self._lines))
            self._journal.flush()
            os.fsync(self._journal.fileno())
        except OSError as error:
            raise unwritable(surveys_folder(), error) from error
        self._lines.clear()
        self._pending = 0

    def outcomes(self) -> Iterator[tuple[bool, FileOutcome]]:
        """Everything recorded so far, in order: whether it has an image, and the outcome."""
        self.commit()
        with (self.folder / JOURNAL).open("rb") as journal:
            for line in journal:
                stored, name, refused, row, facts, notes = json.loads(line)
                yield bool(stored), FileOutcome(name, refused, row, facts, tuple(notes))

    def finish(self) -> np.ndarray:
        """All images, memory-mapped, shape ``(count, ny, nx)``; the file is a whole NumPy file."""
        self.commit()
        shape = (self.count, *self.shape)
        try:
            self._images.seek(0)
            self._images.write(npy_header(shape, self.dtype))
            self._images.flush()
            os.fsync(self._images.fileno())
        except OSError as error:
            raise unwritable(surveys_folder(), error) from error
        if not self.count:
            return np.zeros(shape, self.dtype)
        return np.load(self.path, mmap_mode="r", allow_pickle=False)


def _plain(value: Any) -> Any:
    """NumPy scalars as JSON has them."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} cannot be kept in a journal")


def _has_image(line: bytes) -> bool | None:
    """Whether a line stands for an image; None for a torn one."""
    if not line.endswith(b"\n"):
        return None
    try:
        content = json.loads(line)
        return bool(content[0]) if len(content) == 6 else None
    except (ValueError, TypeError, IndexError, KeyError):
        return None
