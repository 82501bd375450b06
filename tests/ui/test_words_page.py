"""Similar in words: a sentence, its filter, and a tag that is taught."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from tests.ui.conftest import session_of

Open = Callable[..., AppTest]
HELD = "radioviz.workspace.labels.Labels"


def test_a_sentence_of_a_link_is_read_shown_and_changed(open_page: Open) -> None:
    app = open_page("similar", data="first", words="bnet, larger than 80 arcsec, purple")
    assert app.text_area(key="words_filter").value == "bent >= 0.5 and las > 80"
    assert app.text_input(key="words_ranking").value == "bent"
    assert any("purple" in w.value for w in app.warning)
    assert any("bnet" in i.value and "bent" in i.value for i in app.info)
    before = int(app.subheader[0].value.split()[0].replace(",", ""))
    app.text_area(key="words_filter").set_value("bent >= 0.5 and las > 120").run()
    fewer = int(app.subheader[0].value.split()[0].replace(",", ""))
    assert 0 < fewer < before
    app.button(key="words_apply").click().run()
    assert app.text_area(key="filter_text").value == "bent >= 0.5 and las > 120"
    app.text_area(key="words_filter").set_value("bent >>> 3").run()
    assert app.error and not app.exception


@pytest.mark.parametrize("sentence", ["", "asdfgh", "like J9999+9999", "larger than 80 furlongs"])
def test_nothing_understood_shows_no_galaxies(open_page: Open, sentence: str) -> None:
    app = open_page("similar", {"similar_kind": "words"}, data="first", words=sentence)
    assert not app.exception and not app.error and not app.subheader


def test_a_tag_is_taught_and_undone(open_page: Open) -> None:
    app = open_page("similar", {"similar_kind": "taught"}, data="first")
    app.selectbox(key="teach_tag").set_value("interesting").run()
    for number, key in ((2105, "Y"), (2134, "Y"), (700, "N"), (710, "N")):
        session_of(app).focus = ("first", f"first-{number}")
        app.run()
        app.button(key=f"teach_{key}").click().run()
    labels = app.session_state[HELD]
    assert labels.counts() == {"interesting": 2, "not interesting": 2}
    assert any("2 of 2" in m.value or "of 2 examples" in m.value for m in app.markdown)
    assert any("most likely first" in s.value for s in app.subheader)
    app.button(key="teach_undo").click().run()
    assert app.session_state[HELD].counts() == {"interesting": 2, "not interesting": 1}
    assert not app.exception


def test_looking_by_words_needs_no_torch(open_page: Open) -> None:
    if "torch" in sys.modules:
        pytest.skip("another test loaded torch")
    open_page("similar", data="first", words="like J0747+1717 but one-sided")
    assert "torch" not in sys.modules
