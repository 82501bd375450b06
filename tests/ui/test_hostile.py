"""Names, headers and addresses that would be code, if a page let them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from radioviz import export
from radioviz.atlas.atlas import Layout, write_atlas
from radioviz.data.catalogue import Catalogue, SurveyInfo, complete_columns
from radioviz.models.registry import list_models
from radioviz.paths import REPOSITORY
from radioviz.ui import controls
from tests.export import written
from tests.models.small import galaxies

Open = Callable[..., AppTest]

PAGES = (
    "overview", "latent_map", "grid_walk", "generate", "similar", "likelihood", "inspect_galaxy",
    "benchmarks", "your_data", "table", "relations", "two_classes",
)  # fmt: skip
PARAMETERS = (
    "data", "encoder", "model", "decoder", "layout", "colour", "component", "overlay", "beside",
    "source", "unlike", "galaxy", "score", "in", "linear", "alarms", "seed", "n", "mode", "class",
    "size", "sized", "temperature", "around", "spread", "frames", "reach", "step", "by", "ax", "ay",
    "rest", "show", "classes", "a", "b", "measure", "clip", "turned", "large", "sides", "at",
)  # fmt: skip
HOSTILE = (
    "<img src=x onerror=alert(1)><script>alert(2)</script>![i](http://127.0.0.1:9/i.png)"
    "[l](javascript:alert(3)) http://evil.example/a www.evil.example HTTPS://evil.example "
    "me@evil.example"
)
_LIVE_HTML = re.compile(r"<script>alert|<img src=x", re.IGNORECASE)
_LIVE_MARKDOWN = re.compile(r"(?<!\\)!\[i(?<!\\)\]|(?<!\\)\[l(?<!\\)\]\(javascript")
_LIVE_ADDRESS = re.compile(r"(?:https?://|www\.|\w@)evil", re.IGNORECASE)
"""Browsers make links of these even where they are escaped by a backslash."""
N = 12


@pytest.fixture
def evil(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A survey of the user's whose every text is hostile, with a map."""
    monkeypatch.setenv("RADIOVIZ_HOME", str(tmp_path / "home"))
    rng = np.random.default_rng(0)
    texts = dict.fromkeys(
        ("name", "morphology", "survey", "origin", "label_original", "file"), HOSTILE
    )
    table = pd.DataFrame(
        {
            "source_id": [f"evil-{i}{HOSTILE}" for i in range(N)],
            "ra": rng.uniform(100, 200, N),
            "dec": rng.uniform(0, 60, N),
            "label": ["FRI", "FRII"] * (N // 2),
            HOSTILE: rng.normal(size=N),
            **texts,
        }
    )
    info = SurveyInfo("evil", HOSTILE, 1.8, beam=5.4, licence=HOSTILE, reference=HOSTILE,
                      origin=HOSTILE)  # fmt: skip
    images = (255 * galaxies(N, 96)).astype(np.uint8)
    catalogue = Catalogue(info, complete_columns(table), images, (HOSTILE,))
    catalogue.save(tmp_path / "home" / "surveys" / "evil")
    model = list_models()["vae2"]
    z = rng.normal(size=(N, model.latent_dim)).astype(np.float16)
    write_atlas(catalogue, model, z, {"latent": (z, Layout(HOSTILE))},
                folder=tmp_path / "home" / "atlas")  # fmt: skip
    return "evil"


def live(app: AppTest) -> list[str]:
    """Whatever on a page would act: HTML that is not escaped, pictures and links of Markdown."""
    found = []
    for element in app.get("html"):
        found += [("html", str(element.proto.body))]
    kinds = ("markdown", "caption", "error", "warning", "info", "success", "title", "header",
             "subheader", "toast", "expander", "metric", "button", "checkbox")  # fmt: skip
    for kind in kinds:
        for element in app.get(kind):
            text = str(getattr(element, "value", "") or "") + str(getattr(element, "label", ""))
            found += [(kind, text)]
    raw = [f"{k}: {t}" for k, t in found if k == "html" and _LIVE_HTML.search(t)]
    for element in app.get("markdown"):
        if element.allow_html and _LIVE_HTML.search(element.value):
            raw.append(f"markdown as HTML: {element.value}")
    marked = [f"{k}: {t}" for k, t in found if k != "html"]
    raw += [text for text in marked if _LIVE_MARKDOWN.search(text)]
    return raw + [text for text in marked if _LIVE_ADDRESS.search(text.replace("\\", ""))]


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_names_are_text(open_page: Open, evil: str, page: str) -> None:
    query = {"data": evil, "encoder": "vae2"}
    if page == "inspect_galaxy":
        query["source"] = f"evil-3{HOSTILE}"
    if page == "similar":
        query["source"] = f"evil/evil-3{HOSTILE}"
    app = open_page(page, **query)
    assert not app.exception
    assert live(app) == []


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_a_link_may_say_anything(open_page: Open, page: str) -> None:
    """Whatever stands in the address, a page opens, and says what it cannot show."""
    values = st.one_of(
        st.sampled_from((
            HOSTILE, "../../etc/passwd", "first", "mirabest", "vae2", "simclr", "first/first-7",
            "first-7", "nan", "inf", "-1", "1e400", "9" * 400, "%00", "\x00", "a,b,,c", "", " ",
            "__proto__", "=1+1", "١٢", "true", "first/", "/", "evil/x", "1,2,3",
        )),
        st.text(max_size=30),
        st.floats().map(str),
        st.integers().map(str),
    )  # fmt: skip

    @settings(
        max_examples=3,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.dictionaries(st.sampled_from(PARAMETERS), values, min_size=1, max_size=25))
    def follow(query: dict[str, str]) -> None:
        app = open_page(page, **query)
        assert not app.exception
        assert live(app) == []
        said = " ".join(str(e.value) for e in app.error)
        assert "Traceback" not in said
        assert "site-packages" not in said

    follow()


def test_exports_hold_names_as_text(evil: str) -> None:
    """No formula in a CSV, no markup in a VOTable, no path in a ZIP, no torn FITS card."""
    import io
    import zipfile

    from astropy.io import fits

    from radioviz.importing import open_survey

    catalogue = open_survey(evil)
    formula = catalogue.table.assign(name="=HYPERLINK(1)", morphology="@x", origin="+1-1|cmd")
    formula["source_id"] = [f"../../../-{i}" for i in range(N)]
    catalogue = Catalogue(catalogue.info, formula, catalogue.images)
    groups = [export.Group(catalogue, np.arange(3))]
    csv = written.csv_bytes(groups).decode()
    assert not re.search(r"(^|,)\"?[=@+]", csv, re.MULTILINE)
    assert b"<script" not in export.votable_bytes(groups)
    with zipfile.ZipFile(io.BytesIO(written.zip_bytes(groups))) as archive:
        assert not [n for n in archive.namelist() if ".." in n or n.startswith("/")]
    with fits.open(io.BytesIO(written.fits_bytes(groups))) as hdus:
        hdus.verify("exception")


@pytest.mark.parametrize("name", ["../x", "..", "/etc", "a/b", "", ".", "x\0", "a" * 300, "é", "~"])
def test_names_of_data_sets_and_models_lead_nowhere(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from radioviz.api import survey_job as job
    from radioviz.atlas.atlas import atlas_folder, open_atlas
    from radioviz.data import user_surveys as store
    from radioviz.data.registry import open_data_set
    from radioviz.errors import RadioVizError
    from radioviz.importing import open_survey, remove_survey
    from radioviz.models.registry import model_folder

    monkeypatch.setenv("RADIOVIZ_HOME", str(tmp_path / "home"))
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "keep").touch()
    ways: tuple[Callable[[str], Any], ...] = (
        open_data_set, open_survey, remove_survey, store.survey_folder, store.part_folder,
        model_folder,
        lambda n: open_atlas(n, "vae2"), lambda n: open_atlas("first", n), job.read_job,
    )  # fmt: skip
    for way in ways:
        with pytest.raises(RadioVizError):
            way(name)
    if not re.fullmatch(r"[\w.-]+", name, re.ASCII) or set(name) == {"."}:
        with pytest.raises(RadioVizError):
            atlas_folder(name, "vae2")
    assert (tmp_path / "x" / "keep").exists()


def test_a_shared_server_does_not_say_where_its_folders_are(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RADIOVIZ_HOME", str(tmp_path / "home"))
    message = f"{tmp_path}/home/surveys/mine/a.fits is no FITS file; {REPOSITORY}/trained is whole"
    monkeypatch.setattr(controls.guard, "is_own_account", lambda headers: True)
    assert str(tmp_path) in controls.escape(message).replace("\\", "")
    monkeypatch.setenv("RADIOVIZ_SHARED", "1")
    said = controls.escape(message).replace("\\", "")
    assert said == "…/surveys/mine/a.fits is no FITS file; … is whole"


def test_pages_of_a_shared_server_name_no_folder(
    open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RADIOVIZ_SHARED", "1")
    for page in ("overview", "your_data"):
        app = open_page(page)
        kinds = ("markdown", "caption", "info", "warning", "error")
        said = "\n".join(str(e.value) for kind in kinds for e in app.get(kind))
        for folder in (os.environ["RADIOVIZ_CACHE"], os.environ["RADIOVIZ_HOME"], str(REPOSITORY)):
            assert folder not in said.replace("\\", "")


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_a_long_link_is_not_repeated(open_page: Open, page: str) -> None:
    """Of a value in the address, a page shows at most 100 characters or so."""
    long = "q" * 4000
    everything = dict.fromkeys(PARAMETERS, long)
    galaxy = {"source": f"first/{long}", "galaxy": f"first/{long}", "unlike": f"{long}/{long}"}
    for query in (everything, everything | galaxy | {"data": "first"}, {"source": long}):
        app = open_page(page, **query)
        assert not app.exception
        shown = [str(element.proto) for element in app.main] + [str(e.proto) for e in app.sidebar]
        assert [text[:300] for text in shown if "q" * 130 in text] == []
