"""One of several tables in a file, and the frame of a list, through whole imports."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import FK4, SkyCoord
from astropy.io import fits
from astropy.table import Table

from radioviz.data.__main__ import main
from radioviz.data.user_surveys import open_survey
from radioviz.importing import Source, inspect_source
from tests.importing.conftest import write_fits

RA, DEC = [150.0, 151.0], [2.0, 3.0]
ANSWERS = {"bunit": "Jy/beam", "beam": "6", "survey": "unknown", "pixel_scale": "2"}


def _lists(path, **columns):
    """A file of two tables that name the images the one way and the other way round."""
    hdus = [
        fits.BinTableHDU(
            Table({"name": [f"{title}1", f"{title}2"], "image": files, **columns}), name=title
        )
        for title, files in (("A", ["1.fits", "2.fits"]), ("B", ["1.fits", "2.fits"]))
    ]
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(path)
    return path


def _images(folder):
    for number, (ra, dec) in enumerate(zip(RA, DEC, strict=True), start=1):
        data = np.zeros((24, 24))
        data[11:13, 11:13] = number
        write_fits(folder / f"{number}.fits", data, ra, dec)
    return folder


def _zipped(folder, path):
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.iterdir()):
            archive.write(file, file.name)
    return path


@pytest.mark.parametrize("kind", ["folder", "zip", "cube", "mosaic", "file"])
def test_which_table_for_every_source(tmp_path, kind):
    images = _images(tmp_path / "images")
    table = _lists(tmp_path / "lists.fits", ra=RA, dec=DEC)
    source = {"folder": images, "zip": tmp_path / "z.zip", "cube": tmp_path / "c.npy",
              "mosaic": tmp_path / "m.fits", "file": table}[kind]  # fmt: skip
    if kind == "zip":
        _zipped(images, source)
    elif kind == "cube":
        np.save(source, np.ones((2, 24, 24), np.float32))
    elif kind == "mosaic":
        write_fits(source, np.ones((64, 64)), *(RA[0], DEC[0]))
    given = Source(source) if kind == "file" else Source(source, table)
    answers = {**ANSWERS, **({"service": "nvss"} if kind == "file" else {})}
    for which, wanted in (("", "A1"), ("B", "B1"), ("2", "B1"), ("1", "A1")):
        look = inspect_source(given, {**answers, **({"which_table": which} if which else {})})
        assert look.sample["name"].tolist()[0] == wanted
        assert [q.choices for q in look.needed if q.key == "which_table"] == [("A", "B")]


def test_which_table_and_frame_on_the_command_line(tmp_path, capsys):
    images = _images(tmp_path / "images")
    old = SkyCoord(RA * u.deg, DEC * u.deg).transform_to(FK4(equinox="B1950"))
    table = _lists(tmp_path / "lists.fits", RA=old.ra.deg, DEC=old.dec.deg)
    options = [f"--{k.replace('_', '-')}={v}" for k, v in ANSWERS.items()]
    command = ["import", str(images), "--table", str(table), "--key", "mine", *options]
    assert main([*command, "--which-table", "B", "--frame", "FK4 B1950"]) == 0
    catalogue = open_survey("mine")
    assert catalogue.table["name"].tolist() == ["B1", "B2"]
    apart = SkyCoord(catalogue.table["ra"], catalogue.table["dec"], unit="deg").separation(
        SkyCoord(RA, DEC, unit="deg")
    )
    assert apart.arcsec.max() < 0.05
    assert any("converted from FK4 B1950 to ICRS (J2000)" in note for note in catalogue.notes)
    assert main([*command, "--look", "--which-table", "C"]) != 0
    assert "no table 'C' in it; it has 2: 'A', 'B'" in capsys.readouterr().err


def test_images_with_a_gap_in_their_numbers(tmp_path, capsys):
    images = _images(tmp_path / "images")
    (tmp_path / "list.csv").write_text("image,ra,dec\n1,150,2\n2,151,3\n,152,4\n")
    options = [f"--{k.replace('_', '-')}={v}" for k, v in ANSWERS.items()]
    table = str(tmp_path / "list.csv")
    assert main(["import", str(images), "--table", table, "--key", "mine", *options]) == 0
    assert [float(i.max()) for i in open_survey("mine").images] == [1.0, 2.0]
    assert "row 3: the table names no file" in capsys.readouterr().err


def test_names_of_files_that_look_like_numbers(tmp_path):
    images = tmp_path / "images"
    for peak, name in ((1, "1.1"), (2, "1.10"), (3, "007"), (4, "7")):
        data = np.zeros((24, 24))
        data[11:13, 11:13] = peak
        write_fits(images / f"{name}.fits", data)
    table = tmp_path / "list.csv"
    table.write_text("image,ra,dec\n1.1,150,2\n1.10,150,2\n007,150,2\n7,150,2\n")
    options = [f"--{k.replace('_', '-')}={v}" for k, v in ANSWERS.items()]
    assert main(["import", str(images), "--table", str(table), "--key", "mine", *options]) == 0
    catalogue = open_survey("mine")
    files = catalogue.table["file"].tolist()
    peaks = dict(zip(files, (float(i.max()) for i in catalogue.images), strict=True))
    assert peaks == {"1.1.fits": 1.0, "1.10.fits": 2.0, "007.fits": 3.0, "7.fits": 4.0}
    assert [f"{cell}.fits" for cell in catalogue.table["image"]] == files
