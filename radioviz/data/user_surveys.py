"""Imported surveys: where they are stored, which there are, and how they are removed.

``<user data>/surveys/<key>/`` holds a complete Catalogue and the report of its import;
``surveys/.<key>.part/`` an import that is running or was cut off. The first appears by
one rename of the second, so that no half-imported survey is ever visible. Locks keep two
processes from the same key and end with the process that holds them.
"""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pandas as pd

from radioviz.data.catalogue import Catalogue
from radioviz.data.public_surveys import DATA_SETS
from radioviz.errors import CatalogueError
from radioviz.jobs.journal import JOURNAL
from radioviz.jobs.scratch import PLAN
from radioviz.paths import cache_folder, make_folder, user_data_folder
from radioviz.store import records
from radioviz.store.atomic import delete_folder, unwritable

_KEY = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_held = threading.local()
REPORT = "report.parquet"
REPORT_COLUMNS = ("file", "status", "reason", "source_id")


@dataclass(frozen=True)
class UserSurvey:
    """One imported survey; its table and images are not in memory."""

    key: str
    title: str
    n: int
    folder: Path
    planes: tuple[str, ...] = ()


@dataclass(frozen=True)
class UnfinishedImport:
    """An import that was cut off or cancelled."""

    key: str
    done: int  # files that have been read or refused
    folder: Path  # its scratch folder
    # path, table: what it reads; empty if there is no table, or if unknown
    path: str = ""
    table: str = ""
    answers: dict[str, Any] = field(default_factory=dict)  # the user's answers, as given


class _Info(msgspec.Struct):
    title: str


class _Stored(msgspec.Struct):
    """The part of ``catalogue.json`` that a list of surveys needs."""

    info: _Info
    n: int
    planes: list[str] = []


class _Request(msgspec.Struct):
    path: str
    table: str
    answers: dict[str, Any]


class _Plan(msgspec.Struct):
    asked: _Request


class _Training(msgspec.Struct):
    data: list[str]


class _Model(msgspec.Struct):
    training: _Training


def surveys_folder() -> Path:
    """Folder of all imported surveys (not created here)."""
    return user_data_folder() / "surveys"


def check_key(key: str) -> str:
    """The key, if it can name a user's survey.

    Raises CatalogueError if it has other characters than a-z, 0-9, _ and -, more than 40, or is the
    key of a data set of RadioViz itself.
    """
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        raise CatalogueError(
            f"key {key!r} cannot name a survey; use 1 to 40 of a-z, 0-9, _ and -, beginning with "
            "a letter or digit"
        )
    if key in DATA_SETS:
        raise CatalogueError(f"key '{key}' is a data set of RadioViz itself; choose another key")
    return key


def suggest_key(name: str) -> str:
    """A free key made of a file name."""
    base = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:32] or "survey"
    taken = {*DATA_SETS, *list_surveys()}
    key, number = base, 2
    while key in taken:
        key, number = f"{base}-{number}", number + 1
    return key


def survey_folder(key: str) -> Path:
    """Folder of a complete survey."""
    return surveys_folder() / check_key(key)


def part_folder(key: str) -> Path:
    """Scratch folder of an import."""
    return surveys_folder() / f".{check_key(key)}.part"


@contextmanager
def survey_lock(key: str) -> Iterator[None]:
    """Keep other processes from importing, encoding or removing a survey.

    A thread that has the lock may take it again.

    Raises CatalogueError if another process has the lock, or the folder cannot be written.
    """
    from filelock import FileLock, Timeout

    path = surveys_folder() / ".locks" / check_key(key)
    held: set[Path] = _held.__dict__.setdefault("paths", set())
    if path in held:
        yield
        return
    try:
        make_folder(path.parent)
        with FileLock(path, timeout=0):
            held.add(path)
            try:
                yield
            finally:
                held.discard(path)
    except Timeout:
        raise CatalogueError(
            f"survey '{key}' is being imported, encoded or removed by another process; wait for it"
        ) from None
    except OSError as error:
        raise unwritable(surveys_folder(), error) from error


def list_surveys() -> dict[str, UserSurvey]:
    """Complete surveys by key, sorted; damaged ones are left out."""
    found: dict[str, UserSurvey] = {}
    folder = surveys_folder()
    for child in sorted(folder.iterdir()) if folder.is_dir() else []:
        if not _KEY.fullmatch(child.name):
            continue
        try:
            meta = records.read_record(child / "catalogue.json", _Stored)
        except (OSError, ValueError):
            continue
        planes = tuple(meta.planes)
        found[child.name] = UserSurvey(child.name, meta.info.title, meta.n, child, planes)
    return found


