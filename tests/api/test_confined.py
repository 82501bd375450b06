"""Pages read what strangers bring in a confined process, with the answers and errors of today."""

from __future__ import annotations

import dataclasses
import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from PIL import Image

from radioviz import importing
from radioviz.api import confined, crossmatching
from radioviz.api.samp_messages import Message
from radioviz.errors import CatalogueError, ImageError, SampError, SelectionError
from radioviz.export.session import Mark, Session, read_session, session_bytes
from radioviz.importing import Source
from radioviz.similarity import query_image
from radioviz.similarity.query_image import Box
from tests.data.fits_files import cards, noise, primary


@pytest.fixture
def cutout() -> bytes:
    image = noise()
    image[40:60, 40:60] += 1
    return primary(image, cards(image.shape))


def test_a_session_file(cutout: bytes) -> None:
    session = Session((("first", "first-7"),), (Mark("first", "first-1", 4),), {"page": "similar"})
    assert confined.read_session(session_bytes(session)) == session
    for broken in (b"{", b"[]", b'{"format": "radioviz-selection"}'):
        with pytest.raises(SelectionError) as here:
            read_session(broken)
        with pytest.raises(SelectionError) as there:
            confined.read_session(broken)
        assert str(there.value) == str(here.value)


def test_a_query_image(cutout: bytes) -> None:
    here = query_image.read_picture(cutout, "a.fits")
    images, there, position = confined.read_query(cutout, "a.fits")
    assert there is not None
    np.testing.assert_array_equal(there.data, here.data)
    facts = [f.name for f in dataclasses.fields(here) if f.name not in ("data", "wcs")]
    assert [getattr(there, name) for name in facts] == [getattr(here, name) for name in facts]
    assert images == query_image.images_in(cutout, "a.fits")
    assert position == query_image.position_of(here, Box.whole(here.data))
    box = Box(10, 30, 20, 40)
    assert confined.position_in(cutout, "a.fits", None, box) == query_image.position_of(here, box)
    with pytest.raises(ImageError, match=r"b\.fits: the file is empty"):
        confined.read_query(b"", "b.fits")


def test_a_query_of_several_images_is_read_once_one_is_chosen() -> None:
    hdus = [fits.PrimaryHDU(), *(fits.ImageHDU(np.eye(20) * i) for i in (1, 2))]
    out = io.BytesIO()
    fits.HDUList(hdus).writeto(out)
    images, image, _ = confined.read_query(out.getvalue(), "two.fits")
    assert [number for number, _ in images] == [1, 2] and image is None
    _, image, _ = confined.read_query(out.getvalue(), "two.fits", 2)
    assert image is not None and image.data.max() == 2


