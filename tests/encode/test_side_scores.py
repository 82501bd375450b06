"""Models with two peaks: which side an image is on, what they refuse, and the column of scores."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from radioviz.atlas.scores import read_scores
from radioviz.data.preprocess import Preprocess
from radioviz.encode import side_scores
from radioviz.errors import ModelError
from radioviz.models import weights
from radioviz.models.artefact import ModelInfo
from radioviz.models.registry import build, list_models
from radioviz.models.two_peak_views import SIDE, VIEWS
from tests.models.small import batch, synthetic_catalogue

SMALL = {"view": "extent", "classes": ["long", "short"], "size": 32, "dense": True, "hidden": [16]}


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("hierarchy", [False, True])
def test_reverse_changes_the_sign_alone(view: str, hierarchy: bool) -> None:
    more = {"hierarchy": True, "codes": 6} if hierarchy else {}
    models = []
    for reverse in (False, True):
        torch.manual_seed(0)
        kind = SMALL | more | {"view": view, "reverse": reverse}
        models.append(build("two-peak-side", kind).eval())
    x = batch(5, 32)
    one, other = (m.side(x) for m in models)
    assert one.shape == (5, 1)
    torch.testing.assert_close(one, -other)
    seen = VIEWS[view](x)
    assert seen.shape == (5, 1, SIDE, SIDE)
    torch.testing.assert_close(models[0].network.side(seen), one[:, 0])


def test_what_does_not_fit_is_named() -> None:
    with pytest.raises(ModelError, match="view is 'sky'; expected one of extent, axis, centre"):
        build("two-peak-side", SMALL | {"view": "sky"})
    with pytest.raises(ModelError, match="expected two names"):
        build("two-peak-side", SMALL | {"classes": ["FRI"]})
    five = build("two-peak-side", SMALL | {"view": "centre", "channels": 5}).eval()
    with pytest.raises(ModelError, match=r"\(2, 1, 32, 32\).*\(n, 5, 32, 32\)"):
        five.side(batch(2, 32))


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model of one channel and one of five, and a home with a synthetic survey."""
    monkeypatch.setenv("RADIOVIZ_TRAINED", str(tmp_path / "trained"))
    monkeypatch.setenv("RADIOVIZ_HOME", str(tmp_path / "home"))
    info = ModelInfo(
        name="sides", title="Long or short", kind="two-peak-side", capabilities=("side",),
        latent_dim=1, preprocess=dataclasses.replace(Preprocess(), size=32), architecture=SMALL,
    )  # fmt: skip
    torch.manual_seed(0)
    weights.save(tmp_path / "trained" / "sides", build("two-peak-side", SMALL), info, "# Card\n")
    bands = SMALL | {"view": "centre", "channels": 5}
    five = dataclasses.replace(
        info, name="bands", architecture=bands, channels=("u", "g", "r", "i", "z")
    )
    weights.save(tmp_path / "trained" / "bands", build("two-peak-side", bands), five, "# Card\n")
    catalogue = synthetic_catalogue(12, "mine")
    catalogue.images[3] = 0  # blank
    catalogue.save(tmp_path / "home" / "surveys" / "mine")
    return tmp_path


def test_sides_become_scores_once(shelf: Path) -> None:
    assert side_scores.add_sides("mine") == ["side_sides"]  # the other needs five planes
    scores = read_scores("mine", models=list_models())
    column = scores.table["side_sides"].to_numpy()
    assert np.isnan(column[3])
    assert np.isfinite(np.delete(column, 3)).all()
    about = scores.columns["side_sides"]
    assert (about.model, about.title) == ("sides", "Long or short")
    assert "long below 0, short above" in about.description
    assert side_scores.add_sides("mine") == []


def test_a_model_of_five_channels_refuses_one(shelf: Path) -> None:
    from radioviz.data.user_surveys import open_survey
    from radioviz.errors import CatalogueError

    with pytest.raises(CatalogueError, match=r"one image of each source; the model needs 5 \(u, g"):
        side_scores.sides(open_survey("mine"), "bands")


def test_a_neighbour_does_not_change_the_centre() -> None:
    x = torch.rand(2, 5, 64, 64) / 2
    beside = x.clone()
    beside[..., 4, 4] = 1
    beside[:, 2] /= 3  # of another depth
    torch.testing.assert_close(VIEWS["centre"](x), VIEWS["centre"](beside))
    assert (VIEWS["centre"](x).amax((2, 3)) == 1).all()
