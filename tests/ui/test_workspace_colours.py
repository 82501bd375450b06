"""Subsets and tags as colours of a map: the last subset is above, tags share their words."""

from __future__ import annotations

import numpy as np
import pytest

from radioviz.data.catalogue import Catalogue
from radioviz.ui import session_workspace, workspace_columns
from radioviz.ui.map import workspace_colours
from radioviz.ui.map.workspace_colours import SUBSET, TAGS, workspace_colour, workspace_text
from radioviz.ui.session_workspace import WorkspaceState
from radioviz.workspace.labels import Labels


@pytest.fixture
def given(first: Catalogue, monkeypatch: pytest.MonkeyPatch) -> Labels:
    """Tags of three galaxies, and two subsets that overlap."""
    held = Labels()
    held.tag([("first", "first-0"), ("first", "first-1")], "bent")
    held.tag([("first", "first-1"), ("first", "first-2")], "wide")
    state = workspace_columns._Held()
    values = {"subsets": [
        {"name": "a", "colour": "#111111", "groups": [["first", ["first-0", "first-1"]]]},
        {"name": "b", "colour": "#222222", "groups": [["first", ["first-1", "first-2"]]]},
    ]}  # fmt: skip
    for module in (workspace_columns, workspace_colours):
        monkeypatch.setattr(module, "labels", lambda: held)
    monkeypatch.setattr(workspace_columns, "page_state", lambda cls: state)
    monkeypatch.setattr(session_workspace, "workspace_state", lambda: WorkspaceState(values=values))
    return held


@pytest.mark.usefixtures("given")
def test_the_last_subset_gives_the_colour(first: Catalogue) -> None:
    rows = np.array([2, 0, 1, 5])
    colour = workspace_colour(SUBSET, [("first", rows), ("first", rows[:1])])
    assert colour is not None and colour.codes is not None
    assert [colour.names[c] for c in colour.codes] == ["b", "a", "b", "", "b"]
    assert dict(zip(colour.names, colour.colours, strict=True))["a"] == "#111111"
    assert workspace_text(SUBSET, "first", 1) == "a; b"
    assert workspace_text(TAGS, "first", 5) == ""


@pytest.mark.usefixtures("given")
def test_tags_that_go_together_have_a_colour(first: Catalogue) -> None:
    colour = workspace_colour(TAGS, [("first", np.array([0, 1, 2, 3]))])
    assert colour is not None and colour.codes is not None
    assert [colour.names[c] for c in colour.codes] == ["bent", "bent; wide", "wide", ""]
    assert len(set(colour.colours)) == 4
    assert colour.names[-1] == ""
