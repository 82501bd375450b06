"""FIRST galaxies: what the package says, where they are, which way up they are."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord

from radioviz.data.catalogue import LABELS, Catalogue
from radioviz.data.datasets import first
from radioviz.data.matching import close_pairs
from radioviz.errors import CatalogueError
from tests.data.dihedral import TURNS, agreement, clipped_cutout, overlap


def test_holds_what_the_package_says(first_catalogue: Catalogue) -> None:
    table = first_catalogue.table
    assert first_catalogue.images.shape == (2158, 300, 300)
    assert first_catalogue.images.dtype == np.uint8
    assert table["label"].value_counts().to_dict() == {
        "FRI": 495,
        "FRII": 924,
        "Compact": 391,
        "Bent": 348,
    }
    assert set(table["label"]) <= set(LABELS)
    assert table["official_split"].value_counts().to_dict() == {
        "train": 1758,
        "valid": 200,
        "test": 200,
    }
    assert table["morphology"].value_counts().to_dict() == {
        "standard": 495 + 924,
        "compact": 391,
        "narrow-angle tail": 182,
        "wide-angle tail": 166,
    }
    bent = table["label"] == "Bent"
    assert set(table["label_original"][bent]) == {"FRI-WAT", "FRI-NAT"}
    assert (table["las"].notna() == (table["origin"] == "MiraBest")).all()
    assert (table["las_origin"] == "catalogue").sum() == 745
    assert table["las"].min() > 1.0 and table["las"].max() < 300.0
    assert not (table["redshift"] <= 0).any()


def test_package_is_not_imported() -> None:
    import sys

    first.package_file()
    assert "firstgalaxydata" not in sys.modules


def test_one_empty_image_is_flagged(first_catalogue: Catalogue) -> None:
    empty = first_catalogue.table["flag"] == "empty image"
    assert first_catalogue.table["source_id"][empty].tolist() == ["first-1910"]
    assert not first_catalogue.images[np.flatnonzero(empty)[0]].any()
    assert set(first_catalogue.table["flag"][~empty]) == {""}


def test_no_position_is_repeated(first_catalogue: Catalogue) -> None:
    # Its authors removed repeats: the closest two galaxies are 54 arcsec apart.
    table = first_catalogue.table
    assert set(table["same_as"]) == {""}
    _, _, separation = close_pairs(table["ra"], table["dec"], radius_arcsec=60.0)
    assert separation.min() == pytest.approx(54.4, abs=0.1)


def test_positions_are_those_of_the_catalogues(first_catalogue: Catalogue) -> None:
    table = first_catalogue.table
    source = SkyCoord(table["ra"], table["dec"], unit=u.deg)
    centre = SkyCoord(table["image_ra"], table["image_dec"], unit=u.deg)
    away = source.separation(centre).arcsec
    assert away.max() < 2.6  # half a thousandth of a degree in each axis
    named = (table["origin"] == "MiraBest").to_numpy()
    assert (away[named] == 0).all()
    assert np.median(away[~named]) > 1.0


@pytest.mark.parametrize(
    ("text", "ra", "dec", "expected"),
    [
        ("14 09 56.27 \u221202 46 05.10", 212.484, -2.768, (212.4844583, -2.7680833)),
        ("00 00 00.00 -00 00 01.80", 0.0, -0.001, (0.0, -0.0005)),
        ("10 00 00.00 + 9 30 00.00", 150.0, 9.5, (150.0, 9.5)),
        ("10 00 00.00 +09 30 00.00", 151.0, 9.5, (151.0, 9.5)),  # disagrees: rounded one stays
        ("100_116.785+017.291_0.1876_0107.21.png", 116.785, 17.291, (116.785, 17.291)),
        ("12 00 00.00 +18 58 60.00", 180.0, 18.983, (180.0, 18.9833333)),
        ("nonsense", 1.0, 2.0, (1.0, 2.0)),
    ],
)
def test_precise_position(text: str, ra: float, dec: float, expected: tuple[float, float]) -> None:
    found = first.precise_positions(pd.Series([text]), pd.Series([ra]), pd.Series([dec]))
    assert found.iloc[0].tolist() == pytest.approx(expected, abs=1e-6)


def fields_that_overlap(catalogue: Catalogue) -> list[tuple[int, int, float, float]]:
    """Pairs of galaxies within 300 arcsec: rows, and offset of the second (dy, dx) in px."""
    table = catalogue.table
    ra, dec = table["image_ra"].to_numpy(), table["image_dec"].to_numpy()
    i, j, _ = close_pairs(ra, dec, radius_arcsec=300.0)
    a = SkyCoord(ra[i], dec[i], unit=u.deg)
    east, north = a.spherical_offsets_to(SkyCoord(ra[j], dec[j], unit=u.deg))
    return list(zip(i, j, north.arcsec / 1.8, -east.arcsec / 1.8, strict=True))


def test_north_is_up_and_east_is_left(first_catalogue: Catalogue) -> None:
    """Fields that overlap on the sky overlap as the WCS says, and in no other orientation.

    Each galaxy is a known companion in the field of the other. The images fit to the pixel
    (they are cut from one mosaic), so this also tells the reference pixel.
    """
    pairs = fields_that_overlap(first_catalogue)
    assert len(pairs) == 39
    residuals, votes = [], []
    for i, j, dy, dx in pairs:
        images = [first_catalogue.image(k) for k in (i, j)]
        scores = {}
        for name, turn in TURNS.items():
            a, b = (np.ascontiguousarray(turn(image)) for image in images)
            scores[name] = max(
                (overlap(a, b, round(dy) + y, round(dx) + x), y, x)
                for y in (-1, 0, 1)
                for x in (-1, 0, 1)
            )
        best = max(scores, key=lambda name: scores[name][0])
        votes.append(best)
        score, y, x = scores["as it is"]
        assert score > 0.95
        residuals.append((round(dy) + y - dy, round(dx) + x - dx))
    assert set(votes) == {"as it is"}
    worst = np.abs(residuals).max(axis=0)
    assert worst[0] < 0.1 and worst[1] < 0.55  # px; declinations are whole pixels apart
    assert np.abs(np.mean(residuals, axis=0)).max() < 0.1


def test_wcs_puts_companions_where_they_are_seen(first_catalogue: Catalogue) -> None:
    """Two sources 180 arcsec apart: the WCS of one image finds the peak of the other source."""
    i, j, dy, dx = min(
        fields_that_overlap(first_catalogue), key=lambda p: abs(np.hypot(p[2], p[3]) - 100)
    )
    wcs = first_catalogue.wcs(i)
    companion = first_catalogue.table.iloc[j]
    there = SkyCoord(companion["image_ra"], companion["image_dec"], unit=u.deg)
    x, y = map(float, wcs.world_to_pixel(there))
    assert (y - 149.5, x - 149.5) == pytest.approx((dy, dx), abs=0.05)
    near = first_catalogue.image(i)[round(y) - 8 : round(y) + 9, round(x) - 8 : round(x) + 9]
    seen = first_catalogue.image(j)[142:159, 142:159]
    assert overlap(near, seen, 0, 0) > 0.85


def test_source_is_where_the_wcs_says(first_catalogue: Catalogue) -> None:
    """Compact galaxies peak at their catalogue position, not at the centre of the image."""
    table = first_catalogue.table
    rows = np.flatnonzero((table["label"] == "Compact") & (table["origin"] != "MiraBest"))[::4]
    to_source, to_centre = [], []
    for row in rows:
        image = first_catalogue.image(row)[140:160, 140:160]
        weight = np.where(image > 0.5 * image.max(), image, 0.0)
        yy, xx = np.mgrid[140:160, 140:160]
        seen = np.array([(weight * xx).sum(), (weight * yy).sum()]) / weight.sum()
        source = table.iloc[row]
        wcs = first_catalogue.wcs(row)
        there = wcs.world_to_pixel(SkyCoord(source["ra"], source["dec"], unit=u.deg))
        to_source.append(seen - np.array(there))
        to_centre.append(seen - 149.5)
    spread = [np.median(np.hypot(*np.transpose(d))) * 1.8 for d in (to_source, to_centre)]
    assert spread[0] < 0.7 * spread[1]
    assert spread[0] < 1.0  # arcsec
    assert np.abs(np.median(to_source, axis=0)).max() * 1.8 < 0.5


def test_agrees_with_raw_cutouts(first_catalogue: Catalogue, shared_data: Path) -> None:
    """Against FITS cutouts with a WCS of their own: orientation, and position to a pixel."""
    files = sorted((shared_data / "mirabest_fits").glob("*.fits"))
    position = np.array([_position(file) for file in files])
    table = first_catalogue.table
    i, j, _ = close_pairs(table["ra"], table["dec"], position[:, 0], position[:, 1])
    residuals = []
    for row, k in list(zip(i, j, strict=True))[::8]:
        raw, wcs = clipped_cutout(files[k])
        image = first_catalogue.image(row)[75:225, 75:225]
        scores = {name: agreement(turn(image), raw) for name, turn in TURNS.items()}
        score, dy, dx = scores["as it is"]
        assert score > 0.9
        if score > max(s for name, (s, _, _) in scores.items() if name != "as it is") + 0.02:
            centre = wcs.pixel_to_world(74.5, 74.5)
            x, y = first_catalogue.wcs(row).world_to_pixel(centre)
            residuals.append((149.5 + dy - y, 149.5 + dx - x))
        else:  # symmetric sources have no say
            assert score > max(s for s, _, _ in scores.values()) - 0.02
    assert len(residuals) > 50
    assert np.abs(np.median(residuals, axis=0)).max() < 0.1  # px
    assert np.percentile(np.abs(residuals), 95) < 0.75


def _position(file: Path) -> tuple[float, float]:
    _, place, *_ = file.name.split("_")
    at = max(place.rfind("+"), place.rfind("-"))
    return float(place[:at]), float(place[at:])


def test_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.metadata

    def absent(name: str) -> None:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "files", absent)
    with pytest.raises(CatalogueError, match=r"pip install firstgalaxydata==0\.2\.1"):
        first.package_file()


def test_missing_file_is_named() -> None:
    with pytest.raises(CatalogueError, match=r"no file 'other\.zip'"):
        first.package_file("other.zip")


@pytest.mark.parametrize("what", ["no zip", "empty zip", "no HDF5", "cut short"])
def test_damaged_file_is_named(what: str, tmp_path: Path) -> None:
    path = tmp_path / "galaxy_data_h5.zip"
    if what == "no zip":
        path.write_bytes(b"not a zip")
    elif what == "cut short":
        path.write_bytes(first.package_file().read_bytes()[:100_000])
    else:
        with zipfile.ZipFile(path, "w") as archive:
            if what == "no HDF5":
                archive.writestr("galaxy_data_h5.h5", b"not HDF5")
    with pytest.raises(CatalogueError, match=r"damaged.*reinstall firstgalaxydata"):
        first.read_package(path)


def test_progress_reaches_the_end() -> None:
    seen: list[tuple[int, int, str]] = []
    file = first.package_file("galaxy_data_crossvalid_test_h5.zip")
    first.read_package(file, lambda *step: seen.append(step))
    done = [step[0] for step in seen]
    assert done == sorted(done) and seen[-1][:2] == (400, 400)
