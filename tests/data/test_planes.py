"""Catalogues whose sources have several images; those with one are as they were."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from radioviz.data.catalogue import Catalogue, SurveyInfo, complete_columns
from radioviz.data.preprocess import Preprocess
from radioviz.errors import CatalogueError

INFO = SurveyInfo("s", "S", 2.0, beam=6.0, bunit="Jy/beam", raw=True, frequency=1.4)


def several(planes: tuple[str, ...] = ("a", "b", "c"), **columns: object) -> Catalogue:
    images = np.arange(4 * len(planes) * 8 * 8, dtype=np.float32).reshape(4, len(planes), 8, 8)
    table = pd.DataFrame({"source_id": list("wxyz"), "ra": 1.0, "dec": 2.0, **columns})
    return Catalogue(INFO, complete_columns(table), images, planes=planes)


def test_a_plane_is_a_view_with_its_own_facts() -> None:
    made = several(
        beam_major=6.0, beam_minor=6.0, beam_major_2=12.0, beam_minor_2=[12.0, 12.0, 12.0, np.nan],
        frequency_3=5.0, rms_2=[1e-3] * 4, pixel_scale_2=3.0, image_ra_2=1.5,
    )  # fmt: skip
    assert made.images.shape == (4, 8, 8) and np.shares_memory(made.images, made.cube)
    second = made.of_plane("B")
    assert np.shares_memory(second.images, made.cube)
    np.testing.assert_array_equal(second.images, made.cube[:, 1])
    assert second.beam_shape(0) == (12.0, 12.0, 0.0) and second.beam_shape(3) is None
    assert second.info_of(0).pixel_scale == 3.0 and made.info_of(0).pixel_scale == 2.0
    assert (
        second.table["frequency"].tolist() == [1.4] * 4
    )  # as the first where nothing else is said
    third = second.of_plane("c")  # from any plane to any other
    assert third.beam_shape(0) == (6.0, 6.0, 0.0) and third.info_of(0).frequency == 5.0
    assert third.table["rms"].isna().all()
    back = third.of_plane(0)
    pd.testing.assert_frame_equal(back.table[made.table.columns], made.table)
    with pytest.raises(CatalogueError, match=r"'s' has no plane 'd'; its planes are a, b, c"):
        made.of_plane("d")


def test_sizes_measured_in_another_plane_are_not_taken_over() -> None:
    made = several(
        las=[1.0, 2.0, np.nan, 3.0], las_origin=["measured", "catalogue", "", "measured"]
    )
    other = made.of_plane("b").table
    np.testing.assert_array_equal(other["las"], [np.nan, 2.0, np.nan, np.nan])
    assert other["las_origin"].tolist() == ["", "catalogue", "", ""]


def test_it_is_stored_once_and_opens_again(tmp_path: Path) -> None:
    made = several(units=None)
    made = Catalogue(INFO, made.table, made.cube, planes=made.planes, units=("Jy/beam", "DN", "K"))
    stored = made.of_plane("b").save(tmp_path / "s")  # whichever plane is in view
    assert stored.planes == ("a", "b", "c") and stored.plane == 0
    np.testing.assert_array_equal(stored.cube, made.cube)
    assert stored.of_plane("c").info.bunit == "K"
    size = (tmp_path / "s" / "images.npy").stat().st_size
    assert size - made.cube.nbytes < 500


def test_a_survey_of_one_plane_is_stored_as_ever(tmp_path: Path) -> None:
    table = complete_columns(pd.DataFrame({"source_id": ["w"], "ra": 1.0, "dec": 2.0}))
    stored = Catalogue(INFO, table, np.zeros((1, 8, 8), np.float32)).save(tmp_path / "s")
    meta = json.loads((tmp_path / "s" / "catalogue.json").read_text())
    assert set(meta) == {"format", "info", "notes", "n"}
    assert np.load(tmp_path / "s" / "images.npy").shape == (1, 8, 8)
    assert stored.planes == () and stored.cube is None and stored.of_plane(0) is stored
    with pytest.raises(CatalogueError, match="no plane 'NVSS'; it has one image of each source"):
        stored.of_plane("NVSS")


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("a", "b"), "3 images of each source, but 2 names"),
        (("a", "A", "b"), "two planes are called 'a'"),
        (("a", "b,c", "d"), "without commas"),
        (("a", "", "d"), "expected 1 to 40"),
    ],
)
def test_names_of_planes(names: tuple[str, ...], said: str) -> None:
    made = several()
    with pytest.raises(CatalogueError, match=said):
        Catalogue(INFO, made.table, made.cube, planes=names)


def test_parts_keep_their_planes() -> None:
    made = several(beam_major_2=12.0, beam_minor_2=12.0).of_plane("b")
    part = made.subset(np.array([2, 0]))
    assert part.planes == made.planes and part.plane == 1
    np.testing.assert_array_equal(part.cube, made.cube[[2, 0]])
    np.testing.assert_array_equal(part.images, made.cube[[2, 0], 1])


def test_an_encoder_never_sees_a_missing_plane_as_empty_sky() -> None:
    made = several(missing_planes=["", "b", "", "b, c"])
    chain = Preprocess(size=8, field_arcsec=None, field_pixels=8)
    assert chain.apply(made).shape == (4, 8, 8)
    with pytest.raises(CatalogueError, match=r"2 of 4 source\(s\) have no plane 'b', such as 'x'"):
        chain.apply(made.of_plane("b"))
    assert chain.apply(made.of_plane("b"), np.array([0, 2])).shape == (2, 8, 8)
