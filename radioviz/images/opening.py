"""Open a file of unknown origin: path, bytes or stream; inflate gzip as far as a bound."""

from __future__ import annotations

import gzip
import io
import os
import stat
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from radioviz.errors import ImageError
from radioviz.jobs.watched_fork import begin
from radioviz.store.unpacking import excess

Source = str | os.PathLike[str] | bytes | bytearray | memoryview | IO[bytes]

_OTHER_FORMATS = (
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"II*\x00", "a TIFF image"),
    (b"MM\x00*", "a TIFF image"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"BZh", "a bzip2 file"),
    (b"\xfd7zXZ", "an xz file"),
    (b"\x28\xb5\x2f\xfd", "a zstd file"),
    (b"\x1f\x9d", "a compress (.Z) file"),
    (b"\x89HDF", "an HDF5 file"),
    (b"\x93NUMPY", "a NumPy file"),
    (b"%PDF", "a PDF file"),
    (b"<", "an HTML or XML file, perhaps the error page of a server"),
)


def other_format(magic: bytes) -> str:
    """Format of a file that begins with these bytes, with its article; empty if unknown."""
    return next((kind for start, kind in _OTHER_FORMATS if magic.startswith(start)), "")


def inflate(file: IO[bytes], name: str, limit: int) -> tuple[io.BytesIO, str]:
    """The first ``limit`` bytes that a gzip stream holds, and why the rest is missing, or empty.

    Raises ImageError if the stream is damaged from the start, or unpacks to too much.
    """
    content, problem = io.BytesIO(), ""
    packed = file.seek(0, io.SEEK_END)
    file.seek(0)
    try:
        with gzip.GzipFile(fileobj=file, mode="rb") as stream:
            while block := stream.read(min(1 << 20, limit + 1 - content.tell())):
                content.write(block)
                if why := excess(packed, content.tell()):
                    raise ImageError(f"{name}: {why}")
    except (EOFError, zlib.error, OSError) as error:
        problem = (
            f"the gzip stream is damaged or cut short after {content.tell():,} bytes ({error}); "
            "fetch the file again"
        )
        if not content.tell():
            raise ImageError(f"{name}: {problem}") from error
    if content.tell() > limit:
        problem = f"only {limit:,} bytes of the gzip stream are inflated; unpack the file first"
        content.truncate(limit)
    return content, problem


@contextmanager
def open_handle(source: Source, name: str = "", limit: int = 1 << 29) -> Iterator[Opened]:
    """Open any source as a seekable binary file, and close it if it was opened here.

    ``source``: path, bytes, or file object open for binary reading (left open). ``name``: name for
    messages; default the path's or the object's own. ``limit``: longest content of a stream that
    cannot seek. Raises ImageError if it cannot be opened or is empty.
    """
    with ExitStack() as closing:
        try:
            if isinstance(source, bytes | bytearray | memoryview):
                name = name or "the data"
                handle: IO[bytes] = io.BytesIO(source)
            elif isinstance(source, str | os.PathLike):
                name = name or Path(source).name
                handle = closing.enter_context(_open_path(Path(source), name))
            else:
                name = name or Path(str(getattr(source, "name", "") or "the data")).name
                handle = source
                if not handle.seekable():
                    content = handle.read(limit + 1)
                    if len(content) > limit:
                        raise ImageError(
                            f"{name}: is longer than {limit:,} bytes; save it to a file first"
                        )
                    handle = io.BytesIO(content)
            length = handle.seek(0, os.SEEK_END)
            if length == 0:
                raise ImageError(f"{name}: the file is empty (0 bytes); fetch it again")
            handle.seek(0)
            magic = handle.read(16)
            handle.seek(0)
            begin(name)
            yield Opened(handle, name, length, magic)
        except OSError as error:
            raise ImageError(f"{name}: cannot be read: {error.strerror or error}") from error


@dataclass(frozen=True)
class Opened:
    """An open file: its name for messages, length in bytes, and first 16 bytes."""

    handle: IO[bytes]
    name: str
    length: int
    magic: bytes


def _open_path(path: Path, name: str) -> IO[bytes]:
    # Opening a FIFO with the name of a FITS file would block forever.
    try:
        mode = path.stat().st_mode
    except ValueError as error:  # a NUL in the name
        raise ImageError(f"{name!r}: is not a file name ({error})") from error
    if not stat.S_ISREG(mode):
        raise ImageError(f"{name}: is not a regular file; give a FITS file")
    return path.open("rb")
