"""Cutouts of a mosaic: right place, right brightness, and what is not covered named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from radioviz.errors import CatalogueError, ImageError
from radioviz.importing.mosaic import Mosaic, MosaicReader, default_scale
from radioviz.importing.readers.table_builder import UserTable
from radioviz.importing.source_rows import SourceList, read_sources
from radioviz.importing.survey_facts import SurveyFacts
from radioviz.sky import tan_wcs

SCALE, BEAM = 2.0, 12.0
SHAPE = (400, 500)


def _wcs(kind: str) -> WCS:
    wcs = WCS(naxis=2)
    wcs.wcs.crpix = [230.3, 190.7]
    wcs.wcs.cdelt = [-SCALE / 3600, SCALE / 3600]
    if kind == "galactic":
        wcs.wcs.ctype = ["GLON-TAN", "GLAT-TAN"]
        wcs.wcs.crval = [150.0, 60.0]
    else:
        wcs.wcs.ctype = ["RA---SIN", "DEC--SIN"]
        wcs.wcs.crval = [180.0, 35.0]
    if kind == "turned":
        turn = np.radians(37)
        wcs.wcs.pc = [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
    return wcs


def _sources(ra, dec) -> SourceList:
    frame = pd.DataFrame({"ra": ra, "dec": dec})
    frame.index = range(1, len(frame) + 1)
    return read_sources(UserTable(frame, units={"ra": "deg", "dec": "deg"}))


def _sky(wcs: WCS, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    from radioviz.images.orientation import to_j2000

    lon, lat = wcs.all_pix2world(pixels[:, 0], pixels[:, 1], 0)
    return to_j2000(wcs, np.asarray(lon), np.asarray(lat))


def _paint(pixels: np.ndarray, peaks: np.ndarray) -> np.ndarray:
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    sigma = BEAM / SCALE / 2.3548
    image = np.zeros(SHAPE)
    for (px, py), peak in zip(pixels, peaks, strict=True):
        image += peak * np.exp(-((x - px) ** 2 + (y - py) ** 2) / (2 * sigma**2))
    return image


PIXELS = np.array([[100.0, 120.0], [250.25, 200.5], [400.7, 300.2]])
PEAKS = np.array([0.010, 0.020, 0.015])


def _write(path: Path, wcs: WCS, data: np.ndarray, **cards) -> Path:
    header = wcs.to_header()
    header.update({"BUNIT": "JY/BEAM", "BMAJ": BEAM / 3600, "BMIN": BEAM / 3600, "BPA": 0.0})
    header.update(cards)
    fits.PrimaryHDU(data.astype(np.float32), header).writeto(path)
    return path


def _cut(path: Path, sources: SourceList, pixels: int = 60, step: float | None = None):
    mosaic = Mosaic(path)
    beam = mosaic.seen.beam.fwhm if mosaic.seen.beam else None
    step = step or default_scale(beam, mosaic.scale)
    return list(MosaicReader(mosaic, sources, SurveyFacts(step, beam), pixels).read())


def _peak(image: np.ndarray) -> tuple[float, float, float]:
    """Height and place of a Gaussian peak, by a parabola through the logarithms."""
    py, px = np.unravel_index(np.nanargmax(image), image.shape)
    logs = np.log(np.maximum(image[py - 1 : py + 2, px - 1 : px + 2], 1e-9))
    ax, ay = logs[1, 0] + logs[1, 2] - 2 * logs[1, 1], logs[0, 1] + logs[2, 1] - 2 * logs[1, 1]
    bx, by = (logs[1, 2] - logs[1, 0]) / 2, (logs[2, 1] - logs[0, 1]) / 2
    height = np.exp(logs[1, 1] - bx**2 / (2 * ax) - by**2 / (2 * ay))
    return float(height), float(px - bx / ax), float(py - by / ay)


@pytest.mark.parametrize("kind", ["plain", "turned", "galactic"])
def test_sources_lie_in_the_middle_with_their_brightness(kind, tmp_path):
    wcs = _wcs(kind)
    path = _write(tmp_path / "m.fits", wcs, _paint(PIXELS, PEAKS))
    sources = _sources(*_sky(wcs, PIXELS))
    steps = _cut(path, sources)
    assert default_scale(BEAM, SCALE) == 4.0  # a third of the beam
    for (outcome, image), peak in zip(steps, PEAKS, strict=True):
        assert outcome.refused == ""
        assert image.shape == (60, 60)
        height, px, py = _peak(image)
        assert height == pytest.approx(peak, rel=0.01)
        assert px == pytest.approx(29.5, abs=0.15)
        assert py == pytest.approx(29.5, abs=0.15)


def test_north_is_up_and_east_left(tmp_path):
    """A companion to the north-east of the source appears at the upper left."""
    wcs = _wcs("turned")
    ra, dec = _sky(wcs, PIXELS[1:2])
    companion = tan_wcs(ra[0], dec[0], 1.0, (1, 1)).all_pix2world([[-40.0, 60.0]], 0)
    pixels = np.vstack([PIXELS[1:2], wcs.all_world2pix(companion, 0)])
    path = _write(tmp_path / "m.fits", wcs, _paint(pixels, np.array([0.0, 1.0])))
    ((_, image),) = _cut(path, _sources(ra, dec))
    _, px, py = _peak(image)
    assert px == pytest.approx(29.5 - 40 / 4, abs=0.2)
    assert py == pytest.approx(29.5 + 60 / 4, abs=0.2)


def test_finer_pixels_keep_the_peak(tmp_path):
    wcs = _wcs("plain")
    path = _write(tmp_path / "m.fits", wcs, _paint(PIXELS, PEAKS))
    steps = _cut(path, _sources(*_sky(wcs, PIXELS)), step=1.0)
    for (_, image), peak in zip(steps, PEAKS, strict=True):
        assert _peak(image)[0] == pytest.approx(peak, rel=0.01)


def test_what_the_mosaic_does_not_cover_is_listed(tmp_path):
    wcs = _wcs("plain")
    data = _paint(PIXELS, PEAKS)
    data[:, :60] = np.nan
    path = _write(tmp_path / "m.fits", wcs, data)
    places = np.array([[250.0, 200.0], [30.0, 200.0], [62.0, 200.0], [495.0, 200.0], [100.0, 20.0]])
    ra, dec = _sky(wcs, places)
    ra, dec = np.append(ra, [0.0, 181.0]), np.append(dec, [-35.0, 36.0])
    steps = _cut(path, _sources(ra, dec))
    refused = {i + 1: o.refused for i, (o, _) in enumerate(steps) if o.refused}
    assert set(refused) == {2, 6, 7}
    assert "none at the source" in refused[2]
    assert "outside the mosaic" in refused[6]  # the other side of the sky
    assert "(181.00000, +36.00000) lies outside" in refused[7]
    for i in (2, 3, 4):
        outcome, image = steps[i]
        assert outcome.notes[0].startswith("partly covered")
        assert np.isfinite(image).mean() == pytest.approx(outcome.facts["covered"], abs=1e-3)
    assert steps[0][0].notes == ()


def test_refused_rows_of_the_table_come_first_and_it_resumes_anywhere(tmp_path):
    wcs = _wcs("plain")
    path = _write(tmp_path / "m.fits", wcs, _paint(PIXELS, PEAKS))
    ra, dec = _sky(wcs, PIXELS)
    frame = pd.DataFrame({"ra": [*ra, np.nan], "dec": [*dec, 1.0]}, index=range(1, 5))
    sources = read_sources(UserTable(frame, units={"ra": "deg"}))
    mosaic = Mosaic(path)
    reader = MosaicReader(mosaic, sources, SurveyFacts(4.0, BEAM), 40)
    whole = list(reader.read())
    assert [bool(o.refused) for o, _ in whole] == [True, False, False, False]
    assert reader.total == 4
    for start in range(5):
        again = list(reader.read(start))
        assert [o.name for o, _ in again] == [o.name for o, _ in whole[start:]]
        for (_, a), (_, b) in zip(again, whole[start:], strict=True):
            np.testing.assert_array_equal(a, b)


def test_scaled_integers_and_units(tmp_path):
    wcs = _wcs("plain")
    data = _paint(PIXELS, PEAKS)
    stored = np.round(data / 1e-6).astype(np.int32)
    stored[:5] = -(2**31)
    header = wcs.to_header()
    header.update({"BUNIT": "mJy/beam", "BSCALE": 1e-3, "BZERO": 0.0, "BLANK": -(2**31)})
    hdu = fits.PrimaryHDU(stored, do_not_scale_image_data=True)
    hdu.header.update(header)
    hdu.writeto(tmp_path / "m.fits")
    mosaic = Mosaic(tmp_path / "m.fits")
    assert mosaic.bunit == "Jy/beam"
    window = mosaic.window(90, 110, 110, 130)
    np.testing.assert_allclose(window, data[110:130, 90:110], atol=1e-6)
    assert np.isnan(mosaic.window(0, 10, 0, 5)).all()


def test_axes_of_length_one_and_compressed_mosaics(tmp_path):
    wcs = _wcs("plain")
    data = _paint(PIXELS, PEAKS).astype(np.float32)
    header = wcs.to_header()
    header.update({"CTYPE3": "FREQ", "CRVAL3": 9.4e8, "CTYPE4": "STOKES", "CRVAL4": 1.0})
    fits.PrimaryHDU(data[None, None], header).writeto(tmp_path / "4d.fits")
    fits.HDUList(
        [fits.PrimaryHDU(), fits.CompImageHDU(data, wcs.to_header(), compression_type="GZIP_2")]
    ).writeto(tmp_path / "packed.fits")
    import gzip

    (tmp_path / "g.fits.gz").write_bytes(gzip.compress((tmp_path / "4d.fits").read_bytes()))
    for name in ("4d.fits", "packed.fits", "g.fits.gz"):
        mosaic = Mosaic(tmp_path / name)
        assert mosaic.shape == SHAPE
        np.testing.assert_allclose(mosaic.window(90, 110, 110, 130), data[110:130, 90:110])
    assert Mosaic(tmp_path / "4d.fits").seen.frequency == pytest.approx(0.94)


def test_mosaics_that_cannot_be_cut(tmp_path):
    data = np.zeros((50, 50), np.float32)
    fits.PrimaryHDU(data).writeto(tmp_path / "no.fits")
    with pytest.raises(ImageError, match="no WCS"):
        Mosaic(tmp_path / "no.fits")
    fits.PrimaryHDU(np.zeros((3, 50, 50), np.float32), _wcs("plain").to_header()).writeto(
        tmp_path / "cube.fits"
    )
    with pytest.raises(ImageError, match="cube"):
        Mosaic(tmp_path / "cube.fits")
    path = _write(tmp_path / "m.fits", _wcs("plain"), data)
    path.write_bytes(path.read_bytes()[:8000])
    with pytest.raises(ImageError, match="cut short"):
        Mosaic(path)


def test_cutouts_larger_than_reason(tmp_path):
    path = _write(tmp_path / "m.fits", _wcs("plain"), np.zeros((50, 50)))
    with pytest.raises(CatalogueError, match="pixels of the mosaic wide"):
        MosaicReader(Mosaic(path), _sources([180.0], [35.0]), SurveyFacts(100.0), 4000)


def test_default_scales():
    assert default_scale(5.4, 1.8) == 1.8
    assert default_scale(None, 2.0) == 2.0


def test_no_pixels_beyond_the_window_are_read(tmp_path):
    """A mosaic of 400 MB of which two cutouts are made costs a few megabytes."""
    import tracemalloc

    wcs = _wcs("plain")
    header = wcs.to_header()
    header["NAXIS"], header["NAXIS1"], header["NAXIS2"] = 2, 10_000, 10_000
    path = tmp_path / "big.fits"
    hdu = fits.PrimaryHDU(np.zeros((10, 10), np.float32), header)
    hdu.header["NAXIS1"] = hdu.header["NAXIS2"] = 10_000
    with path.open("wb") as file:
        file.write(hdu.header.tostring().encode())
        file.truncate(len(hdu.header.tostring()) + -(-(400_000_000) // 2880) * 2880)
    sources = _sources(*_sky(wcs, np.array([[5000.0, 5000.0], [9000.0, 100.0]])))
    _cut(path, sources, pixels=20)
    tracemalloc.start()
    try:
        steps = _cut(path, sources)
        assert tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()
    assert [o.refused for o, _ in steps] == ["", ""]
