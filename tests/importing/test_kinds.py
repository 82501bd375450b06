"""What users bring: archives, pictures, tables of images, mosaics, RGZ batches."""

from __future__ import annotations

import io
import shutil
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits

from radioviz.errors import CatalogueError, ImageError
from radioviz.importing import Source, import_survey, inspect_source
from radioviz.importing.image_files import ImageFiles

from .conftest import write_fits


def _refused(result) -> dict[str, str]:
    report = result.report
    bad = report[report["status"] == "refused"]
    return dict(zip(bad["file"], bad["reason"], strict=True))


# -- archives ----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
def test_an_archive_is_as_good_as_its_folder(cutouts, tmp_path, kind):
    format_ = {"zip": "zip", "tar": "tar", "tar.gz": "gztar"}[kind]
    path = Path(shutil.make_archive(str(tmp_path / "packed"), format_, cutouts))
    folder = import_survey(Source(cutouts), {"key": "folder", "survey": "EMU"})
    packed = import_survey(Source(path), {"key": "packed", "survey": "EMU"})
    assert packed.read == folder.read == 12
    columns = ["ra", "dec", "image_ra", "file"]
    a = folder.catalogue.table.sort_values("file")
    b = packed.catalogue.table.sort_values("file")
    pd.testing.assert_frame_equal(
        a[columns].reset_index(drop=True), b[columns].reset_index(drop=True)
    )
    np.testing.assert_array_equal(
        folder.catalogue.images[a.index], packed.catalogue.images[b.index]
    )
    assert _refused(packed).keys() == _refused(folder).keys()
    assert not list(tmp_path.rglob("*.extracted"))


def test_an_archive_resumes(cutouts, tmp_path):
    path = Path(shutil.make_archive(str(tmp_path / "packed"), "gztar", cutouts))
    left = [5]

    def cancelled() -> bool:
        left[0] -= 1
        return left[0] <= 0

    answers = {"key": "packed", "survey": "EMU"}
    assert import_survey(Source(path), answers, cancelled=cancelled).catalogue is None
    result = import_survey(Source(path), answers)
    assert result.resumed == 5
    whole = import_survey(Source(cutouts), {"key": "folder", "survey": "EMU"})
    assert set(result.catalogue.table["ra"]) == set(whole.catalogue.table["ra"])


def test_hostile_members_are_listed_and_nothing_is_written(cutouts, tmp_path):
    path = tmp_path / "evil.zip"
    good = (cutouts / "a" / "J0001.fits").read_bytes()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../../../tmp/evil.fits", good)
        archive.writestr("/etc/evil.fits", good)
        archive.writestr("good.fits", good)
        archive.writestr("<b>bold</b>.fits", good)
        archive.writestr("inner.zip", b"PK")
    before = sorted(tmp_path.rglob("*"))
    result = import_survey(Source(path), {"key": "evil"})
    assert result.catalogue.table["file"].tolist() == ["good.fits", "<b>bold</b>.fits"]
    refused = _refused(result)
    assert refused["../../../tmp/evil.fits"] == "a path with '..'"
    assert refused["/etc/evil.fits"] == "absolute path"
    assert "archive inside" in refused["inner.zip"]
    assert [p for p in sorted(tmp_path.rglob("*")) if "home" not in str(p)] == before


# -- files of all kinds ------------------------------------------------------------------


def test_other_shapes_and_scales_come_to_the_common_grid(tmp_path):
    folder = tmp_path / "mixed"
    rng = np.random.default_rng(1)
    for i in range(6):
        write_fits(folder / f"{i}.fits", rng.normal(size=(30, 30)), 150 + i)
    write_fits(folder / "large.fits", rng.normal(size=(50, 40)), 170.0)
    write_fits(folder / "small.fits", rng.normal(size=(20, 20)), 171.0)
    y, x = np.mgrid[:60, :60]
    write_fits(
        folder / "fine.fits", np.exp(-((x - 29.5) ** 2 + (y - 29.5) ** 2) / 72), 172.0, scale=1.0
    )
    write_fits(folder / "far.fits", rng.normal(size=(30, 30)), 173.0, scale=40.0)
    write_fits(folder / "kelvin.fits", rng.normal(size=(30, 30)), 174.0, BUNIT="K")
    write_fits(folder / "blank.fits", np.full((30, 30), np.nan), 175.0)
    answers = {"key": "mixed", "survey": "EMU", "beam": "6", "pixel_scale": "2"}
    result = import_survey(Source(folder), answers)
    table = result.catalogue.table.set_index("file")
    assert result.catalogue.images.shape == (9, 30, 30)
    assert set(table["pixel_scale"]) == {2.0}
    assert set(_refused(result)) == {"far.fits", "kelvin.fits", "blank.fits"}
    assert "arcsec per pixel" in _refused(result)["far.fits"]
    assert "unit is 'K'" in _refused(result)["kelvin.fits"]
    assert result.catalogue.info.beam == 6
    images = dict(zip(table.index, result.catalogue.images, strict=True))
    fine = images["fine.fits"]
    assert np.unravel_index(np.nanargmax(fine), fine.shape) in [
        (14, 14),
        (14, 15),
        (15, 14),
        (15, 15),
    ]
    assert np.isnan(images["small.fits"][0]).all()
    report = result.report.set_index("file")["reason"]
    assert "40 x 50 pixels cropped to 30 x 30" in report["large.fits"]
    assert "20 x 20 pixels padded to 30 x 30" in report["small.fits"]
    assert "resampled" in report["fine.fits"]
    changed = next(n for n in result.catalogue.notes if "were cropped or padded" in n)
    assert changed.startswith("2 image(s)") and "1 of 40 x 50 pixels cropped to 30 x 30" in changed


