"""The tags of every galaxy of a data set, with how likely each is, stored beside other scores."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

import numpy as np
import pandas as pd

from radioviz import morphology
from radioviz.atlas.atlas import Atlas
from radioviz.atlas.scores import ScoreColumn, Scores, add_scores, read_scores
from radioviz.data.catalogue import Catalogue
from radioviz.data.registry import DATA_SETS
from radioviz.errors import AtlasError
from radioviz.jobs.progress import Progress, no_progress
from radioviz.models.artefact import ModelInfo
from radioviz.words.heads import COLUMNS, Heads, read_heads
from radioviz.words.vocabulary import Tag, Vocabulary, measured_probability, read_vocabulary


def tag_table(
    table: pd.DataFrame,
    vocabulary: Vocabulary,
    heads: Heads | None = None,
    latents: np.ndarray | None = None,
) -> pd.DataFrame:
    """Probability of each tag that can be decided, float32, row by row.

    Parameters
    ----------
    table : pandas.DataFrame
        ``n`` rows with measured columns (:func:`radioviz.morphology.complete`).
    heads, latents : Heads and numpy.ndarray, optional
        Heads, and the latents ``(n, d)`` that they see; rows with NaN have none. Without heads,
        measured tags alone.

    Returns
    -------
    pandas.DataFrame
        A column a tag, in the order of the vocabulary. NaN where there is no source.
    """
    needed = {name for tag in vocabulary.tags for name, _, _ in tag.measured} | set(COLUMNS)
    columns = {name: table[name].to_numpy(float, na_value=np.nan) for name in needed
               if name in table}  # fmt: skip
    source = np.asarray(columns.get("n_peaks", np.ones(len(table)))) > 0
    learned: dict[str, np.ndarray] = {}
    if heads is not None and latents is not None and all(c in columns for c in heads.columns):
        learned = heads.probabilities(latents, columns)
    out = {}
    for tag in vocabulary.tags:
        found = measured_probability(tag, columns)
        if found is not None:  # a source without arms has none that bend
            found = np.where(np.isnan(found) & source, 0.0, found)
        if tag.column in learned:
            head = learned[tag.column]
            found = head if found is None else np.where(np.isnan(head), found, head)
        if found is not None:
            out[tag.column] = np.where(source, found, np.nan).astype(np.float32)
    return pd.DataFrame(out, index=table.index)


def describe_tags(
    vocabulary: Vocabulary, heads: Heads | None, data_set: str
) -> dict[str, ScoreColumn]:
    """What the columns of :func:`tag_table` mean."""
    command = "python -m train tags"
    if data_set not in DATA_SETS:
        model = f" --model {heads.encoder}" if heads else ""
        command = f"radioviz encode --data {data_set}{model}"
    return {tag.column: _described(tag, heads, command) for tag in vocabulary.tags}


def _described(tag: Tag, heads: Heads | None, command: str) -> ScoreColumn:
    learned = heads is not None and tag.column in heads.tags
    how = "learned" if learned else "measured"
    return ScoreColumn(
        f"Tag: {tag.name}", description=f"{tag.sentence} Probability, {how}.",
        model=heads.encoder if learned and heads is not None else "",
        command=command,
    )  # fmt: skip


def latents_of_rows(atlas: Atlas, source_ids: np.ndarray) -> np.ndarray:
    """Latents row by row of a catalogue: the Atlas's own array where the rows are the same."""
    if np.array_equal(atlas.source_ids, source_ids):
        return atlas.latents
    rows = atlas.rows_of(source_ids)
    latents = np.asarray(atlas.latents[np.maximum(rows, 0)], np.float32)
    latents[rows < 0] = np.nan
    return latents


def store_tags(
    catalogue: Catalogue,
    atlas: Atlas | None,
    models: Mapping[str, ModelInfo],
    progress: Progress = no_progress,
) -> Scores:
    """Compute the tags of a data set and add them to its scores.

    ``atlas``: of an encoder; where heads of its weights are here, learned tags come too. Raises
    AtlasError if they cannot be written.
    """
    vocabulary = read_vocabulary()
    catalogue = morphology.complete(catalogue, progress)
    heads = latents = None
    if atlas is not None and atlas.model in models:
        heads = read_heads(atlas.model, models[atlas.model].weights_sha256)
    if heads is not None and atlas is not None:
        latents = latents_of_rows(atlas, catalogue.table["source_id"].to_numpy(object))
    progress(0, 1, "tagging sources")
    tags = tag_table(catalogue.table, vocabulary, heads, latents)
    about = describe_tags(vocabulary, heads, catalogue.info.key)
    found = add_scores(catalogue, tags, {str(c): about[str(c)] for c in tags}, models=models)
    progress(1, 1, "tagging sources")
    return found


def ensure_tags(
    catalogue: Catalogue,
    atlas: Atlas,
    models: Mapping[str, ModelInfo],
    progress: Progress = no_progress,
) -> None:
    """Tag a data set, unless its tags are stored and an Atlas of this encoder adds none."""
    vocabulary, here = read_vocabulary(), {}
    with suppress(AtlasError):
        here = read_scores(catalogue.info.key, catalogue=catalogue, models=models).columns
    stored = [here[c] for c in vocabulary.columns if c in here]
    learned = read_heads(atlas.model, models[atlas.model].weights_sha256) is not None
    if not stored or (learned and not any(column.model for column in stored)):
        store_tags(catalogue, atlas, models, progress)
