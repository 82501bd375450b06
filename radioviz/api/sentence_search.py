"""Find galaxies by a sentence in plain English."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from contextlib import suppress

import numpy as np
import pandas as pd

from radioviz import morphology
from radioviz.api.samples import default_encoder, open_atlas
from radioviz.api.selection import galaxy_masks
from radioviz.atlas.atlas import Atlas
from radioviz.atlas.layouts import REFERENCE
from radioviz.atlas.scores import read_scores
from radioviz.data.registry import open_data_set
from radioviz.errors import AtlasError
from radioviz.models.registry import list_models
from radioviz.similarity import LatentIndex
from radioviz.similarity.spaces import WHITENED, fitted_whitening, prepared_index
from radioviz.words.answers import answer, answer_by_text, ask
from radioviz.words.text_encoder import load_text_encoder, text_scores
from radioviz.words.vocabulary import read_vocabulary
from radioviz.workspace.data_set_columns import data_set_columns, likeness


def search_words(
    sentence: str,
    data_set: str = "first",
    *,
    model: str = "",
    tags: Mapping[str, Sequence[str]] | None = None,
    number: int = 0,
    text_encoder: str = "",
    condition: str | None = None,
    ranking: str | None = None,
) -> pd.DataFrame:
    """The galaxies that a sentence describes, best first, as on the Similar page.

    Parameters
    ----------
    sentence : str
        Tags, sizes, fluxes, redshifts, classes, names of galaxies to resemble, ``not``, ``or``;
        docs/filters.md describes it.
    model : str
        Encoder by which galaxies resemble each other; by default the one that the app opens first.
    tags : mapping, optional
        Your own tags: name to values of ``source_id``.
    number : int
        At most so many; 0 for all.
    text_encoder : str
        An installed text encoder (:mod:`radioviz.words.text_encoder`) that ranks instead.
    condition, ranking : str, optional
        A filter, and arithmetic of columns to rank by, in place of those of the sentence.

    Returns
    -------
    pandas.DataFrame
        As :func:`select_galaxies` gives it, and ``match``: what they are ranked by. ``attrs`` has
        ``filter``, ``ranking``, ``unknown`` (words that were not understood), ``readings`` (words
        that were mistyped) and ``remarks``.

    Raises
    ------
    FilterError
        If the sentence is empty or too long, or a condition or ranking cannot be read.
    CatalogueError, AtlasError
        If there is no such data set, or its scores are damaged.
    VocabularyError
        If there is no such text encoder, or it fails.

    Examples
    --------
    >>> import radioviz
    >>> found = radioviz.search_words("bnet, larger than 80 arcsec, purple")
    >>> found.attrs["filter"], found.attrs["readings"], found.attrs["unknown"]
    ('bent >= 0.5 and las > 80', (('bnet', 'bent'),), ('purple',))
    >>> bool((found["las"] > 80).all()), bool(found["match"].is_monotonic_decreasing)
    (True, True)
    """
    catalogue = morphology.complete(open_data_set(data_set))
    scores = read_scores(data_set, catalogue=catalogue, models=list_models())
    atlas: Atlas | None = None
    name = model or default_encoder()
    with suppress(AtlasError):
        atlas = open_atlas(data_set, name)
    columns = data_set_columns(catalogue, scores, atlas)
    columns = columns.extended({}, tags=galaxy_masks(catalogue, tags or {}))
    if atlas is not None:
        base = atlas
        with suppress(AtlasError):
            base = open_atlas(REFERENCE, name)
        white = fitted_whitening(base.latents, open_data_set(base.data_set).table, WHITENED)
        index = prepared_index(
            LatentIndex.of(catalogue, atlas), white, WHITENED, atlas.folder / "search"
        )
        columns.similarity = likeness(lambda: index, lambda: white)
    question = ask(sentence, columns, read_vocabulary(), tags or {})
    if condition is not None:
        question = dataclasses.replace(question, filter=condition, understood=True)
    if ranking is not None:
        question = dataclasses.replace(question, ranking=ranking)
    if text_encoder:
        ids = catalogue.table["source_id"].to_numpy(object)
        every = text_scores(load_text_encoder(text_encoder), sentence, data_set, ids)
        found = answer_by_text(question, columns, every)
    else:
        found = answer(question, columns)
    rows, score = found.rows, np.asarray(found.score, np.float64)
    rows = rows[:number] if number else rows
    table = columns.frame(rows).assign(data_set=data_set, match=score[: len(rows)])
    table.attrs = {
        "filter": question.filter, "ranking": question.ranking, "unknown": question.unknown,
        "readings": question.readings, "remarks": question.remarks,
    }  # fmt: skip
    return table[["data_set", "match", *table.columns.drop(["data_set", "match"])]]
