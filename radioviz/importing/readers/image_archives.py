"""ZIP and tar archives of images, read member by member and never unpacked to disk.

Names serve as labels only, so no archive can write anywhere; names that point elsewhere,
links and devices are refused all the same.
"""

from __future__ import annotations

import bz2
import dataclasses
import gzip
import lzma
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any

from radioviz.errors import CatalogueError, ImageError
from radioviz.importing.readers.table_builder import reading
from radioviz.store.unpacking import excess


@dataclass(frozen=True)
class ArchiveLimits:
    """Bounds on an archive."""

    members: int = 200_000  # entries, folders included
    member_bytes: int = 1 << 28  # unpacked bytes of one entry
    total_bytes: int = 1 << 36  # unpacked bytes of all entries together


LIMITS = ArchiveLimits()
_NESTED = (".zip", ".tar", ".tgz", ".7z", ".rar", ".tar.gz", ".tar.bz2", ".tar.xz")
_PACKED: dict[str, tuple[bytes, Callable[..., Any]]] = {
    "gz": (b"\x1f\x8b", gzip.open),
    "bz2": (b"BZh", bz2.open),
    "xz": (b"\xfd7zXZ\0", lzma.open),
}


@dataclass(frozen=True)
class ArchiveMember:
    """One file of an archive."""

    name: str  # path inside the archive
    refused: str  # why it is not read; empty where it can be
    size: int  # unpacked bytes, as the archive says
    _open: Callable[[], IO[bytes] | None]

    def read(self) -> bytes:
        """Its content; valid until the iteration moves to the next member.

        Raises ImageError if it is refused, damaged, or shorter than its header says.
        """
        if self.refused:
            raise ImageError(f"{self.name}: {self.refused}")
        try:
            with self._open() as file:  # type: ignore[union-attr]  # None only for folders
                content = file.read(self.size)
        except Exception as error:  # of every kind: see the function reading
            why = f"damaged in the archive: {error or type(error).__name__}"
            raise ImageError(f"{self.name}: {why}") from error
        if len(content) < self.size:
            raise ImageError(f"{self.name}: the archive is cut short within it")
        return content


def is_archive(path: Path) -> bool:
    """True for a ZIP or a tar, compressed or not, by its content."""
    return archive_kind(path) != ""


def archive_members(path: Path, limits: ArchiveLimits = LIMITS) -> Iterator[ArchiveMember]:
    """Files of an archive in their order, without folders.

    Raises CatalogueError if it is not an archive, is damaged, or exceeds a limit as a whole.
    """
    path = Path(path)
    kind = archive_kind(path)
    if not kind:
        raise CatalogueError(f"{path}: not a ZIP or tar archive (.tar, .tar.gz, .bz2, .xz)")
    members = _zip_members(path, limits) if kind == "zip" else _tar_members(path, kind, limits)
    seen: set[str] = set()
    total, stored = 0, path.stat().st_size
    with reading(path, f"{'ZIP' if kind == 'zip' else 'tar'} archive"):
        for member in members:
            total += member.size
            if total > limits.total_bytes:
                raise CatalogueError(
                    f"{path}: unpacks to more than {limits.total_bytes:,} bytes; split it, or "
                    "give the unpacked folder"
                )
            if why := excess(stored, total):
                raise CatalogueError(f"{path}: {why}")
            if _is_hidden(member.name):
                continue
            if member.name in seen:
                member = dataclasses.replace(member, refused="a second file of this name")
            seen.add(member.name)
            yield member


class ZipByName:
    """Members of a ZIP in any order; it stays open.

    Raises CatalogueError if the archive is a tar, or cannot be read.
    """

    def __init__(self, path: Path) -> None:
        if archive_kind(path) != "zip":
            raise CatalogueError(
                f"{path}: images of one source in several files of a tar cannot be read together; "
                "give a ZIP, or the unpacked folder"
            )
        self._members = {m.name: m for m in archive_members(path)}
        self._archive = zipfile.ZipFile(path)

    def member(self, name: str) -> ArchiveMember:
        """A member of this name, which :func:`archive_members` lists."""
        found = self._members[name]
        return dataclasses.replace(found, _open=partial(self._archive.open, name))


def archive_kind(path: Path) -> str:
    """``zip``, ``tar``, ``gz``, ``bz2`` or ``xz`` (compressed tars), or '' for anything else."""
    try:
        with path.open("rb") as file:
            head, kind = file.read(512), "tar"
            if head[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
                return "zip"
            for packed, (magic, opener) in _PACKED.items():
                if head.startswith(magic):
                    file.seek(0)
                    try:
                        head, kind = opener(file).read(512), packed
                    except (OSError, EOFError, zlib.error, lzma.LZMAError):
                        return ""
            return kind if head[257:262] == b"ustar" else ""
    except OSError as error:
        raise CatalogueError(f"{path}: cannot be read: {error.strerror or error}") from error


def _name_refusal(name: str) -> str:
    """Why a member's name is refused; empty where it is not."""
    plain = name.replace("\\", "/")
    if not name:
        return "no name"
    if re.match(r"/|[A-Za-z]:", plain):
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


def _check_count(path: Path, count: int, limits: ArchiveLimits) -> None:
    if count > limits.members:
        raise CatalogueError(
            f"{path}: more than {limits.members:,} entries; split the archive, or give a cube "
            "with a table"
        )


def _zip_members(path: Path, limits: ArchiveLimits) -> Iterator[ArchiveMember]:
    with zipfile.ZipFile(path) as archive:
        _check_count(path, len(archive.infolist()), limits)
        for info in archive.infolist():
            if not info.filename.endswith("/"):
                why = _zip_refusal(info, limits)
                size = 0 if why else info.file_size
                yield ArchiveMember(info.filename, why, size, partial(archive.open, info))


def _zip_refusal(info: zipfile.ZipInfo, limits: ArchiveLimits) -> str:
    if why := _name_refusal(info.orig_filename) or _name_refusal(info.filename):
        return why
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind and kind != stat.S_IFREG:
        return "a link" if kind == stat.S_IFLNK else "a special file"
    if info.flag_bits & 0x1:
        return "encrypted"
    if info.file_size > limits.member_bytes:
        return f"{info.file_size:,} bytes; up to {limits.member_bytes:,} are read"
    return excess(info.compress_size, info.file_size)


def _tar_members(path: Path, kind: str, limits: ArchiveLimits) -> Iterator[ArchiveMember]:
    opener = open if kind == "tar" else _PACKED[kind][1]
    with opener(path, "rb") as stream, tarfile.open(fileobj=stream, mode="r|") as tar:
        for count, info in enumerate(tar, start=1):
            del tar.members[:]  # type: ignore[attr-defined]  # it would keep every entry
            _check_count(path, count, limits)
            if not info.isdir():
                name, why = info.name.removeprefix("./"), _tar_refusal(info, limits)
                yield ArchiveMember(name, why, max(info.size, 0), partial(tar.extractfile, info))


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
