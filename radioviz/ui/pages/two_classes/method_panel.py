"""Methods that separate two classes without labels, side by side."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from radioviz.models.artefact import ModelInfo
from radioviz.ui import controls, palette
from radioviz.ui.cache.benchmark_files import figure_table
from radioviz.ui.charts.plotly_charts import LineSeries, draw, lines

PROBLEMS = {
    "compact": "Compact or extended",
    "fr": "FRI or FRII",
    "stars": "Stars or galaxies (synthetic, five bands)",
}
TERMS = {
    "sc": "scaling bound (SC)",
    "dkl": "exact KL (DKL)",
    "aw": "analogy of Wasserstein (AW)",
    "pw": "pseudo-Wasserstein (PW)",
}
_ABOUT = (
    "Area under the ROC curve (AUC) on test galaxies; the middle, lowest and highest of ten seeds. "
    "The method, the epoch and which side is which were chosen by validation labels; test labels "
    "chose nothing."
)
_MANIFOLDS = {"isomap": "Isomap", "t-sne": "t-SNE"}
_SHOWN = 4  # curves at first


def problem_of(info: ModelInfo) -> str:
    """Problem that a model was trained for; empty for a user's own."""
    return str(dict(info.training.get("config") or {}).get("problem", ""))


def method_title(method: str) -> str:
    """A method in words.

    >>> method_title("vr-dkl+isomap")
    'Two peaks, exact KL (DKL), then Isomap'
    """
    if method == "pca":
        return "Principal components, two normals (baseline)"
    body, _, manifold = method.removeprefix("a+").partition("+")
    term = TERMS.get(body.removeprefix("vr-"), body.removeprefix("vr-"))
    title = "VAE" if body == "v" else f"Two peaks, {term}"
    title += f", then {_MANIFOLDS[manifold]}" if manifold else ""
    return f"Autoencoder, then {title[0].lower()}{title[1:]}" if method.startswith("a+") else title


def draw_methods(problem: str) -> None:
    """Table and curves of every method for one problem, first that of the model in view."""
    table, curves = figure_table("two_peaks"), figure_table("two_peaks_roc")
    if table is None or curves is None:
        st.info("Not measured yet. Run this command:", icon=":material/science:")
        st.code("python -m train evaluate two-peaks", language="bash", wrap_lines=True)
        return
    known = [p for p in PROBLEMS if p in set(table["problem"])]
    chosen = st.segmented_control(
        "Question", known, format_func=PROBLEMS.__getitem__,
        default=problem if problem in known else known[0], required=True,
        key=f"two_classes_problem_{problem}", label_visibility="collapsed",
    )  # fmt: skip
    rows = table[table["problem"] == chosen].sort_values("auc", ascending=False)
    st.caption(_ABOUT)
    left, right = st.columns([1.2, 1], gap="medium")
    with left:
        st.dataframe(_readable(rows), hide_index=True, key=f"two_classes_table_{chosen}")
    with right:
        _draw_curves(rows, curves[curves["problem"] == chosen], str(chosen))


def _readable(rows: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Method": [method_title(m) for m in rows["method"]],
            "AUC": rows["auc"].round(3),
            "Lowest": rows["lowest"].round(3),
            "Highest": rows["highest"].round(3),
            "AUC, validation": rows["valid_auc"].round(3),
            "Chosen": rows["chosen"].astype(bool),
        }
    )


def _draw_curves(rows: pd.DataFrame, curves: pd.DataFrame, problem: str) -> None:
    methods = rows["method"].tolist()
    first = [*rows.loc[rows["chosen"].astype(bool), "method"], *methods]
    shown = st.multiselect(
        "Curves", methods, default=list(dict.fromkeys([*first[:_SHOWN], "pca"])),
        format_func=method_title, key=f"two_classes_curves_{problem}",
    )  # fmt: skip
    series = []
    for i, method in enumerate(shown):
        one = curves[curves["method"] == method]
        x, low, y, high = (
            one[c].to_numpy(float) for c in ("false_positives", "lowest", "median", "highest")
        )
        colour = palette.OTHERS[i % len(palette.OTHERS)]
        series.append(LineSeries(method_title(method), x, y, low, high, colour))
    figure = lines(
        series, x_title="share of the other class taken for it", y_title="share found", floor=0.0
    )
    draw(figure, f"two_classes_roc_{problem}", "ROC curves of methods", height=420)
    st.caption(controls.escape("Bands: from the lowest to the highest of ten seeds."))
