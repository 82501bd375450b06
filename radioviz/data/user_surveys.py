"""The surveys that a user has imported: where they lie, what there is, how they go.

``<user data>/surveys/<key>/`` holds a whole Catalogue and the report of its import;
``surveys/.<key>.part/`` an import that is under way or was cut off. The first appears by
one rename of the second, so that nothing half-imported is ever seen. Locks keep two
processes from the same key and vanish with the process that holds them.
"""

from __future__ import annotations

import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from radioviz.data.catalogue import Catalogue
from radioviz.errors import CatalogueError
from radioviz.paths import cache_folder, user_data_folder
from radioviz.store import records

_KEY = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
REPORT = "report.parquet"
PLAN = "plan.json"
JOURNAL = "journal.jsonl"
REPORT_COLUMNS = ("file", "status", "reason", "source_id")


@dataclass(frozen=True)
class UserSurvey:
    """One imported survey, without its table and images in memory."""

    key: str
    title: str
    n: int
    folder: Path


@dataclass(frozen=True)
class Unfinished:
    """An import that was cut off or cancelled.

    Attributes
    ----------
    key : str
    done : int
        Files that have been read or refused.
    folder : pathlib.Path
        Its scratch folder.
    path, table : str
        What it reads; empty where there is no table, or nothing is known.
    answers : dict
        As they were given.
    """

    key: str
    done: int
    folder: Path
    path: str = ""
    table: str = ""
    answers: dict[str, Any] = field(default_factory=dict)


def surveys_folder() -> Path:
    """Folder of all imported surveys (not created here)."""
    return user_data_folder() / "surveys"


def check_key(key: str) -> str:
    """The key, if it can be that of a user's survey.

    Raises
    ------
    CatalogueError
        If it has other characters than a-z, 0-9, _ and -, more than 40, or is one of
        RadioViz's own data sets.
    """
    from radioviz.data.registry import DATA_SETS

    if not isinstance(key, str) or not _KEY.fullmatch(key):
        raise CatalogueError(
            f"key {key!r} cannot name a survey; use 1 to 40 of a-z, 0-9, _ and -, beginning with "
            "a letter or digit"
        )
    if key in DATA_SETS:
        raise CatalogueError(f"key '{key}' is a data set of RadioViz itself; choose another one")
    return key


def suggest_key(name: str) -> str:
    """A free key made of a file name."""
    from radioviz.data.registry import DATA_SETS

    base = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:32] or "survey"
    taken = {*DATA_SETS, *surveys()}
    key, number = base, 2
    while key in taken:
        key, number = f"{base}-{number}", number + 1
    return key


def survey_folder(key: str) -> Path:
    """Where a survey lies once it is whole."""
    return surveys_folder() / check_key(key)


def part_folder(key: str) -> Path:
    """Where an import works."""
    return surveys_folder() / f".{check_key(key)}.part"


@contextmanager
def locked(key: str) -> Iterator[None]:
    """Hold the only right to import or remove a survey.

    Raises
    ------
    CatalogueError
        If another process has it, or the folder cannot be written.
    """
    from filelock import FileLock, Timeout

    folder = surveys_folder() / ".locks"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / check_key(key), timeout=0):
            yield
    except Timeout:
        raise CatalogueError(
            f"survey '{key}' is being imported, encoded or removed by another process; wait for it"
        ) from None
    except OSError as error:
        raise unwritable(error) from error


def unwritable(error: OSError) -> CatalogueError:
    """What to say when the user's folder cannot be written."""
    return CatalogueError(
        f"{surveys_folder()} cannot be written: {error.strerror or error}. Free some space or "
        "point RADIOVIZ_HOME at a folder that can be written."
    )


def surveys() -> dict[str, UserSurvey]:
    """Whole surveys by key, in order of their keys; damaged ones are left out."""
    found: dict[str, UserSurvey] = {}
    folder = surveys_folder()
    for child in sorted(folder.iterdir()) if folder.is_dir() else []:
        if not _KEY.fullmatch(child.name):
            continue
        try:
            meta = records.read_json_object(child / "catalogue.json")
            found[child.name] = UserSurvey(
                child.name, str(meta["info"]["title"]), int(meta["n"]), child
            )
        except (OSError, ValueError, KeyError, TypeError, OverflowError, AttributeError):
            continue
    return found


def open_survey(key: str) -> Catalogue:
    """Catalogue of an imported survey, images memory-mapped.

    Raises
    ------
    CatalogueError
        If there is none of this key, or it is damaged.
    """
    folder = survey_folder(key)
    if not folder.is_dir():
        known = ", ".join(surveys()) or "none"
        raise CatalogueError(f"no imported survey '{key}'; imported are: {known}")
    return Catalogue.open(folder)


