"""A selection beside the map: medians, distributions against all galaxies, and its gallery."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import streamlit as st

from radioviz.data.catalogue import Catalogue
from radioviz.errors import CatalogueError
from radioviz.morphology import upper_limits
from radioviz.morphology.upper_limits import limits_of
from radioviz.ui import cache, controls, galaxies, gallery_tools, state
from radioviz.ui.charts.html_bars import class_bar, size_bars
from radioviz.ui.controls import View
from radioviz.ui.pages.latent_map.state import FRAGMENTS, toggle_in_tray
from radioviz.ui.state import Selection
from radioviz.ui.word_panels import selection_words
from radioviz.workspace.table_columns import Text


def _tables(selection: Selection, columns: list[str]) -> pd.DataFrame:
    """Columns of every selected galaxy, in the order of the selection's groups."""
    parts = []
    for data_set, source_ids in selection.groups().items():
        try:
            catalogue = cache.data_set(data_set)
            rows = catalogue.rows_of(source_ids)
            part = _with_limits(catalogue.table.iloc[rows], ["source_id", *columns])
        except CatalogueError:
            continue
        parts.append(part.assign(data_set=data_set))
    if not parts:
        return pd.DataFrame(columns=["data_set", "source_id", *columns, "las_limit"])
    return pd.concat(parts, ignore_index=True)


def _with_limits(table: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """Columns of a table, and which of its sizes are upper limits."""
    return table[columns].assign(las_limit=limits_of(table))


def _median_text(values: np.ndarray, limits: np.ndarray) -> str:
    """Median with the 16th and 84th percentile, or a dash; "<" where it is an upper limit."""
    if not np.isfinite(values).any():
        return "–"
    found = [upper_limits.quantile(values, limits, q) for q in (0.5, 0.16, 0.84)]
    middle, low, high = (f"{'<' * below}{value:.3g}" for value, below in found)
    return f"{middle} ({low}–{high})"


def selection_summary(catalogues: list[Catalogue], selection: Selection) -> None:
    """Sizes and classes of a selection against all galaxies on the map."""
    columns = ["las", "label", "redshift", "flux"]
    part = _tables(selection, columns)
    whole = pd.concat([_with_limits(c.table, columns) for c in catalogues], ignore_index=True)
    lines = ["| Median (16th–84th percentile) | Selection | All |", "|---|---|---|"]
    for title, name in (
        ("Angular size, ″", "las"),
        ("Redshift", "redshift"),
        ("Flux, mJy", "flux"),
    ):
        values = [table[name].to_numpy(float) for table in (part, whole)]
        if any(np.isfinite(v).any() for v in values):
            limits = [limits_of(table) & (name == "las") for table in (part, whole)]
            texts = [_median_text(v, upper) for v, upper in zip(values, limits, strict=True)]
            lines.append(f"| {title} | {texts[0]} | {texts[1]} |")
    if len(lines) > 2:
        st.markdown("\n".join(lines))
    for data_set, source_ids in selection.groups().items():
        if data_set == catalogues[0].info.key:
            selection_words(data_set, source_ids)
    samples = {"All": whole, "Selection": part}
    st.html(
        size_bars(
            {name: table["las"].to_numpy(float) for name, table in samples.items()},
            {name: limits_of(table) for name, table in samples.items()},
        )
    )
    for title, table in (("All", whole), ("Selection", part)):
        st.html(class_bar(Counter(table["label"]), title))


def whole_summary(catalogue: Catalogue, labels: Text, passing: np.ndarray | None) -> None:
    """Sizes and classes of the galaxies of a data set that pass the filter (None: of all)."""
    rows = slice(None) if passing is None else passing
    title = "All" if passing is None else "Passing the filter"
    table = catalogue.table
    sizes, limits = table["las"].to_numpy(float)[rows], limits_of(table)[rows]
    st.html(size_bars({title: sizes}, {title: limits}))
    words = [str(word) for word in labels.words.to_pylist()]
    numbers = np.bincount(labels.codes[rows] + 1, minlength=len(words) + 1).tolist()
    counts = {word: n for word, n in zip(["", *words], numbers, strict=True) if n}
    st.html(class_bar(counts, "Classes"))


def selection_gallery(view: View, selection: Selection) -> None:
    """Pictures of a selection, a page at a time, in a box that scrolls by itself."""
    listed = gallery_tools.paged_gallery(
        list(selection), view,
        lambda pairs, look: galaxies.galaxy_cells(
            pairs, view.style, size=look.pixels, common=look.common
        ),
        key="gallery", label="Selected galaxies", width=88, order="In map order", height=360,
        on_open=lambda pair: state.set_focus(pair[0], pair[1], "gallery"),
        on_collect=toggle_in_tray, refresh=FRAGMENTS,
    )  # fmt: skip
    missing = sum(d not in cache.known_data_sets() for d, _ in listed)
    if missing:
        st.caption(controls.escape(f"{missing:,} galaxies are not available."))
