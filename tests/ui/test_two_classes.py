"""Two classes: threshold, sides and ROC on the page are those of the stored scores."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score
from streamlit.testing.v1 import AppTest

from radioviz.atlas.scores import read_scores
from radioviz.data.catalogue import Catalogue
from radioviz.models.registry import list_models
from radioviz.models.two_sides import side_column, side_models
from radioviz.morphology.measuring import extent_of
from radioviz.ui.pages.two_classes.method_panel import method_title
from radioviz.ui.pages.two_classes.side_sample import roc

Open = Callable[..., AppTest]
FR = "two-peaks-fr"


@pytest.fixture
def side(first: Catalogue) -> np.ndarray:
    """The coordinate of each galaxy of FIRST."""
    scores = read_scores("first", catalogue=first, models=list_models())
    assert set(side_models(list_models(), scores.columns)) >= {FR, "two-peaks-compact"}
    return scores.of(first.table["source_id"].tolist())[side_column(FR)].to_numpy(float)


def caption(app: AppTest, part: str) -> str:
    return next(c.value for c in app.caption if part in c.value).replace("\\", "")


def test_a_threshold_moves_galaxies_to_the_other_side(open_page: Open, side: np.ndarray) -> None:
    app = open_page("two_classes", data="first", sides=FR)
    known = side[np.isfinite(side)]
    assert f"{(known <= 0).sum():,} FRI, {(known > 0).sum():,} FRII" in caption(app, " FRII")
    app.slider(key="two_classes_at").set_value(1.0).run()
    assert not app.exception
    assert f"{(known <= 1).sum():,} FRI, {(known > 1).sum():,} FRII" in caption(app, " FRII")
    assert app.query_params["at"] == "1"
    app.number_input(key="two_classes_share").set_value(25.0).run()
    app.button(key="two_classes_share_set").click().run()
    at = app.slider(key="two_classes_at").value
    assert (known > at).mean() == pytest.approx(0.25, abs=0.03)


def test_the_filter_and_the_roc(open_page: Open, first: Catalogue, side: np.ndarray) -> None:
    app = open_page("two_classes", data="first", sides=FR, tab="ROC")
    label = first.table["label"].to_numpy(object)
    rows = np.isfinite(side) & np.isin(label, ["FRI", "FRII"])
    area = roc_auc_score(label[rows] == "FRII", side[rows])
    text = next(m.value for m in app.markdown if "area" in m.value).replace("\\", "")
    assert f"FRII against FRI: area {area:.3f}" in text
    assert f"{rows.sum():,} labelled galaxies" in text
    table = next(d.value for d in app.dataframe if "FRII" in d.value.columns)
    frii = table.set_index("Label").loc["FRII"]
    assert frii["FRII"] == (side[label == "FRII"] > 0).sum()
    app.text_area(key="filter_text").set_value('label == "FRII"').run()
    assert not app.exception
    assert "No ROC" in app.info[0].value


def test_methods_side_by_side(open_page: Open) -> None:
    app = open_page("two_classes", data="first", sides=FR, tab="Methods")
    table = next(d.value for d in app.dataframe if "Method" in d.value.columns)
    assert len(table) == 15
    assert table["Chosen"].sum() == 1
    assert (table["Lowest"] <= table["AUC"]).all() and (table["AUC"] <= table["Highest"]).all()
    assert table["AUC"].is_monotonic_decreasing


def test_a_data_set_without_sides_says_how_to_make_them(
    open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    from radioviz.ui.pages.two_classes import side_sample

    monkeypatch.setattr(side_sample, "side_models", lambda models, columns: [])
    app = open_page("two_classes", data="first")
    assert any("scores --what sides --data first" in c.value for c in app.code)


def test_the_curve_of_known_values() -> None:
    value = np.array([3.0, 2.0, 2.0, 1.0, 0.0])
    truth = np.array([True, True, False, True, False])
    found = roc(value, truth, 1.5)
    assert found is not None
    assert found.area[0] == pytest.approx(4.5 / 6)  # of six pairs four in order, one tied
    assert found.area[1] < found.area[0] < found.area[2] <= 1
    assert found.at == (0.5, pytest.approx(2 / 3))
    assert roc(value, np.ones(5, bool), 0.0) is None


def test_methods_in_words() -> None:
    assert method_title("a+vr-aw") == ("Autoencoder, then two peaks, analogy of Wasserstein (AW)")
    assert method_title("v+t-sne") == "VAE, then t-SNE"
    assert method_title("vr-dkl+isomap") == "Two peaks, exact KL (DKL), then Isomap"


def test_inspect_outlines_what_is_measured_as_the_source(open_page: Open, first: Catalogue) -> None:
    row = int(np.flatnonzero(first.table["n_unrelated"].to_numpy() > 0)[0])
    expected = extent_of(first, row)
    source = str(first.table["source_id"].iat[row])
    app = open_page("inspect_galaxy", {"inspect_mask": True}, data="first", source=source)
    text = caption(app, "Outlined")
    assert f"Outlined: {expected.mask.sum():,} pixels of the source" in text
    assert f"dotted: {expected.others.sum():,} pixels" in text


def test_masks_are_compared_on_a_tab(open_page: Open) -> None:
    app = open_page("two_classes", data="first", tab="Masks")
    assert not app.exception and not app.error
    shown = next(f.value for f in app.dataframe if "IoU, bright" in f.value)
    assert shown["IoU, bright"].is_monotonic_decreasing
    assert shown["Method"].iat[0] == "hypercolumns, residual, reconstruction"
    assert {"photutils", "3-sigma clip"} <= set(app.multiselect(key="masks_curves").value)
