"""Outlier scores of a data set against those that they are ranked among."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

import radioviz
from radioviz.atlas.atlas import open_atlas
from radioviz.atlas.scores import Scores, read_scores
from radioviz.data.catalogue import Catalogue
from radioviz.models.registry import list_models
from radioviz.outliers.score_table import Outliers, flow_over, outliers_of
from radioviz.outliers.thresholds import percentile_rank
from radioviz.ui.cache import outliers as kept
from radioviz.ui.controls import View
from radioviz.ui.image.display import ImageStyle
from radioviz.ui.pages.likelihood import scored_sample

NONE = Scores(pd.DataFrame(index=pd.Index([], name="source_id")), {}, {})
ALIKE = ["survey-simclr", "simclr", "byol", "vdvae"]


def table_of(first: Catalogue, model: str, scores: Scores, *, encoded: bool = True) -> Outliers:
    atlas = open_atlas("first", model) if encoded else None
    return outliers_of(first, scores, atlas, flow_over(list_models(), model), "maf-vae32")


@pytest.mark.parametrize("model", ALIKE)
@pytest.mark.parametrize("score", ["knn", "isolation", "rank_average"])
def test_held_out_galaxies_are_no_stranger_than_those_of_training(
    first_catalogue: Catalogue, model: str, score: str
) -> None:
    found = radioviz.rank_outliers("first", score, model=model).set_index("source_id")
    table = first_catalogue.table
    held_out = table["source_id"][table["split"].isin(("valid", "test"))]
    assert found.loc[held_out, "rank"].median() == pytest.approx(0.5, abs=0.06)


@pytest.mark.parametrize("model", ALIKE)
def test_a_survey_that_is_encoded_alone_is_as_strange_as_the_same_survey(
    first_catalogue: Catalogue, model: str
) -> None:
    base = table_of(first_catalogue, model, read_scores("first", models=list_models()))
    encoded = table_of(first_catalogue, model, NONE)
    assert {"knn", "isolation"} <= set(encoded.values)
    for score in encoded.values:
        known = base.oriented(score)[base.learned()]
        ranks = percentile_rank(encoded.oriented(score), known)
        assert np.nanmedian(ranks) == pytest.approx(0.5, abs=0.06), score


def test_what_another_encoder_measured_is_not_a_reference(first_catalogue: Catalogue) -> None:
    scores = read_scores("first", models=list_models())
    base = table_of(first_catalogue, "vae32", scores, encoded=False)
    assert "log_prob" in base.values
    assert not {"knn", "isolation", "reconstruction"} & set(base.values)
    own = table_of(first_catalogue, "vae32", NONE)
    average = own.with_rank_average(base).values["rank_average"]
    np.testing.assert_array_equal(average, own.with_rank_average(own).values["rank_average"])


def test_a_filter_does_not_move_the_threshold(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where FIRST lacks the score, too."""
    table = kept.outliers("first", "vae32")
    bare = dataclasses.replace(table, values={})
    monkeypatch.setattr(kept, "reference", lambda model, fallback: bare)
    view, score = View("first", "vae32", ImageStyle()), scored_sample.SCORES["knn"]
    few = table.only(table.oriented("knn") > np.median(table.oriented("knn")))
    whole, filtered = (
        scored_sample.score_sample(view, score, {"first": shown}, 0.05) for shown in (table, few)
    )
    assert filtered.threshold == whole.threshold
    assert filtered.rank_text(1.0, score) == whole.rank_text(1.0, score)
