"""Another finder's catalogue of a field: read, placed on the image, matched with the truth."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.table import Table
from astropy.wcs import WCS

import radioviz
from radioviz.api import confined
from radioviz.api.field_simulation import field_settings
from radioviz.errors import FieldError
from radioviz.images.reading import read_fits
from radioviz.mock_fields import injection
from radioviz.mock_fields.finder_catalogue import FinderCatalogue, sources_on
from tests.mock_fields.test_drawn_pixels import template

RA, DEC = 12.0, 40.0  # right ascensions that may be hours, too
REAL = ((60, 60), (140, 50), (100, 150))  # sources of the image before, pixels from 0
BEAM = 8.0 / 3600


def header() -> fits.Header:
    out = fits.Header()
    out.update(
        CTYPE1="RA---SIN", CTYPE2="DEC--SIN", CRVAL1=RA, CRVAL2=DEC, CRPIX1=110.0, CRPIX2=100.0,
        CDELT1=-2 / 3600, CDELT2=2 / 3600, BMAJ=BEAM, BMIN=BEAM, BPA=0.0, BUNIT="Jy/beam",
    )  # fmt: skip
    return out


def observed(path: Path) -> Path:
    """An image with real sources of 30 mJy."""
    data = np.random.default_rng(5).normal(0, 1e-4, (200, 220))
    y, x = np.indices(data.shape)
    for px, py in REAL:
        data += 0.03 * np.exp(-((x - px) ** 2 + (y - py) ** 2) / 2 / 1.7**2)
    fits.PrimaryHDU(data.astype(np.float32), header()).writeto(path)
    return path


def table() -> Table:
    """Two sources on the image and one beside it, 12 and 5 mJy."""
    ra, dec = WCS(header()).wcs_pix2world([50, 120, 400], [70, 90, 90], 0)
    return Table({"ra": ra, "dec": dec, "flux": np.array([12.0, 5.0, 1.0])})


def content(what: str) -> tuple[str, bytes]:
    rows, file = table(), io.BytesIO()
    sky = SkyCoord(rows["ra"], rows["dec"], unit="deg")
    if what == "csv":
        rows.rename_column("flux", "flux_mjy")
        return "mine.csv", rows.to_pandas().to_csv(index=False).encode()
    if what == "sexagesimal":
        text = [f"{a},{b},{f}" for a, b, f in zip(
            sky.ra.to_string("hour", sep=":", precision=4),
            sky.dec.to_string(sep=":", precision=3), rows["flux"] / 1000, strict=True,
        )]  # fmt: skip
        return "mine.csv", "\n".join(["ra,dec,total_flux (Jy)", *text]).encode()
    if what == "galactic":
        there = sky.galactic
        rows = Table({"glon": there.l.deg, "glat": there.b.deg, "flux": rows["flux"]})
        rows["glon"].unit = rows["glat"].unit = u.deg
        rows["flux"].unit = u.mJy
        rows.write(file, format="votable")
        return "mine.vot", file.getvalue()
    if what == "aegean":  # writes no units into VOTables either
        rows["island"], rows["local_rms"], rows["psf_a"] = 1, 1e-4, 8.0
        rows["int_flux"] = rows["flux"] / 1000
        rows.remove_column("flux")
        rows.write(file, format="votable")
        return "mine.vot", file.getvalue()
    if what == "hours":
        rows["ra"] = rows["ra"] / 15
        rows.rename_column("flux", "flux_mjy")
        return "mine.csv", rows.to_pandas().to_csv(index=False).encode()
    rows["ra"].unit = rows["dec"].unit = u.deg
    rows["flux"] = rows["flux"] * 1000
    rows["flux"].unit = u.uJy
    rows.write(file, format=what)
    return f"mine.{what}", file.getvalue()


@pytest.mark.parametrize(
    "what", ["csv", "fits", "votable", "sexagesimal", "galactic", "hours", "aegean"]
)
def test_catalogues_of_many_forms(what: str) -> None:
    found, notes = sources_on(WCS(header()), (200, 220), *content(what))
    assert found["x"].tolist() == pytest.approx([51, 121], abs=0.02)
    assert found["y"].tolist() == pytest.approx([71, 91], abs=0.02)
    assert found["flux_mjy"].tolist() == pytest.approx([12, 5], rel=1e-5)
    assert notes == ("1 of 3 sources lie outside of the image",)


@pytest.mark.parametrize(
    ("text", "unit", "message"),
    [
        ("x,y,flux_mjy\n1,2,3", "", "no column for ra and dec in the table; it has 'x', 'y'"),
        ("ra,dec,flux_mjy\n200,-40,3", "", r"none of its 1 positions .* RA 11\.9996, Dec"),
        ("ra,dec,flux_mjy\n192,-40,3", "", "the nearest is 180 degrees from there"),
        ("ra,dec,flux_mjy\n12,,3", "", r"no row has a usable position \(row 1: "),
        ("ra,dec,flux\n12,40,3", "", "Column 'flux' has no unit: .* Say one of mJy, Jy, uJy"),
        ("ra,dec,flux (arcsec)\n12,40,3", "", "its unit 'arcsec' is not a flux density"),
        ("ra,dec,flux\n12,40,3", "Kelvin", "flux_unit is 'Kelvin'; expected one of mJy"),
        ("no table", "", "mine.csv: "),
        ("", "", "the file is empty"),
    ],
)  # fmt: skip
def test_bad_catalogues(text: str, unit: str, message: str) -> None:
    with pytest.raises(FieldError, match=message) as error:
        sources_on(WCS(header()), (200, 220), "mine.csv", text.encode(), flux_unit=unit)
    assert str(error.value).startswith("mine.csv: ")


def test_sources_that_were_there_are_not_found_galaxies(tmp_path: Path) -> None:
    """A finder that lists all real sources and a third of the added ones has found that third."""
    before, after = observed(tmp_path / "before.fits"), tmp_path / "after.fits"
    options = {"number": 30, "flux_range": (15, 60), "shares": {"Compact": 1}, "seed": 2}
    truth = radioviz.inject_galaxies(before, after, **options)
    sky = WCS(header())
    ra, dec = sky.wcs_pix2world(*np.array(REAL).T, 0)
    real = pd.DataFrame({"ra": ra, "dec": dec, "flux_mjy": 30.0})
    listed = pd.concat([real, truth[::3][["ra", "dec", "flux_mjy"]]])
    path = tmp_path / "mine.csv"
    listed.rename(columns={"flux_mjy": "S_int"}).to_csv(path, index=False)
    # Added ones that lie on a real source would pass for found without the image before.
    near = np.hypot(*(truth[["x", "y"]].to_numpy()[:, None] - np.array(REAL) - 1).T).min(axis=0) < 4
    given = {"before": before, "flux_unit": "mJy", "radius": 4.0}
    rates = radioviz.field_recovery(truth, path, after, **given)
    chosen = radioviz.selection_function(truth, path, after, **given)
    found = round((chosen["n"] * chosen["rate"])[chosen["of"] == "label"].sum())
    assert abs(found - 10) <= int(near.sum()) and rates["found"].sum() <= 10
    # A table in memory is read alike, whatever pixels it has and what lies beside the image.
    beside = pd.DataFrame({"ra": ra + 1, "dec": dec, "flux_mjy": 30.0})
    table = pd.concat([listed, beside]).assign(x=1.0, y=2.0)
    same = radioviz.field_recovery(truth, table, after, before=before, radius=4.0)
    pd.testing.assert_frame_equal(same, rates)
    with pytest.raises(FieldError, match=r"found sources: its fluxes are 0\.001 times "):
        radioviz.field_recovery(truth, table.assign(flux_mjy=table["flux_mjy"] / 1000), after)
    elsewhere = tmp_path / "elsewhere.fits"
    moved = header()
    moved["CRVAL1"] = RA + 1
    fits.PrimaryHDU(fits.getdata(before), moved).writeto(elsewhere)
    with pytest.raises(FieldError, match=r"elsewhere.fits has 220 x 200 pixels about RA 12.99"):
        radioviz.field_recovery(truth, path, after, **{**given, "before": elsewhere})
    all_real = tmp_path / "real.csv"
    real.to_csv(all_real, index=False)
    wide = {"before": before, "radius": 200.0}
    nothing = radioviz.selection_function(truth, all_real, after, **wide)
    assert nothing["rate"][nothing["of"] == "label"].tolist() == [0.0]
    counted = radioviz.selection_function(truth, all_real, after, radius=200.0)
    assert counted["rate"][counted["of"] == "label"].tolist() != [0.0]
    with pytest.raises(FieldError, match=r"its fluxes are 0\.001 times .* expected mJy"):
        radioviz.selection_function(truth, path, after, before=before, flux_unit="uJy")
    with pytest.raises(FieldError, match="radius is -1 arcsec"):
        radioviz.selection_function(truth, all_real, after, radius=-1.0)


def test_the_page_reads_a_catalogue_in_a_confined_process(tmp_path: Path) -> None:
    path = observed(tmp_path / "seen.fits")
    settings = field_settings(
        number=20, flux_range=(10, 50), shares={"FRII": 1, "Compact": 1}, model="-", seed=3
    )
    truth = injection.with_galaxies(read_fits(path), settings, template())[1]
    listed = truth[["ra", "dec", "flux_mjy"]][:7]
    mine = FinderCatalogue("mine.csv", listed.to_csv(index=False).encode(), radius=5.0)
    again, found, _, _, notes = confined.galaxies_found(
        path.read_bytes(), "seen.fits", None, settings, template(), mine
    )
    assert len(found) <= 7 and again["found"][:7].sum() >= 6 and notes == ()
    simulated = field_settings(width=200, height=220, ra=30.0)
    with pytest.raises(FieldError, match="none of its 7 positions"):
        confined.found_by(mine, simulated, truth)
