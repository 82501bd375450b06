"""Scores of galaxies that belong to no encoder: class probability, log p, outlier scores.

An Atlas holds the scores of one encoder; these files hold all others, one column per score, so that
map, Inspect and exports show them without torch:

==============================================  =============================================
``trained/atlas/<data set>/scores.parquet``     ``source_id``, then one column per score, NaN
                                                or empty where there is none
``trained/atlas/<data set>/scores.json``        format, digest of the data set, and of each
                                                column its :class:`ScoreColumn`
==============================================  =============================================

:func:`add_scores` replaces columns of the same name and keeps the others, also if several processes
add columns at once. A column made by a model carries the hash of its weights; once the model has
other weights, the column is left out and listed in :attr:`Scores.stale`. A score of several models
(log p under two flows) is one column per model: ``log_prob_<model>``.

>>> columns = {"p_fr2": ScoreColumn("Probability of FRII", model="frcnn", command="...")}
>>> add_scores(catalogue, pd.DataFrame({"p_fr2": p}), columns, models=list_models())
>>> read_scores("first", models=list_models()).table["p_fr2"]
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
from filelock import FileLock

from radioviz.atlas.atlas import atlas_folder
from radioviz.data.catalogue import Catalogue
from radioviz.errors import AtlasError
from radioviz.models.artefact import ModelInfo
from radioviz.paths import make_folder
from radioviz.store import records
from radioviz.store.atomic import atomic_file, report_unwritable, write_json

FORMAT_VERSION = 1
TABLE, META = "scores.parquet", "scores.json"


@dataclass(frozen=True)
class ScoreColumn:
    """Description of a score."""

    title: str  # as displayed
    unit: str = ""  # empty for dimensionless numbers and text
    description: str = ""  # one sentence: its meaning, and whether high or low is remarkable
    model: str = ""  # the model that computed it; empty if none did
    weights_sha256: str = ""  # of that model; set by :func:`add_scores`
    command: str = ""  # command that computes it again


class _ScoresFile(msgspec.Struct):
    """What ``scores.json`` must hold."""

    catalogue_digest: str
    columns: dict[str, ScoreColumn]


@dataclass(frozen=True, eq=False)
class Scores:
    """Scores of a data set."""

    table: pd.DataFrame  # indexed by ``source_id``; one column per score
    columns: dict[str, ScoreColumn]  # description of each column
    stale: dict[str, str]  # columns that were left out, and why

    def of(self, source_ids: Any) -> pd.DataFrame:
        """Rows of these sources, in their order; NaN for sources without scores."""
        if not len(self.table.columns):
            return pd.DataFrame(index=range(len(source_ids)))
        return self.table.reindex(list(source_ids)).reset_index(drop=True)


def scores_folder(data_set: str, folder: Path | None = None) -> Path:
    """Folder of the scores of a data set, below ``folder`` (default: ``trained/atlas``)."""
    return atlas_folder(data_set, "scores", folder).parent


def read_scores(
    data_set: str,
    *,
    catalogue: Catalogue | None = None,
    models: Mapping[str, ModelInfo] | None = None,
    folder: Path | None = None,
) -> Scores:
    """Scores of a data set; no columns if none were computed.

    ``catalogue``: the current data set; if its sources differ, every column is stale. ``models``:
    the current models; columns of altered or missing models are stale. ``folder``: root of all
    Atlases. Raises AtlasError if the files are damaged.
    """
    where = scores_folder(data_set, folder)
    if not (where / META).exists():
        return Scores(pd.DataFrame(index=pd.Index([], name="source_id")), {}, {})
    about, table = _read(where, data_set)
    columns, stale = about.columns, {}
    for name, column in columns.items():
        if catalogue is not None and catalogue.digest != about.catalogue_digest:
            stale[name] = "the data set has other sources now"
        elif models is not None and column.model:
            info = models.get(column.model)
            if info is None:
                stale[name] = f"there is no model '{column.model}'"
            elif info.weights_sha256 != column.weights_sha256:
                stale[name] = f"the model '{column.model}' has other weights now"
    for name in stale:
        stale[name] += f"; compute it again with: {columns[name].command}"
    kept = {name: column for name, column in columns.items() if name not in stale}
    return Scores(table[list(kept)], kept, stale)


def add_scores(
    catalogue: Catalogue,
    scores: pd.DataFrame,
    columns: Mapping[str, ScoreColumn],
    *,
    models: Mapping[str, ModelInfo] | None = None,
    folder: Path | None = None,
) -> Scores:
    """Add columns to the scores of a data set, replacing those of the same name.

    Parameters
    ----------
    scores : pandas.DataFrame
        One row per row of the Catalogue, in its order; a column for each of ``columns``.
    columns : mapping
        Description of each column; if it has a ``model``, ``models`` must contain it.

    Raises
    ------
    AtlasError
        If rows or columns do not match, a model is unknown, or the folder cannot be written.
    """
    key = catalogue.info.key
    name = f"scores of '{key}'"
    if len(scores) != len(catalogue):
        raise AtlasError(f"{name}: {len(scores)} rows; expected {len(catalogue)}")
    if set(scores.columns) != set(columns):
        odd = sorted(set(scores.columns) ^ set(columns))
        raise AtlasError(f"{name}: '{odd[0]}' is not both a column and in the descriptions")
    described: dict[str, ScoreColumn] = {}
    for column, what in columns.items():
        if what.model:
            info = (models or {}).get(what.model)
            if info is None:
                raise AtlasError(f"{name}: column '{column}' has an unknown model '{what.model}'")
            what = dataclasses.replace(what, weights_sha256=info.weights_sha256)
        described[str(column)] = what
    where = scores_folder(key, folder)
    ids = catalogue.table["source_id"].astype(str).to_list()
    with report_unwritable(where, AtlasError, what=name):
        make_folder(where)
        with FileLock(where / ".scores.lock", timeout=60):
            table = pd.DataFrame(index=pd.Index(ids, name="source_id"))
            if (where / META).exists():
                about, before = _read(where, key)
                if about.catalogue_digest == catalogue.digest:
                    table, described = before.reindex(ids), about.columns | described
            for column in scores.columns:
                values = scores[column].to_numpy()
                small = np.issubdtype(values.dtype, np.floating)
                table[str(column)] = values.astype(np.float32) if small else values
            with atomic_file(where / TABLE) as scratch:
                table.reset_index().to_parquet(scratch, index=False)
            made = {
                "format": FORMAT_VERSION,
                "data_set": key,
                "catalogue_digest": catalogue.digest,
                "columns": {n: dataclasses.asdict(described[n]) for n in table.columns},
            }
            write_json(where / META, made)
    return read_scores(key, catalogue=catalogue, models=models, folder=folder)


def _read(where: Path, data_set: str) -> tuple[_ScoresFile, pd.DataFrame]:
    name = f"scores of '{data_set}'"
    advice = f"delete {where / META} and compute them again with: python -m train scores"
    try:
        meta = records.read_json_object(where / META)
        if meta.get("format") != FORMAT_VERSION:
            raise AtlasError(
                f"{name} have format {meta.get('format')!r}, this version reads "
                f"{FORMAT_VERSION}; {advice}"
            )
        about = records.to_record(meta, _ScoresFile)
        table = records.read_parquet(where / TABLE)
        missing = [column for column in ("source_id", *about.columns) if column not in table]
        if missing:
            raise ValueError(f"{TABLE} lacks the column '{missing[0]}'")
        table = table.set_index(table["source_id"].astype(object))
        if not table.index.is_unique:
            twice = table.index[table.index.duplicated()][0]
            raise ValueError(f"{TABLE} holds the source '{twice}' twice")
    except (OSError, ValueError) as error:
        raise AtlasError(f"{name} are damaged ({error}); {advice}") from error
    return about, table[list(about.columns)]