def test_the_spare_process_has_imported_all_readers() -> None:
    """Each reading is a fork of it: what it has not imported, each would import again."""
    code = (
        "import sys, socket, threading\n"
        "from radioviz.api.confined import READERS\n"
        "from radioviz.jobs import reader_process as r\n"
        "ours, theirs = socket.socketpair(); ours.close()\n"
        "def leave(code): raise InterruptedError\n"
        "r.os._exit = leave\n"
        "try: r._serve(theirs, READERS)\n"
        "except InterruptedError: pass\n"
        "print([m for m in READERS if m not in sys.modules], 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[] False"


def test_a_survey(tmp_path: Path, cutout: bytes) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for i in range(3):
        (folder / f"s{i}.fits").write_bytes(cutout)
    table = tmp_path / "table.csv"
    table.write_text("file,name,ra,dec\n" + "".join(f"s{i}.fits,00{i},{i},{i}\n" for i in range(3)))
    packed = tmp_path / "in.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("s.fits", cutout)
    (folder / "beside.csv").write_bytes(table.read_bytes())
    for source in (
        Source(folder), Source(folder, table), Source(packed), Source(folder / "beside.csv"),
    ):  # fmt: skip
        here, there = importing.inspect_source(source), confined.inspect_source(source)
        assert (there.source, there.kind, there.count) == (here.source, here.kind, here.count)
        assert (there.found, there.needed, there.state) == (here.found, here.needed, here.state)
        assert (there.refused, there.notes, there.key) == (here.refused, here.notes, here.key)
        pd.testing.assert_frame_equal(there.sample, here.sample)
    assert confined.column_names(table) == ["file", "name", "ra", "dec"]
    with pytest.raises(CatalogueError, match="no such file"):
        confined.inspect_source(Source(tmp_path / "absent.zip"))


PARSERS = [
    ("h5py", "File"), ("astropy.io.fits", "open"), ("astropy.io.votable", "parse"),
    ("astropy.table.Table", "read"), ("pyarrow.parquet", "ParquetFile"),
    ("pyarrow.parquet", "read_table"), ("pandas", "read_csv"), ("pandas", "read_parquet"),
    ("PIL.Image", "open"), ("zipfile", "ZipFile"), ("tarfile", "open"), ("json", "loads"),
    ("csv", "reader"), ("gzip", "open"), ("numpy", "load"), ("xml.parsers.expat", "ParserCreate"),
]  # fmt: skip


@pytest.fixture
def no_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every parser raises in this process."""
    import importlib

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("parsed in the server's own process")

    for where, name in PARSERS:
        try:
            owner = importlib.import_module(where)
        except ImportError:
            module, _, attribute = where.rpartition(".")
            owner = getattr(importlib.import_module(module), attribute)
        monkeypatch.setattr(owner, name, refuse)


def _files(cutout: bytes) -> dict[str, bytes]:
    files: dict[str, bytes] = {"a.fits": cutout}
    out = io.BytesIO()
    Image.fromarray(np.arange(10000, dtype=np.uint8).reshape(100, 100)).save(out, "PNG")
    files["a.png"] = out.getvalue()
    frame = pd.DataFrame({"ra": [1.0, 2.0], "dec": [3.0, 4.0], "name": ["a", "b"]})
    files["t.csv"] = frame.to_csv(index=False).encode()
    out = io.BytesIO()
    frame.to_parquet(out)
    files["t.parquet"] = out.getvalue()
    out = io.BytesIO()
    fits.BinTableHDU.from_columns(
        [fits.Column("ra", "D", unit="deg", array=[1.0]), fits.Column("dec", "D", array=[2.0])]
    ).writeto(out)
    files["t.fits"] = out.getvalue()
    out = io.BytesIO()
    np.save(out, np.random.default_rng(0).normal(size=(4, 64, 64)).astype("f4"))
    files["c.npy"] = out.getvalue()
    import h5py

    out = io.BytesIO()
    with h5py.File(out, "w") as file:
        file["images"] = np.random.default_rng(0).normal(size=(4, 64, 64)).astype("f4")
    files["c.h5"] = out.getvalue()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("s.fits", cutout)
    files["z.zip"] = out.getvalue()
    return files


def test_no_upload_is_parsed_in_the_servers_own_process(
    tmp_path: Path, cutout: bytes, request: pytest.FixtureRequest
) -> None:
    files = _files(cutout)
    for name, payload in files.items():
        (tmp_path / name).write_bytes(payload)
    request.getfixturevalue("no_parser")
    kinds = {name: confined.inspect_source(Source(tmp_path / name)).kind for name in files}
    assert kinds == {
        "a.fits": "files", "a.png": "files", "t.csv": "positions", "t.parquet": "positions",
        "t.fits": "positions", "c.npy": "cube", "c.h5": "cube", "z.zip": "files",
    }  # fmt: skip
    for name in ("t.csv", "t.parquet", "t.fits"):
        assert "ra" in confined.column_names(tmp_path / name)
        assert len(crossmatching.inspect_catalogue(tmp_path / name).columns) >= 2
        matched = crossmatching.match_file(
            tmp_path / name, np.array([1.0]), np.array([3.0]), 5.0, answers={"ra_unit": "deg"}
        )
        assert len(matched.galaxy) == (name != "t.fits")  # which has its galaxy at Dec 2
    labels = b"data_set,source_id,tags\nfirst,first-1,odd\n"
    assert len(confined.read_labels(labels, "labels.csv")) == 1
    for name in ("a.fits", "a.png"):
        image = confined.read_query(files[name], name)[1]
        assert image is not None and image.data.ndim == 2
        confined.position_in(files[name], name, None, Box(2, 20, 2, 20))
    session = {"format": "radioviz-selection", "version": 1, "sources": []}
    assert confined.read_session(json.dumps(session).encode()) == Session((), (), {})


def test_a_table_that_another_program_sent(tmp_path: Path) -> None:
    from astropy import units as u
    from astropy.table import Table

    table = Table({"source_id": ["a", "b"], "ra": [1.0, 2.0] * u.deg})
    table["ra"].meta["ucd"] = "pos.eq.ra"
    table.meta["EQUINOX"] = 1950.0  # only FITS has a place for it
    for form, mtype in (("votable", "table.load.votable"), ("fits", "table.load.fits")):
        file = tmp_path / form
        table.write(file, format=form)
        found = confined.fetch_table(Message(mtype, "TOPCAT", file.as_uri(), form))
        assert found.frame["source_id"].tolist() == ["a", "b"]
        assert (found.units["ra"], found.frame["ra"].tolist()) == ("deg", [1.0, 2.0])
        assert found.frames.get("", "") == ("1950.0" if form == "fits" else "")
        file.write_bytes(b"x")
        with pytest.raises(SampError, match=f"'{form}' of TOPCAT is not a {form} table"):
            confined.fetch_table(Message(mtype, "TOPCAT", file.as_uri(), form))