def test_a_chosen_size_wins(cutouts):
    result = import_survey(Source(cutouts), {"key": "small", "survey": "EMU", "pixels": 10})
    assert result.catalogue.images.shape == (12, 10, 10)
    assert np.allclose(result.catalogue.images[:, 4:6, 4:6], 0.01, atol=1e-3)


def test_beams_that_differ_are_kept_row_by_row(tmp_path):
    for i, beam in enumerate((5.0, 6.0, 7.0)):
        data = np.random.default_rng(i).normal(size=(20, 20))
        write_fits(tmp_path / "s" / f"{i}.fits", data, 150 + i, BMAJ=beam / 3600, BMIN=beam / 3600)
    catalogue = import_survey(Source(tmp_path / "s"), {"key": "s", "survey": "X"}).catalogue
    assert catalogue.info.beam is None  # of all images
    np.testing.assert_allclose(catalogue.beams, [5.0, 6.0, 7.0])


def test_files_without_a_wcs_ask_for_the_scale(tmp_path):
    for i in range(3):
        write_fits(
            tmp_path / "s" / f"{i}.fits", np.random.default_rng(i).normal(size=(20, 20)), None
        )
    look = inspect_source(Source(tmp_path / "s"))
    assert [q.key for q in look.missing] == ["pixel_scale"]
    catalogue = import_survey(Source(tmp_path / "s"), {"key": "s", "pixel_scale": "2.5"}).catalogue
    assert catalogue.info.pixel_scale == 2.5
    assert catalogue.table["ra"].isna().all()


def test_pictures(tmp_path):
    from PIL import Image

    folder = tmp_path / "png"
    folder.mkdir()
    data = np.zeros((20, 20), np.uint8)
    data[2, 5] = 200  # near the top, which is north
    for i in range(3):
        Image.fromarray(data + i).save(folder / f"{i}.png")
    write_fits(folder / "x.fits", np.random.default_rng(1).normal(size=(20, 20)))
    look = inspect_source(Source(folder))
    assert [q.key for q in look.missing] == ["pixel_scale"]
    result = import_survey(Source(folder), {"key": "png", "pixel_scale": 1.8, "survey": "FIRST"})
    catalogue = result.catalogue
    assert catalogue.images.dtype == np.uint8
    assert catalogue.images[0, 17, 5] == 200
    assert not catalogue.info.raw
    assert catalogue.info.beam == 5.4  # FIRST is known
    assert "do not mix" in _refused(result)["x.fits"]


def test_clipped_images_are_seen_as_such(tmp_path):
    for i in range(3):
        data = np.zeros((20, 20))
        data[8:12, 8:12] = 1e-3 * (i + 1)
        write_fits(tmp_path / "s" / f"{i}.fits", data, 150 + i)
    assert inspect_source(Source(tmp_path / "s")).found["raw"] == "noise removed (files)"
    assert not import_survey(Source(tmp_path / "s"), {"key": "s"}).catalogue.info.raw
    assert import_survey(Source(tmp_path / "s"), {"key": "t", "raw": "yes"}).catalogue.info.raw


def test_one_file(tmp_path):
    path = write_fits(tmp_path / "one.fits", np.random.default_rng(1).normal(size=(20, 20)))
    assert len(import_survey(Source(path), {"key": "one"}).catalogue) == 1


