"""Similar in words: a sentence, its filter, and a tag that is taught."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.metadata import EntryPoint

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from radioviz.api.selection import select_galaxies
from radioviz.ui.state import Selection
from radioviz.ui.subsets import Subset
from radioviz.words import text_encoder
from radioviz.words.heads import read_heads
from radioviz.words.vocabulary import read_vocabulary
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


def test_two_selections_in_words(open_page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    table = select_galaxies("first").set_index("source_id")
    bent, compact = (table.index[table["label"] == k] for k in ("Bent", "Compact"))
    pairs = [[("first", s) for s in ids] for ids in (bent, compact)]
    subset = Subset("round", "#112233", Selection(pairs[1]))
    monkeypatch.setattr("radioviz.ui.word_panels.subsets", lambda: [subset])
    app = open_page("latent_map", {"brush": Selection(pairs[0])}, data="first")

    def said() -> str:
        return next(m.value for m in app.markdown if m.value.startswith("The selection is"))

    def share(ids: pd.Index, tag: str) -> str:
        p = table.loc[ids, tag]
        return f"{(p[p.notna()] >= 0.5).mean():.0%}"

    rest = table.index.difference(bent)
    assert f"more often **bent** ({share(bent, 'bent')} against {share(rest, 'bent')})" in said()
    app.selectbox(key="words_against").set_value("round").run()
    there = share(compact, "compact")
    assert f"less often **compact** ({share(bent, 'compact')} against {there})" in said()
    assert share(rest, "compact") != there


class StandIn:
    """Not a model: scores are numbers of the identifiers."""

    def scores(self, sentence: str, data_set: str, source_ids: np.ndarray) -> np.ndarray:
        return np.array([float(s.rpartition("-")[2]) for s in source_ids]) * len(sentence)


def test_an_installed_text_encoder_ranks_on_the_page(
    open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = open_page("similar", {"similar_kind": "words"}, data="first", words="bent")
    assert "words_encoder" not in [s.key for s in app.selectbox]  # none is installed
    point = EntryPoint("stand-in", f"{__name__}:StandIn", text_encoder.GROUP)
    monkeypatch.setattr(text_encoder, "entry_points", lambda group: [point])
    monkeypatch.setattr(EntryPoint, "load", lambda self: StandIn)
    app.run()
    before = shown(app)
    app.selectbox(key="words_encoder").set_value("stand-in").run()
    assert not app.exception and not app.error
    numbers = [int(s.rpartition("-")[2]) for s in shown(app)]
    assert shown(app) != before and numbers == sorted(numbers, reverse=True)
    table = select_galaxies("first", "bent >= 0.5")
    assert numbers[0] == max(int(s.rpartition("-")[2]) for s in table["source_id"])
    assert app.query_params["text"] == "stand-in"
    app.text_area(key="words_sentence").set_value("a quiet monster").run()
    assert shown(app)[0] == "first-2157"  # no condition is known: every galaxy is ranked
    monkeypatch.setattr(EntryPoint, "load", lambda self: dict)
    app.text_area(key="words_sentence").set_value("a loud monster").run()
    assert any("no method scores" in e.value for e in app.error)


def test_evidence_says_how_far_probabilities_are_off(open_page: Open) -> None:
    app = open_page("inspect_galaxy", data="first", source="first-2105")
    table = next(d.value for d in app.dataframe if "Off by" in d.value)
    heads = read_heads("survey-simclr")
    assert heads is not None
    learned = {t.name: heads.about[t.column]["off"] for t in read_vocabulary().tags
               if t.column in heads.about}  # fmt: skip
    assert len(set(table["Tag"]) & set(learned))
    for _, line in table.iterrows():
        wanted = learned.get(line["Tag"])
        assert line["Off by"] == ("–" if wanted is None else f"{wanted:.2f}")


def shown(app: AppTest) -> list[str]:
    """Sources in the gallery of words, in order."""
    found = [e for e in app.get("bidi_component") if "words_gallery" in str(e.proto.id)]
    return [cell["id"][1] for cell in json.loads(found[0].proto.json)["cells"]]
