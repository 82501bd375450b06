"""The view of a session file: what is taken from it, and what it misses."""

from __future__ import annotations

from typing import Any

import pytest

from radioviz.data.catalogue import Catalogue
from radioviz.paths import REPOSITORY
from radioviz.ui import saved_view
from radioviz.ui.image.display import ImageStyle


@pytest.fixture(autouse=True)
def session(first: Catalogue, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    held: dict[str, Any] = {}
    monkeypatch.setattr(saved_view.st, "session_state", held)
    return held


def test_a_view_is_offered_and_its_style_restored(
    session: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = saved_view.view_to_save("first", None, ImageStyle("log", "viridis", 90.0))()
    assert saved_view.offer_view(saved) == []
    saved_view._choose_view()
    monkeypatch.setattr(saved_view.st, "switch_page", lambda page, query_params: None)
    saved_view.open_chosen_view()
    saved_view.restore()
    assert (session["stretch"], session["field"]) == ("log", 90.0)


@pytest.mark.parametrize(
    ("view", "missing"),
    [
        ({"page": "latent_map", "data": "theirs"}, "data set 'theirs'"),
        ({"page": "latent_map", "data": "first", "encoder": "theirs"}, "model 'theirs'"),
    ],
)
def test_what_a_view_misses_is_said(
    view: dict[str, Any], missing: str, session: dict[str, Any]
) -> None:
    assert missing in saved_view.offer_view(view)[0]
    assert saved_view._waiting().offered is None


@pytest.mark.parametrize(
    "view", [{}, {"page": "../../etc", "data": "first"}, {"page": "latent_map", "data": 7}]
)
def test_views_of_no_use_are_not_offered(view: dict[str, Any], session: dict[str, Any]) -> None:
    assert saved_view.offer_view(view) == []
    assert saved_view._waiting().offered is None


def test_every_page_can_be_saved() -> None:
    assert set(saved_view.PAGES) == {path.stem for path in (REPOSITORY / "pages").glob("*.py")}


def test_unknown_image_settings_are_ignored(session: dict[str, Any]) -> None:
    saved_view._waiting().style = {"stretch": "<b>", "field": [], "colour_map": None}
    saved_view.restore()
    assert "stretch" not in session and "field" not in session