@pytest.mark.parametrize("content", [b"", b"hello", b"<html>"])
def test_things_that_are_nothing(tmp_path, content):
    (tmp_path / "thing.dat").write_bytes(content)
    with pytest.raises(CatalogueError, match="thing"):
        inspect_source(Source(tmp_path / "thing.dat"))
    with pytest.raises(CatalogueError, match="no such file or folder"):
        inspect_source(Source(tmp_path / "nothing"))
    for name in ("x" * 5000, "a\0b"):
        with pytest.raises(CatalogueError, match=r"invalid path|no such file"):
            inspect_source(Source(tmp_path / name))
        with pytest.raises(CatalogueError, match=r"invalid path|no such table"):
            inspect_source(Source(tmp_path, table=tmp_path / name))
    (tmp_path / "empty").mkdir()
    with pytest.raises(CatalogueError, match="is an image by its name"):
        inspect_source(Source(tmp_path / "empty"))


def test_mirabest_as_a_users_own(shared_data, tmp_path):
    """Thirty real cutouts and the three that SkyView sent larger: all on one grid."""
    folder = tmp_path / "mirabest"
    folder.mkdir()
    for path in sorted((shared_data / "mirabest_fits").iterdir())[:30]:
        shutil.copy(path, folder)
    for path in sorted((shared_data / "mirabest_fits_original").iterdir())[:3]:
        shutil.copy(path, folder)
    look = inspect_source(Source(folder))
    assert look.needed == ()
    result = import_survey(Source(folder), {"key": "mb"})
    assert (result.read, result.refused) == (33, 0)
    catalogue = result.catalogue
    assert catalogue.info.beam == 5.4
    assert catalogue.info.frequency == 1.4
    assert catalogue.images.shape == (33, 150, 150)
    assert set(catalogue.table["label"]) == {"FRI"}
    assert (catalogue.table["las"] > 0).all()
    sky = catalogue.wcs(0).all_pix2world([[74.5, 74.5]], 0)[0]
    np.testing.assert_allclose(sky, catalogue.table[["ra", "dec"]].iloc[0], atol=2e-4)


# -- tables that name images -------------------------------------------------------------


def _table(path: Path, **columns) -> Path:
    pd.DataFrame(columns).to_csv(path, index=False)
    return path


def test_a_table_that_names_images(cutouts):
    table = _table(
        cutouts / "list.csv",
        id=["one", "two", "three", "four"],
        ra=[100.0, 101.0, 102.0, 103.0],
        dec=[-5.0, -4.0, -3.0, -2.0],
        file=["b/J0000.fits", "J0001.fits", "J0002", "nosuch.fits"],
        fr_class=["FRI", "FRII", "compact", "?"],
        note=["<script>alert(1)</script>", "é", "=1+1", ""],
    )
    look = inspect_source(Source(table))
    assert look.kind == "listed"
    result = import_survey(Source(table), {"key": "listed", "survey": "EMU"})
    catalogue = result.catalogue
    by_id = catalogue.table.set_index("source_id")
    assert sorted(by_id.index) == ["one", "three", "two"]
    assert by_id.loc["three", "label"] == "Compact"
    assert by_id.loc["one", "note"] == "<script>alert(1)</script>"
    assert by_id.loc["two", "file"] == "a/J0001.fits"
    assert _refused(result) == {"nosuch.fits": "no such file here"}
    row = int(catalogue.rows_of(["two"])[0])
    np.testing.assert_allclose(catalogue.images[row][11:13, 11:13], 0.01, atol=1e-3)
    assert any("not in the table" in n for n in catalogue.notes)


def test_a_table_and_an_archive(cutouts, tmp_path):
    packed = Path(shutil.make_archive(str(tmp_path / "packed"), "gztar", cutouts))
    table = _table(
        tmp_path / "list.csv",
        name=["J0003", "J0004", "J0099"],
        ra=[103.0, 104.0, 105.0],
        dec=[-2.0, -1.0, 0.0],
    )
    result = import_survey(Source(packed, table), {"key": "both", "survey": "EMU"})
    assert sorted(result.catalogue.table["name"]) == ["J0003", "J0004"]
    assert _refused(result) == {"J0099": "no such file here"}


def test_paths_that_lead_elsewhere(cutouts, tmp_path):
    secret = write_fits(tmp_path / "secret.fits", np.random.default_rng(1).normal(size=(24, 24)))
    table = _table(
        cutouts / "list.csv",
        ra=[100.0, 150.0, 150.0, 150.0],
        dec=[-5.0, 2.0, 2.0, 2.0],
        file=["b/J0000.fits", "../secret.fits", str(secret), "http://127.0.0.1:1/x.fits"],
    )
    result = import_survey(Source(table), {"key": "listed", "survey": "EMU"})
    assert result.read == 1
    refused = _refused(result)
    assert "'..'" in refused["../secret.fits"]
    assert refused[str(secret)] == "no such file here"
    assert "an address" in refused["http://127.0.0.1:1/x.fits"]


