"""Images of the same sources in several bands, as files, and what their import is to be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from radioviz import morphology
from radioviz.data.catalogue import Catalogue
from radioviz.data.registry import open_data_set
from radioviz.importing import ImportResult, Source, import_survey
from tests.importing.conftest import write_fits

# Flux [mJy], beam [arcsec], frequency [GHz], pixel scale [arcsec], noise [Jy/beam]
BANDS = {
    "L": (30.0, 6.0, 1.4, 1.5, 2e-5),
    "S": (18.0, 4.5, 3.0, 1.5, 3e-5),
    "C": (12.0, 4.5, 5.0, 1.5, 4e-5),
}
PLACES = [(40.0, 5.0), (150.0, -20.0), (300.0, 60.0)]
N = 64


def point(band: str, source: int, n: int = N, scale: float | None = None) -> np.ndarray:
    """A point source with the flux of a band, and noise of its own."""
    flux, beam, _, pixel, rms = BANDS[band]
    scale = scale or pixel
    y, x = (np.mgrid[:n, :n] - (n - 1) / 2) * scale
    noise = np.random.default_rng([source, ord(band)]).normal(0, rms, (n, n))
    shape = np.exp(-4 * np.log(2) * (x**2 + y**2) / beam**2)
    return (flux / 1000 * shape + noise).astype(np.float32)


def facts(band: str) -> dict[str, object]:
    _, beam, ghz, _, rms = BANDS[band]
    return {"BMAJ": beam / 3600, "BMIN": beam / 3600, "BPA": 0.0, "OBSFREQ": ghz * 1e9, "RMS": rms}


def folder_of_bands(root: Path, pattern: str, without: tuple[tuple[int, str], ...] = ()) -> Path:
    for i, (ra, dec) in enumerate(PLACES):
        for band in BANDS:
            if (i, band) not in without:
                path = root / pattern.format(source=f"src{i}", band=band)
                write_fits(path, point(band, i), ra, dec, BANDS[band][3], **facts(band))
    return root


def run(path: Path, table: Path | None = None, **answers: object) -> ImportResult:
    answers = {"key": "planes", "survey": "unknown", **answers}
    return import_survey(Source(path, table), answers, replace=True)


def imported(path: Path, table: Path | None = None, **answers: object) -> Catalogue:
    made = run(path, table, **answers).catalogue
    assert made is not None
    return open_data_set(made.info.key)


def check(catalogue: Catalogue, lacking: tuple[tuple[int, str], ...] = ()) -> None:
    """Pixels, beams, frequencies, noise and fluxes of every source and band."""
    assert catalogue.planes == tuple(BANDS)
    assert catalogue.cube is not None and catalogue.cube.shape == (3, 3, N, N)
    order = [PLACES.index(min(PLACES, key=lambda p: abs(p[0] - r))) for r in catalogue.table["ra"]]
    for k, (band, (flux, beam, ghz, scale, rms)) in enumerate(BANDS.items()):
        view = catalogue.of_plane(band)
        for row, i in enumerate(order):
            if (i, band) in lacking:
                assert np.isnan(view.images[row]).all()
                assert view.table["missing_planes"].iat[row] == band
                continue
            np.testing.assert_array_equal(view.images[row], point(band, i))
            assert view.beam_shape(row) == pytest.approx((beam, beam, 0.0))
            cells = view.table[["frequency", "rms", "pixel_scale"]].iloc[row].tolist()
            assert cells == pytest.approx([ghz, rms, scale])
            measured = morphology.complete_plane(catalogue, row, k).table
            assert measured["flux"].iat[0] == pytest.approx(flux, rel=0.03)
            assert measured["noise"].iat[0] == pytest.approx(rms, rel=1e-6)


def cube(path: Path, source: int, axis: str = "FREQ", n: int = 3, **more: object) -> Path:
    data = np.stack([point(band, source) for band in list(BANDS)[:n]])
    cards: dict[str, object] = {"CTYPE3": axis, "CRPIX3": 1.0, "CRVAL3": 1.4e9, "CDELT3": 1.6e9}
    if axis == "FREQ":
        cards["CUNIT3"] = "Hz"
    ra, dec = PLACES[source]
    write_fits(path, data[0], ra, dec, 1.5, **{**cards, **more})
    with fits.open(path) as file:
        header = file[0].header
    fits.PrimaryHDU(data, header).writeto(path, overwrite=True)
    return path