def open_survey(key: str) -> Catalogue:
    """Catalogue of an imported survey, images memory-mapped.

    Raises CatalogueError if there is no such survey, or it is damaged.
    """
    folder = survey_folder(key)
    if not folder.is_dir():
        known = ", ".join(list_surveys()) or "none"
        raise CatalogueError(f"no imported survey '{key}'; imported are: {known}")
    return Catalogue.open(folder)


def read_report(key: str) -> pd.DataFrame:
    """Outcome of each file of an import: ``file``, ``status``, ``reason``, ``source_id``.

    Raises CatalogueError if the survey or its report is missing.
    """
    path = survey_folder(key) / REPORT
    try:
        return records.read_parquet(path)
    except (OSError, ValueError) as error:
        raise CatalogueError(f"no report of the import '{key}': {error}") from error


def unfinished_imports() -> list[UnfinishedImport]:
    """Imports that can be resumed or discarded, including those that are running now."""
    out = []
    folder = surveys_folder()
    for child in sorted(folder.glob(".*.part")) if folder.is_dir() else []:
        key = child.name[1 : -len(".part")]
        if not _KEY.fullmatch(key) or not (child / PLAN).is_file():
            continue
        try:
            done = (child / JOURNAL).read_bytes().count(b"\n")
            asked = records.read_record(child / PLAN, _Plan).asked
        except (OSError, ValueError):
            out.append(UnfinishedImport(key, 0, child))
            continue
        out.append(UnfinishedImport(key, done, child, asked.path, asked.table, asked.answers))
    return out


def remove_survey(key: str) -> int:
    """Delete a survey: its files, Atlases, pictures, unfinished imports and their uploads.

    Files of the user that an import read from elsewhere stay.

    Returns bytes that were freed. Raises CatalogueError if nothing is stored under this key, or it
    is in use by an import.
    """
    with survey_lock(key):
        folders = [survey_folder(key), part_folder(key), user_data_folder() / "atlas" / key]
        folders += [*picture_folders(key), *_uploaded(key)]
        present = [f for f in folders if f.is_dir() and not f.is_symlink()]
        if not present:
            known = ", ".join(list_surveys()) or "none"
            raise CatalogueError(f"no imported survey '{key}'; imported are: {known}")
        freed = 0
        for folder in present:
            freed += sum(f.lstat().st_size for f in folder.rglob("*") if not f.is_dir())
            delete_folder(folder)
        finish_removals()
        return freed


def models_of(key: str) -> list[str]:
    """Names of the models that ``train all`` trained on a survey."""
    folder = user_data_folder() / "models"
    return sorted(f.name for f in folder.glob(f"{check_key(key)}-*") if _trained_on(f) == [key])


def remove_models(key: str) -> list[str]:
    """Delete the models that ``train all`` trained on a survey, and their Atlases; their names.

    Raises CatalogueError if there are none, or a folder cannot be deleted.
    """
    folder = user_data_folder() / "models"
    names = models_of(key)
    if not names:
        raise CatalogueError(f"no model of survey '{key}' in {folder}")
    for name in names:
        for atlas in (user_data_folder() / "atlas").glob(f"*/{name}"):
            delete_folder(atlas)
        delete_folder(folder / name)
    return names


def _trained_on(model: Path) -> list[str]:
    """Data sets that a model was trained on; empty if its folder does not say."""
    try:
        return records.read_record(model / "config.json", _Model).training.data
    except (OSError, ValueError):
        return []


def picture_folders(key: str) -> list[Path]:
    """Folders of a survey's pictures in the cache folder."""
    named = re.compile(re.escape(check_key(key)) + r"-[0-9a-f]{16}")
    folder = cache_folder() / "pictures"
    return [f for f in folder.glob(f"{key}-*") if named.fullmatch(f.name)]


def _uploaded(key: str) -> list[Path]:
    """Folders of files that were uploaded for an unfinished import."""
    root = user_data_folder() / "uploads"
    asked = [u for u in unfinished_imports() if u.key == key]
    paths = {Path(p) for u in asked for p in (u.path, u.table) if p}
    found = {root / p.relative_to(root).parts[0] for p in paths if p.is_relative_to(root)}
    return sorted(found - {root})


def finish_removals() -> None:
    """Finish deletions that were cut off."""
    for base in (surveys_folder(), user_data_folder() / "atlas"):
        for folder in base.glob(".*.removed") if base.is_dir() else []:
            shutil.rmtree(folder, ignore_errors=True)
