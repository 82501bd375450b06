"""A selection below the map: medians, distributions against all galaxies, and its gallery."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from radioviz.data.catalogue import Catalogue
from radioviz.errors import CatalogueError
from radioviz.ui import cache, controls, galaxies, gallery, state
from radioviz.ui.charts.html_bars import class_bar, size_bars
from radioviz.ui.gallery import Handler
from radioviz.ui.image.display import ImageStyle
from radioviz.ui.state import Selection

ORDERS = {
    "map": "In map order",
    "large": "Largest first",
    "small": "Smallest first",
    "class": "By class",
}


def _tables(selection: Selection, columns: list[str]) -> pd.DataFrame:
    """Columns of every selected galaxy, in the order of the selection's groups."""
    parts = []
    for data_set, source_ids in selection.groups().items():
        try:
            catalogue = cache.data_set(data_set)
            part = catalogue.table.iloc[catalogue.rows_of(source_ids)][["source_id", *columns]]
        except CatalogueError:
            continue
        parts.append(part.assign(data_set=data_set))
    if not parts:
        return pd.DataFrame(columns=["data_set", "source_id", *columns])
    return pd.concat(parts, ignore_index=True)


def _median_text(values: np.ndarray) -> str:
    """Median with the 16th and 84th percentile, or a dash."""
    known = values[np.isfinite(values)]
    if not len(known):
        return "–"
    low, middle, high = np.percentile(known, [16, 50, 84])
    return f"{middle:.3g} ({low:.3g}–{high:.3g})"


def selection_summary(catalogues: list[Catalogue], selection: Selection) -> None:
    """Sizes and classes of a selection against all galaxies on the map."""
    columns = ["las", "label", "redshift", "flux"]
    part = _tables(selection, columns)
    whole = pd.concat([c.table[columns] for c in catalogues], ignore_index=True)
    lines = ["| Median (16th–84th percentile) | Selection | All |", "|---|---|---|"]
    for title, name in (
        ("Angular size, ″", "las"),
        ("Redshift", "redshift"),
        ("Flux, mJy", "flux"),
    ):
        values = [table[name].to_numpy(float) for table in (part, whole)]
        if any(np.isfinite(v).any() for v in values):
            lines.append(f"| {title} | {_median_text(values[0])} | {_median_text(values[1])} |")
    if len(lines) > 2:
        st.markdown("\n".join(lines))
    sizes, chosen = (table["las"].to_numpy(float) for table in (whole, part))
    st.html(size_bars({"All": sizes, "Selection": chosen}))
    for title, table in (("All", whole), ("Selection", part)):
        st.html(class_bar(table["label"].tolist(), title))


def whole_summary(catalogue: Catalogue) -> None:
    """Sizes and classes of a whole data set."""
    table = catalogue.table
    st.html(size_bars({"All": table["las"].to_numpy(float)}))
    st.html(class_bar(table["label"].tolist(), "Classes"))


def ordered(selection: Selection, order: str) -> list[tuple[str, str]]:
    """Galaxies of a selection in one of :data:`ORDERS`; unknown sizes come last."""
    if order == "map":
        return list(selection)
    part = _tables(selection, ["las", "label"])
    if order == "class":
        key = part["label"].replace("", "~").to_numpy(str)
    else:
        las = part["las"].to_numpy(float)
        key = np.where(np.isfinite(las), -las if order == "large" else las, np.inf)
    by = np.argsort(key, kind="stable")
    pairs = list(zip(part["data_set"], part["source_id"], strict=True))
    return [pairs[i] for i in by]


def selection_gallery(
    selection: Selection, style: ImageStyle, on_open: Handler, on_collect: Handler
) -> None:
    """Pictures of a selection, a page at a time."""
    pages = max(1, -(-len(selection) // gallery.PAGE))
    page = min(int(st.session_state.get("gallery_page", 1)), pages)
    if st.session_state.get("gallery_page", 1) != page:
        st.session_state["gallery_page"] = page
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        order = st.selectbox(
            "Order", list(ORDERS), format_func=ORDERS.__getitem__, key="gallery_order", width=180,
            persist_state="session",
        )  # fmt: skip
        if pages > 1:
            page = st.pagination(pages, key="gallery_page")
    pairs = ordered(selection, str(order))
    shown = pairs[(page - 1) * gallery.PAGE : page * gallery.PAGE]
    tray = state.tray()
    gallery.gallery(
        galaxies.galaxy_cells(shown, style),
        key="gallery",
        label=f"Selected galaxies, page {page} of {pages}",
        in_tray=tray.__contains__,
        focus=state.focus(),
        on_open=on_open,
        on_collect=on_collect,
    )
    if len(pairs) < len(selection):
        st.caption(controls.escape(f"{len(selection) - len(pairs):,} galaxies are not available."))
