"""MiraBest: what its names say, which way up it is, who is in it."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from radioviz.data.catalogue import Catalogue
from radioviz.data.datasets import mirabest
from radioviz.errors import CatalogueError
from tests.data.batch_files import blobs, write_batch
from tests.data.dihedral import TURNS, agreement, clipped_cutout

NAME = "./MiraBest_F/PNG/Scaled_Final/{}_123.251+043.797_0.1281_0034.09.png"


def test_holds_what_its_authors_say(mirabest_catalogue: Catalogue) -> None:
    table = mirabest_catalogue.table
    assert mirabest_catalogue.images.shape == (1256, 150, 150)
    official = table["official_split"]
    assert official.value_counts().to_dict() == {"train": 1099, "test": 157}
    assert table["mbc"][official == "train"].sum() == 729
    assert table["mbc"][official == "test"].sum() == 104
    assert table["label"].value_counts().to_dict() == {"FRII": 631, "FRI": 591, "Hybrid": 34}
    assert table["confidence"].value_counts().to_dict() == {"confident": 852, "uncertain": 404}
    assert table["morphology"].value_counts().to_dict() == {
        "standard": 1191,
        "wide-angle tail": 52,
        "head-tail": 9,
        "double-double": 4,
    }
    assert set(table["las_origin"]) == {"catalogue"}
    assert (table["las"].min(), table["las"].max()) == (5.94, 269.44)
    assert (table["redshift"].min(), table["redshift"].max()) == (0.0316, 0.5342)
    assert set(table["flag"]) == {""}


def test_a_repeated_source_is_linked(mirabest_catalogue: Catalogue) -> None:
    # 102_169.640+031.253 and 100_169.641+031.255, 7.8 arcsec apart, labelled twice.
    table = mirabest_catalogue.table
    repeat = table[table["same_as"] != ""]
    assert repeat["source_id"].tolist() == ["mirabest-504"]
    first = table.set_index("source_id").loc[repeat["same_as"].iloc[0]]
    assert (first["ra"], first["dec"]) == (169.640, 31.253)
    assert (repeat["ra"].iloc[0], repeat["dec"].iloc[0]) == (169.641, 31.255)


@pytest.mark.parametrize(
    ("digits", "label", "confidence", "morphology", "mbc"),
    [
        ("100", "FRI", "confident", "standard", True),
        ("102", "FRI", "confident", "wide-angle tail", True),
        ("104", "FRI", "confident", "head-tail", True),
        ("110", "FRI", "uncertain", "standard", False),
        ("112", "FRI", "uncertain", "wide-angle tail", False),
        ("200", "FRII", "confident", "standard", True),
        ("201", "FRII", "confident", "double-double", True),
        ("210", "FRII", "uncertain", "standard", False),
        ("300", "Hybrid", "confident", "standard", False),
        ("310", "Hybrid", "uncertain", "standard", False),
    ],
)
def test_digits(digits: str, label: str, confidence: str, morphology: str, mbc: bool) -> None:
    row = mirabest.decode_names(np.array([NAME.format(digits)])).iloc[0]
    assert row["label_original"] == digits
    assert (row["label"], row["confidence"], row["morphology"]) == (label, confidence, morphology)
    assert row["mbc"] == mbc


def test_name_says_position_redshift_and_size() -> None:
    names = np.array([NAME.format("100"), "200_010.451-009.284_-999.0_0080.60.png"])
    table = mirabest.decode_names(names)
    assert table["ra"].tolist() == [123.251, 10.451]
    assert table["dec"].tolist() == [43.797, -9.284]
    assert table["las"].tolist() == [34.09, 80.60]
    assert table["name"].tolist() == ["J081300.2+434749", "J004148.2-091702"]
    assert table["redshift"][0] == 0.1281
    assert np.isnan(table["redshift"][1])  # missing is NaN, never -999


@pytest.mark.parametrize("name", ["cat.png", NAME.format("400"), NAME.format("103"), ""])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(CatalogueError, match=r"data_batch_3: .* is not a MiraBest name"):
        mirabest.decode_names(np.array([NAME.format("100"), name]), "data_batch_3")


def test_missing_says_how_to_fetch(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match=r"run: python -m radioviz\.data fetch mirabest"):
        mirabest.read_mirabest(folder=tmp_path)


def test_label_that_contradicts_its_name_is_refused(tmp_path: Path) -> None:
    for name in ("data_batch_1", "test_batch"):
        write_batch(tmp_path / name, blobs(2), labels=[0, 5], filenames=[NAME.format("100")] * 2)
    with pytest.raises(CatalogueError, match="class 100 by its name but of class 200"):
        mirabest.read_mirabest(folder=tmp_path)


def test_damaged_batch_is_named(batch_folders: Path, tmp_path: Path) -> None:
    folder = tmp_path / "F_batches"
    shutil.copytree(batch_folders / "F_batches", folder)
    whole = (folder / "data_batch_3").read_bytes()
    (folder / "data_batch_3").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CatalogueError, match="data_batch_3 is damaged"):
        mirabest.read_mirabest(folder=folder)


def test_same_way_up_as_the_raw_cutouts(mirabest_catalogue: Catalogue, shared_data: Path) -> None:
    """Against FITS cutouts with a WCS of their own: every image as it is, none moved by a pixel.

    MiraBest was made from the same cutouts, so its images fit to the pixel; their centres
    differ from the names by the rounding of the names alone.
    """
    table = mirabest_catalogue.table
    best, moved, off_centre = [], [], []
    for row in range(0, len(table), 6):
        source = table.iloc[row]
        name = (
            f"{source['label_original']}_{source['ra']:07.3f}{source['dec']:+08.3f}"
            f"_{source['redshift']:.4f}_{source['las']:07.2f}.fits"
        )
        if not (shared_data / "mirabest_fits" / name).exists():
            continue
        raw, wcs = clipped_cutout(shared_data / "mirabest_fits" / name)
        image = mirabest_catalogue.image(row).astype(float)
        scores = {name: agreement(turn(image), raw) for name, turn in TURNS.items()}
        first, second = sorted(scores, key=lambda name: scores[name][0], reverse=True)[:2]
        if scores[first][0] - scores[second][0] > 0.02:  # symmetric sources have no say
            best.append(first)
            moved.append(scores["as it is"][1:])
        x, y = mirabest_catalogue.wcs(row).world_to_pixel(wcs.pixel_to_world(74.5, 74.5))
        off_centre.append((float(y) - 74.5, float(x) - 74.5))
    assert len(best) > 120
    assert best.count("as it is") >= len(best) - 2
    assert np.mean([m == (0, 0) for m in moved]) > 0.97
    assert np.abs(np.mean(off_centre, axis=0)).max() < 0.15  # px: no half pixel anywhere
    assert np.percentile(np.abs(off_centre), 99) < 1.2  # 0.0005 deg is one pixel


def test_east_is_left_for_an_extended_source(mirabest_catalogue: Catalogue) -> None:
    """The WCS runs east to the left and north up."""
    wcs = mirabest_catalogue.wcs(0)
    centre, left, up = (wcs.pixel_to_world(x, y) for x, y in ((74.5, 74.5), (0, 74.5), (74.5, 149)))
    assert left.ra > centre.ra
    assert up.dec > centre.dec
    assert centre.ra.deg == pytest.approx(123.251)
