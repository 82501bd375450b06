"""Galaxies that were added are searched for, and ranked, where they were found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits

import radioviz
from radioviz.api.samples import default_encoder
from radioviz.encode import Encoder
from radioviz.errors import FieldError
from radioviz.images.known_surveys import Beam
from radioviz.mock_fields import seen_by_search
from radioviz.mock_fields.field import draw_field
from radioviz.mock_fields.settings import FieldSettings
from radioviz.sky import tan_wcs
from tests.mock_fields.test_drawn_pixels import painter

BEAM, PIXEL = Beam(5.4, 5.4), 1.8


def test_search_and_outlier_scores_see_what_was_added(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Points and wide doubles of 60 arcsec beside fainter points that were there."""
    settings = FieldSettings(width=500, height=500, rms=0.1, shares={"FRII": 1}, seed=2)
    places = np.array([(90 + 105 * i, 90 + 105 * j) for j in range(4) for i in range(4)], float)
    places = np.concatenate([places, places[:12] + 52])
    label = np.array(["FRII", "Compact", "FRII", "Compact"] * 4 + ["Compact"] * 12, object)
    drawn = painter(
        settings, x=places[:, 0], y=places[:, 1], label=label,
        flux_mjy=np.r_[[60.0] * 16, [9] * 12],
        las=np.where(label == "FRII", 60.0, 0.0),
    )  # fmt: skip
    image = np.empty((500, 500), np.float32)

    def keep(start: int, strip: np.ndarray) -> None:
        image[start : start + len(strip)] = strip

    every = draw_field(drawn, keep)
    truth = every[:16].assign(found=np.arange(16) != 5)
    listed = every[np.arange(len(every)) != 5].assign(new=lambda table: table.index < 16)
    encoder = Encoder.load(default_encoder())
    atlas = radioviz.open_atlas("first", encoder.info.name)
    labels = radioviz.open_data_set("first").catalogue.table["label"].to_numpy(str)
    given = (BEAM, PIXEL, encoder, np.asarray(atlas.latents), labels)
    table = seen_by_search.recognised(image, truth, listed, *given).set_index("class")
    assert table["n"].to_dict() == {"FRII": 8, "Compact": 7}
    assert table["by_chance"]["FRII"] == pytest.approx(
        (labels == "FRII").sum() / (labels != "").sum()
    )
    assert table["same_class"]["Compact"] > 0.7 > table["by_chance"]["Compact"] + 0.3
    # This double is lopsided, and real ones are not all alike.
    for name in ("same_class", "real"):
        assert table["by_chance"]["FRII"] + 0.1 < table[name]["FRII"] < 0.95
    # Twelve other sources are too few to rank among.
    assert table["stranger_than_isolation"].isna().all()
    monkeypatch.setattr(seen_by_search, "_FEW_REAL", 12)
    ranked = seen_by_search.recognised(image, truth, listed, *given).set_index("class")
    # Stranger than most of the faint points.
    strange = ranked[["stranger_than_neighbours", "stranger_than_isolation"]]
    assert ((strange > 0.5) & (strange <= 1)).all(axis=None)
    # However many others were added.
    doubles = truth.assign(found=truth["found"] & (truth["label"] == "FRII"))
    few = seen_by_search.recognised(image, doubles, listed, *given).set_index("class")
    assert few.loc["FRII", strange.columns].tolist() == strange.loc["FRII"].tolist()
    with pytest.raises(FieldError, match="no added galaxy was found"):
        seen_by_search.recognised(image, truth.assign(found=False), listed, *given)
    # The same from a file and a list.
    sky = tmp_path / "sky.fits"
    header = tan_wcs(settings.ra, settings.dec, PIXEL, image.shape).to_header()
    header.update(BMAJ=BEAM.major / 3600, BMIN=BEAM.minor / 3600, BPA=0.0, BUNIT="Jy/beam")
    fits.PrimaryHDU(image, header).writeto(sky)
    own = listed[["ra", "dec", "flux_mjy"]]
    said = radioviz.search_recovery(truth.drop(columns="found"), own, sky).set_index("class")
    pd.testing.assert_frame_equal(said, ranked, rtol=1e-3)
    with pytest.raises(FieldError, match="has no column 'label'"):
        radioviz.search_recovery(truth.drop(columns="label"), own, sky)


def test_sources_without_a_flux_are_compared_with() -> None:
    """A catalogue of positions alone lost all of the image's own sources."""
    truth = pd.DataFrame({"x": [50.0], "y": [50.0], "las": [20.0]})
    listed = pd.DataFrame({"x": [52.0, 200.0, 300.0], "y": [50.0, 200.0, 10.0], "flux_mjy": np.nan})
    listed.loc[2, "flux_mjy"] = 3.0
    places = seen_by_search._real_places(listed, truth, BEAM, PIXEL)
    assert places.tolist() == [[299.0, 9.0], [199.0, 199.0]]