def read_report(key: str) -> pd.DataFrame:
    """What became of each file of an import: ``file``, ``status``, ``reason``, ``source_id``.

    Raises
    ------
    CatalogueError
        If the survey or its report is missing.
    """
    path = survey_folder(key) / REPORT
    try:
        return records.read_parquet(path)
    except (OSError, ValueError) as error:
        raise CatalogueError(f"no report of the import '{key}': {error}") from error


def unfinished() -> list[Unfinished]:
    """Imports that can be resumed or discarded; those running right now are among them."""
    out = []
    folder = surveys_folder()
    for child in sorted(folder.glob(".*.part")) if folder.is_dir() else []:
        key = child.name[1 : -len(".part")]
        if not _KEY.fullmatch(key) or not (child / PLAN).is_file():
            continue
        try:
            done = (child / JOURNAL).read_bytes().count(b"\n")
            asked = records.read_json_object(child / PLAN)["asked"]
            path, table, answers = str(asked["path"]), str(asked["table"]), dict(asked["answers"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            out.append(Unfinished(key, 0, child))
            continue
        out.append(Unfinished(key, done, child, path, table, answers))
    return out


def remove(key: str) -> int:
    """Delete a survey with all its files, its Atlases, its pictures and what imports left.

    Files that were uploaded for an import that did not end go with it; files that an import read
    elsewhere are the user's and stay.

    Returns
    -------
    int
        Bytes that were freed.

    Raises
    ------
    CatalogueError
        If there is nothing of this key, or it is in use by an import.
    """
    with locked(key):
        folders = [survey_folder(key), part_folder(key), user_data_folder() / "atlas" / key]
        folders += [*pictures(key), *_uploaded(key)]
        present = [f for f in folders if f.is_dir() and not f.is_symlink()]
        if not present:
            known = ", ".join(surveys()) or "none"
            raise CatalogueError(f"no imported survey '{key}'; imported are: {known}")
        freed = 0
        for folder in present:
            freed += sum(f.lstat().st_size for f in folder.rglob("*") if not f.is_dir())
            discard(folder)
        clean()
        return freed


def models_of(key: str) -> list[str]:
    """Names of the models that ``train all`` made of a survey."""
    folder = user_data_folder() / "models"
    return sorted(f.name for f in folder.glob(f"{check_key(key)}-*") if _trained_on(f) == [key])


def remove_models(key: str) -> list[str]:
    """Delete the models that ``train all`` made of a survey and their Atlases; their names.

    Raises
    ------
    CatalogueError
        If there are none, or a folder cannot be deleted.
    """
    folder = user_data_folder() / "models"
    names = models_of(key)
    if not names:
        raise CatalogueError(f"no model of survey '{key}' in {folder}")
    for name in names:
        for atlas in (user_data_folder() / "atlas").glob(f"*/{name}"):
            discard(atlas)
        discard(folder / name)
    return names


def _trained_on(model: Path) -> list[str]:
    """Data sets that a model was trained on; empty where its folder does not tell."""
    try:
        found = records.read_json_object(model / "config.json")["training"]["data"]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return found if isinstance(found, list) else []


def pictures(key: str) -> list[Path]:
    """Folders of the pictures of a survey that the app keeps in the cache folder."""
    named = re.compile(re.escape(check_key(key)) + r"-[0-9a-f]{16}")
    folder = cache_folder() / "pictures"
    return [f for f in folder.glob(f"{key}-*") if named.fullmatch(f.name)]


def _uploaded(key: str) -> list[Path]:
    """Folders of files that were uploaded for an import that did not end."""
    root = user_data_folder() / "uploads"
    asked = [u for u in unfinished() if u.key == key]
    paths = {Path(p) for u in asked for p in (u.path, u.table) if p}
    found = {root / p.relative_to(root).parts[0] for p in paths if p.is_relative_to(root)}
    return sorted(found - {root})


def discard(folder: Path) -> None:
    """Make a folder vanish at once, then delete it.

    Raises
    ------
    CatalogueError
        If it cannot be deleted.
    """
    doomed = folder.with_name(f".{uuid.uuid4().hex}.removed")
    try:
        folder.rename(doomed)
    except FileNotFoundError:
        return
    except OSError as error:
        raise CatalogueError(
            f"{folder} cannot be deleted: {error.strerror or error}; delete it by hand"
        ) from error
    shutil.rmtree(doomed, ignore_errors=True)


def clean() -> None:
    """Finish deletions that were cut off."""
    for base in (surveys_folder(), user_data_folder() / "atlas"):
        for folder in base.glob(".*.removed") if base.is_dir() else []:
            shutil.rmtree(folder, ignore_errors=True)
