"""ZIP and tar archives of images, read member by member and never unpacked to disk.

Names serve as labels only, so no archive can write anywhere; names that point elsewhere,
links and devices are refused all the same. Bytes are counted while they are read, because
headers may lie about sizes.
"""

from __future__ import annotations

import bz2
import dataclasses
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
from functools import partial
from pathlib import Path
from typing import IO, Any

from radioviz.errors import CatalogueError, ImageError


@dataclass(frozen=True)
class ArchiveLimits:
    """Bounds on an archive.

    Attributes
    ----------
    members : int
        Entries, folders included.
    member_bytes : int
        Unpacked bytes of one entry.
    total_bytes : int
        Unpacked bytes of all entries together.
    ratio : float
        Unpacked over packed bytes of an entry larger than ``ratio_from`` bytes. FITS images of
        noise shrink by a factor of 2, blank ones by 100.
    ratio_from : int
        Smaller entries may have any ratio.
    """

    members: int = 200_000
    member_bytes: int = 1 << 28
    total_bytes: int = 1 << 36
    ratio: float = 200.0
    ratio_from: int = 1 << 24


LIMITS = ArchiveLimits()
_SLACK = 1 << 20  # tar headers between two members: long names, PAX records
_EOCD = b"PK\x05\x06"
_LOCATOR = b"PK\x06\x07"
_NESTED = (".zip", ".tar", ".tgz", ".7z", ".rar", ".tar.gz", ".tar.bz2", ".tar.xz")


@dataclass(frozen=True)
class ArchiveMember:
    """One file of an archive.

    Attributes
    ----------
    name : str
        Path inside the archive.
    refused : str
        Why it is not read; empty where it can be.
    """

    name: str
    refused: str
    _read: Callable[[], bytes]

    def read(self) -> bytes:
        """Its content; valid until the iteration moves to the next member.

        Raises
        ------
        ImageError
            If it is refused, damaged, or larger than its header says.
        """
        if self.refused:
            raise ImageError(f"{self.name}: {self.refused}")
        return self._read()


def is_archive(path: Path) -> bool:
    """True for a ZIP or a tar, compressed or not, by its content."""
    return archive_kind(path) != ""


def archive_members(path: Path, limits: ArchiveLimits = LIMITS) -> Iterator[ArchiveMember]:
    """Files of an archive in their order, without folders.

    Raises
    ------
    CatalogueError
        If it is not an archive, is damaged, or exceeds a limit as a whole.
    """
    path = Path(path)
    found = archive_kind(path)
    if not found:
        raise CatalogueError(f"{path}: not a ZIP or tar archive (.tar, .tar.gz, .bz2, .xz)")
    members = _zip_members(path, limits) if found == "zip" else _tar_members(path, found, limits)
    seen: set[str] = set()
    for member in members:
        if _is_hidden(member.name):
            continue
        if member.name in seen:
            member = dataclasses.replace(member, refused="a second file of this name")
        seen.add(member.name)
        yield member


def archive_kind(path: Path) -> str:
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


def _name_refusal(name: str) -> str:
    """Why a member's name is refused; empty where it is not."""
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


def _is_hidden(name: str) -> bool:
    """True for files that systems add to archives: dot files and macOS copies."""
    parts = name.replace("\\", "/").split("/")
    return "__MACOSX" in parts or (parts[-1].startswith(".") and parts[-1] not in (".", ".."))


class _Budget:
    """Counts unpacked bytes over all members."""

    def __init__(self, path: Path, limits: ArchiveLimits) -> None:
        self.path, self.limits, self.used = path, limits, 0

    def spend(self, size: int) -> None:
        self.used += size
        if self.used > self.limits.total_bytes:
            raise CatalogueError(
                f"{self.path}: unpacks to more than {self.limits.total_bytes:,} bytes; "
                "split it, or give the unpacked folder"
            )


# -- ZIP ---------------------------------------------------------------------------------


def _zip_members(path: Path, limits: ArchiveLimits) -> Iterator[ArchiveMember]:
    _check_directory(path, limits)
    budget = _Budget(path, limits)
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, NotImplementedError, ValueError, struct.error) as error:
        raise CatalogueError(f"{path}: damaged ZIP archive: {error}") from error
    with archive:
        for info in archive.infolist():
            if not info.filename.endswith("/"):
                read = partial(_read_zipped, archive, info, limits, budget)
                why = _zip_refusal(info, limits)
                yield ArchiveMember(info.filename, why, read)


def _zip_refusal(info: zipfile.ZipInfo, limits: ArchiveLimits) -> str:
    if why := _name_refusal(info.orig_filename) or _name_refusal(info.filename):
        return why
    kind = stat.S_IFMT(info.external_attr >> 16)
    packed = max(info.compress_size, 1)
    if not info.filename:
        return "no name"
    if kind and kind != stat.S_IFREG:
        return "a link" if kind == stat.S_IFLNK else "a special file"
    if info.flag_bits & 0x1:
        return "encrypted"
    if info.file_size > limits.member_bytes:
        return f"{info.file_size:,} bytes; up to {limits.member_bytes:,} are read"
    if info.file_size > limits.ratio_from and info.file_size / packed > limits.ratio:
        return f"{packed:,} bytes that unpack to {info.file_size:,}: a decompression bomb"
    return ""


def _read_zipped(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, limits: ArchiveLimits, budget: _Budget
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
        ValueError,  # also a member name that is not UTF-8
    ) as error:
        raise ImageError(f"{info.filename}: damaged in the archive: {error}") from error
    except (NotImplementedError, RuntimeError) as error:
        raise ImageError(f"{info.filename}: cannot be unpacked: {error}") from error
    if len(content) > limits.member_bytes:
        raise ImageError(
            f"{info.filename}: larger than its header says; "
            f"up to {limits.member_bytes:,} bytes are read"
        )
    budget.spend(len(content))
    return content


def _check_directory(path: Path, limits: ArchiveLimits) -> None:
    """Refuse a ZIP whose directory is too long, before it is read into memory.

    The search for the end record and the directory's length are those of :mod:`zipfile`,
    which ignores the entry count.
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
    """A decompressed stream with a limit on the bytes read."""

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


def _tar_members(path: Path, kind: str, limits: ArchiveLimits) -> Iterator[ArchiveMember]:
    openers: dict[str, Any] = {"gz": gzip.open, "bz2": bz2.open, "xz": lzma.open, "tar": open}
    budget = _Budget(path, limits)
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
                if not info.isdir():
                    name, read = info.name.removeprefix("./"), partial(_read_tarred, tar, info)
                    yield ArchiveMember(name, _tar_refusal(info, limits), read)
    except (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, OSError, ValueError) as error:
        raise CatalogueError(f"{path}: damaged tar archive: {error}") from error


def _tar_refusal(info: tarfile.TarInfo, limits: ArchiveLimits) -> str:
    if why := _name_refusal(info.name):
        return why
    if info.issym() or info.islnk():
        return f"a link to '{info.linkname[:100]}'"
    if not info.isreg() or info.issparse():
        return "a special file"
    if not 0 <= info.size <= limits.member_bytes:
        return f"{info.size:,} bytes; up to {limits.member_bytes:,} are read"
    return ""


def _read_tarred(tar: tarfile.TarFile, info: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(info)
    if file is None:
        raise ImageError(f"{info.name}: not a regular file")
    content = file.read(info.size)
    if len(content) < info.size:
        raise ImageError(f"{info.name}: the archive is cut short within it")
    return content
