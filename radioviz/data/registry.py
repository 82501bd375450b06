"""Open data sets by key: the public ones, built on first use, and imported surveys."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import shutil
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from radioviz.data.catalogue import Catalogue
from radioviz.data.public_surveys import DATA_SETS, DataSet
from radioviz.data.user_surveys import list_surveys, survey_folder
from radioviz.errors import CatalogueError
from radioviz.jobs.progress import Progress, no_progress
from radioviz.paths import make_folder
from radioviz.store.atomic import scratch_folder


@dataclass(frozen=True)
class UserDataSet(DataSet):
    """A survey that the user has imported, in the user's data folder."""

    @property
    def folder(self) -> Path:
        """Where its Catalogue is stored."""
        return survey_folder(self.key)


def user_data_sets() -> dict[str, DataSet]:
    """Surveys that are in the user's data folder now, by key."""
    return {
        s.key: UserDataSet(s.key, s.title, reader="", planes=s.planes)
        for s in list_surveys().values()
    }


def open_data_set(key: str, progress: Progress = no_progress) -> Catalogue:
    """Catalogue of a registered data set; built on first use, then memory-mapped.

    A damaged stored copy is rebuilt, and without a writable cache folder the Catalogue stays in
    memory; its notes mention either. Two processes may do this at the same time.

    Raises CatalogueError if the key is unknown, or the data are not available.
    """
    if key not in DATA_SETS:
        imported = user_data_sets()
        if key in imported:
            return Catalogue.open(imported[key].folder)
        known = ", ".join([*DATA_SETS, *imported])
        raise CatalogueError(f"no data set '{key[:100]}'; known: {known}")
    data_set = DATA_SETS[key]
    notes: tuple[str, ...] = ()
    if data_set.is_built:
        try:
            return Catalogue.open(data_set.folder)
        except CatalogueError as error:
            notes = (f"The stored copy could not be used and was rebuilt: {error}",)
    return build_catalogue(data_set, progress, notes)


def titles_of(keys: Iterable[str]) -> dict[str, str]:
    """Titles by key of those data sets that are known; none is opened."""
    known = DATA_SETS | user_data_sets()
    return {key: known[key].title for key in keys if key in known}


def build_catalogue(
    data_set: DataSet,
    progress: Progress = no_progress,
    notes: tuple[str, ...] = (),
) -> Catalogue:
    """Read a data set from its origin and store it, or keep it in memory if that fails.

    Raises CatalogueError if the data are not available, or damaged.
    """
    module, function = data_set.reader.split(":")
    read: Callable[[Progress, Path | None], Catalogue] = getattr(
        importlib.import_module(module), function
    )
    folder = scratch_folder(data_set.folder)
    scratch: Path | None = folder
    try:
        make_folder(folder)
    except OSError:
        scratch = None  # reported below, when the Catalogue cannot be stored
    try:
        catalogue = read(progress, scratch)
        try:
            stored = _store(catalogue, data_set.folder, scratch)
        except CatalogueError as error:
            # Without a writable cache the next start takes longer, but this one works.
            return dataclasses.replace(
                catalogue, notes=(*catalogue.notes, *notes, f"Held in memory only: {error}")
            )
    finally:
        if scratch is not None:
            shutil.rmtree(scratch, ignore_errors=True)
    # Editions of earlier readers or splits.
    for old in data_set.folder.parent.glob(f"{data_set.key}-v*"):
        if old != data_set.folder:
            shutil.rmtree(old, ignore_errors=True)
    return dataclasses.replace(stored, notes=(*stored.notes, *notes))


def _store(catalogue: Catalogue, folder: Path, scratch: Path | None) -> Catalogue:
    """Store a Catalogue, or open the one that another process has stored in the meantime."""
    try:
        return Catalogue.open(folder)
    except CatalogueError:
        pass  # usually it does not exist
    try:
        return catalogue.save(folder, scratch)
    except CatalogueError:
        # Another process may be replacing the folder, which takes two renames.
        for pause in (0.0, 0.05, 0.2, 0.5):
            time.sleep(pause)
            with contextlib.suppress(CatalogueError):
                return Catalogue.open(folder)
        raise
