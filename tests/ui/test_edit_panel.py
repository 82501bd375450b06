"""The panel that changes a galaxy: what it shows, and that every ability of a model has a name."""

from __future__ import annotations

import io
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from radioviz import export
from radioviz.jobs.progress import no_progress
from radioviz.models.artefact import CAPABILITIES
from radioviz.ui import edit_panel
from radioviz.ui.pages.overview.overview_view import ABILITIES
from tests.encode.test_editor import editor  # noqa: F401
from tests.models.small import galaxies


def page() -> None:
    import numpy as np
    import streamlit as st

    from radioviz.ui import edit_panel
    from radioviz.ui.controls import View
    from radioviz.ui.image.display import ImageStyle
    from tests.models.small import galaxies

    seen = st.session_state
    image = np.array(galaxies(3, 64, seed=4)[seen.get("row", 1)])
    view, scale = View("first", None, ImageStyle()), seen.get("scale", 2.7)
    edit_panel.edit_panel(lambda info: image, "J1", "FRI", view, lambda info: scale)


def test_every_ability_has_a_name_on_the_overview() -> None:
    assert set(ABILITIES) == set(CAPABILITIES)


def test_a_change_is_drawn_with_its_identity_distance(editor, monkeypatch) -> None:  # noqa: F811
    from radioviz.ui import cache

    models = SimpleNamespace(with_capability=lambda *_: {"tiny": editor.info})
    monkeypatch.setattr(cache, "models", lambda: models)
    monkeypatch.setattr(cache, "encoder", lambda name: editor.encoder)
    written: list[Callable] = []
    monkeypatch.setattr(edit_panel, "export_button", lambda *a, **o: written.append(a[2]))
    test = AppTest.from_function(page, default_timeout=200).run()
    assert not test.exception
    text = " ".join(str(e.proto) for e in test.get("html"))
    assert "SYNTHETIC" not in text  # nothing but the observed image so far
    test.button(key="edit_go").click().run()
    assert not test.exception
    text = " ".join(str(e.proto) for e in test.get("html"))
    wanted = editor.move(np.array(galaxies(3, 64, seed=4)[1]), "FRII", None, "FRI", 0.5)
    assert "SYNTHETIC" in text and f"{wanted.distance:.3f}" in text
    test.radio(key="edit_what").set_value("Fill a part").run()
    test.button(key="edit_go").click().run()
    assert not test.exception
    text = " ".join(str(e.proto) for e in test.get("html"))
    assert "2,048 of 4,096" in text
    given: dict[str, Any] = {}
    monkeypatch.setattr(export, "write_simulated_fits", lambda *_, **options: given.update(options))
    written[-1](io.BytesIO(), no_progress)
    assert given["drawn"][:, 32:].all() and not given["drawn"][:, :32].any()


def test_sizes_follow_the_pixels_and_a_change_its_image(editor, monkeypatch) -> None:  # noqa: F811
    from radioviz.ui import cache

    models = SimpleNamespace(with_capability=lambda *_: {"tiny": editor.info})
    monkeypatch.setattr(cache, "models", lambda: models)
    monkeypatch.setattr(cache, "encoder", lambda name: editor.encoder)
    test = AppTest.from_function(page, default_timeout=200)
    test.session_state["scale"] = 27.0  # ten times the beam of FIRST
    test.run().toggle(key="edit_sized").set_value(True).run()
    (slider,) = (s for s in test.slider if s.label.startswith("Angular"))
    assert (slider.min, slider.max, slider.value) == (pytest.approx(50), pytest.approx(1600), 60.0)
    slider.set_value(900.0).run()
    test.button(key="edit_go").click().run()
    assert not test.exception
    assert "900 arcsec" in " ".join(str(e.proto) for e in test.get("html"))
    # Another galaxy of the same name does not show what was made of this one.
    test.session_state["row"] = 2
    test.run()
    assert "SYNTHETIC" not in " ".join(str(e.proto) for e in test.get("html"))
    test.session_state["scale"] = 2.7
    test.run()
    (slider,) = (s for s in test.slider if s.label.startswith("Angular"))
    assert not test.exception and slider.max == pytest.approx(160)


@pytest.mark.parametrize("names", [["tiny"], []])
def test_models_that_edit_are_those_with_the_ability(monkeypatch, names) -> None:
    from radioviz.ui import cache

    seen: list[str] = []

    def with_capability(*wanted: str) -> dict[str, None]:
        seen.extend(wanted)
        return dict.fromkeys(names)

    monkeypatch.setattr(cache, "models", lambda: SimpleNamespace(with_capability=with_capability))
    assert list(edit_panel.editors()) == names and seen == ["edit"]
