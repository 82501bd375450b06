"""The truth of a mock field is what its pixels hold: flux, position, size, beam, noise."""

from __future__ import annotations

import io
import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from scipy import ndimage

from radioviz.api import confined
from radioviz.errors import FieldError
from radioviz.images.known_surveys import Beam
from radioviz.images.reading import SkyImage, read_fits
from radioviz.mock_fields import field, injection, stamps
from radioviz.mock_fields.beam_noise import BeamNoise
from radioviz.mock_fields.settings import FieldSettings, covariance
from radioviz.mock_fields.templates import Templates
from radioviz.sky import FWHM

LAS = 60.0
"""Distance of the hot spots of the template in arcsec."""


def template() -> Templates:
    """A lopsided double on the pixels of the generator: 64 x 64 of 2.7 arcsec, beam 5.4 arcsec."""
    y, x = np.indices((64, 64)) * 2.7
    sigma = 5.4 / FWHM
    image = np.zeros((64, 64))
    for cx, cy, flux in ((50.0, 90.0, 1.0), (50.0 + LAS, 90.0, 0.4), (70.0, 95.0, 0.2)):
        image += flux * np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / 2 / sigma**2)
    image = np.where(image > 0.003, image, 0).astype(np.float32)
    return Templates(
        image[None], np.array(["FRII"]), np.array([LAS]), np.array([7]), 2.7, 5.4, "a test"
    )


def painter(settings: FieldSettings, **columns: object) -> field.Painter:
    sources = pd.DataFrame({"cluster": -1, **columns})
    made = template()
    chosen = made.choose(sources, settings)
    return field.Painter(
        settings, sources, made, chosen, covariance(settings.beam) / settings.pixel**2
    )


def written(drawn: field.Painter) -> tuple[np.ndarray, fits.Header, pd.DataFrame]:
    file = io.BytesIO()
    truth = field.write_image(file, drawn)
    (hdu,) = fits.open(io.BytesIO(file.getvalue()))
    return hdu.data.astype(float), hdu.header, truth


def centroid(image: np.ndarray) -> tuple[float, float]:
    y, x = np.indices(image.shape)
    return float((image * x).sum() / image.sum()), float((image * y).sum() / image.sum())


BEAMS = {
    "FIRST": (1.8, Beam(5.4, 5.4)),
    "LoTSS": (1.5, Beam(6.0, 6.0)),
    "elongated": (2.0, Beam(15.0, 9.0, 30.0)),
    "narrow": (1.0, Beam(2.5, 2.0, -60.0)),
    "coarse": (15.0, Beam(45.0, 45.0)),
}


@pytest.mark.parametrize("name", BEAMS)
@pytest.mark.parametrize("label", ["FRII", "Compact"])
def test_flux_and_centroid(name: str, label: str) -> None:
    pixel, beam = BEAMS[name]
    for number, (x, y) in enumerate(((151.3, 140.8), (160.5, 149.0), (150.02, 133.5))):
        settings = FieldSettings(
            width=320, height=300, pixel=pixel, beam=beam, rms=0, seed=number, number=1
        )
        las = 0.0 if label == "Compact" else LAS
        image, header, truth = written(
            painter(settings, x=[x], y=[y], label=[label], las=[las], flux_mjy=[12.5])
        )
        area = np.pi * header["BMAJ"] * header["BMIN"] / (4 * np.log(2)) / header["CDELT2"] ** 2
        assert 1000 * image.sum() / area == pytest.approx(12.5, rel=0.01)
        sky = WCS(header)
        found = centroid(image)
        place = sky.wcs_world2pix(truth["ra"], truth["dec"], 0)
        assert (float(place[0][0]), float(place[1][0])) == pytest.approx(found, abs=0.01)
        assert (truth["x"][0] - 1, truth["y"][0] - 1) == pytest.approx((x, y))
        assert truth["peak_mjy"][0] == pytest.approx(1000 * image.max(), rel=1e-6)
        assert truth["in_field"][0] == pytest.approx(1, abs=1e-6)


