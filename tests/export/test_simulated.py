"""Generated galaxies say that they are, and how to make them again."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from astropy.wcs import WCS

from radioviz.errors import ExportError
from radioviz.export import simulated_fits_bytes
from radioviz.images.reading import read_fits

IMAGES = np.random.default_rng(0).random((3, 16, 20)).astype(np.float32)
MADE: dict[str, Any] = {"model": "cvae", "model_sha256": "ab" * 32, "seed": 7}


def test_every_image_can_be_made_again(tmp_path: Path, fitsverify: Callable[[Path], None]) -> None:
    latents = np.arange(6, dtype=np.float32).reshape(3, 2)
    conditions = [{"class": "FRI", "size": 40.0}, {"class": "FRII", "size": np.float32(3)}, {}]
    payload = simulated_fits_bytes(
        IMAGES,
        **MADE,
        conditions=conditions,
        latents=latents,
        pixel_scale=2.7,
        note="around “first-7”",
    )
    path = tmp_path / "simulated.fits"
    path.write_bytes(payload)
    fitsverify(path)
    with fits.open(io.BytesIO(payload)) as hdus:
        hdus.verify("exception")
        for i, hdu in enumerate(hdus[:3]):
            header = hdu.header
            assert header["SIMULAT"] is True
            assert (header["MODEL"], header["SEED"], header["INDEX"]) == ("cvae", 7, i)
            assert header["MODELSHA"] == "ab" * 32
            assert header["PIXSCALE"] == 2.7
            assert hdu.data.dtype == np.dtype(">f4")
            np.testing.assert_array_equal(hdu.data, IMAGES[i])
            assert not WCS(header).has_celestial
            assert not {"RA", "DEC", "CRVAL1", "CTYPE1", "RA_OBJ", "OBJECT"} & set(header)
        assert (hdus[0].header["CONDK1"], hdus[0].header["CONDV1"]) == ("class", "FRI")
        assert hdus[1].header["CONDV2"] == 3.0
        assert "CONDK1" not in hdus[2].header
        table = Table.read(hdus["SIMULATED"])
    np.testing.assert_array_equal(table["latent"], latents)
    assert list(np.ma.filled(table["condition_class"], "")) == ["FRI", "FRII", ""]


def test_a_changed_image_names_its_drawn_pixels(
    tmp_path: Path, fitsverify: Callable[[Path], None]
) -> None:
    drawn = np.zeros((16, 20), bool)
    drawn[2:5, 7:] = True
    path = tmp_path / "changed.fits"
    path.write_bytes(simulated_fits_bytes(IMAGES[0], **MADE, drawn=drawn))
    fitsverify(path)
    with fits.open(path) as hdus:
        assert [h.name for h in hdus] == ["SIMULATED-0", "DRAWN"]
        assert hdus["DRAWN"].header["MASKOF"] == "SIMULATED-0" and hdus["DRAWN"].header["SIMULAT"]
        np.testing.assert_array_equal(hdus["DRAWN"].data, drawn.astype("u1"))
    assert read_fits(path).data.shape == (16, 20)  # the mask is no second image to choose
    for wrong in (drawn.T, drawn[:8]):
        with pytest.raises(ExportError, match=r"mask of shape .* expected one image, and a mask"):
            simulated_fits_bytes(IMAGES[0], **MADE, drawn=wrong)
    with pytest.raises(ExportError, match="expected one image"):
        simulated_fits_bytes(IMAGES, **MADE, drawn=drawn)


def test_one_image_without_seed_or_condition(
    tmp_path: Path, fitsverify: Callable[[Path], None]
) -> None:
    payload = simulated_fits_bytes(IMAGES[0], model="vae", model_sha256="0" * 64, seed=None)
    path = tmp_path / "one.fits"
    path.write_bytes(payload)
    fitsverify(path)
    with fits.open(io.BytesIO(payload)) as hdus:
        assert len(hdus) == 1
        assert "SEED" not in hdus[0].header


@pytest.mark.parametrize("value", [None, True, -3, 1e300, float("nan"), "αβ", [1, 2], "x" * 300])
def test_conditions_of_any_value(
    value: Any, tmp_path: Path, fitsverify: Callable[[Path], None]
) -> None:
    path = tmp_path / "condition.fits"
    path.write_bytes(
        simulated_fits_bytes(IMAGES, **MADE, conditions={"k" * 90: value}, latents=np.eye(3))
    )
    fitsverify(path)


@pytest.mark.parametrize(
    ("images", "options", "message"),
    [
        (np.zeros((0, 4, 4)), {}, r"shape \(0, 4, 4\); expected \(n, ny, nx\)"),
        (np.zeros(4), {}, r"shape \(4,\)"),
        (IMAGES, {"latents": np.zeros((2, 2))}, r"latents of shape \(2, 2\) for 3 images"),
        (IMAGES, {"conditions": [{}]}, "1 conditions for 3 generated images"),
        (IMAGES, {"conditions": {"RA": 10.0}}, "sky position"),
        (IMAGES, {"model_sha256": ""}, "needs both"),
    ],
)
def test_what_cannot_be_made_again_is_refused(
    images: np.ndarray, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ExportError, match=message):
        simulated_fits_bytes(images, **(MADE | options))
