"""Several images of one source in one row: from cubes, extensions, and a file a band."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from radioviz import morphology
from radioviz.data.registry import open_data_set
from radioviz.errors import CatalogueError
from radioviz.importing import Source, inspect_source
from tests.importing.bands import (
    BANDS,
    PLACES,
    N,
    check,
    cube,
    facts,
    folder_of_bands,
    imported,
    point,
    run,
)
from tests.importing.conftest import write_fits


@pytest.mark.parametrize(
    "pattern",
    [
        "{band}/{source}.fits",
        "{source}_{band}.fits",
        "{band}_{source}.fits",
        "{source}/x-{band}.fits",
    ],
)
def test_files_are_grouped_by_name(tmp_path: Path, pattern: str) -> None:
    path = folder_of_bands(tmp_path / "s", pattern)
    check(imported(path, group="name", bands="L, S, C"))
    if pattern.startswith("{band}/"):
        assert imported(path, group="name").planes == ("C", "L", "S")


def test_names_that_can_be_read_in_two_ways_are_asked_for(tmp_path: Path) -> None:
    path = folder_of_bands(tmp_path / "s", "{source}_{band}.fits")
    with pytest.raises(CatalogueError, match=r"planes C, L, S .* or src0, src1, src2 .*bands"):
        run(path, group="name")
    write_fits(path / "src3_L.fits", point("L", 0), 10.0, 0.0, 1.5)
    assert imported(path, group="name").planes == ("C", "L", "S")


def test_files_in_a_zip_and_a_tar(tmp_path: Path) -> None:
    path = folder_of_bands(tmp_path / "s", "{band}/{source}.fits")
    packed = tmp_path / "s.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for file in sorted(path.rglob("*.fits")):
            archive.write(file, file.relative_to(path).as_posix())
    check(imported(packed, group="name", bands="L, S, C"))
    import tarfile

    with tarfile.open(tmp_path / "s.tar", "w") as tar:
        tar.add(path, "s")
    with pytest.raises(CatalogueError, match=r"s\.tar: images of one source .* give a ZIP"):
        run(tmp_path / "s.tar", group="name", bands="L, S, C")


def test_files_are_grouped_by_position(tmp_path: Path) -> None:
    path = tmp_path / "s"
    for i, (ra, dec) in enumerate(PLACES):
        for k, band in enumerate(BANDS):  # no two names of a source are alike
            write_fits(path / f"{100 * k + 7 * i:04d}_{band}.fits", point(band, i), ra, dec, 1.5,
                       **facts(band))  # fmt: skip
    check(imported(path, group="position", bands="L, S, C"))


def test_a_table_may_call_sources_as_their_files_are_called(tmp_path: Path) -> None:
    path = folder_of_bands(tmp_path / "s", "{band}/{source}.fits")
    rows = [
        {"name": f"src{i}", "ra": ra, "dec": dec, "z": 0.1 + i}
        for i, (ra, dec) in reversed(list(enumerate(PLACES)))
    ]
    table = tmp_path / "t.csv"
    pd.DataFrame([*rows, {"name": "absent", "ra": 1.0, "dec": 1.0, "z": 9.0}]).to_csv(
        table, index=False
    )
    result = run(path, table, group="name", bands="L, S, C", ra_unit="deg")
    made = result.catalogue
    assert made is not None
    check(made)
    place = {f"src{i}": 0.1 + i for i in range(3)}
    assert made.table["redshift"].tolist() == [place[n] for n in made.table["name"]]
    reasons = result.report[result.report["status"] == "refused"].set_index("file")["reason"]
    assert reasons.to_dict() == {"absent": "no such file here"}
    pd.DataFrame([{**row, "name": f"x{i}"} for i, row in enumerate(rows)]).to_csv(
        table, index=False
    )
    with pytest.raises(CatalogueError, match="no column names one of the files"):
        run(path, table, group="name", bands="L, S, C", ra_unit="deg")


def test_files_are_grouped_by_columns(tmp_path: Path) -> None:
    path = folder_of_bands(tmp_path / "s", "{source}{band}.fits")
    rows = [
        {
            "file": f"src{i}{band}.fits",
            "ra": ra,
            "dec": dec,
            "epoch": band,
            "who": f"n{i}",
            "z": 0.1 + i,
        }
        for band in BANDS
        for i, (ra, dec) in enumerate(PLACES)
    ]
    table = tmp_path / "t.csv"
    pd.DataFrame(rows).to_csv(table, index=False)
    by_position = imported(path, table, group="column", band_column="epoch", bands="L, S, C")
    check(by_position)
    by_name = imported(
        path, table, group="column", band_column="epoch", source_column="who", bands="L, S, C"
    )
    check(by_name)
    assert by_name.table["redshift"].tolist() == pytest.approx([0.1, 1.1, 2.1])
    with pytest.raises(CatalogueError, match="band_column is 'nothing'; expected the column"):
        run(path, table, group="column", band_column="nothing")


def test_a_row_may_name_a_file_of_each_band(tmp_path: Path) -> None:
    path = folder_of_bands(tmp_path / "s", "x{band}{source}.fits", ((1, "S"),))
    rows = [
        {"id": f"n{i}", "ra": ra, "dec": dec, **{f"f_{b}": f"x{b}src{i}.fits" for b in BANDS}}
        for i, (ra, dec) in enumerate([*PLACES, (200.0, 0.0)])
    ]
    rows[1]["f_S"] = ""
    table = tmp_path / "t.csv"
    pd.DataFrame(rows).to_csv(table, index=False)
    columns = "L=f_L, S=f_S, C=f_C"
    result = run(path, table, group="column", band_column=columns)
    made = open_data_set("planes")
    check(made, ((1, "S"),))
    assert made.table["source_id"].tolist() == ["n0", "n1", "n2"]
    refused = result.report[result.report["status"] == "refused"]
    assert refused[["file", "reason"]].to_numpy().tolist() == [["n3", "none of its files is here"]]
    with pytest.raises(CatalogueError, match="band_column is 'f_X'; expected the column"):
        run(path, table, group="column", band_column="L=f_L, X=f_X")


def test_bands_may_have_several_names(tmp_path: Path) -> None:
    path = tmp_path / "s"
    for name, source, band in (("a_1.1", 0, "L"), ("a_2.2", 0, "S"), ("b_1.2", 1, "L")):
        write_fits(path / f"{name}.fits", point(band, source), *PLACES[source], 1.5)
    made = imported(path, group="name", bands="first=1.1|1.2, second=2.1|2.2")
    assert made.planes == ("first", "second")
    assert made.table["missing_planes"].tolist() == ["", "second"]
    np.testing.assert_array_equal(made.images[1], point("L", 1))
    assert np.isnan(made.of_plane("second").images[1]).all()


def test_a_missing_band_is_recorded_or_refused(tmp_path: Path) -> None:
    lacking = ((1, "S"), (2, "L"))
    path = folder_of_bands(tmp_path / "s", "{band}/{source}.fits", lacking)
    result = run(path, group="name", bands="L, S, C")
    check(open_data_set("planes"), lacking)
    assert any("2 of 3 source(s) lack one of the planes" in n for n in result.catalogue.notes)
    assert "no plane 'S': there is no such file" in " ".join(result.report["reason"])
    refused = run(path, group="name", bands="L, S, C", missing="refuse")
    assert refused.read == 1 and refused.refused == 2
    reasons = refused.report.set_index("file")["reason"]
    assert "no plane 'S'" in reasons["src1"] and "no plane 'L'" in reasons["src2"]


def test_an_all_blank_band_is_a_missing_one(tmp_path: Path) -> None:
    path = folder_of_bands(tmp_path / "s", "{band}/{source}.fits")
    blank = path / "C" / "src0.fits"
    blank.unlink()
    write_fits(blank, np.full((N, N), np.nan), *PLACES[0], 1.5, **facts("C"))
    check(imported(path, group="name", bands="L, S, C"), ((0, "C"),))


@pytest.mark.parametrize(("east", "said"), [(8.0, "8.00 arcsec"), (60.0, "60.00 arcsec")])
def test_bands_of_another_piece_of_sky(tmp_path: Path, east: float, said: str) -> None:
    path = folder_of_bands(tmp_path / "s", "{band}/{source}.fits")
    moved = path / "S" / "src1.fits"
    moved.unlink()
    ra, dec = PLACES[1]
    shift = east / 3600 / np.cos(np.radians(dec))
    write_fits(moved, point("S", 1), ra + shift, dec, 1.5, **facts("S"))
    result = run(path, group="name", bands="L, S, C")
    assert result.read == 2
    reason = result.report.set_index("file").loc["src1", "reason"]
    assert reason.startswith("plane 'S' (S/src1.fits) is not aligned with 'L' (L/src1.fits)")
    assert said in reason and "align = resample" in reason
    made = imported(path, group="name", bands="L, S, C", align="resample")
    row = int(np.flatnonzero(made.table["ra"] == ra)[0])
    image = made.of_plane("S").images[row]
    if east < 20:  # the source is where the sky has it: east is left
        peak = np.unravel_index(np.nanargmax(image), image.shape)
        assert peak[1] == pytest.approx((N - 1) / 2 - east / 1.5, abs=1)
        assert np.nansum(image) == pytest.approx(point("S", 1).sum(), rel=0.02)


def test_bands_without_positions_need_one_size(tmp_path: Path) -> None:
    for band, n in (("L", N), ("S", N), ("C", N - 8)):
        for i in range(3):
            write_fits(tmp_path / "s" / band / f"s{i}.fits", point(band, i, n), None)
    result = run(tmp_path / "s", group="name", bands="L, S", pixel_scale="1.5")
    assert result.read == 3
    with pytest.raises(CatalogueError, match=r"plane 'C' \(C/s0\.fits\) has 56 x 56 pixels"):
        run(tmp_path / "s", group="name", bands="L, S, C", pixel_scale="1.5")


def test_bands_keep_their_own_pixels_and_units(tmp_path: Path) -> None:
    """Radio and infrared: other pixels, another unit; nothing is resampled or cropped."""
    data = {}
    for i, (ra, dec) in enumerate(PLACES):
        data[i] = point("L", i, 40, 3.0) * 1000
        write_fits(
            tmp_path / "s" / "radio" / f"s{i}.fits", point("L", i), ra, dec, 1.5, **facts("L")
        )
        write_fits(
            tmp_path / "s" / "wise" / f"s{i}.fits",
            data[i],
            ra,
            dec,
            3.0,
            BUNIT="DN",
            BMAJ=6.5 / 3600,
        )
    made = imported(tmp_path / "s", group="name")
    assert made.planes == ("radio", "wise") and made.units == ("Jy/beam", "DN")
    other = made.of_plane("wise")
    assert other.info.bunit == "DN" and made.info.bunit == "Jy/beam"
    assert other.pixel_scales.tolist() == pytest.approx([3.0] * 3)
    np.testing.assert_array_equal(other.images[1][12:52, 12:52], data[1])
    assert np.isnan(other.images[1][:12]).all()
    assert np.isnan(morphology.complete_plane(made, 1, 1).table["flux"].iat[0])  # no Jy/beam
    here, there = made.wcs(0), other.wcs(0)
    centre = (N - 1) / 2
    apart = here.pixel_to_world(centre, centre).separation(there.pixel_to_world(centre, centre))
    assert apart.arcsec < 1e-3


def test_what_the_user_asks_for_in_vain(tmp_path: Path) -> None:
    path = folder_of_bands(tmp_path / "s", "{band}/{source}.fits")
    with pytest.raises(CatalogueError, match="no file name has one of the planes X, Y"):
        run(path, group="name", bands="X, Y")
    with pytest.raises(CatalogueError, match="two planes are called 'L'"):
        run(path, group="name", bands="L, l")
    with pytest.raises(CatalogueError, match="align is 'yes'; expected one of check, resample"):
        run(path, group="name", align="yes")
    with pytest.raises(CatalogueError, match="by columns of a table"):
        run(path, group="column")
    with pytest.raises(CatalogueError, match=r"/src0.fits: 64 x 64 pixels are one image"):
        run(path, plane="all")
    cube(tmp_path / "c.fits", 0)
    with pytest.raises(CatalogueError, match="the files have no plane 'X'; theirs are 1"):
        run(tmp_path / "c.fits", plane="all", bands="1.4 GHz, X")


def test_the_page_suggests_to_keep_bands_together(tmp_path: Path) -> None:
    path = folder_of_bands(tmp_path / "s", "{band}/{source}.fits")
    (asked,) = [q for q in inspect_source(Source(path)).needed if q.key == "group"]
    assert "3 sources with up to 3 images each (C, L, S; by folder)" in asked.text
    assert asked.default == "no" and imported(path).planes == ()
    for i in range(6):
        write_fits(tmp_path / "t" / f"cutout_{i}.fits", point("L", 0), 10.0 + i, 0.0)
    assert not [q for q in inspect_source(Source(tmp_path / "t")).needed if q.key == "group"]


def test_pictures_of_bands(tmp_path: Path) -> None:
    from PIL import Image

    levels = np.random.default_rng(1).integers(0, 255, (2, 2, 20, 20), dtype=np.uint8)
    for band in (0, 1):
        for i in (0, 1):
            path = tmp_path / "s" / "gr"[band] / f"s{i}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(levels[i, band][::-1]).save(path)
    answers = {"group": "name", "pixel_scale": "1", "raw": "no", "bunit": "unknown"}
    made = imported(tmp_path / "s", **answers)
    assert made.planes == ("g", "r") and made.cube.dtype == np.uint8
    np.testing.assert_array_equal(made.cube, levels)
    (tmp_path / "s" / "r" / "s1.png").unlink()  # grey levels have no NaN
    result = run(tmp_path / "s", **answers)
    assert (result.read, result.refused) == (1, 1)
    assert "no plane 'r': there is no such file; grey levels" in " ".join(result.report["reason"])


@pytest.mark.parametrize("start", [1, 2, 3])
def test_an_interrupted_import_goes_on_where_it_was(tmp_path: Path, start: int) -> None:
    path = folder_of_bands(tmp_path / "s", "{band}/{source}.fits")
    write_fits(path / "other.fits", point("L", 0), 1.0, 1.0, 1.5)
    answers = {"key": "k", "survey": "unknown", "group": "name", "bands": "L, S, C"}
    reader = inspect_source(Source(path), answers).reader()
    whole, rest = list(reader.read()), list(reader.read(start))
    assert [o.name for o, _ in whole] == ["src0", "src1", "src2", "other.fits"]
    assert whole[-1][0].refused == "its name has none of the planes"
    assert [o.name for o, _ in rest] == [o.name for o, _ in whole[start:]]
    for (_, one), (_, other) in zip(rest, whole[start:], strict=True):
        np.testing.assert_array_equal(one, other)