def test_size_rotation_and_mirror() -> None:
    """The hot spots are as far apart as the catalogue says, in directions of all kinds."""
    angles, sides = [], set()
    for seed in range(12):
        settings = FieldSettings(width=320, height=320, rms=0, seed=seed, number=1)
        image, _, _ = written(
            painter(settings, x=[160.0], y=[160.0], label=["FRII"], las=[90.0], flux_mjy=[1.0])
        )
        peaks = np.argwhere(
            (image == ndimage.maximum_filter(image, 9)) & (image > 0.3 * image.max())
        )
        assert len(peaks) == 2
        first, second = sorted(peaks, key=lambda p: -image[tuple(p)])
        apart = (second - first) * settings.pixel
        assert np.hypot(*apart) == pytest.approx(90, abs=2.6)  # to whole pixels
        angles.append(np.degrees(np.arctan2(*apart)) % 360)
        # The bridge lies on one side of the line between them.
        line = np.array([apart[1], -apart[0]]) / np.hypot(*apart)
        y, x = np.indices(image.shape)
        side = (image * ((y - first[0]) * line[0] + (x - first[1]) * line[1])).sum()
        sides.add(bool(side > 0))
    assert len({int(a // 90) for a in angles}) >= 3 and sides == {True, False}


def test_the_beam_of_an_extended_source() -> None:
    """A template that is one point comes out as the beam of the field, wider than its own."""
    point = stamps.galaxy_stamp(
        50.0, 50.0, np.outer(*[np.exp(-((np.arange(64) - 30.0) ** 2) / 2 / (2 / FWHM) ** 2)] * 2),
        scale=1.5, angle=0.7, mirror=True, own_beam=2.0,
        beam=covariance(Beam(12.0, 8.0, 35.0)) / 1.8**2,
    )  # fmt: skip
    y, x = np.indices(point.values.shape) + np.array([point.row, point.column])[:, None, None]
    off = np.stack([(x - 50.0).ravel(), (y - 50.0).ravel()])
    found = (off * point.values.ravel()) @ off.T
    np.testing.assert_allclose(
        found, covariance(Beam(12.0, 8.0, 35.0)) / 1.8**2, rtol=0.02, atol=0.1
    )


def test_a_source_at_the_edge() -> None:
    settings = FieldSettings(width=128, height=128, rms=0, number=3)
    drawn = painter(
        settings, x=[-0.5, 127.5, 60.0], y=[64.0, 127.5, -0.5],
        label=["Compact", "Compact", "FRII"], las=[0.0, 0.0, 80.0], flux_mjy=[10.0, 20.0, 40.0],
    )  # fmt: skip
    image, _, truth = written(drawn)
    assert truth["in_field"][0] == pytest.approx(0.5, abs=0.02)
    assert truth["in_field"][1] == pytest.approx(0.25, abs=0.02)
    whole = (truth["flux_mjy"] * truth["in_field"]).sum()
    assert 1000 * image.sum() / settings.beam_pixels == pytest.approx(whole, rel=0.001)


def test_strips_are_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = FieldSettings(width=400, height=333, rms=0.2, number=40, seed=5, flux_range=(1, 50))
    rng = np.random.default_rng(0)
    columns = {
        "x": rng.random(40) * 400, "y": rng.random(40) * 333, "label": ["FRII"] * 40,
        "las": rng.uniform(30, 150, 40), "flux_mjy": rng.uniform(1, 50, 40),
    }  # fmt: skip
    image, _, truth = written(painter(settings, **columns))
    monkeypatch.setattr("radioviz.mock_fields.settings.STRIP_BYTES", 400 * 4 * 16)
    assert settings.strip_rows == 16
    again, _, same = written(painter(settings, **columns))
    np.testing.assert_allclose(again, image, atol=2e-9)
    pd.testing.assert_frame_equal(truth, same)


def test_noise_is_correlated_by_the_beam() -> None:
    beam = covariance(Beam(9.0, 6.0, 40.0)) / 1.8**2
    noise = BeamNoise(3, beam).rows(0, 1500, 1500).astype(float)
    assert noise.std() == pytest.approx(1, abs=0.02) and abs(noise.mean()) < 0.02
    power = np.abs(np.fft.rfft2(noise)) ** 2
    found = np.fft.irfft2(power) / noise.size
    for dx, dy in ((1, 0), (0, 2), (2, 2), (2, -2), (3, -1), (12, 9)):
        off = np.array([dx, dy])
        wanted = np.exp(-0.5 * off @ np.linalg.inv(beam) @ off)
        assert found[dy, dx] == pytest.approx(wanted, abs=0.04), (dx, dy)
    # Along the position angle, 40 degrees from north to east, it reaches further: up and left.
    assert found[2, -2] > found[2, 2] + 0.1


def test_a_large_field_needs_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("radioviz.mock_fields.settings.STRIP_BYTES", 1e6)
    settings = FieldSettings(width=3000, height=3000, number=1)
    drawn = painter(settings, x=[9.0], y=[9.0], label=["Compact"], las=[0.0], flux_mjy=[1.0])

    class Nothing(io.RawIOBase):
        size = 0

        def write(self, data: object) -> int:
            self.size += len(data)  # type: ignore[arg-type]
            return len(data)  # type: ignore[arg-type]

    file = Nothing()
    tracemalloc.start()
    try:
        field.write_image(file, drawn)  # type: ignore[arg-type]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert file.size % 2880 == 0 and file.size >= settings.image_bytes
    assert peak < 25e6  # the image has 36 MB


def observed(tmp_path: Path) -> SkyImage:
    """An observed image, rotated by 30 degrees and mirrored, with a blank corner."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.crval, wcs.wcs.crpix = (
        ["RA---SIN", "DEC--SIN"],
        [40.0, -50.0],
        [100, 120],
    )
    turn = np.radians(30)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    wcs.wcs.cd = rotation @ np.diag([1.0, 1.0]) * 2.0 / 3600  # east to the right
    data = np.random.default_rng(1).normal(0, 1e-4, (240, 250)).astype(np.float32)
    data[:60, :80] = np.nan
    header = wcs.to_header()
    header.update(BMAJ=16 / 3600, BMIN=8 / 3600, BPA=25.0, BUNIT="JY/BEAM", TELESCOP="TEST")
    path = tmp_path / "seen.fits"
    fits.PrimaryHDU(data, header).writeto(path)
    return read_fits(path)


def test_injection_into_an_observed_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = observed(tmp_path)
    monkeypatch.setattr(injection, "make_templates", lambda *arguments: template())
    settings = FieldSettings(
        number=1, flux_range=(50, 50), shares={"Compact": 1}, model="-", templates=1
    )
    for seed in range(3):
        out = tmp_path / f"{seed}.fits"
        truth = injection.inject(image, out, settings.replace(seed=seed))
        data, header = fits.getdata(out, header=True)
        assert np.array_equal(np.isnan(data), np.isnan(image.data))
        assert header["SIMULAT"] is True and header["TELESCOP"] == "TEST"
        assert read_fits(out).simulated
        added = np.nan_to_num(data.astype(float) - image.data)
        area = np.pi * 16 * 8 / (4 * np.log(2)) / 4
        inside = float(truth["in_field"][0])
        if inside < 0.999 or np.isnan(image.data[int(truth["y"][0]) - 1, int(truth["x"][0]) - 1]):
            continue
        assert 1000 * added.sum() / area == pytest.approx(50 * inside, rel=0.01)
        sky = WCS(header)
        x, y = centroid(added)
        ra, dec = sky.wcs_pix2world(x, y, 0)
        assert float(ra) == pytest.approx(float(truth["ra"][0]), abs=0.02 * 2 / 3600 / np.cos(0.87))
        assert float(dec) == pytest.approx(float(truth["dec"][0]), abs=0.02 * 2 / 3600)
        # The long axis of the beam on the sky.
        ys, xs = np.indices(added.shape)
        second = np.cov(np.stack([xs.ravel(), ys.ravel()]), aweights=added.ravel().clip(0))
        along = np.linalg.eigh(second)[1][:, 1] * 2
        r2, d2 = sky.wcs_pix2world(x + along[0], y + along[1], 0)
        angle = np.degrees(np.arctan2((r2 - ra) * np.cos(np.radians(dec)), d2 - dec)) % 180
        assert float(angle) == pytest.approx(25, abs=2)
        return
    raise AssertionError("no source lay wholly inside of the image")


def test_added_galaxies_are_found_and_those_that_were_there_are_not_counted(tmp_path: Path) -> None:
    """In the server's process and in a confined one, with equal pixels."""
    image, settings = observed(tmp_path), FieldSettings(
        number=40, flux_range=(1, 80), shares={"FRII": 1, "Compact": 1}, model="-", seed=3
    )  # fmt: skip
    image.data[150:160, 170:180] += 0.05  # a source that is there already
    path = tmp_path / "bright.fits"
    header = fits.getheader(tmp_path / "seen.fits")
    fits.PrimaryHDU(image.data, header).writeto(path)
    truth, listed, data, own, _ = injection.found_again(read_fits(path), settings, template())
    found = listed[listed["new"]]
    assert own.beam.major == pytest.approx(16) and own.pixel == pytest.approx(2)
    bright = truth["flux_mjy"] > 20
    assert truth["found"][bright & (truth["in_field"] > 0.9)].mean() > 0.8
    assert not truth["found"][truth["peak_mjy"] < 0.2].any()
    near = np.hypot(found["x"] - 175, found["y"] - 155) < 8
    assert not near[found["flux_mjy"] < 300].any()
    assert len(listed) > len(found)
    payload = path.read_bytes()
    again = confined.galaxies_found(payload, "bright.fits", None, settings, template())
    pd.testing.assert_frame_equal(again[0], truth)
    np.testing.assert_array_equal(again[2], data)
    pixels = confined.image_with_galaxies(payload, "bright.fits", None, settings, template())
    np.testing.assert_array_equal(pixels, data)
    written = confined.with_galaxies(payload, "bright.fits", None, settings, template())
    np.testing.assert_array_equal(fits.getdata(io.BytesIO(written)), data)
    for key in ("BPA", "BMAJ"):
        del header[key]
        bare = io.BytesIO()
        fits.PrimaryHDU(image.data, header).writeto(bare)
        with pytest.raises(FieldError, match="does not state its beam"):
            confined.galaxies_found(bare.getvalue(), "bare.fits", None, settings, template())
