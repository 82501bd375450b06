"""Scores of galaxies that belong to no encoder: class probability, log p, outlier scores.

An Atlas holds what one encoder says of a data set; this holds what everything else says of it, a
column a score, so that map, Inspect and exports show it without torch:

==============================================  =============================================
``trained/atlas/<data set>/scores.parquet``     ``source_id``, then one column a score, NaN or
                                                empty where there is none
``trained/atlas/<data set>/scores.json``        format, digest of the data set, and of each
                                                column its :class:`ScoreColumn`
==============================================  =============================================

Whoever computes scores adds columns with :func:`add_scores`, which replaces columns of the same
name and leaves the others alone, also when several processes do so at once. A column made by a
model carries the hash of the weights; once the model has others, the column is left out and named
in :attr:`Scores.stale`. Scores that several sources of truth give (log p under two flows) are
columns of their own: ``log_prob_<model>``.

>>> columns = {"p_fr2": ScoreColumn("Probability of FRII", model="frcnn", command="...")}
>>> add_scores(catalogue, pd.DataFrame({"p_fr2": p}), columns, models=list_models())
>>> read_scores("first", models=list_models()).table["p_fr2"]
"""

from __future__ import annotations

import dataclasses
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from radioviz.atlas.atlas import atlas_folder
from radioviz.data.catalogue import Catalogue
from radioviz.errors import AtlasError
from radioviz.models.artefact import ModelInfo
from radioviz.store import records

FORMAT_VERSION = 1
TABLE, META = "scores.parquet", "scores.json"


@dataclass(frozen=True)
class ScoreColumn:
    """What a score is.

    Attributes
    ----------
    title : str
        As shown to people.
    unit : str
        Empty for plain numbers and words.
    description : str
        One sentence: what it means, and which end is remarkable.
    model : str
        The model that gave it; empty where none did.
    weights_sha256 : str
        Of that model; filled in by :func:`add_scores`.
    command : str
        What makes it again.
    """

    title: str
    unit: str = ""
    description: str = ""
    model: str = ""
    weights_sha256: str = ""
    command: str = ""


@dataclass(frozen=True, eq=False)
class Scores:
    """Scores of a data set.

    Attributes
    ----------
    table : pandas.DataFrame
        Indexed by ``source_id``; one column a score.
    columns : dict
        What each column is.
    stale : dict
        Names of columns that were left out, and why.
    """

    table: pd.DataFrame
    columns: dict[str, ScoreColumn]
    stale: dict[str, str]

    def of(self, source_ids: np.ndarray | list[str]) -> pd.DataFrame:
        """Rows of these sources, in their order; NaN for those that have no scores."""
        return self.table.reindex(list(source_ids)).reset_index(drop=True)


def scores_folder(data_set: str, folder: Path | None = None) -> Path:
    """Where the scores of a data set are, below ``folder`` (default: ``trained/atlas``)."""
    return atlas_folder(data_set, "scores", folder).parent


