"""ZIP and tar archives of images, read member by member and never unpacked to disk.

A name is only a label here, so no archive can write anywhere; members whose names lead
elsewhere, links and devices are still left out by name, because nothing honest makes them.
Sizes are counted while they are read: what a header claims is never believed.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from radioviz.errors import CatalogueError, ImageError


@dataclass(frozen=True)
class Limits:
    """Bounds on an archive.

    Attributes
    ----------
    members : int
        Entries, folders included.
    member_bytes : int
        Unpacked bytes of one entry.
    total_bytes : int
        Unpacked bytes of all entries that are read.
    ratio : float
        Unpacked by packed bytes of an entry beyond ``ratio_from`` bytes. FITS images of
        noise shrink to a half; blank ones a hundredfold.
    ratio_from : int
        Entries up to this size may have any ratio.
    """

    members: int = 200_000
    member_bytes: int = 1 << 28
    total_bytes: int = 1 << 36
    ratio: float = 200.0
    ratio_from: int = 1 << 24


LIMITS = Limits()
_SLACK = 1 << 20  # tar headers between two members: long names, PAX records
_EOCD = b"PK\x05\x06"
_LOCATOR = b"PK\x06\x07"
_NESTED = (".zip", ".tar", ".tgz", ".7z", ".rar", ".tar.gz", ".tar.bz2", ".tar.xz")


@dataclass(frozen=True)
class Member:
    """One file of an archive.

    Attributes
    ----------
    name : str
        Path inside the archive.
    size : int
        Unpacked bytes, as the archive claims.
    refused : str
        Why it is not read; empty where it can be.
    """

    name: str
    size: int
    refused: str
    _read: Callable[[], bytes]

    def read(self) -> bytes:
        """Its content, to be had until the next member is asked for.

        Raises
        ------
        ImageError
            If it is refused, damaged, or larger than it says.
        """
        if self.refused:
            raise ImageError(f"{self.name}: {self.refused}")
        return self._read()


def is_archive(path: Path) -> bool:
    """True for a ZIP or a tar, compressed or not, by its content."""
    return kind(path) != ""


def members(path: Path, limits: Limits = LIMITS) -> Iterator[Member]:
    """Files of an archive in their order; folders are passed over.

    Raises
    ------
    CatalogueError
        If it is no archive, is damaged, or exceeds a bound as a whole.
    """
    path = Path(path)
    found = kind(path)
    if not found:
        raise CatalogueError(f"{path}: neither a ZIP nor a tar archive (.tar, .tar.gz, .bz2, .xz)")
    if found == "zip":
        yield from _zip_members(path, limits)
    else:
        yield from _tar_members(path, found, limits)


def kind(path: Path) -> str:
    """``zip``, ``tar``, ``gz``, ``bz2`` or ``xz`` (compressed tars), or '' for anything else."""
    try:
        with path.open("rb") as file:
            head = file.read(512)
            if head[:4] in (b"PK\x03\x04", _EOCD):
                return "zip"
            for magic, kind, opener in (
                (b"\x1f\x8b", "gz", gzip.open),
                (b"BZh", "bz2", bz2.open),
                (b"\xfd7zXZ\0", "xz", lzma.open),
            ):
                if head.startswith(magic):
                    file.seek(0)
                    try:
                        with opener(file) as plain:
                            inner = plain.read(512)
                    except (OSError, EOFError, zlib.error, lzma.LZMAError):
                        return ""
                    return kind if inner[257:262] == b"ustar" else ""
            return "tar" if head[257:262] == b"ustar" else ""
    except OSError as error:
        raise CatalogueError(f"{path}: cannot be read: {error.strerror or error}") from error


def suspicious(name: str) -> str:
    """Why a member's name is not one of an honest archive; empty where it is."""
    plain = name.replace("\\", "/")
    if plain.startswith("/") or re.match(r"^[A-Za-z]:", plain):
        return "absolute path"
    if ".." in plain.split("/"):
        return "a path with '..'"
    if any(ord(c) < 32 for c in name):
        return "a name with control characters"
    if len(name) > 1000:
        return "a name longer than 1,000 characters"
    if plain.lower().endswith(_NESTED):
        return "an archive inside the archive; unpack it first"
    return ""


def hidden(name: str) -> bool:
    """True for what systems add to archives: dot files and macOS's copies."""
    parts = name.replace("\\", "/").split("/")
    return "__MACOSX" in parts or (parts[-1].startswith(".") and parts[-1] not in (".", ".."))


class _Budget:
    """Counts unpacked bytes over all members."""

    def __init__(self, path: Path, limits: Limits) -> None:
        self.path, self.limits, self.used = path, limits, 0

    def spend(self, size: int) -> None:
        self.used += size
        if self.used > self.limits.total_bytes:
            raise CatalogueError(
                f"{self.path}: unpacks to more than {self.limits.total_bytes:,} bytes; "
                "split it, or give the unpacked folder"
            )


# -- ZIP ---------------------------------------------------------------------------------


def _zip_members(path: Path, limits: Limits) -> Iterator[Member]:
    _check_directory(path, limits)
    budget = _Budget(path, limits)
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, NotImplementedError, ValueError, struct.error) as error:
        raise CatalogueError(f"{path}: damaged ZIP archive: {error}") from error
    with archive:
        seen: set[str] = set()
        for info in archive.infolist():
            if info.filename.endswith("/") or hidden(info.filename):
                continue
            why = _zip_refusal(info, limits)
            if info.filename in seen:
                why = "a second file of this name"
            seen.add(info.filename)

            def read(info: zipfile.ZipInfo = info) -> bytes:
                return _read_zipped(archive, info, limits, budget)

            yield Member(info.filename, info.file_size, why, read)


