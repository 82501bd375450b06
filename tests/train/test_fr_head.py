"""FR classes on frozen features: calibration by survey, held-back sources, the network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from radioviz.data.catalogue import Catalogue
from radioviz.encode import Classifier
from radioviz.errors import ModelError
from radioviz.models import weights
from radioviz.models.artefact import ModelInfo
from radioviz.models.registry import galaxy_classifier
from radioviz.models.survey_fr import SurveyFr, faintness
from radioviz.morphology.frame import SourceFrame
from train.methods import fr_head
from train.metrics.calibration import calibration_error, corrected_calibration_error


def labelled(n: int = 1200, d: int = 6) -> fr_head.Labelled:
    """Two surveys whose logit is known; in the second the classes are twice as confused."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, n)
    survey = np.repeat(["FIRST", "NVSS"], n // 2)
    apart = np.where(survey == "FIRST", 2.0, 0.7)[:, None] * (2 * truth[:, None] - 1)
    plain = rng.standard_normal((n, d)) + apart * np.eye(d)[0]
    views = plain[None] + 0.1 * rng.standard_normal((fr_head.VIEWS, n, d))
    table = pd.DataFrame({
        "key": "first", "row": np.arange(n), "split": "train", "truth": truth, "weight": 1.0,
        "survey": survey, "ra": np.arange(n) * 0.1, "dec": 0.0,
    })  # fmt: skip
    faint = np.zeros(n, np.float32)
    some = np.arange(0, n, 7)
    return fr_head.Labelled(
        table, plain.astype(np.float32), views.astype(np.float32), faint, some,
        plain[some].astype(np.float32), faint[some],
    )  # fmt: skip


def test_a_calibration_of_each_survey_mends_what_one_for_all_gets_wrong() -> None:
    found = labelled()
    fold = np.arange(len(found.table)) % 5
    logit, worse = fr_head.held_back(found, fold)
    nvss = (found.table["survey"] == "NVSS").to_numpy()
    everything = np.ones(len(nvss), bool)
    errors = {
        name: calibration_error(
            fr_head.probabilities(
                logit[nvss], found.faint[nvss], fr_head.calibrate(found, logit, worse, rows)
            ),
            found.truth[nvss],
        )
        for name, rows in (("own", nvss), ("all", everything))
    }
    assert errors["own"] < 0.05 < errors["all"]


def test_a_head_learns_nothing_from_images_without_weight_or_of_its_fold() -> None:
    found = labelled()
    every, half = np.ones(1200, bool), np.repeat([1.0, 0.0], 600)
    kept = replace(found, table=found.table.assign(weight=half))
    wrong = np.where(half > 0, found.truth, 1 - found.truth)
    flipped = replace(found, table=kept.table.assign(truth=wrong))
    same = fr_head.fit_head(kept, every).weight
    assert fr_head.fit_head(flipped, every).weight == pytest.approx(same, abs=1e-3)
    fold = np.arange(1200) // 600
    logit, _ = fr_head.held_back(found, fold)
    alone = fr_head.fit_head(found, fold == 1)
    assert logit[fold == 0] == pytest.approx(alone(found.plain[fold == 0]))


def test_the_head_of_wide_surveys_learns_from_plain_images_and_from_nvss_most() -> None:
    found, rows = labelled(), np.ones(1200, bool)
    noise = np.random.default_rng(3).standard_normal(found.views.shape).astype(np.float32)
    other = replace(found, views=100 * noise)
    wide, sharp = fr_head.fit_head(found, rows, 1), fr_head.fit_head(found, rows, 0)
    assert fr_head.fit_head(other, rows, 1).weight == pytest.approx(wide.weight)
    assert fr_head.fit_head(other, rows, 0).weight != pytest.approx(sharp.weight, rel=0.5)
    nvss = (found.table["survey"] == "NVSS").to_numpy()
    wrong = replace(
        found, table=found.table.assign(truth=np.where(nvss, 1 - found.truth, found.truth))
    )
    assert (
        fr_head.fit_head(wrong, rows, 1).weight[0] < 0 < fr_head.fit_head(wrong, rows, 0).weight[0]
    )


def test_a_survey_has_the_head_that_its_model_names() -> None:
    model = SurveyFr(surveys=("FIRST", "NVSS"), heads=(0, 1, 1), width=8, blocks=(1, 1)).eval()
    with torch.no_grad():
        model.further[0].weight.zero_()
        model.further[0].bias.copy_(torch.tensor([0.0, 5.0]))
        x = torch.rand(2, 1, 64, 64)
        first, nvss, other = (model.of_survey(n).logits(x) for n in ("FIRST", "NVSS", "VLASS"))
    assert nvss.tolist() == other.tolist() == [[0.0, 5.0]] * 2
    assert torch.equal(first, model.network.logits(x))
    with pytest.raises(ModelError, match="expected 3 numbers"):
        SurveyFr(surveys=("FIRST", "NVSS"), heads=(0, 2, 2), width=8, blocks=(1, 1))


def test_the_corrected_error_takes_chance_out_and_leaves_what_is_wrong() -> None:
    rng = np.random.default_rng(1)
    corrected, plain, wrong = [], [], []
    for _ in range(200):
        p = rng.uniform(0.5, 1, 104)
        p = np.stack([p, 1 - p], axis=1)
        truth = (rng.random(104) > p[:, 0]).astype(int)
        corrected.append(corrected_calibration_error(p, truth))
        plain.append(calibration_error(p, truth))
        wrong.append(corrected_calibration_error(p, (rng.random(104) > 0.5).astype(int)))
    assert np.mean(plain) > 0.08
    assert 0 < np.mean(corrected) < 0.7 * np.mean(plain)
    assert np.mean(wrong) == pytest.approx(0.25, abs=0.02)


def test_the_same_logit_means_less_where_noise_hides_faint_emission() -> None:
    """Half of the images show none, and their logits are wrong more often."""
    rng = np.random.default_rng(2)
    truth, faint = rng.integers(0, 2, 4000), np.repeat([0.4, -0.6], 2000)
    logit = np.where(faint > 0, 2.0, 0.5) * (2 * truth - 1) + rng.standard_normal(4000)
    fitted = fr_head.calibration(logit, faint, truth)
    assert fitted[1] == pytest.approx(np.log(4) / 1.0, abs=0.25)  # slopes of 4 and 1
    for half in (slice(2000), slice(2000, 4000)):
        p = fr_head.probabilities(logit[half], faint[half], fitted)
        assert calibration_error(p, truth[half]) < 0.03
    plateau = np.zeros((1, 1, 32, 32), np.float32)
    plateau[..., 10:14, 10:14], plateau[..., 14:18, 10:14] = 1.0, 0.1
    found = [float(faintness(torch.from_numpy(x))[0]) for x in (plateau, 0.01 * plateau)]
    assert found == pytest.approx([np.log10(1.03)] * 2, abs=1e-5)
    plateau[plateau < 0.3] = 0.0
    assert float(faintness(torch.from_numpy(plateau))[0]) == pytest.approx(np.log10(0.03))


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """A model with a calibration of FIRST that is sure of FRII, and none of NVSS."""
    torch.manual_seed(0)
    arguments: dict[str, Any] = {
        "classes": ["FRI", "FRII"], "surveys": ["FIRST"], "size": 32, "width": 4, "blocks": [1, 1],
    }  # fmt: skip
    module = SurveyFr(**arguments)
    module.offset[0, 1] = 9.0
    info = ModelInfo(
        name="two", title="Two", kind="survey-fr", capabilities=("classify",), latent_dim=8,
        preprocess=SourceFrame(size=32), architecture=arguments,
    )  # fmt: skip
    weights.save(tmp_path / "two", module, info, "")
    return tmp_path


def test_each_galaxy_has_the_calibration_of_its_survey(
    published: Path, first_catalogue: Catalogue
) -> None:
    classifier = Classifier.load("two", published)
    rows = np.arange(6)
    names = np.array(["FIRST", "NVSS"] * 3)
    table = first_catalogue.table.iloc[rows].assign(survey=names).reset_index(drop=True)
    mixed = replace(
        first_catalogue, table=table, images=np.asarray(first_catalogue.images[rows]), folder=None
    )
    p = classifier.classify_catalogue(mixed)[:, 1]
    assert (p[::2] > 0.95).all() and (p[1::2] < 0.9).all()
    images = classifier.info.preprocess.for_rows(mixed, rows)
    assert p[1::2] == pytest.approx(classifier.predict_proba(images)[1::2, 1], abs=1e-5)


def test_galaxies_and_generated_images_have_classifiers_of_their_own(published: Path) -> None:
    from radioviz.encode import default_classifier
    from radioviz.models.registry import list_models

    models = dict(list_models()) | dict(list_models(published))
    models.pop("survey-fr", None)
    assert galaxy_classifier(models) == "two"
    assert default_classifier() == "frcnn"
    assert galaxy_classifier({}) is None
