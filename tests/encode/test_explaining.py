"""Attributions add up to the change of the logit, and mark the pixels that cause it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

pytest.importorskip("captum")

from radioviz.data.preprocess import Preprocess
from radioviz.encode import Classifier
from radioviz.encode.attributions import Explanation, explain, inner_share
from radioviz.errors import ModelError
from radioviz.models.artefact import ModelInfo
from radioviz.models.registry import build
from tests.models.small import galaxies

SIZE = 16


def classifier(**changes: object) -> Classifier:
    torch.manual_seed(0)
    arguments = {"size": SIZE, "width": 4, "multipliers": [1, 2], "features": 8, **changes}
    module = build("fr-resnet", arguments).eval().requires_grad_(False)
    info = ModelInfo(
        name="tiny",
        title="Tiny",
        kind="fr-resnet",
        capabilities=("classify", "features"),
        latent_dim=8,
        preprocess=Preprocess(size=SIZE),
        architecture={"classes": ["FRI", "FRII"], **arguments},
    )
    return Classifier(info, module, torch.device("cpu"))


@pytest.mark.parametrize("views", [1, 4])
def test_shares_add_up_to_the_change(views: int) -> None:
    judge = classifier(views=views)
    image = galaxies(1, SIZE)[0]
    found = explain(judge, image, steps=200)
    assert found.shares.shape == (SIZE, SIZE)
    change = found.difference - found.of_empty_sky
    assert abs(change - found.shares.sum()) < 0.05 * max(abs(change), 0.05)
    p = judge.predict_proba(image[None])[0]
    assert found.difference == pytest.approx(float(np.log(p[1] / p[0])), abs=1e-4)
    assert (found.shares[image == 0] == 0).all()


def test_an_empty_sky_has_nothing_to_explain() -> None:
    found = explain(classifier(), np.zeros((SIZE, SIZE), np.float32), steps=4)
    assert not found.shares.any()
    assert found.difference == pytest.approx(found.of_empty_sky)


def test_inner_and_outer_evidence() -> None:
    image = np.zeros((SIZE, SIZE), np.float32)
    shares = np.zeros_like(image)
    image[8, 8] = image[8, 1] = image[8, 14] = 1
    shares[8, 8], shares[8, 1], shares[8, 14] = -2.0, 1.0, 1.0
    found = Explanation(shares, ("FRI", "FRII"), 0.0, 0.0, np.array([0.5, 0.5], np.float32))
    assert inner_share(found, image) == {"FRI": 1.0, "FRII": 0.0}
    nothing = inner_share(found, np.zeros_like(image))
    assert all(np.isnan(v) for v in nothing.values())


def test_two_classes_are_needed() -> None:
    judge = classifier(classes=["FRI", "FRII", "Bent"])
    with pytest.raises(ModelError, match="has 3 classes"):
        explain(judge, np.zeros((SIZE, SIZE), np.float32))


def test_shares_add_up_where_the_calibration_follows_faint_emission() -> None:
    arguments = {"size": SIZE, "width": 8, "blocks": [1], "surveys": ["FIRST"]}
    torch.manual_seed(1)
    module = build("survey-fr", arguments).eval().requires_grad_(False)
    module.slope[:] = torch.tensor([0.2, 1.0])
    info = ModelInfo(
        name="tiny", title="Tiny", kind="survey-fr", capabilities=("classify",), latent_dim=8,
        preprocess=Preprocess(size=SIZE),
        architecture={"classes": ["FRI", "FRII"], **arguments},
    )  # fmt: skip
    judge = Classifier(info, module, torch.device("cpu"))
    image = galaxies(1, SIZE)[0]
    found = explain(judge, image, steps=200)
    change = found.difference - found.of_empty_sky
    assert abs(change) > 1e-3
    assert abs(change - found.shares.sum()) < 0.05 * abs(change)