def _zip_refusal(info: zipfile.ZipInfo, limits: Limits) -> str:
    why = suspicious(info.orig_filename) or suspicious(info.filename)
    why = why or ("" if info.filename else "no name")
    kind = stat.S_IFMT(info.external_attr >> 16)
    if not why and kind and kind != stat.S_IFREG:
        why = "a link" if kind == stat.S_IFLNK else "a special file"
    if not why and info.flag_bits & 0x1:
        why = "encrypted"
    if not why and info.file_size > limits.member_bytes:
        why = f"{info.file_size:,} bytes; up to {limits.member_bytes:,} are read"
    packed = max(info.compress_size, 1)
    if not why and info.file_size > limits.ratio_from and info.file_size / packed > limits.ratio:
        why = f"{packed:,} bytes that unpack to {info.file_size:,}: a decompression bomb"
    return why


def _read_zipped(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, limits: Limits, budget: _Budget
) -> bytes:
    try:
        with archive.open(info) as file:
            content = file.read(limits.member_bytes + 1)
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        OSError,
        lzma.LZMAError,
        struct.error,
        ValueError,  # also the name before the member, where it is no UTF-8
    ) as error:
        raise ImageError(f"{info.filename}: damaged in the archive: {error}") from error
    except (NotImplementedError, RuntimeError) as error:
        raise ImageError(f"{info.filename}: cannot be unpacked: {error}") from error
    if len(content) > limits.member_bytes:
        raise ImageError(
            f"{info.filename}: larger than it says; up to {limits.member_bytes:,} bytes are read"
        )
    budget.spend(len(content))
    return content


def _check_directory(path: Path, limits: Limits) -> None:
    """Refuse a ZIP whose directory is too long, before it is read into memory.

    The end record is found as :mod:`zipfile` finds it; the directory's length is what that
    module reads, whatever the entry count claims.
    """
    with path.open("rb") as file:
        size = file.seek(0, io.SEEK_END)
        file.seek(max(0, size - 65_557))
        tail = file.read()
        end = len(tail) - 22
        if end < 0 or tail[end : end + 4] != _EOCD or tail[-2:] != b"\0\0":
            end = tail.rfind(_EOCD)
        if end < 0 or len(tail) < end + 22:
            raise CatalogueError(f"{path}: damaged ZIP archive: it has no end record (cut short?)")
        entries, length = struct.unpack("<HL", tail[end + 10 : end + 16])
        locator = tail[max(0, end - 20) : end]
        if locator[:4] == _LOCATOR:
            offset = struct.unpack("<Q", locator[8:16])[0]
            file.seek(min(offset, size))
            record = file.read(56)
            if record[:4] == b"PK\x06\x06" and len(record) == 56:
                entries, length = struct.unpack("<QQ", record[32:48])
    if entries > limits.members or length > limits.members * 300:
        raise CatalogueError(
            f"{path}: a ZIP of {max(entries, length // 300):,} entries; up to {limits.members:,} "
            "are read. Split it, or give a cube with a table"
        )


# -- tar ---------------------------------------------------------------------------------


class _Metered(io.RawIOBase):
    """A decompressed stream that gives no more than it is allowed to."""

    def __init__(self, inner: IO[bytes], path: Path) -> None:
        self._inner, self._path = inner, path
        self.allowed = _SLACK

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if size < 0 or size > self.allowed:
            raise CatalogueError(
                f"{self._path}: damaged or malicious tar archive: more than {_SLACK:,} bytes of "
                "headers for one member"
            )
        block = self._inner.read(size)
        self.allowed -= len(block)
        return block


def _tar_members(path: Path, kind: str, limits: Limits) -> Iterator[Member]:
    openers: dict[str, Any] = {"gz": gzip.open, "bz2": bz2.open, "xz": lzma.open, "tar": open}
    budget = _Budget(path, limits)
    seen: set[str] = set()
    try:
        with ExitStack() as closing:
            stream = _Metered(closing.enter_context(openers[kind](path, "rb")), path)
            tar = closing.enter_context(tarfile.open(fileobj=stream, mode="r|"))
            for count, info in enumerate(tar, start=1):
                del tar.members[:]  # type: ignore[attr-defined]  # it would keep every entry of the archive
                if count > limits.members:
                    raise CatalogueError(
                        f"{path}: a tar of more than {limits.members:,} entries; split it, or "
                        "give a cube with a table"
                    )
                budget.spend(max(info.size, 0))
                stream.allowed = max(info.size, 0) + _SLACK
                if info.isdir() or hidden(info.name):
                    continue
                why = _tar_refusal(info, limits)
                if info.name in seen:
                    why = "a second file of this name"
                seen.add(info.name)

                def read(info: tarfile.TarInfo = info) -> bytes:
                    return _read_tarred(tar, info)

                yield Member(info.name.removeprefix("./"), info.size, why, read)
    except (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, OSError, ValueError) as error:
        raise CatalogueError(f"{path}: damaged tar archive: {error}") from error


def _tar_refusal(info: tarfile.TarInfo, limits: Limits) -> str:
    why = suspicious(info.name)
    if not why and (info.issym() or info.islnk()):
        why = f"a link to '{info.linkname[:100]}'"
    if not why and (not info.isreg() or info.issparse()):
        why = "a special file"
    if not why and not 0 <= info.size <= limits.member_bytes:
        why = f"{info.size:,} bytes; up to {limits.member_bytes:,} are read"
    return why


def _read_tarred(tar: tarfile.TarFile, info: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(info)
    if file is None:
        raise ImageError(f"{info.name}: no regular file")
    content = file.read(info.size)
    if len(content) < info.size:
        raise ImageError(f"{info.name}: the archive is cut short within it")
    return content
