"""Table 2 of Andrianomena & Tang 2023 redone: classifiers on frozen codes, ours beside theirs."""

from __future__ import annotations

import html

import pandas as pd
import streamlit as st

from radioviz.ui import controls

METRICS = {
    "accuracy": "Accuracy",
    "auc": "ROC AUC",
    "specificity": "Specificity (FRI)",
    "recall": "Recall (FRII)",
}
CLASSIFIERS = {
    "knn": "k-NN (20)",
    "rf": "Random forest",
    "svc": "RBF SVC",
    "lr": "Logistic",
    "grad": "Gradient boosting",
    "ext": "Extra trees",
}
DATA_SETS = {
    "mbc": "MiraBest Confident",
    "frdeep-nvss": "FR-DEEP NVSS",
    "first": "FIRST, four classes",
}
PAPER_SETS = {"mbc": "104 test galaxies", "frdeep-nvss": "50 test galaxies"}

_BETTER, _WORSE = "0,158,115", "213,94,0"


def show(table: pd.DataFrame, titles: dict[str, str]) -> None:
    """The table of one data set and one metric, encoders down and classifiers across."""
    found = set(table["data_set"])
    sets = [s for s in DATA_SETS if s in found] + sorted(found - set(DATA_SETS))
    with st.container(horizontal=True, gap="medium"):
        data_set = st.segmented_control(
            "Data set",
            sets,
            format_func=lambda s: DATA_SETS.get(s, s),
            default=sets[0],
            required=True,
            key="table2_data",
        )
        metric = st.segmented_control(
            "Measure",
            list(METRICS),
            format_func=METRICS.__getitem__,
            default="accuracy",
            required=True,
            key="table2_metric",
        )
    chosen = table[(table["data_set"] == data_set) & (table["metric"] == metric)]
    st.html(matrix(chosen, titles))
    what = f"{DATA_SETS.get(str(data_set), data_set)}, {PAPER_SETS.get(str(data_set), 'test')}"
    st.caption(
        controls.escape(
            f"{what}. Large: ours, mean over seeds; below it the paper's value and the "
            "difference, green where ours is higher and orange where it is lower. Hover for "
            "interval, spread over seeds and cross-validation on the training part. The best of "
            "a row is bold."
        )
    )


def matrix(chosen: pd.DataFrame, titles: dict[str, str]) -> str:
    """One metric as HTML: rows of encoders, columns of classifiers; all text is escaped."""
    columns = [c for c in CLASSIFIERS if c in set(chosen["classifier"])]
    columns += sorted(set(chosen["classifier"]) - set(columns))
    head = "".join(
        f'<th style="{_TH};text-align:center">{html.escape(CLASSIFIERS.get(c, c))}</th>'
        for c in columns
    )
    lines = []
    for encoder in dict.fromkeys(chosen["encoder"]):
        of = chosen[chosen["encoder"] == encoder].set_index("classifier")
        best = of["value"].max()
        cells = "".join(
            _cell(of.loc[c], bool(of.loc[c, "value"] == best)) if c in of.index else _EMPTY
            for c in columns
        )
        name = html.escape(titles.get(str(encoder), str(encoder)))
        lines.append(f'<tr><th style="{_TH};text-align:left">{name}</th>{cells}</tr>')
    return (
        '<div style="overflow-x:auto"><table style="border-collapse:separate;border-spacing:3px;'
        f'font-size:.88rem;width:100%"><thead><tr><th style="{_TH}"></th>{head}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table></div>"
    )


_TH = "font-weight:500;opacity:.85;padding:2px 8px;white-space:nowrap"
_EMPTY = '<td style="text-align:center;opacity:.4">–</td>'


def _cell(row: pd.Series, best: bool) -> str:
    value, paper = float(row["value"]), row.get("paper")
    weight = 700 if best else 450
    parts = [f"{float(row['low']):.3f} to {float(row['high']):.3f} (95 %)"]
    if pd.notna(row.get("std")):
        parts.append(f"± {float(row['std']):.3f} over seeds")
    if pd.notna(row.get("cv")):
        parts.append(f"{float(row['cv']):.3f} ± {float(row['cv_std']):.3f} in cross-validation")
    below, back = "", "transparent"
    if pd.notna(paper):
        difference = value - float(paper)
        strength = min(0.55, 0.08 + 3 * abs(difference))
        back = f"rgba({_BETTER if difference >= 0 else _WORSE},{strength:.2f})"
        below = (
            f'<div style="font-size:.74rem;opacity:.8">{float(paper):.2f} '
            f"({'+' if difference >= 0 else '−'}{abs(difference):.2f})</div>"
        )
    title = html.escape("; ".join(parts), quote=True)
    return (
        f'<td title="{title}" style="text-align:center;padding:3px 8px;border-radius:5px;'
        f'background:{back};font-variant-numeric:tabular-nums">'
        f'<span style="font-weight:{weight}">{value:.3f}</span>{below}</td>'
    )
