"""What the server keeps for every session. The only place that uses Streamlit's caches.

Catalogues and Atlases are opened once a process and shared; they are memory-mapped and
read-only. The first build of a data set reports progress to whoever asked for it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import streamlit as st

from radioviz.data.catalogue import Catalogue
from radioviz.data.registry import DATA_SETS, DataSet, open_data_set, user_data_sets
from radioviz.errors import CatalogueError
from radioviz.jobs.progress import no_progress
from radioviz.models.registry import ModelList, list_models, model_folders
from radioviz.paths import cache_folder, user_data_folder
from radioviz.ui.cache.decoding import (  # noqa: F401 - names of this package
    classifier,
    classifiers,
    decoded,
    encoder,
    generated,
    generator,
    held_out,
    opening_torch,
    plane_images,
    plane_png,
    plane_properties,
    training,
)
from radioviz.ui.cache.searching import (  # noqa: F401 - names of this package
    Nulls,
    latent_index,
    neighbourhood,
    nulls,
    rotated_views,
    whitening,
)
from radioviz.ui.image import display, sprites
from radioviz.ui.image.sprites import LevelStore

if TYPE_CHECKING:
    from radioviz.api.samp import SampLink
    from radioviz.atlas.atlas import Atlas
    from radioviz.atlas.scores import ScoreColumn, Scores

Progress = Callable[[int, int, str], None]


class _Opening:
    """A data set that is being opened by a thread of the server's own.

    A reader who leaves the page ends the page's run, but not this: whoever asks next finds
    it further on, or done.
    """

    def __init__(self, key: str) -> None:
        self.state = (0, 0, "")
        self.catalogue: Catalogue | None = None
        self.error: Exception | None = None
        self.thread = threading.Thread(target=self._run, args=(key,), daemon=True)
        self.thread.start()

    def _run(self, key: str) -> None:
        try:
            from radioviz import morphology

            catalogue = open_data_set(key, self._told)
            self.catalogue = morphology.complete(catalogue, self._told)
        except Exception as error:  # handed to whoever waits
            self.error = error

    def _told(self, done: int, total: int, what: str) -> None:
        self.state = (done, total, what)


class _Store:
    """Data sets by key: open ones, and those that are being opened."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.catalogues: dict[str, Catalogue] = {}
        self.stamps: dict[str, int] = {}
        self.opening: dict[str, _Opening] = {}


@st.cache_resource(show_spinner=False)
def _store(cache: Path, home: Path) -> _Store:
    return _Store()


def _here() -> _Store:
    return _store(cache_folder(), user_data_folder())


def is_open(key: str) -> bool:
    """True when :func:`data_set` will answer at once."""
    _see_changes(key)
    return key in _here().catalogues


def _see_changes(key: str) -> None:
    """Drop a survey of the user that another process has replaced or removed."""
    if key in DATA_SETS:
        return
    stored = user_data_folder() / "surveys" / key / "catalogue.json"
    stamp = stored.stat().st_mtime_ns if stored.exists() else 0
    store = _here()
    if store.stamps.get(key, stamp) != stamp:
        forget_data_set(key)
    store.stamps[key] = stamp


def data_set(key: str, progress: Progress = no_progress) -> Catalogue:
    """Catalogue of a data set, with measured columns; built and measured on first use.

    Raises
    ------
    CatalogueError
        If it is unknown, not downloaded, or damaged.
    """
    _see_changes(key)
    store = _here()
    with store.lock:
        if key in store.catalogues:
            return store.catalogues[key]
        job = store.opening.get(key) or store.opening.setdefault(key, _Opening(key))
    while job.thread.is_alive():
        job.thread.join(0.1)
        if job.state[1]:
            progress(*job.state)
    with store.lock:
        store.opening.pop(key, None)
        if job.catalogue is not None:
            return store.catalogues.setdefault(key, job.catalogue)
    if job.error is None:
        raise CatalogueError(f"data set '{key}' could not be opened; reload the page to try again")
    raise job.error


def known_data_sets() -> dict[str, DataSet]:
    """Every data set by key: those of the registry, then the surveys of the user."""
    if not any((user_data_folder() / "surveys").glob("*/catalogue.json")):
        return dict(DATA_SETS)  # without the readers of every format that an import takes
    return DATA_SETS | user_data_sets()


def forget_data_set(key: str) -> None:
    """Drop a data set that was imported anew or taken away."""
    store = _here()
    with store.lock:
        store.catalogues.pop(key, None)
        store.stamps.pop(key, None)
    _thumbnails.clear()
    _sheet.clear()
    _levels.clear()


def models() -> ModelList:
    """Models on disk; read again when the folder of models changes."""
    stamp = tuple(
        (str(p), p.stat().st_mtime_ns)
        for folder in model_folders()
        for p in sorted(folder.glob("*/config.json"))
        if p.is_file()
    )
    return _models(stamp)


@st.cache_resource(show_spinner=False, max_entries=4)
def _models(stamp: tuple[tuple[str, int], ...]) -> ModelList:
    return list_models()


def atlas_names(data_set: str) -> list[str]:
    """Models that have an Atlas of this data set."""
    from radioviz.atlas.atlas import list_atlases

    return sorted(model for key, model in list_atlases() if key == data_set)


def atlas(data_set_key: str, model: str) -> Atlas:
    """Atlas of a data set, checked against its model and catalogue.

    Raises
    ------
    AtlasError
        If there is none, or it is stale or damaged.
    """
    from radioviz.atlas.atlas import atlas_folder

    folder = atlas_folder(data_set_key, model)
    marker = folder / "atlas.json"
    stamp = marker.stat().st_mtime_ns if marker.exists() else 0
    weights = models().get(model)
    return _atlas(data_set_key, model, folder, stamp, weights.weights_sha256 if weights else "")


