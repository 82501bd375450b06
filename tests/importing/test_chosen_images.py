"""Extension and plane by name, Stokes, frequency or number; for files, folders, ZIPs, mosaics."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from radioviz.errors import CatalogueError, ImageError
from radioviz.importing import Source, import_survey, inspect_source
from tests.importing.conftest import write_fits

N = 60
TAN = {
    "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 150.0, "CRVAL2": 30.0, "CRPIX1": 30.5,
    "CRPIX2": 30.5, "CDELT1": -2 / 3600, "CDELT2": 2 / 3600, "BUNIT": "Jy/beam", "BMAJ": 6 / 3600,
    "BMIN": 6 / 3600,
}  # fmt: skip
KINDS = ("file", "folder", "zip", "mosaic")
IMAGE = np.random.default_rng(6).normal(size=(N, N)).astype(np.float32)
IQUV = {
    "CTYPE3": "FREQ", "CRVAL3": 1.4e9, "CRPIX3": 1.0, "CDELT3": 1e6,
    "CTYPE4": "STOKES", "CRVAL4": 1.0, "CRPIX4": 1.0, "CDELT4": 1.0,
}  # fmt: skip
CHANNELS = {"CTYPE3": "FREQ", "CRVAL3": 1.0e9, "CRPIX3": 1.0, "CDELT3": 1e8, "CUNIT3": "Hz"}
FITTED = {"CTYPE3": "SPECLNMF", "CRVAL3": 1.28e9, "CRPIX3": 1.0, "CDELT3": 1.0}


def source_of(kind: str, content: fits.HDUList, folder: Path) -> tuple[Source, dict[str, object]]:
    """The same file alone, in a folder, in an archive, or as a mosaic with a list."""
    place = folder / "here"
    place.mkdir()
    content.writeto(place / "a.fits")
    if kind == "file":
        return Source(place / "a.fits"), {}
    if kind == "folder":
        return Source(place), {}
    if kind == "zip":
        with zipfile.ZipFile(folder / "a.zip", "w") as archive:
            archive.write(place / "a.fits", "inside/a.fits")
        return Source(folder / "a.zip"), {}
    (folder / "list.csv").write_text("name,ra,dec\nA,150.0,30.0\n")
    size = {"pixels": N, "pixel_scale": 2}
    return Source(place / "a.fits", folder / "list.csv"), size


def extensions() -> fits.HDUList:
    return fits.HDUList(
        [fits.PrimaryHDU()]
        + [
            fits.ImageHDU(IMAGE * factor, fits.Header(TAN), name=name)
            for name, factor in (("SCI", 1), ("ERR", 0.1), ("WGT", 7))
        ]
    )


def cube(factors: tuple[float, ...], axes: dict[str, object]) -> fits.HDUList:
    stack = np.stack([IMAGE * np.float32(f) for f in factors])
    stack = stack[:, None] if "CTYPE4" in axes else stack
    return fits.HDUList([fits.PrimaryHDU(stack, fits.Header(TAN | axes))])


def brought(source: Source, answers: dict[str, object]) -> np.ndarray:
    result = import_survey(source, {"key": "x", "survey": "unknown", **answers}, replace=True)
    assert result.catalogue is not None and len(result.catalogue) == 1
    image = result.catalogue.image(0)
    return float(np.nanmedian(image / IMAGE))  # type: ignore[return-value]


def every(kind: str) -> tuple[str, ...]:
    """The answer that keeps all planes, which a mosaic has not."""
    return () if kind == "mosaic" else ("all",)


@pytest.mark.parametrize("kind", KINDS)
def test_an_extension_is_asked_for_and_chosen(tmp_path: Path, kind: str) -> None:
    source, answers = source_of(kind, extensions(), tmp_path)
    look = inspect_source(source, answers)
    question = look.missing[0]
    assert question.key == "extension"
    assert question.choices[:3] == ("SCI", "ERR", "WGT")
    for chosen, factor in (("SCI", 1), ("err", 0.1), ("3", 7), (2, 0.1)):
        found = brought(source, answers | {"extension": chosen})
        assert found == pytest.approx(factor, rel=1e-3)
    with pytest.raises((CatalogueError, ImageError), match=r"'MASK'.* images are: 1 'SCI'"):
        brought(source, answers | {"extension": "MASK"})


@pytest.mark.parametrize("kind", KINDS)
def test_planes_by_stokes_parameter_and_number(tmp_path: Path, kind: str) -> None:
    source, answers = source_of(kind, cube((1, 0.1, 0.05, -2), IQUV), tmp_path)
    look = inspect_source(source, answers)
    question = next(q for q in look.needed if q.key == "plane")
    assert (question.choices, question.default) == (("I", "Q", "U", "V", *every(kind)), "I")
    assert look.found["plane"] == "I (by its axis)" and look.found["frequency"].startswith("1.4")
    for chosen, factor in (("", 1), ("Q", 0.1), ("stokes U", 0.05), ("3", -2)):
        found = brought(source, answers | {"plane": chosen})
        assert found == pytest.approx(factor, rel=1e-3)
    with pytest.raises((CatalogueError, ImageError), match="expected I, Q, U, V, or a number"):
        brought(source, answers | {"plane": "XX"})


@pytest.mark.parametrize("kind", KINDS)
def test_channels_by_frequency_keep_it(tmp_path: Path, kind: str) -> None:
    source, answers = source_of(kind, cube((1, 2, 3), CHANNELS), tmp_path)
    look = inspect_source(source, answers)
    assert [q.key for q in look.missing] == ["plane"]
    assert look.missing[0].choices == ("1 GHz", "1.1 GHz", "1.2 GHz", *every(kind))
    for chosen, factor, ghz in (("1.1 GHz", 2, 1.1), ("1200 MHz", 3, 1.2), ("0", 1, 1.0)):
        assert brought(source, answers | {"plane": chosen}) == pytest.approx(factor, rel=1e-3)
        catalogue = import_survey(
            source, {"key": "y", "survey": "unknown", "plane": chosen, **answers}, replace=True
        ).catalogue
        assert catalogue is not None
        assert catalogue.table["frequency"][0] == pytest.approx(ghz)


@pytest.mark.parametrize("kind", KINDS)
def test_fitted_cubes_give_their_brightness(tmp_path: Path, kind: str) -> None:
    source, answers = source_of(kind, cube((1, -0.7), FITTED), tmp_path)
    assert brought(source, answers) == pytest.approx(1, rel=1e-3)
    assert brought(source, answers | {"plane": 1}) == pytest.approx(-0.7, rel=1e-3)


def test_two_axes_and_a_compressed_cube(tmp_path: Path) -> None:
    stack = np.arange(1, 7, dtype=np.float32).reshape(2, 3, 1, 1) * IMAGE
    axes = CHANNELS | {"CTYPE4": "STOKES", "CRVAL4": 1.0, "CRPIX4": 1.0, "CDELT4": 3.0}
    header = fits.Header(TAN | axes)
    packed = fits.CompImageHDU(stack, header, compression_type="GZIP_2")
    for name, hdu in (("plain", fits.PrimaryHDU(stack, header)), ("packed", packed)):
        path = tmp_path / f"{name}.fits"
        first = [fits.PrimaryHDU()] if name == "packed" else []
        fits.HDUList([*first, hdu]).writeto(path)
        assert [q.key for q in inspect_source(Source(path)).missing] == ["plane"]
        for chosen, factor in (("I, 1.2 GHz", 3), ("1 GHz, V", 4), ("2, 1", 6)):
            assert brought(Source(path), {"plane": chosen}) == pytest.approx(factor, rel=1e-3)


def test_a_folder_of_both_kinds(tmp_path: Path) -> None:
    """Plain images need no choice; an extension that a file lacks is refused by name."""
    extensions().writeto(tmp_path / "a.fits")
    extensions().writeto(tmp_path / "b.fits")
    fits.HDUList(extensions()[:2]).writeto(tmp_path / "c.fits")  # only SCI
    write_fits(tmp_path / "plain.fits", IMAGE, 10.0, 5.0)
    answers = {"key": "both", "survey": "unknown", "extension": "ERR"}
    report = import_survey(Source(tmp_path), answers).report.set_index("file")
    assert report["status"].to_dict() == {
        "a.fits": "read", "b.fits": "read", "c.fits": "refused", "plain.fits": "read",
    }  # fmt: skip
    assert "extension 'ERR' is not an image of this file" in report.loc["c.fits", "reason"]


def test_the_command_line_takes_both(tmp_path: Path) -> None:
    from radioviz.cli import main
    from radioviz.data.user_surveys import open_survey

    stack = cube((1, 0.1, 0.05, -2), IQUV)[0]
    image = fits.ImageHDU(stack.data, stack.header, name="SCI")
    noise = fits.ImageHDU(IMAGE, fits.Header(TAN), name="ERR")
    fits.HDUList([fits.PrimaryHDU(), image, noise]).writeto(tmp_path / "a.fits")
    command = ["import", str(tmp_path / "a.fits"), "--key", "cli", "--survey", "unknown"]
    command += ["--extension", "SCI", "--plane", "Q", "--frequency", "2.5"]
    assert main(command) == 0
    catalogue = open_survey("cli")
    np.testing.assert_allclose(catalogue.image(0), IMAGE * np.float32(0.1), rtol=1e-6)
    assert catalogue.table["frequency"].tolist() == [2.5]
