"""One function for each table of ``trained/tables`` that the Benchmarks page draws."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from radioviz.outliers.thresholds import SCORES
from radioviz.ui import controls
from radioviz.ui.charts.plotly_charts import Figure, LineSeries, draw, lines, matrix
from radioviz.ui.pages.benchmarks.benchmarks_view import frame, model_titles, of_one_model

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
_TESTED_ON = {"mbc": "104 test galaxies", "frdeep-nvss": "50 test galaxies"}
_TRIED_SCORES = {
    "turned": "Log-likelihood, eight orientations",
    "scene": "Image content",
    "drawing": "Texture",
    "typicality": "Typicality",
}
_GENERATOR_COLUMNS = {
    "ramis_ratio": "RAMIS ratio",
    "fri_fraction": "FRI as requested",
    "frii_fraction": "FRII as requested",
    "size_spearman": "Size, Spearman",
    "size_median_rel_error": "Size error",
    "coverage": "Coverage",
    "density": "Density",
    "kid_sigmas": "KID [sigma]",
    "sharpness": "Sharpness",
    "gap_pixels": "Faint texture",
    "copies_fraction": "Copies",
    "tstr_ratio": "TSTR",
}


# -- representations ----------------------------------------------------------------------------


def classifiers_on_codes(table: pd.DataFrame) -> None:
    """Table 2 of Andrianomena & Tang 2023 again: encoders down, classifiers across."""
    found = set(table["data_set"])
    sets = [s for s in DATA_SETS if s in found] + sorted(found - set(DATA_SETS))
    with st.container(horizontal=True, gap="medium"):
        data_set = st.segmented_control(
            "Data set", sets, format_func=lambda s: DATA_SETS.get(s, s), default=sets[0],
            required=True, key="table2_data",
        )  # fmt: skip
        metric = st.segmented_control(
            "Measure", list(METRICS), format_func=METRICS.__getitem__, default="accuracy",
            required=True, key="table2_metric",
        )  # fmt: skip
    chosen = table[(table["data_set"] == data_set) & (table["metric"] == metric)]
    draw(classifier_matrix(chosen), "table2_matrix", "Classifiers on frozen codes")
    what = f"{DATA_SETS.get(str(data_set), data_set)}, {_TESTED_ON.get(str(data_set), 'test')}"
    st.caption(
        controls.escape(
            f"{what}. First line: our value, mean over seeds, the best of a row in bold. Second "
            "line: the paper's value and the difference. Green: ours is higher; orange: lower."
        )
    )
    with st.expander("With intervals, spread over seeds and cross-validation"):
        frame(chosen)


def _encoder_title(name: str, titles: Mapping[str, str]) -> str:
    """Title of an encoder or a baseline, with what was done to its codes in brackets."""
    key, mark, views = name.partition(" (")
    title = titles.get(key, key)
    return f"{title} ({views}" if mark else title


def classifier_matrix(chosen: pd.DataFrame) -> Figure:
    """One metric: rows of encoders, columns of classifiers, coloured by what the paper has."""
    names = model_titles()
    best = chosen.groupby("encoder")["value"].transform("max")
    cells = chosen.assign(
        text=[_cell_text(row, top) for (_, row), top in zip(chosen.iterrows(), best, strict=True)],
        hover=[_cell_hover(row) for _, row in chosen.iterrows()],
        difference=(chosen["value"] - chosen["paper"]).fillna(0),
    )
    rows = list(dict.fromkeys(chosen["encoder"]))
    found = list(dict.fromkeys(chosen["classifier"]))
    columns = [c for c in CLASSIFIERS if c in found] + sorted(set(found) - set(CLASSIFIERS))

    def wide(name: str) -> pd.DataFrame:
        table = cells.pivot(index="encoder", columns="classifier", values=name)
        table = table.reindex(index=rows, columns=columns)
        return table.rename(
            index=lambda n: _encoder_title(str(n), names),
            columns=lambda n: CLASSIFIERS.get(n, n),
        )

    texts, hover = wide("text").fillna("–"), wide("hover").fillna("–")
    return matrix(wide("difference"), -0.18, 0.18, texts=texts, hover=hover, diverging=True)


def _cell_text(row: pd.Series, best: float) -> str:
    text = f"{row['value']:.3f}"
    text = f"<b>{text}</b>" if row["value"] == best else text
    if pd.isna(row["paper"]):
        return text
    sign = "+" if row["value"] >= row["paper"] else "−"
    return f"{text}<br>{row['paper']:.2f} ({sign}{abs(row['value'] - row['paper']):.2f})"


def _cell_hover(row: pd.Series) -> str:
    parts = [f"{row['low']:.3f} to {row['high']:.3f} (95 %)"]
    if pd.notna(row.get("std")):
        parts.append(f"± {row['std']:.3f} over seeds")
    if pd.notna(row.get("cv")):
        parts.append(f"{row['cv']:.3f} ± {row['cv_std']:.3f} in cross-validation")
    return "<br>".join(parts)


def feature_importance(table: pd.DataFrame) -> None:
    """Fig. 7: how important each latent component is for the angular size; PCA variance."""
    names = model_titles()
    quantities = list(dict.fromkeys(table["quantity"]))
    for place, quantity in zip(st.columns(len(quantities)), quantities, strict=True):
        part = table[table["quantity"] == quantity]
        series = [
            LineSeries(names.get(str(encoder), str(encoder)), *_columns(rows, "rank", "value"))
            for encoder, rows in part.groupby("encoder", sort=False)
        ]
        title = str(quantity).replace("_", " ")
        with place:
            st.markdown(f"**{controls.escape(title[:1].upper() + title[1:])}**")
            chart = lines(series, x_title="rank", y_title=title, log_x=True)
            draw(chart, f"fig7_{quantity}", f"{title} by rank")


def label_efficiency(table: pd.DataFrame) -> None:
    """Accuracy on the MBC test galaxies by number of labels, one line for each encoder."""
    names = model_titles()
    parts = {names.get(str(k), str(k)): p for k, p in table.groupby("encoder", sort=False)}
    _label_curves(parts, "label_efficiency")
    st.caption(
        "Logistic regression on frozen codes; means over ten draws of the labelled galaxies. "
        "Bands hold 95 % of the draws."
    )


def semi_supervised(table: pd.DataFrame) -> None:
    """The same, training the whole network, with and without galaxies that have no label."""
    _label_curves({str(k): p for k, p in table.groupby("method", sort=False)}, "semi_supervised")
    seeds = int(table["seeds"].max())
    st.caption(
        f"Networks that start from SimCLR and train for the same number of steps; mean and range "
        f"over {seeds} seed{'s' if seeds > 1 else ''}."
    )


def _label_curves(parts: dict[str, pd.DataFrame], key: str) -> None:
    series = [
        LineSeries(name, *_columns(part.sort_values("labels"), "labels", "value", "low", "high"))
        for name, part in parts.items()
    ]
    chart = lines(series, x_title="labelled galaxies", y_title="accuracy on MBC", log_x=True)
    with st.columns([3, 2])[0]:
        draw(chart, key, "Accuracy by number of labels", height=320)


def _columns(table: pd.DataFrame, *names: str) -> list[Any]:
    """Float arrays of some columns; None for those that are missing."""
    return [table[n].to_numpy(float) if n in table else None for n in names]


def survey_shift(table: pd.DataFrame) -> None:
    """Fréchet distances between data sets over their floor, a matrix for each encoder."""
    part = of_one_model(table, "encoder", "Features of", "shift_encoder")
    both = pd.concat([part, part.rename(columns={"a": "b", "b": "a"})])
    keys = list(dict.fromkeys([*part["a"], *part["b"]]))
    wide = both.pivot_table(index="a", columns="b", values="distance").reindex(keys)[keys]
    wide = wide.rename(index=controls.data_set_title, columns=controls.data_set_title)
    draw(matrix(wide, 0, float(part["distance"].max())), "shift_matrix", "Distances of data sets")
    st.caption(
        "Fréchet distance in 16 whitened components, with equal numbers from both data sets. "
        f"Halves of one data set are {part['floor'].min():.2f} to {part['floor'].max():.2f} apart."
    )
    with st.expander("With numbers of galaxies and spread"):
        frame(part)


# -- generated galaxies -------------------------------------------------------------------------


def generators(table: pd.DataFrame) -> None:
    """Every generator that was measured, one in each row."""
    names = model_titles()
    table = table.assign(model=[names.get(m, m) for m in table["model"]])
    shown = {"model": "Model", **_GENERATOR_COLUMNS}
    frame(table[[c for c in shown if c in table]].rename(columns=shown))
    st.caption(
        "By one classifier, on held-out galaxies that neither was trained on. RAMIS: how diverse "
        "and how clearly classified images are (Bastien et al. 2021). Sharpness: power at high "
        "spatial frequencies over that of real galaxies. Faint texture: fraction of pixels "
        "between 5e-5 and 1/255 of the peak, almost none in sigma-clipped maps. KID: kernel "
        "distance to real images. TSTR: classifier trained on generated, tested on real. Empty "
        "cells: the model takes no class or size."
    )


def blur(table: pd.DataFrame) -> None:
    """Power over that of real galaxies of every decoder that was measured, by frequency."""
    names = model_titles()
    table = table.assign(model=[names.get(m, m) for m in table["model"]])
    shown = {"model": "Model", "images": "Images", "sharpness": "Sharpness"}
    shown |= {
        str(c): f"at {str(c).removeprefix('power_')} / px"
        for c in table
        if str(c).startswith("power_")
    }
    frame(table[list(shown)].rename(columns=shown))
    st.caption(
        "Power of reconstructed and of generated galaxies over that of held-out real ones: 1 is as "
        "sharp, less is blurred. Sharpness is the mean above 0.15 cycles/pixel; the columns after "
        "it are ratios of medians at single frequencies. The refining flow draws detail; it does "
        "not observe it."
    )


def ramis_against_damage(table: pd.DataFrame) -> None:
    """RAMIS of real galaxies against blur, noise and crop (Bastien et al. 2021, Fig. 1)."""
    for place, (experiment, part) in zip(
        st.columns(3), table.groupby("experiment", sort=False), strict=False
    ):
        line = LineSeries("RAMIS", *_columns(part, "level", "ramis", "low", "high"))
        with place:
            st.markdown(f"**{controls.escape(str(experiment).capitalize())}**")
            chart = lines([line], x_title=str(part["unit"].iat[0]), y_title="RAMIS", floor=1.0)
            draw(chart, f"ramis_{experiment}", f"RAMIS against {experiment}")
    first = table[table["experiment"] == "blur"].iloc[0]
    st.caption(
        controls.escape(
            f"RAMIS = exp of the mean KL(p(y|x) || p(y)), by the FR classifier of the app, on "
            f"{int(first['n'])} held-out FRI and FRII; {first['ramis']:.2f} on unaltered images. "
            "Bands: 95 %, bootstrap over galaxies. The paper's classifier gives 1.4 unaltered, "
            "1.05 at its strongest blur and 1.25 at the 25 blanked pixels that it trains with."
        )
    )


def latent_dimensions(table: pd.DataFrame) -> None:
    """Test loss and RAMIS against the number of latent dimensions (Tables 3 and 4, Fig. 4)."""
    across = next((c for c in ("latent_dim", "dimension", "d") if c in table), table.columns[0])
    charts = [("ramis", "RAMIS"), ("test_loss", "Test loss [nats/image]")]
    for place, (name, title) in zip(st.columns(2), charts, strict=True):
        if name not in table:
            continue
        line = LineSeries(title, *_columns(table, across, name, f"{name}_low", f"{name}_high"))
        with place:
            chart = lines([line], x_title="Latent dimensions", y_title=title, log_x=True)
            draw(chart, f"dimensions_{name}_{len(table.columns)}", f"{title} by dimensions")
    frame(table.drop(columns=["command", "machine"], errors="ignore"))


# -- outliers -----------------------------------------------------------------------------------


_KINDS = {
    "nvss": "NVSS",
    "artefact side_lobes": "Side lobes",
    "artefact bright_neighbour": "Bright neighbour",
    "artefact cut_edge": "Cut at an edge",
    "artefact noise_only": "Noise only",
    "artefacts": "All artefacts",
    "hybrid": "Hybrid",
    "bent": "Bent",
    "without FRI": "FRI, unseen",
    "without FRII": "FRII, unseen",
    "without Compact": "Compact, unseen",
    "without Bent": "Bent, unseen",
}
"""Kinds of galaxies that a score should find; unseen: the class was left out of what it fits."""


def outlier_detection(table: pd.DataFrame) -> None:
    """How well each score separates strange galaxies from ordinary ones."""
    part = of_one_model(table, "model", "Latents of", "ood_model") if "model" in table else table
    wide = part.pivot_table(index="score", columns="task", values="auroc", sort=False)
    names = {key: score.title for key, score in SCORES.items()} | _TRIED_SCORES
    chart = matrix(wide.rename(index=names, columns=_KINDS), 0.5, 1.0)
    draw(chart, "ood_matrix", "AUROC of outlier scores")
    st.caption(
        "AUROC: how often a strange galaxy scores higher than an ordinary one; 0.5 is chance. "
        "Rows are outlier scores, columns the kinds of galaxy to find."
    )
    with st.expander("With intervals and precision of the first 50"):
        frame(part)
