"""Noise that is stated is measured with; the primary beam is corrected for once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from radioviz import morphology
from radioviz.data.catalogue import Catalogue, SurveyInfo, complete_columns
from radioviz.morphology.measurements import CORRECTED, DIVIDED, UNCORRECTED, UNDECIDED

SCALE, BEAM, RMS, PEAK = 1.5, 6.0, 1e-3, 8e-3


def survey(bunit: str = "Jy/beam", raw: bool = True, n: int = 4, **columns: object) -> Catalogue:
    y, x = (np.mgrid[:64, :64] - 31.5) * SCALE
    source = PEAK * np.exp(-4 * np.log(2) * (x**2 + y**2) / BEAM**2)
    noise = np.random.default_rng(3).normal(0, RMS, (64, 64))
    images = np.repeat((source + noise)[None], n, axis=0).astype(np.float32)
    table = complete_columns(pd.DataFrame({"source_id": [f"s{i}" for i in range(n)], **columns}))
    info = SurveyInfo("s", "S", SCALE, beam=BEAM, bunit=bunit, raw=raw)
    return Catalogue(info, table, images)


def test_the_stated_noise_decides() -> None:
    catalogue = survey(rms=[np.nan, RMS, 4 * RMS, RMS / 4])
    table = morphology.complete(catalogue).table
    assert table["noise"].iloc[1:].tolist() == pytest.approx([RMS, 4 * RMS, RMS / 4], rel=1e-9)
    assert table["noise"].iat[0] == pytest.approx(RMS, rel=0.05)
    assert table["noise_origin"].tolist() == ["measured", "stated", "stated", "stated"]
    signal = table["snr"] * table["noise"]
    assert signal.iloc[[0, 1, 3]].to_numpy() == pytest.approx(np.full(3, signal.iat[0]), rel=1e-6)
    # At four times the noise nothing is left above 4 sigma; at a quarter of it more belongs to it.
    assert table["n_components"].iat[2] == 0 and np.isnan(table["las"].iat[2])
    assert "faint" not in table["las_flag"].iat[3].split()
    assert table["las_isophotal"].iat[3] > table["las_isophotal"].iat[1]


def test_contours_and_outlines_use_it() -> None:
    catalogue = survey(rms=[np.nan, RMS, 2 * RMS, RMS / 4])
    assert [morphology.noise_of(catalogue, row).sigma for row in (1, 2, 3)] == [
        RMS,
        2 * RMS,
        RMS / 4,
    ]
    outlines = [morphology.extent_of(catalogue, row).mask.sum() for row in (1, 3)]
    assert outlines[1] > outlines[0]
    whole = morphology.complete(catalogue).table["las_measured"]
    assert morphology.extent_of(catalogue, 3).las == pytest.approx(whole.iat[3])


def test_clipped_images_have_the_stated_noise() -> None:
    given = survey(rms=[RMS] * 4)
    clipped = np.where(given.images > 3 * RMS, given.images, 0)
    catalogue = Catalogue(survey(raw=False).info, given.table, clipped)
    noise = morphology.noise_of(catalogue, 0)
    assert (noise.sigma, noise.clipped, noise.background) == (RMS, True, 0.0)


def test_grey_levels_have_no_stated_noise() -> None:
    table = morphology.complete(survey(bunit="", rms=[2 * RMS] * 4)).table
    assert table["noise"].to_numpy() == pytest.approx(np.full(4, RMS), rel=0.05)
    assert "noise_origin" not in table


def test_measurements_without_a_stated_noise_are_kept(tmp_path: Path) -> None:
    """What was measured and stored before stays valid, and a stated noise replaces it."""
    stored = survey().save(tmp_path / "a")
    morphology.complete(stored)
    before = (tmp_path / "a" / "measured.parquet").stat().st_mtime_ns
    table = morphology.complete(Catalogue.open(tmp_path / "a")).table
    assert (tmp_path / "a" / "measured.parquet").stat().st_mtime_ns == before
    assert "noise_origin" not in table and "flux_correction" not in table
    stated = Catalogue(
        stored.info, stored.table.assign(rms=4 * RMS), stored.images, (), stored.folder
    )
    assert morphology.complete(stated).table["noise"].tolist() == pytest.approx([4 * RMS] * 4)


def test_the_primary_beam_is_corrected_for_once() -> None:
    states = ["corrected", "uncorrected", "uncorrected", "", ""]
    response = [0.5, 0.5, np.nan, 0.5, np.nan]
    catalogue = survey(n=5, primary_beam=states, primary_beam_response=response)
    plain = morphology.complete(survey(n=5)).table["flux"].to_numpy()
    table = morphology.complete(catalogue).table
    assert (table["flux"] / plain).tolist() == pytest.approx([1, 2, 1, 1, 1])
    assert table["flux_mjy"].tolist() == table["flux"].tolist()
    assert table["flux_correction"].tolist() == [CORRECTED, DIVIDED, UNCORRECTED, UNDECIDED, ""]
    again = morphology.complete(morphology.complete(catalogue)).table  # never twice
    assert (again["flux"] / plain).tolist() == pytest.approx([1, 2, 1, 1, 1])
    assert (again["peak"] == table["peak"]).all()  # the pixels are as they were


def test_catalogued_fluxes_are_left_alone() -> None:
    catalogue = survey(
        flux=[7.0, np.nan, 7.0, np.nan], primary_beam="uncorrected", primary_beam_response=0.5
    )
    table = morphology.complete(catalogue).table
    assert table["flux"].iloc[[0, 2]].tolist() == [7.0, 7.0]
    assert table["flux_mjy"].iat[0] == pytest.approx(table["flux"].iat[1])
