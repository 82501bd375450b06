"""What users left in the data folder, as one file: surveys, their Atlases, models, workspaces.

A backup is a tar (``.tar``, ``.tar.gz``) that begins with ``backup.json`` and ends with
``sums.json``, the SHA-256 of each member. A server may run meanwhile: every survey is copied while
nothing else may change it, and workspaces as of one moment. Unfinished imports, uploads and jobs
are left out: they name files and processes of this computer.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import secrets
import shutil
import sqlite3
import tarfile
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Any

from radioviz.atlas.atlas import open_atlas
from radioviz.data.catalogue import Catalogue
from radioviz.data.user_surveys import survey_lock, surveys_folder
from radioviz.errors import CatalogueError, RadioVizError, WorkspaceError
from radioviz.models.artefact import read_info
from radioviz.paths import make_folder, user_data_folder
from radioviz.store.atomic import atomic_file, put_in_place, report_unwritable, scratch_folder
from radioviz.store.records import to_record
from radioviz.workspace.history import VERSION as WORKSPACE_VERSION

FORMAT_VERSION = 1
SURVEYS, ATLASES, MODELS, WORKSPACES = "surveys", "atlas", "models", "workspaces.sqlite"
_ABOUT, _SUMS = "backup.json", "sums.json"
_CHUNK = 1 << 20
_PART = re.compile(rf"({SURVEYS}|{ATLASES}|{MODELS})/[A-Za-z0-9][A-Za-z0-9._-]{{0,99}}")


@dataclass(frozen=True)
class About:
    """First member of a backup."""

    format: int
    radioviz: str  # version that wrote it
    made: str  # ISO 8601, UTC
    # ``surveys/<key>``, ``atlas/<data set>``, ``models/<name>``, ``workspaces.sqlite``.
    parts: list[str] = field(default_factory=list)


def parts(home: Path | None = None) -> list[str]:
    """What a backup of a data folder (default: the user's) holds, by name."""
    home = home or user_data_folder()
    found = []
    for room in (SURVEYS, ATLASES, MODELS):
        folder = home / room
        inside = sorted(folder.iterdir()) if folder.is_dir() else []
        found += [f"{room}/{p.name}" for p in inside if p.is_dir() and p.name[0] != "."]
    return found + ([WORKSPACES] if (home / WORKSPACES).is_file() else [])


def back_up(target: Path, progress: Callable[[str], None] = lambda _: None) -> About:
    """Write a backup of the user's data folder.

    Parameters
    ----------
    target : pathlib.Path
        A new file, packed if its name ends in ``.gz``.
    progress : callable
        Called with the name of each part before it is copied.

    Raises
    ------
    CatalogueError
        If the file exists or cannot be written, there is nothing to back up, or a survey is being
        imported, encoded or removed.
    """
    from radioviz import __version__

    home = user_data_folder()
    if target.exists():
        raise CatalogueError(f"{target} exists; give the name of a new file")
    found = parts(home)
    if not found:
        raise CatalogueError(f"{home} holds nothing to back up")
    made = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    about = About(FORMAT_VERSION, __version__, made, found)
    sums: dict[str, str] = {}
    mode = "w|gz" if target.name.endswith("gz") else "w|"
    with (
        report_unwritable(target, setting="another file or TMPDIR"),
        atomic_file(target, sync=True) as scratch,
        scratch.open("xb") as file,
    ):
        scratch.chmod(0o600)  # it holds what readers uploaded
        with tarfile.open(fileobj=file, mode=mode) as tar:  # type: ignore[call-overload]
            _add_text(tar, _ABOUT, json.dumps(about.__dict__, indent=1))
            for part in found:
                progress(part)
                _add_part(tar, home, part, sums)
            _add_text(tar, _SUMS, json.dumps(sums, indent=1))
    return about


def restore(
    source: Path, *, replace: bool = False, progress: Callable[[str], None] = lambda _: None
) -> About:
    """Put the content of a backup into the user's data folder, each part whole or not at all.

    Parameters
    ----------
    replace : bool
        Replace surveys, Atlases, models and workspaces that exist; otherwise they are refused
        before anything is written.

    Raises
    ------
    CatalogueError
        If it is no backup, damaged, of a newer format, holds something that this version cannot
        read, or something that exists.
    """
    home = user_data_folder()
    with report_unwritable(home), _unpacked(source, home) as (about, folder):
        there = [part for part in about.parts if (home / part).exists()]
        if there and not replace:
            raise CatalogueError(
                f"{home} holds {', '.join(there[:5])}{' ...' if len(there) > 5 else ''} already; "
                "remove it, restore into an empty RADIOVIZ_HOME, or restore with --replace"
            )
        wrong = check(folder)
        if wrong:
            raise CatalogueError(f"{source}: {'; '.join(wrong.values())}")
        for part in about.parts:
            progress(part)
            with _lock_of(part):
                _place(folder / part, home / part)
        return about


def check(home: Path | None = None) -> dict[str, str]:
    """What this version cannot read in a data folder: a sentence for each such part.

    Run it after an update of RadioViz, before users come back.
    """
    home = home or user_data_folder()
    wrong: dict[str, str] = {}
    for part in parts(home):
        try:
            _read(home, part)
        except RadioVizError as error:
            wrong[part] = f"{part}: {error}"
    return wrong


# -- parts -------------------------------------------------------------------------------------


def _read(home: Path, part: str) -> None:
    room, _, name = part.partition("/")
    if room == SURVEYS:
        Catalogue.open(home / part)
    elif room == ATLASES:
        survey = home / SURVEYS / name
        catalogue = Catalogue.open(survey) if survey.is_dir() else None
        for folder in sorted((home / part).iterdir()):
            if (folder / "atlas.json").exists():
                open_atlas(name, folder.name, folder=home / ATLASES, catalogue=catalogue)
    elif room == MODELS:
        read_info(home / part)
    else:
        _check_database(home / part)


def _lock_of(part: str) -> Any:
    """Keep other processes from a survey and its Atlases; everything else appears by a rename."""
    room, _, name = part.partition("/")
    own = room == SURVEYS or (room == ATLASES and (surveys_folder() / name).is_dir())
    return survey_lock(name) if own else nullcontext()


def _add_part(tar: tarfile.TarFile, home: Path, part: str, sums: dict[str, str]) -> None:
    with _lock_of(part):
        if part == WORKSPACES:
            with tempfile.TemporaryDirectory() as folder:
                copy = Path(folder) / WORKSPACES
                _copy_database(home / part, copy)
                _add_file(tar, part, copy, sums)
            return
        for path in sorted((home / part).rglob("*")):
            name = path.relative_to(home)
            if path.is_file() and not path.is_symlink() and not _hidden(name):
                _add_file(tar, name.as_posix(), path, sums)


def _hidden(path: Path) -> bool:
    """Scratch files of runs that have not ended, or were killed."""
    return any(part[0] == "." for part in path.parts)


def _copy_database(source: Path, target: Path) -> None:
    try:
        with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
            old.backup(new)
    except sqlite3.Error as error:
        raise CatalogueError(f"{source} cannot be copied: {error}") from None


def _check_database(path: Path) -> None:
    try:
        with closing(sqlite3.connect(path)) as db:
            (state,) = db.execute("PRAGMA quick_check").fetchone()
            (newest,) = db.execute("SELECT max(version) FROM workspace").fetchone()
    except sqlite3.Error as error:
        raise WorkspaceError(f"damaged ({error})") from None
    if state != "ok":
        raise WorkspaceError(f"damaged ({state[:100]})")
    if newest is not None and newest > WORKSPACE_VERSION:
        raise WorkspaceError(
            f"workspaces of version {newest}; this RadioViz reads {WORKSPACE_VERSION}. Update it"
        )


class _Summed:
    """A file that is hashed while it is read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self.sum = file, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        content = self._file.read(size)
        self.sum.update(content)
        return content


def _add_file(tar: tarfile.TarFile, name: str, path: Path, sums: dict[str, str]) -> None:
    info = tarfile.TarInfo(name)
    with path.open("rb") as file:
        info.size = path.stat().st_size
        info.mtime = int(path.stat().st_mtime)
        summed = _Summed(file)
        tar.addfile(info, summed)
    sums[name] = summed.sum.hexdigest()


def _add_text(tar: tarfile.TarFile, name: str, text: str) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(text.encode())
    tar.addfile(info, io.BytesIO(text.encode()))


# -- unpacking ---------------------------------------------------------------------------------


@contextmanager
def _unpacked(source: Path, home: Path) -> Iterator[tuple[About, Path]]:
    """The content of a backup in a scratch folder beside where it belongs, checked."""
    make_folder(home)
    scratch = home / f".restore.{secrets.token_hex(4)}"
    scratch.mkdir(mode=0o700)
    try:
        with tarfile.open(source, "r|*") as tar:
            yield _unpack(tar, source, scratch), scratch
    except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None and error.filename != str(source):
            raise
        raise CatalogueError(f"{source} is no whole backup of RadioViz: {error}") from None
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _unpack(tar: tarfile.TarFile, source: Path, folder: Path) -> About:
    about, found, wanted = None, dict[str, str](), dict[str, str]()
    for member in tar:
        content = tar.extractfile(member) if member.isfile() else None
        if content is None:
            raise CatalogueError(f"{source}: '{member.name[:100]}' is not a file")
        if about is None:
            about = _about(source, member.name, content.read(1 << 24))
        elif member.name == _SUMS:
            wanted = to_record(json.loads(content.read()), dict[str, str])
        else:
            found[member.name] = _extract(member.name, content, folder, about, source)
    if about is None or found != wanted:
        raise CatalogueError(
            f"{source} is damaged or cut short: {len(found)} files, of which "
            f"{sum(wanted.get(n) == s for n, s in found.items())} are as they were written"
        )
    return about


def _about(source: Path, name: str, content: bytes) -> About:
    try:
        if name != _ABOUT:
            raise ValueError(f"it begins with '{name[:100]}', not with {_ABOUT}")
        values = json.loads(content)
        version = values.get("format") if isinstance(values, dict) else None
        if isinstance(version, int) and version > FORMAT_VERSION:
            raise CatalogueError(
                f"{source} is a backup of format {version}, written by RadioViz "
                f"{str(values.get('radioviz'))[:20]}; this version reads format {FORMAT_VERSION}. "
                "Update RadioViz"
            )
        about = to_record(values, About)
        odd = [part for part in about.parts if part != WORKSPACES and not _PART.fullmatch(part)]
        if odd:
            raise ValueError(f"it names '{odd[0][:100]}'")
        return about
    except ValueError as error:
        raise CatalogueError(f"{source} is no backup of RadioViz: {error}") from None


def _extract(name: str, content: IO[bytes], folder: Path, about: About, source: Path) -> str:
    path = PurePosixPath(name)
    inside = {str(path), *map(str, path.parents)} & set(about.parts)
    if path.is_absolute() or ".." in path.parts or not inside:
        raise CatalogueError(f"{source}: '{name[:100]}' does not belong to a backup")
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    sum_ = hashlib.sha256()
    with target.open("xb") as file:
        while block := content.read(_CHUNK):
            sum_.update(block)
            file.write(block)
    return sum_.hexdigest()


def _place(new: Path, old: Path) -> None:
    make_folder(old.parent)
    if new.is_dir():
        scratch = scratch_folder(old)
        new.rename(scratch)
        put_in_place(scratch, old)
        return
    for beside in ("-wal", "-shm"):  # of the database that is replaced
        with suppress(FileNotFoundError):
            old.with_name(old.name + beside).unlink()
    new.chmod(0o600)
    new.replace(old)
