"""ZIP of single FITS files."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from astropy.io import fits

from radioviz.export import Group, write_zip
from tests.export.written import zip_bytes


def test_archive_holds_one_file_a_source(
    groups: list[Group], tmp_path: Path, fitsverify: Callable[[Path], None]
) -> None:
    with zipfile.ZipFile(io.BytesIO(zip_bytes(groups, note="lassoed"))) as archive:
        assert archive.testzip() is None
        table = pd.read_csv(archive.open("sources.csv"))
        names = archive.namelist()
        readme = archive.read("README.txt").decode()
        licence = archive.read("LICENCE.txt").decode()
        archive.extractall(tmp_path)
    assert len(table) == sum(len(g) for g in groups)
    assert sorted(names) == sorted(
        [*table["image_file"], "sources.csv", "README.txt", "LICENCE.txt"]
    )
    assert len({n.lower() for n in names}) == len(names)
    row = 0
    for group in groups:
        for number in group.rows:
            path = tmp_path / table["image_file"][row]
            with fits.open(path) as hdus:
                np.testing.assert_array_equal(hdus[0].data, group.catalogue.images[number])
                assert hdus[0].header["DATASET"] == group.catalogue.info.key
            fitsverify(path)
            row += 1
    assert "lassoed" in readme
    assert "[arcsec]" in readme
    assert "© nobody" in licence
    assert "not stated by the origin" in licence  # of the grey images


def test_names_stay_inside_the_archive(groups: list[Group]) -> None:
    with zipfile.ZipFile(io.BytesIO(zip_bytes(groups))) as archive:
        for name in archive.namelist():
            assert ".." not in name
            assert not name.startswith("/")
            assert "\\" not in name
            assert Path(name).stem.upper() != "CON"


def test_archive_streams_to_a_pipe(groups: list[Group]) -> None:
    class Pipe(io.RawIOBase):
        written = b""

        def writable(self) -> bool:
            return True

        def write(self, data: object) -> int:
            self.written += bytes(data)  # type: ignore[call-overload]
            return len(data)  # type: ignore[arg-type]

    pipe = Pipe()
    write_zip(pipe, groups)
    with zipfile.ZipFile(io.BytesIO(pipe.written)) as archive:
        assert archive.testzip() is None