def read_scores(
    data_set: str,
    *,
    catalogue: Catalogue | None = None,
    models: Mapping[str, ModelInfo] | None = None,
    folder: Path | None = None,
) -> Scores:
    """Scores of a data set; without columns where none were made yet.

    Parameters
    ----------
    catalogue : Catalogue, optional
        The data set as it is now; when its sources are others, every column is stale.
    models : mapping, optional
        The models as they are now; columns of altered or missing models are stale.
    folder : pathlib.Path, optional
        Root of all Atlases.

    Raises
    ------
    AtlasError
        If the files are damaged.
    """
    where = scores_folder(data_set, folder)
    if not (where / META).exists():
        return Scores(pd.DataFrame(index=pd.Index([], name="source_id")), {}, {})
    meta, table = _read(where, data_set)
    columns = {name: ScoreColumn(**about) for name, about in meta["columns"].items()}
    stale = {}
    for name, column in columns.items():
        if catalogue is not None and catalogue.digest != meta["catalogue_digest"]:
            stale[name] = "the data set has other sources now"
        elif models is not None and column.model:
            info = models.get(column.model)
            if info is None:
                stale[name] = f"there is no model '{column.model}'"
            elif info.weights_sha256 != column.weights_sha256:
                stale[name] = f"the model '{column.model}' has other weights now"
    for name in stale:
        stale[name] += f"; make it anew with: {columns[name].command}"
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
        One row a row of the Catalogue, in its order; a column for each of ``columns``.
    columns : mapping
        What each column is; where ``model`` is given, ``models`` must hold it.

    Raises
    ------
    AtlasError
        If rows or columns do not match, a model is unknown, or the folder cannot be written.
    """
    from filelock import FileLock

    key = catalogue.info.key
    name = f"scores of '{key}'"
    if len(scores) != len(catalogue):
        raise AtlasError(f"{name}: {len(scores)} rows; expected {len(catalogue)}")
    if set(scores.columns) != set(columns):
        odd = sorted(set(scores.columns) ^ set(columns))
        raise AtlasError(f"{name}: '{odd[0]}' is not both a column and described")
    about: dict[str, dict[str, Any]] = {}
    for column, what in columns.items():
        if what.model:
            info = (models or {}).get(what.model)
            if info is None:
                raise AtlasError(f"{name}: column '{column}' is of an unknown model '{what.model}'")
            what = dataclasses.replace(what, weights_sha256=info.weights_sha256)
        about[str(column)] = dataclasses.asdict(what)
    where = scores_folder(key, folder)
    ids = catalogue.table["source_id"].astype(str).to_list()
    try:
        where.mkdir(parents=True, exist_ok=True)
        with FileLock(where / ".scores.lock", timeout=60):
            table = pd.DataFrame(index=pd.Index(ids, name="source_id"))
            described: dict[str, Any] = {}
            if (where / META).exists():
                meta, before = _read(where, key)
                if meta["catalogue_digest"] == catalogue.digest:
                    table, described = before.reindex(ids), meta["columns"]
            for column in scores.columns:
                values = scores[column].to_numpy()
                small = np.issubdtype(values.dtype, np.floating)
                table[str(column)] = values.astype(np.float32) if small else values
            described = {**described, **about}
            made = {
                "format": FORMAT_VERSION,
                "data_set": key,
                "catalogue_digest": catalogue.digest,
                "columns": {n: described[n] for n in table.columns},
            }
            _replace(where / TABLE, lambda path: table.reset_index().to_parquet(path, index=False))
            text = json.dumps(made, indent=1) + "\n"
            _replace(where / META, lambda path: path.write_text(text, encoding="utf-8"))
    except OSError as error:
        raise AtlasError(f"{name} cannot be written to {where}: {error}") from error
    return read_scores(key, catalogue=catalogue, models=models, folder=folder)


def _read(where: Path, data_set: str) -> tuple[dict[str, Any], pd.DataFrame]:
    advice = f"delete {where / META} and make them anew with: python -m train scores"
    try:
        meta = records.read_json_object(where / META)
        table = records.read_parquet(where / TABLE)
        version, named = meta["format"], list(meta["columns"])
        records.check_types(meta, {"catalogue_digest": str, "columns": dict})
        for about in meta["columns"].values():
            records.check_types(about, dict.fromkeys(about, str))
            ScoreColumn(**about)
        meta["catalogue_digest"]
        table = table.set_index(table["source_id"].astype(object))
        if not table.index.is_unique:
            twice = table.index[table.index.duplicated()][0]
            raise ValueError(f"{TABLE} names the source '{twice}' twice")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise AtlasError(f"scores of '{data_set}' are damaged ({error}); {advice}") from error
    if version != FORMAT_VERSION:
        raise AtlasError(
            f"scores of '{data_set}' have format {version!r}, this version reads "
            f"{FORMAT_VERSION}; {advice}"
        )
    missing = [name for name in named if name not in table]
    if missing:
        raise AtlasError(f"scores of '{data_set}' lack the column '{missing[0]}'; {advice}")
    return meta, table[named]


def _replace(path: Path, write: Any) -> None:
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as file:
        scratch = Path(file.name)
    try:
        write(scratch)
        os.chmod(scratch, 0o644)  # noqa: PTH101
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)
