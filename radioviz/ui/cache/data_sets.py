"""Data sets, models, Atlases and scores, opened once a process.

They are memory-mapped and read-only. The first build of a data set reports progress to every
session that waits for it.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import os
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import streamlit as st

from radioviz.data.catalogue import Catalogue
from radioviz.data.registry import DATA_SETS, DataSet, open_data_set, user_data_sets
from radioviz.errors import AtlasError, CatalogueError, ModelError
from radioviz.export.groups import Group
from radioviz.export.sky_coverage import SkyCoverage, sky_coverage
from radioviz.jobs.progress import Progress, no_progress
from radioviz.models.registry import ModelList, list_models, model_folders
from radioviz.paths import cache_folder, user_data_folder
from radioviz.store.mapped import mapped_frame, trim_memory
from radioviz.ui.cache.shared import shared

if TYPE_CHECKING:
    from radioviz.api.samp import SampLink
    from radioviz.atlas.atlas import Atlas
    from radioviz.atlas.scores import ScoreColumn, Scores
    from radioviz.data.overlap import Overlap


class _Opening:
    """A data set that is being opened by a thread of the server's own.

    A reader who leaves the page ends the page's run, but not this: the next reader finds it
    further along, or done.
    """

    def __init__(self, key: str) -> None:
        self.progress = (0, 0, "")
        self.catalogue: Catalogue | None = None
        self.error: Exception | None = None
        self.thread = threading.Thread(target=self._run, args=(key,), daemon=True)
        self.thread.start()

    def _run(self, key: str) -> None:
        from radioviz import morphology

        def report(done: int, total: int, what: str) -> None:
            self.progress = (done, total, what)

        try:
            whole = morphology.complete(open_data_set(key, report), report)
            if (table := mapped_frame(whole.table)) is not whole.table:
                whole = dataclasses.replace(whole, table=table)
                trim_memory()
            self.catalogue = whole
        except Exception as error:  # raised again in every session that waits
            self.error = error


class _Store:
    """Data sets by key: open ones, and those that are being opened."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.catalogues: dict[str, Catalogue] = {}
        self.stamps: dict[str, int] = {}
        self.opening: dict[str, _Opening] = {}


@functools.cache
def _store_of(cache: Path, home: Path) -> _Store:
    return _Store()


def _store() -> _Store:
    return _store_of(cache_folder(), user_data_folder())


def modified(path: Path) -> int:
    """When a file was written, in ns; 0 where it does not exist."""
    return path.stat().st_mtime_ns if path.exists() else 0


def is_open(key: str) -> bool:
    """True when :func:`data_set` will answer at once."""
    _drop_replaced(key)
    return key in _store().catalogues


def _drop_replaced(key: str) -> None:
    """Drop a survey of the user that another process has replaced or removed."""
    if key in DATA_SETS:
        return
    stamp = modified(user_data_folder() / "surveys" / key / "catalogue.json")
    store = _store()
    if store.stamps.get(key, stamp) != stamp:
        forget_data_set(key)
    store.stamps[key] = stamp


def data_set(key: str, progress: Progress = no_progress) -> Catalogue:
    """Catalogue of a data set, with measured columns; built and measured on first use.

    Raises CatalogueError if it is unknown, not downloaded, or damaged.
    """
    if key not in DATA_SETS and key not in _store().catalogues and key not in known_data_sets():
        open_data_set(key)  # raises; a name from outside gets neither a thread nor an entry
    _drop_replaced(key)
    store = _store()
    with store.lock:
        if key in store.catalogues:
            return store.catalogues[key]
        job = store.opening.get(key) or store.opening.setdefault(key, _Opening(key))
    while job.thread.is_alive():
        job.thread.join(0.1)
        if job.progress[1]:
            progress(*job.progress)
    with store.lock:
        store.opening.pop(key, None)
        if job.catalogue is not None:
            return store.catalogues.setdefault(key, job.catalogue)
    if job.error is None:
        raise CatalogueError(f"data set '{key}' could not be opened; reload the page to try again")
    raise job.error


def data_set_version(key: str) -> tuple[str, str, int]:
    """A data set as part of a cache's key: it changes when a survey is imported again."""
    catalogue = data_set(key)
    return key, catalogue.digest, _store().stamps.get(key, 0)


def known_data_sets() -> dict[str, DataSet]:
    """Every data set by key: those of the registry, then the surveys of the user."""
    if not any((user_data_folder() / "surveys").glob("*/catalogue.json")):
        return dict(DATA_SETS)  # without importing the readers of every format
    return DATA_SETS | user_data_sets()


def available_data_sets() -> dict[str, DataSet]:
    """Those of :func:`known_data_sets` that can be opened: installed, built, or downloaded."""
    return {key: entry for key, entry in known_data_sets().items() if entry.is_here}


def forget_data_set(key: str) -> None:
    """Close a data set that was imported again or removed."""
    store = _store()
    with store.lock:
        store.catalogues.pop(key, None)
        store.stamps.pop(key, None)


def models_version() -> str:
    """Changes when a folder of models does."""
    files: list[tuple[str, int]] = []
    for folder in model_folders():  # a page asks often: no Path for each model
        with suppress(OSError), os.scandir(folder) as models:
            for model in models:
                path = f"{model.path}{os.sep}config.json"
                with suppress(OSError):
                    files.append((path, os.stat(path).st_mtime_ns))  # noqa: PTH116
    return hashlib.sha256(repr(sorted(files)).encode()).hexdigest()


