"""The Catalogue: columns, positions, storing and opening."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from hypothesis import given, settings
from hypothesis import strategies as st

from radioviz.data.catalogue import (
    COLUMNS,
    FORMAT_VERSION,
    IMAGE_COLUMNS,
    Catalogue,
    SurveyInfo,
    complete_columns,
)
from radioviz.errors import CatalogueError
from radioviz.sky import j2000_name

INFO = SurveyInfo(key="toy", title="Toy", pixel_scale=1.8, beam=5.4)


def toy(n: int = 4, side: tuple[int, int] = (20, 30), **columns: object) -> Catalogue:
    table = pd.DataFrame(
        {
            "source_id": [f"toy-{k}" for k in range(n)],
            "ra": 10.0 + np.arange(n),
            "dec": -5.0 + np.arange(n),
            **columns,
        }
    )
    images = np.arange(n * side[0] * side[1], dtype=np.uint8).reshape(n, *side)
    return Catalogue(INFO, complete_columns(table), images)


def test_columns_come_complete_in_order_and_of_their_kind() -> None:
    table = toy(
        extra=[1, 2, 3, 4], label=["FRI", None, np.nan, "FRII"], las=[1, "x", None, 2.5]
    ).table
    assert list(table.columns) == [*COLUMNS, "extra"]
    for name, column in COLUMNS.items():
        assert table[name].dtype == column.dtype, name
    assert table["label"].tolist() == ["FRI", "", "", "FRII"]
    assert table["las"].tolist()[0] == 1.0 and table["las"].isna().tolist() == [
        False,
        True,
        True,
        False,
    ]
    assert table["survey"].tolist() == [""] * 4
    assert table["redshift"].isna().all()


def test_columns_of_an_empty_table() -> None:
    table = complete_columns(pd.DataFrame({"source_id": []}))
    assert list(table.columns) == [c for c in COLUMNS if c not in IMAGE_COLUMNS]
    assert len(table) == 0


def test_units_are_understood_by_astropy() -> None:
    for column in COLUMNS.values():
        u.Unit(column.unit, format="fits")
        u.Unit(column.unit, format="vounit")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": np.zeros((4, 5))}, r"images have shape \(4, 5\); expected \(n, ny, nx\)"),
        ({"images": np.zeros((3, 5, 5))}, "4 table rows but 3 images"),
        ({"table": toy().table.drop(columns=["las", "flux"])}, r"column\(s\) las, flux missing"),
        ({"table": toy().table.assign(source_id="a")}, "source_id 'a' occurs more than once"),
    ],
)
def test_inconsistent_parts_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(CatalogueError, match=f"data set 'toy': .*{message}"):
        dataclasses.replace(toy(), **change)  # type: ignore[arg-type]


def test_rows_of_identifiers() -> None:
    catalogue = toy()
    assert catalogue.rows_of(["toy-3", "toy-0", "toy-3"]).tolist() == [3, 0, 3]
    assert catalogue.rows_of([]).dtype == np.int64
    with pytest.raises(CatalogueError, match="'toy' has no source 'toy-9'"):
        catalogue.rows_of(["toy-1", "toy-9"])


def test_subset_by_rows_and_by_mask() -> None:
    catalogue = toy()
    for rows in ([2, 0], np.array([2, 0])):
        part = catalogue.subset(rows)  # type: ignore[arg-type]
        assert part.table["source_id"].tolist() == ["toy-2", "toy-0"]
        assert np.array_equal(part.images, catalogue.images[[2, 0]])
    mask = catalogue.subset(np.array([False, True, False, True]))
    assert mask.table["source_id"].tolist() == ["toy-1", "toy-3"]
    assert mask.table.index.tolist() == [0, 1]
    assert mask.digest != catalogue.digest


def test_image_is_float32() -> None:
    image = toy().image(1)
    assert image.dtype == np.float32 and image.shape == (20, 30)


# Sky position


def test_wcs_has_the_source_at_the_centre_north_up_east_left() -> None:
    catalogue = toy(side=(20, 31))
    wcs = catalogue.wcs(2)
    assert wcs.wcs.crpix.tolist() == [16.0, 10.5]
    centre = wcs.pixel_to_world(15.0, 9.5)
    assert (centre.ra.deg, centre.dec.deg) == pytest.approx((12.0, -3.0))
    assert centre.frame.name == "fk5"
    north, east = wcs.pixel_to_world(15.0, 10.5), wcs.pixel_to_world(14.0, 9.5)
    assert centre.position_angle(north).deg == pytest.approx(0, abs=1e-6)
    assert centre.position_angle(east).deg == pytest.approx(90, abs=1e-3)
    assert centre.separation(north).arcsec == pytest.approx(1.8)


@settings(max_examples=60, deadline=None)
@given(
    st.floats(0, 359.999),
    st.floats(-89.0, 89.0),
    st.floats(0.1, 30.0),
    st.integers(1, 300),
    st.integers(1, 300),
)
def test_wcs_round_trip(ra: float, dec: float, scale: float, ny: int, nx: int) -> None:
    info = dataclasses.replace(INFO, pixel_scale=scale)
    table = complete_columns(pd.DataFrame({"source_id": ["a"], "ra": [ra], "dec": [dec]}))
    wcs = Catalogue(info, table, np.zeros((1, ny, nx), np.uint8)).wcs(0)
    x, y = wcs.world_to_pixel(SkyCoord(ra, dec, unit=u.deg, frame="fk5"))
    assert (float(x), float(y)) == pytest.approx(((nx - 1) / 2, (ny - 1) / 2), abs=1e-6)
    corner = wcs.pixel_to_world(0.0, 0.0)
    back = wcs.world_to_pixel(corner)
    assert [float(v) for v in back] == pytest.approx([0.0, 0.0], abs=1e-6)
    expected = np.hypot(nx - 1, ny - 1) / 2 * scale
    there = SkyCoord(ra, dec, unit=u.deg, frame="fk5")
    assert corner.separation(there).arcsec == pytest.approx(expected, rel=1e-3, abs=1e-6)


def test_image_centre_wins_over_the_source() -> None:
    catalogue = toy(image_ra=[20.0, np.nan, 0.0, 0.0], image_dec=[1.0, 2.0, 0.0, 0.0])
    assert catalogue.wcs(0).wcs.crval.tolist() == [20.0, 1.0]
    assert catalogue.wcs(1).wcs.crval.tolist() == [11.0, -4.0]  # half a centre is none
    assert catalogue.wcs(2).wcs.crval.tolist() == [0.0, 0.0]


def test_header_of_the_file_wins_over_all() -> None:
    header = toy().wcs(0).to_header()
    header["CRVAL1"] = 99.0
    header["PC1_1"], header["PC1_2"] = 0.8, -0.6
    cards = [header.tostring(sep="\n"), "", "", ""]
    catalogue = toy(wcs_header=cards, image_ra=[20.0] * 4, image_dec=[1.0] * 4)
    wcs = catalogue.wcs(0)
    assert wcs.wcs.crval[0] == 99.0
    assert wcs.wcs.get_pc()[0].tolist() == [0.8, -0.6]
    assert catalogue.wcs(1).wcs.crval.tolist() == [20.0, 1.0]


def test_no_position_no_wcs() -> None:
    catalogue = toy(ra=[np.nan, 1.0, 2.0, 3.0])
    with pytest.raises(CatalogueError, match="source 'toy-0' has no sky position"):
        catalogue.wcs(0)
    assert np.isnan(catalogue.positions.ra.deg[0])
    assert catalogue.positions.dec.deg[1:].tolist() == [-4.0, -3.0, -2.0]


def test_header_that_cannot_be_read_is_named() -> None:
    catalogue = toy(wcs_header=["CTYPE1  = 'RA---TAN'\nCTYPE2  = 'RA---TAN'"] * 4)
    with pytest.raises(CatalogueError, match="source 'toy-1' has an unreadable WCS header"):
        catalogue.wcs(1)


@pytest.mark.parametrize(
    ("ra", "dec", "name"),
    [
        (206.4221185, 23.3819259, "J134541.3+232254"),
        (0.0, 0.0, "J000000.0+000000"),
        (359.99999, -0.0001, "J235959.9-000000"),
        (10.451, -9.284, "J004148.2-091702"),
        (15.0 * (1 + 59 / 60 + 59.9 / 3600), 10.0, "J015959.9+100000"),
        (123.251, 43.797, "J081300.2+434749"),
        (360.0, 90.0, "J000000.0+900000"),
        (np.nan, 1.0, ""),
        (1.0, np.inf, ""),
    ],
)
def test_names_are_truncated_not_rounded(ra: float, dec: float, name: str) -> None:
    assert j2000_name(np.array([ra]), np.array([dec])).tolist() == [name]


@settings(max_examples=200, deadline=None)
@given(st.floats(0, 359.99999), st.floats(-90, 90))
def test_names_stay_within_a_unit_of_their_last_digit(ra: float, dec: float) -> None:
    name = str(j2000_name(np.array([ra]), np.array([dec]))[0])
    hours, minutes, seconds = int(name[1:3]), int(name[3:5]), float(name[5:9])
    assert hours < 24 and minutes < 60 and seconds < 60
    back = 15 * (hours + minutes / 60 + seconds / 3600)
    assert -1e-6 <= ra - back < 0.1 / 240 + 1e-6
    degrees, arcmin, arcsec = int(name[10:12]), int(name[12:14]), int(name[14:16])
    assert arcmin < 60 and arcsec < 60
    magnitude = degrees + arcmin / 60 + arcsec / 3600
    assert -1e-6 <= abs(dec) - magnitude < 1 / 3600 + 1e-6


# Storing


def test_stored_and_opened_again(tmp_path: Path) -> None:
    catalogue = dataclasses.replace(toy(extra=[1.5, np.nan, 2, 3]), notes=("One file was bad: é.",))
    stored = catalogue.save(tmp_path / "below" / "toy-v1")
    assert stored.folder == tmp_path / "below" / "toy-v1"
    assert isinstance(stored.images, np.memmap)
    assert stored.info == INFO and stored.notes == catalogue.notes
    assert np.array_equal(stored.images, catalogue.images)
    pd.testing.assert_frame_equal(stored.table, catalogue.table)
    assert stored.digest == catalogue.digest
    assert [p.name for p in (tmp_path / "below").iterdir()] == ["toy-v1"]


def test_stored_images_cannot_be_changed(tmp_path: Path) -> None:
    stored = toy().save(tmp_path / "toy")
    with pytest.raises(ValueError, match="read-only"):
        stored.images[0, 0, 0] = 1


def test_storing_replaces_and_leaves_open_copies_alone(tmp_path: Path) -> None:
    old = toy().save(tmp_path / "toy")
    new = toy(6).save(tmp_path / "toy")
    assert len(new) == len(Catalogue.open(tmp_path / "toy")) == 6
    assert np.array_equal(old.images, toy().images)
    assert [p.name for p in tmp_path.iterdir()] == ["toy"]


def test_images_in_the_scratch_folder_are_moved_not_copied(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    np.save(scratch / "images.npy", toy().images)
    inode = (scratch / "images.npy").stat().st_ino
    mapped = np.load(scratch / "images.npy", mmap_mode="r")
    stored = dataclasses.replace(toy(), images=mapped).save(tmp_path / "toy", scratch)
    assert (tmp_path / "toy" / "images.npy").stat().st_ino == inode
    assert not scratch.exists()
    assert np.array_equal(stored.images, toy().images)


def test_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(
        CatalogueError, match=r"'toy' cannot be written to .*file/toy: .*RADIOVIZ_CACHE"
    ):
        toy().save(tmp_path / "file" / "toy")


_FULL = """
import resource, signal, sys
from pathlib import Path
sys.path.insert(0, {root!r})
from radioviz.errors import CatalogueError
from tests.data.test_catalogue import toy
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    toy(100).save(Path(sys.argv[1]) / "toy")
except CatalogueError as error:
    print(error)
