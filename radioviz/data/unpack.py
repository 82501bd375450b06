"""Unpacking the archives of public data sets: the expected files, or nothing."""

from __future__ import annotations

import gzip
import hashlib
import secrets
import shutil
import tarfile
import zlib
from pathlib import Path
from typing import IO, cast

from radioviz.data.downloads import Archive
from radioviz.errors import FetchError

_CHUNK = 1 << 16


class _Bounded:
    """A reader that refuses to give more than ``limit`` bytes in all."""

    def __init__(self, inner: gzip.GzipFile, limit: int, name: str) -> None:
        self._inner, self._left, self._limit, self._name = inner, limit, limit, name

    def read(self, size: int) -> bytes:
        block = self._inner.read(min(size, self._left + 1))
        self._left -= len(block)
        if self._left < 0:
            raise FetchError(
                f"{self._name}: unpacks to more than {self._limit:,} bytes; "
                "it is not the expected archive"
            )
        return block


def _bounded(plain: gzip.GzipFile, archive: Archive, packed: Path) -> IO[bytes]:
    # tarfile's streaming mode calls nothing but read(size).
    return cast(IO[bytes], _Bounded(plain, archive.unpacked_limit, packed.name))


def unpack(packed: Path, folder: Path, archive: Archive) -> Path:
    """Unpack a ``.tar.gz`` into ``folder / archive.folder``, all of it or nothing.

    Only regular files with an expected name are written, each checked by its MD5. A
    name that leads elsewhere, a link, a device or any other file refuses the archive.

    Raises
    ------
    FetchError
        If the archive is damaged or holds anything but the expected files.
    OSError
        If the folder cannot be written.
    """
    scratch = _scratch(folder, archive)
    try:
        found: set[str] = set()
        try:
            with (
                gzip.open(packed, "rb") as plain,
                tarfile.open(fileobj=_bounded(plain, archive, packed), mode="r|") as tar,
            ):
                for member in tar:
                    name = _member_name(member, packed, archive)
                    if name is None:
                        continue
                    if name in found:
                        raise FetchError(f"{packed}: holds '{member.name}' twice")
                    content = tar.extractfile(member)
                    if content is None:  # cannot be for a regular file; keeps the types honest
                        raise FetchError(f"{packed}: '{member.name}' cannot be read")
                    _write_checked(content, scratch / name, archive, name)
                    found.add(name)
        except (tarfile.TarError, EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise FetchError(f"{packed}: not a readable .tar.gz archive: {error}") from error
        _refuse_missing(set(archive.members) - found, packed)
        return _install(scratch, folder / archive.folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _member_name(member: tarfile.TarInfo, packed: Path, archive: Archive) -> str | None:
    """Name below the archive's folder, None for that folder; refuses everything else."""
    path = member.name.removeprefix("./").rstrip("/")
    if member.isdir() and path in ("", ".", archive.folder):
        return None
    prefix, _, name = path.partition("/")
    if prefix != archive.folder or name not in archive.members:
        raise FetchError(
            f"{packed}: holds '{member.name}', which is none of the {len(archive.members)} files "
            f"expected in {archive.folder}/; nothing was unpacked"
        )
    if not member.isreg() or member.issparse():
        raise FetchError(
            f"{packed}: '{member.name}' is a link or a special file, not a regular file; "
            "nothing was unpacked"
        )
    return name


def _write_checked(content: IO[bytes], target: Path, archive: Archive, name: str) -> None:
    digest = hashlib.md5(usedforsecurity=False)
    with target.open("wb") as out:
        while block := content.read(_CHUNK):
            digest.update(block)
            out.write(block)
    if digest.hexdigest() != archive.members[name]:
        raise FetchError(
            f"{archive.folder}/{name}: checksum mismatch: its MD5 is {digest.hexdigest()}, "
            f"expected {archive.members[name]}"
        )


def _refuse_missing(missing: set[str], where: Path) -> None:
    if missing:
        raise FetchError(f"{where}: the file(s) {', '.join(sorted(missing))} are missing")


def adopt(local: Path, folder: Path, archive: Archive) -> None:
    """Copy an unpacked archive, checking every file."""
    _refuse_missing({n for n in archive.members if not (local / n).is_file()}, local)
    scratch = _scratch(folder, archive)
    try:
        for name in archive.members:
            with (local / name).open("rb") as content:
                _write_checked(content, scratch / name, archive, name)
        _install(scratch, folder / archive.folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _scratch(folder: Path, archive: Archive) -> Path:
    """A new folder beside the target; not mkdtemp, whose folders only their owner may read."""
    scratch = folder / f".{archive.folder}.{secrets.token_hex(4)}"
    scratch.mkdir()
    return scratch


def _install(scratch: Path, target: Path) -> Path:
    """Rename a finished folder into place."""
    if target.exists():
        shutil.rmtree(target)
    scratch.rename(target)
    return target


def is_complete(folder: Path, archive: Archive) -> bool:
    return all(
        (folder / name).is_file() and md5_of(folder / name) == md5
        for name, md5 in archive.members.items()
    )


def md5_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    except OSError as error:
        raise FetchError(f"{path}: cannot be read: {error.strerror or error}") from error