def test_images_that_show_another_place_than_the_table_says(cutouts):
    table = _table(
        cutouts / "list.csv", ra=[100.0, 55.0], dec=[-5.0, 40.0], file=["J0000.fits", "J0001.fits"]
    )
    result = import_survey(Source(table), {"key": "listed", "survey": "EMU"})
    assert result.read == 1
    assert "outside the image" in _refused(result)["a/J0001.fits"]


def test_no_row_with_an_image(cutouts):
    table = _table(cutouts / "list.csv", ra=[100.0], dec=[-5.0], file=["x.fits"])
    with pytest.raises(CatalogueError, match="no row of the table has its image here"):
        import_survey(Source(table), {"key": "listed", "survey": "EMU"})


# -- mosaic ------------------------------------------------------------------------------


def test_a_mosaic_and_a_source_list(tmp_path):
    data = np.random.default_rng(2).normal(0, 1e-4, (300, 300)).astype(np.float32)
    data[148:152, 148:152] += 0.05
    path = write_fits(tmp_path / "m.fits", data, 150.0, 2.0, BMAJ=9 / 3600, BMIN=9 / 3600)
    table = _table(
        tmp_path / "list.csv",
        id=["centre", "off", "bad"],
        ra=[150.0, 160.0, np.nan],
        dec=[2.0, 2.0, 2.0],
        las_arcsec=[30.0, 20.0, 10.0],
    )
    look = inspect_source(Source(path, table), {"pixels": 40})
    assert look.kind == "mosaic"
    assert look.found["pixel_scale"] == "3 arcsec (a third of the beam)"
    result = import_survey(Source(path, table), {"key": "m", "survey": "EMU", "pixels": 40})
    catalogue = result.catalogue
    assert catalogue.table["source_id"].tolist() == ["centre"]
    assert catalogue.info.beam == pytest.approx(9.0)
    assert catalogue.info.pixel_scale == 3.0
    image = catalogue.images[0]
    assert np.unravel_index(np.argmax(image), image.shape) in [
        (19, 19),
        (19, 20),
        (20, 19),
        (20, 20),
    ]
    refused = _refused(result)
    assert "outside the mosaic" in refused["row 2: off"]
    assert "empty or not a number" in refused["row 3"]


def test_a_mosaic_asks_when_hours_and_degrees_cannot_be_told(tmp_path):
    path = write_fits(tmp_path / "m.fits", np.ones((50, 50)) + np.eye(50), 150.0, 2.0)
    table = _table(tmp_path / "list.csv", ra=[10.0], dec=[2.0])
    look = inspect_source(Source(path, table))
    assert [q.key for q in look.missing] == ["ra_unit"]
    with pytest.raises(CatalogueError, match=r"ra_unit: .* \(deg, hour, rad\)"):
        import_survey(Source(path, table), {"key": "m"})
    answers = {"key": "m", "ra_unit": "hour", "pixels": 16, "survey": "EMU"}
    assert import_survey(Source(path, table), answers).read == 1


# -- odds and ends -----------------------------------------------------------------------


def test_a_link_in_a_tar_is_no_way_out(cutouts, tmp_path):
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as archive:
        archive.add(cutouts / "a" / "J0001.fits", "good.fits")
        info = tarfile.TarInfo("link.fits")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(info)
        info = tarfile.TarInfo("late.fits")
        data = (cutouts / "a" / "J0003.fits").read_bytes()
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    result = import_survey(Source(path), {"key": "tar", "survey": "EMU"})
    assert result.catalogue.table["file"].tolist() == ["good.fits", "late.fits"]
    assert _refused(result) == {"link.fits": "a link to '/etc/passwd'"}


def test_files_of_a_folder(cutouts):
    names = ImageFiles(cutouts).names
    assert names == sorted(names)
    assert "README.txt" in names
    assert ".hidden.fits" not in names


def test_a_table_with_an_image_that_is_no_mosaic(tmp_path):
    fits.PrimaryHDU(np.zeros((20, 20), np.float32)).writeto(tmp_path / "m.fits")
    table = _table(tmp_path / "list.csv", ra=[150.0], dec=[2.0])
    with pytest.raises(ImageError, match="no WCS"):
        inspect_source(Source(tmp_path / "m.fits", table))
