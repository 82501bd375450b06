"""Galaxies changed through the public interface, by a small model."""

from __future__ import annotations

import numpy as np
import pytest

import radioviz
from radioviz.api import editing
from radioviz.encode.editor import Editor
from tests.encode.test_editor import editor  # noqa: F401
from tests.models.small import galaxies


@pytest.fixture
def only_tiny(editor, monkeypatch: pytest.MonkeyPatch) -> Editor:  # noqa: F811
    monkeypatch.setattr(editing, "list_models", lambda: {"tiny": editor.info})
    monkeypatch.setattr(Editor, "load", classmethod(lambda cls, name: editor))
    return editor


def test_a_galaxy_of_a_survey_is_changed_as_its_class_and_at_its_scale(
    only_tiny: Editor, first_catalogue
) -> None:
    table = first_catalogue.table
    row = int(np.flatnonzero(table["label"] == "FRI")[0])
    name = str(table["source_id"].iloc[row])
    moved = radioviz.move_galaxy(name, "FRII", 70.0, change=0.3)
    image = only_tiny.info.preprocess.apply(first_catalogue, np.array([row]))[0]
    wanted = only_tiny.move(image, "FRII", 70.0, "FRI", 0.3, 2.7)
    np.testing.assert_array_equal(moved.image, wanted.image)
    assert (moved.label, moved.pixel_arcsec) == ("FRII", pytest.approx(2.7))
    mask = np.zeros((64, 64), bool)
    mask[:, 40:] = True
    filled = radioviz.fill_galaxy(name, mask, seed=2)
    np.testing.assert_array_equal(filled.image, only_tiny.fill(image, mask, "FRI", None, 2).image)
    bent = str(table["source_id"].iloc[int(np.flatnonzero(table["label"] == "Bent")[0])])
    assert radioviz.fill_galaxy(bent, mask).label == ""  # a class that the model does not have


def test_arrays_are_taken_and_nonsense_is_refused(only_tiny: Editor) -> None:
    image = galaxies(3, 64, seed=4)[1]
    assert radioviz.move_galaxy(image, "FRI").distance > 0
    with pytest.raises(radioviz.RadioVizError, match=r"shape \(32, 32\)"):
        radioviz.move_galaxy(image[:32, :32])
    with pytest.raises(radioviz.RadioVizError, match="has no source 'first-9999'"):
        radioviz.move_galaxy("first-9999")


def test_without_a_model_it_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(editing, "list_models", dict)
    with pytest.raises(radioviz.RadioVizError, match="python -m train flow"):
        radioviz.move_galaxy("first-0")