@shared(models_version, entries=4)
def models() -> ModelList:
    """Models on disk; read again when the folder of models changes."""
    return list_models()


def weights_of(model: str) -> tuple[str, str]:
    """A model as part of a cache's key: its name and the hash of its weights.

    Raises ModelError if there is no such model.
    """
    return model, models()[model].weights_sha256


def atlas_names(data_set: str) -> list[str]:
    """Models that have an Atlas of this data set."""
    from radioviz.atlas.atlas import list_atlases

    return [model for _, model in list_atlases(data_set=data_set)]


def atlas_version(data_set_key: str, model: str) -> tuple[str, str, str, int, str]:
    """An Atlas as part of a cache's key."""
    from radioviz.atlas.atlas import atlas_folder

    folder = atlas_folder(data_set_key, model)
    info = models().get(model)
    weights = info.weights_sha256 if info else ""
    return data_set_key, model, str(folder), modified(folder / "atlas.json"), weights


@shared(atlas_version, entries=32)
def atlas(data_set_key: str, model: str) -> Atlas:
    """Atlas of a data set, checked against its model and catalogue.

    Raises AtlasError if there is none, or it is stale or damaged.
    """
    from radioviz.atlas.atlas import open_atlas

    return open_atlas(
        data_set_key, model, info=models().get(model), catalogue=data_set(data_set_key)
    )


def atlas_if_any(data_set_key: str, model: str | None) -> Atlas | None:
    """As :func:`atlas`; None without a model, or where it has no usable Atlas of the data set."""
    if model:
        with suppress(AtlasError, ModelError):
            return atlas(data_set_key, model)
    return None


def scores_version(data_set_key: str) -> tuple[object, ...]:
    """Scores that belong to no encoder as part of a cache's key."""
    from radioviz.atlas.scores import META, scores_folder

    marker = scores_folder(data_set_key) / META
    return *data_set_version(data_set_key), str(marker), modified(marker), models_version()


@shared(scores_version, entries=16)
def galaxy_scores(data_set_key: str) -> Scores:
    """Scores of a data set that belong to no encoder; stale ones are left out.

    Raises AtlasError if they are damaged, and CatalogueError as :func:`data_set`.
    """
    from radioviz.atlas.scores import read_scores

    return read_scores(data_set_key, catalogue=data_set(data_set_key), models=models())


@dataclass(frozen=True, eq=False)
class Located:
    """An Atlas and its catalogue: ``rows`` (int64) of the catalogue for each of its sources.

    ``scores`` are those of the Atlas and, after them, those that belong to no encoder, row by row
    of the Atlas; ``described`` gives the meaning of the latter.
    """

    catalogue: Catalogue
    atlas: Atlas
    rows: np.ndarray
    table: pd.DataFrame
    scores: pd.DataFrame
    described: dict[str, ScoreColumn]

    def places_of(self, source_ids: Sequence[str]) -> np.ndarray:
        """Where these sources are in the Atlas; -1 for those it does not hold."""
        return self.atlas.rows_of(source_ids)


@shared(lambda key, model: (atlas_version(key, model), scores_version(key)), entries=16)
def located(data_set_key: str, model: str) -> Located:
    """Atlas and catalogue of a data set, row by row.

    Raises AtlasError or CatalogueError as :func:`atlas` and :func:`data_set`.
    """
    catalogue, opened = data_set(data_set_key), atlas(data_set_key, model)
    table, others = catalogue.table, galaxy_scores(data_set_key)
    if opened.shared is not None and opened.shared is catalogue.identifiers:
        rows = np.arange(len(table))
    else:
        rows = catalogue.rows_of(opened.source_ids)
        if not np.array_equal(rows, np.arange(len(table))):
            table = table.iloc[rows].reset_index(drop=True)
    more = others.of(opened.source_ids)
    more = more[[name for name in more if name not in opened.scores]]
    scores = pd.concat([opened.scores, more], axis=1)
    described = {str(name): others.columns[str(name)] for name in more}
    return Located(catalogue, opened, rows, table, scores, described)


@st.cache_resource(show_spinner=False, validate=lambda link: link.connected)
def samp_link() -> SampLink:
    """The connection to the SAMP hub of this computer, made again when the hub has gone.

    Raises SampError if no hub runs.
    """
    from radioviz.api.samp import SampLink

    return SampLink()


@shared(lambda first, second: (*data_set_version(first), *data_set_version(second)), entries=8)
def overlap(first: str, second: str) -> Overlap:
    """Galaxies that two data sets share (:func:`radioviz.data.overlap.overlap_of`)."""
    from radioviz.data.overlap import overlap_of

    return overlap_of(data_set(first), data_set(second))


@shared(data_set_version, entries=16)
def coverage(key: str) -> SkyCoverage:
    """Coverage of the cutouts of a data set (:func:`radioviz.export.sky_coverage.sky_coverage`).

    Raises ExportError if none has a sky position.
    """
    catalogue = data_set(key)
    return sky_coverage([Group(catalogue, np.arange(len(catalogue)))])
