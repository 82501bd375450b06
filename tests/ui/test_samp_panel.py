"""What other programs send by SAMP moves the focus and the selection."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from astropy.table import Table

from radioviz.api.samp_messages import IMAGE, POSITION, ROW, ROWS, TABLE, Message
from radioviz.data.catalogue import Catalogue
from radioviz.errors import RadioVizError
from radioviz.export import Group, votable_bytes
from radioviz.ui import samp_panel, state
from radioviz.ui.state import Selection


@pytest.fixture(autouse=True)
def session(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """A session's brush and focus without a browser."""
    held: dict[str, object] = {"brush": Selection(), "focus": None}
    monkeypatch.setattr(state, "brush", lambda: held["brush"])
    monkeypatch.setattr(state, "set_brush", lambda pairs, origin: held["brush"].replace(pairs))  # type: ignore[attr-defined]
    monkeypatch.setattr(
        state, "set_focus", lambda d, s, origin="": held.__setitem__("focus", (d, s))
    )
    return held


def test_a_highlighted_row_is_looked_at(first: Catalogue, session: dict[str, object]) -> None:
    message = Message(ROW, "TOPCAT", sources=(("first", "first-7"),))
    assert samp_panel.report_on(message, "first") == "TOPCAT: first-7 highlighted"
    assert session["focus"] == ("first", "first-7")
    unknown = Message(ROW, "TOPCAT", sources=(("gone", "x"),))
    assert "TOPCAT: these rows" in samp_panel.report_on(unknown, "first")


def test_selected_rows_are_the_selection(first: Catalogue, session: dict[str, object]) -> None:
    rows = (("first", "first-7"), ("first", "first-9"), ("gone", "x"))
    assert "2 galaxies" in samp_panel.act_on(Message(ROWS, "TOPCAT", sources=rows), "first")
    assert list(session["brush"]) == list(rows[:2])  # type: ignore[call-overload]


def test_a_position_finds_the_nearest(first: Catalogue, session: dict[str, object]) -> None:
    row = int(np.flatnonzero(np.isfinite(first.table["ra"]))[11])
    ra, dec = (float(first.table[c].iat[row]) for c in ("ra", "dec"))
    samp_panel.act_on(Message(POSITION, "Aladin", ra=ra, dec=dec + 2 / 3600), "first")
    found = session["focus"]
    assert isinstance(found, tuple)
    there = first.rows_of([found[1]])[0]
    assert abs(first.table["dec"].iat[there] - dec) < 30 / 3600
    with pytest.raises(RadioVizError):
        samp_panel.act_on(Message(POSITION, "Aladin", ra=ra, dec=-89.0), "first")


def sent(tmp_path: Path, payload: bytes) -> Message:
    path = tmp_path / f"{len(payload)}.vot"
    path.write_bytes(payload)
    return Message(TABLE, "TOPCAT", url=path.as_uri(), name="table")


def by_position(catalogue: Catalogue) -> bytes:
    rows = np.flatnonzero(np.isfinite(catalogue.table["ra"]))[[3, 30, 300]]
    table = Table(
        {
            "RAJ2000": [*catalogue.table["ra"].to_numpy()[rows], 10.0],
            "DEJ2000": [*catalogue.table["dec"].to_numpy()[rows], -88.0],
        },
        units={"RAJ2000": "deg", "DEJ2000": "deg"},
    )
    out = io.BytesIO()
    table.write(out, format="votable")
    return out.getvalue()


def by_identifier(catalogue: Catalogue) -> bytes:
    return votable_bytes(Group(catalogue, np.array([4, 40, 400])))


@pytest.mark.parametrize("make", [by_position, by_identifier])
def test_a_table_selects_its_galaxies(
    first: Catalogue,
    session: dict[str, object],
    tmp_path: Path,
    make: Callable[[Catalogue], bytes],
) -> None:
    assert "3 galaxies" in samp_panel.act_on(sent(tmp_path, make(first)), "first")
    assert len(session["brush"]) == 3  # type: ignore[arg-type]


def test_what_cannot_be_used_is_said(first: Catalogue, tmp_path: Path) -> None:
    out = io.BytesIO()
    Table({"ra": [10.0], "dec": [-88.0]}).write(out, format="votable")
    for message, why in (
        (Message(ROW, "TOPCAT"), "did not send"),
        (Message(IMAGE, "DS9"), "image"),
        (sent(tmp_path, out.getvalue()), "no row of"),
        (sent(tmp_path, b"nonsense"), "not a votable"),
    ):
        with pytest.raises(RadioVizError, match=why):
            samp_panel.act_on(message, "first")


def test_what_became_of_what_was_sent() -> None:
    from radioviz.api.samp import Delivery
    from radioviz.ui.samp_panel import delivery_text

    ds9, aladin = Delivery("DS9"), Delivery("Aladin", "no more layers")
    assert delivery_text([ds9, Delivery("Aladin"), ds9, aladin], "image") == (
        "DS9 received 2 images; Aladin received the image; Aladin: no more layers"
    )
