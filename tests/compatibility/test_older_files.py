"""Surveys, Atlases, session files and links that version 0.1.0 wrote before its modules moved.

``home/`` and ``session.radioviz`` were written by commit df684cd from eight synthetic double
sources: a survey with its measurements, its Atlas by ``vae32``, and an import killed half way.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from radioviz import morphology
from radioviz.api import backup
from radioviz.atlas.atlas import open_atlas
from radioviz.data.registry import open_data_set, user_data_sets
from radioviz.data.user_surveys import read_report, unfinished_imports
from radioviz.export import Mark, Session, read_session
from radioviz.paths import REPOSITORY
from tests.faults.jobs import tree_digest

HERE = Path(__file__).parent


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    shutil.copytree(HERE / "home", folder)
    monkeypatch.setenv("RADIOVIZ_HOME", str(folder))
    return folder


def test_an_imported_survey_opens() -> None:
    assert list(user_data_sets()) == ["mine"]
    survey = open_data_set("mine")
    assert survey.digest == "3a25c75564aea2ea"
    assert survey.info.title == "My survey"
    assert survey.images.shape == (8, 48, 48)
    row = survey.table.iloc[1]
    assert (row["name"], row["label"], row["redshift"]) == ("0001", "FRII", 0.1)
    assert (row["ra"], row["dec"]) == pytest.approx((150.05, 1.97))
    assert read_report("mine")["status"].tolist() == ["read"] * 8


def test_its_measurements_of_an_older_definition_are_made_again_once() -> None:
    survey, calls = open_data_set("mine"), []
    assert survey.folder is not None
    older = pd.read_parquet(survey.folder / "measured.parquet")
    assert "las_flag" not in older
    for _ in range(2):
        measured = morphology.complete(survey, lambda *step: calls.append(step)).table
        assert set(measured["las_origin"]) == {"measured"}
        assert measured["las_measured"].notna().all()
    assert calls == [(8, 8, "measuring sources")]
    # The isophote is what was called the size before.
    np.testing.assert_allclose(measured["las_isophotal"], older["las_measured"], rtol=0.02)


def test_its_atlas_opens() -> None:
    atlas = open_atlas("mine", "vae32", catalogue=open_data_set("mine"))
    assert atlas.latents.shape == (8, 32)
    assert list(atlas.layouts) == ["umap_first", "pca", "pca_first", "umap"]
    assert {"knn_distance", "isolation", "reconstruction_error"} <= set(atlas.scores)


def test_an_unfinished_import_is_listed() -> None:
    (left,) = unfinished_imports()
    assert (left.key, left.done, left.path) == ("cut", 6, "/data/survey/images")


def test_a_session_file_opens() -> None:
    assert read_session((HERE / "session.radioviz").read_bytes()) == Session(
        (("first", "first-7"), ("first", "first-9"), ("mine", "x")),
        (Mark("first", "first-1", 4), Mark("first", "first-3", 0, "artefact")),
        {"page": "latent_map", "model": "simclr"},
    )


LINKS = [
    ("latent_map", {"data": "first", "encoder": "vae32", "layout": "pca", "colour": "redshift"}),
    ("latent_map", {"data": "mine", "encoder": "vae32", "overlay": "first"}),
    ("grid_walk", {"data": "first", "decoder": "vae2", "reach": "3", "step": "1", "a": "1"}),
    ("generate", {"data": "first", "class": "FRII", "n": "2", "seed": "7", "clip": "1"}),
    ("likelihood", {"data": "first", "in": "first", "linear": "1", "alarms": "2"}),
    (
        "similar",
        {"encoder": "vae32", "source": "first/first-10", "unlike": "first/first-3", "turned": "1"},
    ),
    ("inspect_galaxy", {"data": "first", "encoder": "vae32", "source": "first-7"}),
]


@pytest.mark.parametrize(("page", "link"), LINKS)
def test_a_link_opens_as_it_was(page: str, link: dict[str, str]) -> None:
    app = AppTest.from_file(str(REPOSITORY / "app.py"), default_timeout=200)
    for name, value in link.items():
        app.query_params[name] = value
    app.switch_page(f"pages/{page}.py").run()
    assert not app.exception
    shown = {name: app.query_params[name] for name in link if name in app.query_params}
    assert {name: v[0] if isinstance(v, list) else v for name, v in shown.items()} == link


def test_nothing_of_it_is_refused_after_the_update(home: Path) -> None:
    assert backup.parts() == ["surveys/mine", "atlas/mine"]
    assert backup.check() == {}


def test_a_backup_of_it_is_the_same_elsewhere(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = tree_digest(home)
    about = backup.back_up(tmp_path / "saved.tar.gz")
    assert about.parts == ["surveys/mine", "atlas/mine"]
    assert (tmp_path / "saved.tar.gz").stat().st_mode & 0o077 == 0
    monkeypatch.setenv("RADIOVIZ_HOME", str(tmp_path / "elsewhere"))
    backup.restore(tmp_path / "saved.tar.gz")
    assert tree_digest(tmp_path / "elsewhere") == before
    test_an_imported_survey_opens()
    test_its_atlas_opens()