@st.cache_resource(show_spinner=False, max_entries=32)
def _atlas(data_set_key: str, model: str, folder: Path, stamp: int, weights: str) -> Atlas:
    from radioviz.atlas.atlas import open_atlas

    return open_atlas(
        data_set_key, model, info=models().get(model), catalogue=data_set(data_set_key)
    )


@dataclass(frozen=True, eq=False)
class Located:
    """An Atlas beside its catalogue: ``rows`` (int64) of the catalogue for each of its sources.

    ``scores`` are those of the Atlas and, after them, those that belong to no encoder, row by row
    of the Atlas; ``described`` says what the latter are.
    """

    catalogue: Catalogue
    atlas: Atlas
    rows: np.ndarray
    table: pd.DataFrame
    scores: pd.DataFrame
    described: dict[str, ScoreColumn]

    def places_of(self, source_ids: Sequence[str]) -> np.ndarray:
        """Where these sources are in the Atlas; -1 for those it does not hold."""
        return self.atlas.rows_of(list(source_ids))


def located(data_set_key: str, model: str) -> Located:
    """Atlas and catalogue of a data set, row by row.

    Raises
    ------
    AtlasError, CatalogueError
        As :func:`atlas` and :func:`data_set`.
    """
    return _located(
        data_set_key,
        data_set(data_set_key),
        atlas(data_set_key, model),
        galaxy_scores(data_set_key),
    )


def galaxy_scores(data_set_key: str) -> Scores:
    """Scores of a data set that belong to no encoder; those that are stale are left out.

    Raises
    ------
    AtlasError
        If they are damaged.
    CatalogueError
        As :func:`data_set`.
    """
    from radioviz.atlas.scores import META, scores_folder

    marker = scores_folder(data_set_key) / META
    stamp = marker.stat().st_mtime_ns if marker.exists() else 0
    return _galaxy_scores(data_set_key, data_set(data_set_key), models(), marker, stamp)


@st.cache_resource(show_spinner=False, max_entries=16, hash_funcs={Catalogue: id, ModelList: id})
def _galaxy_scores(
    data_set_key: str, catalogue: Catalogue, known: ModelList, marker: Path, stamp: int
) -> Scores:
    from radioviz.atlas.scores import read_scores

    return read_scores(data_set_key, catalogue=catalogue, models=known)


@st.cache_resource(
    show_spinner=False,
    max_entries=16,
    hash_funcs={
        Catalogue: id,
        "radioviz.atlas.atlas.Atlas": id,
        "radioviz.atlas.scores.Scores": id,
    },
)
def _located(data_set_key: str, catalogue: Catalogue, opened: Atlas, others: Scores) -> Located:
    rows = catalogue.rows_of(list(opened.source_ids))
    table = catalogue.table
    if not np.array_equal(rows, np.arange(len(table))):
        table = table.iloc[rows].reset_index(drop=True)
    more = others.of(opened.source_ids)
    more = more[[name for name in more if name not in opened.scores]]
    scores = pd.concat([opened.scores, more], axis=1)
    described = {str(name): others.columns[str(name)] for name in more}
    return Located(catalogue, opened, rows, table, scores, described)


@st.cache_resource(show_spinner=False, validate=lambda link: link.connected)
def samp_link() -> SampLink:
    """The connection to the SAMP hub of this computer, made anew when the hub has gone.

    Raises
    ------
    SampError
        If no hub runs.
    """
    from radioviz.api.samp import SampLink

    return SampLink()


@st.cache_data(show_spinner=False, max_entries=200)
def _thumbnails(
    key: str, digest: str, rows: tuple[int, ...], style: display.ImageStyle, size: int
) -> list[bytes]:
    catalogue = data_set(key)
    return display.draw_thumbnails(
        catalogue.images[np.array(rows, dtype=np.int64)], catalogue.info, style, size
    )


def thumbnails(
    catalogue: Catalogue, rows: np.ndarray, style: display.ImageStyle, size: int = 96
) -> list[bytes]:
    """PNG pictures of the given rows."""
    if not len(rows):
        return []
    return _thumbnails(
        catalogue.info.key, catalogue.digest, tuple(int(r) for r in rows), style, size
    )


@st.cache_resource(show_spinner=False, max_entries=32)
def _levels(folder: Path, n: int, size: int) -> LevelStore:
    return LevelStore(folder, n, size)


@st.cache_resource(show_spinner=False, max_entries=200)
def _sheet(
    key: str, digest: str, rows: tuple[int, ...], style: display.ImageStyle, size: int
) -> sprites.Sheet:
    catalogue = data_set(key)
    chain = display.chain(style, size)
    folder = cache_folder() / "pictures" / f"{key}-{digest}"
    folder /= f"{chain.digest}-{size}-v{sprites.VERSION}"
    levels = _levels(folder, len(catalogue), size).levels(
        np.array(rows, dtype=np.int64),
        lambda missing: chain.for_survey(catalogue.images[missing], catalogue.info),
    )
    return sprites.sheet(levels, style.colour_map)


def picture_sheet(
    catalogue: Catalogue, rows: np.ndarray, style: display.ImageStyle, size: int = 96
) -> sprites.Sheet:
    """Pictures of the given rows (at least one) side by side in one PNG."""
    return _sheet(catalogue.info.key, catalogue.digest, tuple(int(r) for r in rows), style, size)