"""


def test_disk_that_is_full_leaves_nothing_behind(tmp_path: Path) -> None:
    root = str(Path(__file__).resolve().parents[2])
    run = [sys.executable, "-c", _FULL.format(root=root), str(tmp_path)]
    out = subprocess.run(run, capture_output=True, text=True, check=True, timeout=120)
    assert "'toy' cannot be written" in out.stdout and "Free some space" in out.stdout
    assert list(tmp_path.iterdir()) == []


def damage(folder: Path, how: str) -> None:
    match how:
        case "empty json":
            (folder / "catalogue.json").write_text("")
        case "json of another kind":
            (folder / "catalogue.json").write_text("[1, 2]")
        case "json without a survey":
            (folder / "catalogue.json").write_text(json.dumps({"format": FORMAT_VERSION}))
        case "unknown survey field":
            meta = json.loads((folder / "catalogue.json").read_text())
            meta["info"]["colour"] = "red"
            (folder / "catalogue.json").write_text(json.dumps(meta))
        case "images cut short":
            whole = (folder / "images.npy").read_bytes()
            (folder / "images.npy").write_bytes(whole[: len(whole) // 2])
        case "images empty":
            (folder / "images.npy").write_bytes(b"")
        case "images of objects":
            np.save(folder / "images.npy", np.array([{}, {}]), allow_pickle=True)
        case "table cut short":
            whole = (folder / "table.parquet").read_bytes()
            (folder / "table.parquet").write_bytes(whole[:100])
        case "table of another length":
            toy(3).table.to_parquet(folder / "table.parquet")
        case "no images":
            (folder / "images.npy").unlink()
        case "folder in place of a file":
            (folder / "images.npy").unlink()
            (folder / "images.npy").mkdir()


DAMAGES = [
    "empty json", "json of another kind", "json without a survey", "unknown survey field",
    "images cut short", "images empty", "images of objects", "table cut short",
    "table of another length", "no images", "folder in place of a file",
]  # fmt: skip


@pytest.mark.parametrize("how", DAMAGES)
def test_damaged_store_is_named(how: str, tmp_path: Path) -> None:
    toy().save(tmp_path / "toy")
    damage(tmp_path / "toy", how)
    with pytest.raises(CatalogueError, match="toy"):
        Catalogue.open(tmp_path / "toy")


def test_other_format_and_missing_are_named(tmp_path: Path) -> None:
    toy().save(tmp_path / "toy")
    meta = json.loads((tmp_path / "toy" / "catalogue.json").read_text())
    (tmp_path / "toy" / "catalogue.json").write_text(json.dumps(meta | {"format": 999}))
    with pytest.raises(CatalogueError, match=f"format 999, this version reads {FORMAT_VERSION};"):
        Catalogue.open(tmp_path / "toy")
    with pytest.raises(CatalogueError, match=r"no catalogue in .*absent: .* is missing"):
        Catalogue.open(tmp_path / "absent")


def test_a_store_can_be_read_by_others(tmp_path: Path) -> None:
    toy().save(tmp_path / "toy")
    assert (tmp_path / "toy").stat().st_mode & 0o777 == 0o755
