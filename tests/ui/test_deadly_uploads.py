"""Uploads that end the process which reads them: the page says so, and goes on."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import pytest
from streamlit.testing.v1 import AppTest

from radioviz.api import confined
from radioviz.api.samp_messages import TABLE, Message
from radioviz.errors import RadioVizError
from radioviz.export.session import Session, session_bytes
from radioviz.jobs.sandbox import Limits
from tests.data.fits_files import cards, noise, primary

Open = Callable[..., AppTest]

DEATHS = {
    "crashes": ("crash", (), "the reader crashed"),
    "takes 10 GB": ("fill_memory", (10_000_000_000,), "GB of memory"),
    "never returns": ("wait_in_c", (), "it took longer than 2 s"),
    "fails oddly": ("fail", (), "KeyError"),
}
UPLOADS = {
    "image": ("x.fits", primary(noise((64, 64)), cards((64, 64)))),
    "table": ("t.csv", b"name,ra,dec\na,150.1,2.2\nb,150.2,2.3\n"),
    "archive": ("a.zip", b"PK\x03\x04"),
    "HDF5": ("c.h5", b"\x89HDF\r\n\x1a\n" + bytes(100)),
}


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RADIOVIZ_HOME", str(tmp_path / "home"))


@pytest.fixture(params=DEATHS)
def death(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Whatever is to be read, the process of the reader ends so; what the page is to say."""
    function, arguments, says = DEATHS[request.param]
    really = confined.read_confined

    def deadly(_: str, *__: Any, **options: Any) -> Any:
        kept = {key: value for key, value in options.items() if key in ("name", "read")}
        limits = Limits(seconds=2)
        return really(f"tests.jobs.misbehaving:{function}", *arguments, limits=limits, **kept)

    monkeypatch.setattr(confined, "read_confined", deadly)
    return says


def errors(app: AppTest) -> str:
    assert not app.exception
    return "\n".join(str(e.value) for e in (*app.main.error, *app.sidebar.error)).replace("\\", "")


@pytest.mark.parametrize("kind", UPLOADS)
def test_a_file_to_import(kind: str, open_page: Open, death: str) -> None:
    name, payload = UPLOADS[kind]
    app = open_page("your_data")
    app.main.file_uploader[0].set_value([(name, payload, "application/octet-stream")])
    app.run()
    said = errors(app)
    assert death in said
    assert name in said
    assert not [b for b in app.main.button if b.key == "import_start" and not b.disabled]
    app.switch_page("pages/overview.py").run()  # the server goes on
    assert not app.exception


def test_an_image_to_search_by(open_page: Open, death: str) -> None:
    app = open_page("similar", state={"similar_kind": "file"}, encoder="vae32")
    app.file_uploader(key="similar_file").upload(*UPLOADS["image"]).run()
    assert "'x.fits' could not be read: " in errors(app)
    assert death in errors(app)


def test_a_saved_selection(open_page: Open, death: str) -> None:
    app = open_page("overview")
    payload = session_bytes(Session((("first", "first-4"),)))
    app.file_uploader(key="tray_file").upload("mine.radioviz", payload).run()
    assert death in errors(app)
    app.file_uploader(key="tray_file").clear().run()
    assert errors(app) == ""


def test_a_table_sent_by_another_program(tmp_path: Path, death: str) -> None:
    """What the panel of received tables shows is the error's text."""
    (tmp_path / "t").write_bytes(b"<VOTABLE/>")
    with pytest.raises(RadioVizError, match=death):
        confined.fetch_table(Message(TABLE, "TOPCAT", (tmp_path / "t").as_uri(), "t"))


def test_kilobytes_that_claim_a_survey(open_page: Open) -> None:
    """As a browser sends them: an HDF5 of 31 GB that was never written, and links outside."""
    out = io.BytesIO()
    with h5py.File(out, "w") as file:
        file.create_dataset("img", (350_000, 150, 150), "f4", chunks=(16, 150, 150))
        file["passwd"] = h5py.ExternalLink("/etc/passwd", "/")
    app = open_page("your_data")
    app.main.file_uploader[0].set_value([("c.h5", out.getvalue(), "application/x-hdf5")])
    app.run()
    claims = "350,000 images of 150 x 150 pixels: 0 stored bytes unpack to 31,500,000,000"
    assert claims in errors(app)
