"""What every gallery of galaxies offers: order, pages, size and stretch of pictures, comparing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from radioviz.errors import CatalogueError, FilterError
from radioviz.morphology.upper_limits import limits_of, size_order
from radioviz.ui import cache, comparison, controls, gallery, state
from radioviz.ui import session_workspace as workspace
from radioviz.ui.controls import View
from radioviz.ui.gallery import Action, Cell, Handler
from radioviz.ui.image.display import ImageStyle
from radioviz.ui.workspace_columns import columns_in_view
from radioviz.workspace.table_columns import Numbers, Text

Pair = tuple[str, str]
SIZES = {"small": 0.75, "medium": 1.0, "large": 1.9}
"""Widths of pictures, as shares of the usual one of a gallery."""
QUICK = {"large": "Largest first", "small": "Smallest first", "class": "By class"}
_AS_IT_IS = "map"


@dataclass(frozen=True)
class Look:
    """How the pictures of all galleries are drawn: a size of :data:`SIZES`, one range for all."""

    size: str = "medium"
    common: bool = False

    def width(self, usual: int) -> int:
        """Least width of a picture in CSS pixels."""
        return round(usual * SIZES[self.size])

    @property
    def pixels(self) -> int:
        """Pixels of a picture."""
        return 128 if self.size == "large" else 96


def look() -> Look:
    """How this workspace draws galleries."""
    held = workspace.value("gallery", {})
    size = str(held.get("size", "medium"))
    return Look(size if size in SIZES else "medium", bool(held.get("common", False)))


def actions(refresh: Sequence[str] = ()) -> dict[str, Action]:
    """What can be done with chosen galaxies; ``refresh`` are fragments to run again."""

    def again() -> None:
        if refresh:
            st.rerun(list(refresh))

    def collect(pairs: list[Pair]) -> None:
        state.tray().update(pairs)
        again()

    def select(pairs: list[Pair]) -> None:
        state.set_brush(pairs, "gallery")
        again()

    return {
        "collect": Action("Add to tray", collect),
        "compare": Action(
            "Compare", comparison.offer, "Side by side and blinking, two to six galaxies",
            2, comparison.MOST,
        ),
        "select": Action("Select", select, "Select them instead of what is selected now"),
    }  # fmt: skip


def galaxy_gallery(
    cells: Sequence[Cell],
    style: ImageStyle,
    *,
    key: str,
    refresh: Sequence[str] = (),
    chosen: Mapping[str, Action] | None = None,
    **appearance: Any,
) -> None:
    """A gallery whose galaxies can be chosen, collected and compared.

    ``key``, ``appearance``: as of :func:`radioviz.ui.gallery.gallery`; ``refresh``: fragments that
    show the tray or the selection; ``chosen``: other actions than :func:`actions`.
    """
    gallery.gallery(
        cells, key=key, actions=actions(refresh) if chosen is None else chosen, **appearance
    )
    if any(cell.pair in comparison.offered() for cell in cells):
        comparison.open_offered(style)


def paged_gallery(
    pairs: Sequence[Pair],
    view: View,
    cells_of: Callable[[list[Pair], Look], list[Cell]],
    *,
    key: str,
    label: str,
    width: int,
    order: str,
    on_open: Handler,
    on_collect: Handler,
    refresh: Sequence[str] = (),
    height: int | None = None,
) -> list[Pair]:
    """A gallery of any number of galaxies with its tools; the galaxies in the order shown.

    Parameters
    ----------
    pairs : sequence of (str, str)
        In their own order, which ``order`` names.
    cells_of : callable
        Pictures of one page.
    height : int, optional
        Of a box that scrolls by itself, where there are more than a few.
    """
    pages = max(1, -(-len(pairs) // gallery.PAGE))
    page_key, page = f"{key}_page", 1
    if int(st.session_state.get(page_key) or 1) > pages:
        st.session_state[page_key] = pages
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        choose_order(view, key, order)
        listed = ordered(pairs, view.model, key)
        if pages > 1:
            page = int(st.pagination(pages, key=page_key))
        shown = listed[(page - 1) * gallery.PAGE : page * gallery.PAGE]
        _collect_menu(listed, shown, key, refresh)
        _look_menu(key)
    now = look()
    with st.container(height=height if height and len(shown) > 6 else "content", border=False):
        galaxy_gallery(
            cells_of(shown, now), view.style, key=key,
            label=f"{label}, page {page} of {pages}" if pages > 1 else label,
            width=now.width(width), in_tray=state.tray().__contains__, focus=state.focus(),
            on_open=on_open, on_collect=on_collect, refresh=refresh,
        )  # fmt: skip
    return listed


def choose_order(view: View, key: str, first: str) -> None:
    """Select box of orders: the own one, called ``first``, quick ones, then every column."""
    titles: Mapping[str, str] = {_AS_IT_IS: first, **QUICK}
    columns = columns_in_view(view.data_set, view.model)
    options = [*titles, *columns.names]
    if st.session_state.get(f"{key}_order") not in options:
        st.session_state.pop(f"{key}_order", None)

    def title(name: str) -> str:
        return titles[name] if name in titles else columns.title(name)

    chosen = st.selectbox(
        "Order", options, format_func=title, key=f"{key}_order", width=190,
        persist_state="session",
    )  # fmt: skip
    if chosen not in titles:
        st.toggle("Descending", key=f"{key}_descending", persist_state="session")


def ordered(pairs: Sequence[Pair], model: str | None, key: str) -> list[Pair]:
    """Galaxies in the order chosen for a gallery; those without a value come last."""
    order = str(st.session_state.get(f"{key}_order", _AS_IT_IS))
    if order == _AS_IT_IS:
        return list(pairs)
    descending = bool(st.session_state.get(f"{key}_descending", False))
    if order in ("large", "small"):
        order, descending = "las", order == "large"
    elif order == "class":
        order, descending = "label", False
    return sorted_by(pairs, model, order, descending)


def sorted_by(
    pairs: Sequence[Pair], model: str | None, column: str, descending: bool = False
) -> list[Pair]:
    """Galaxies sorted by a column of their data sets; ties stay, missing values come last.

    Upper limits of the angular size come after equal sizes where the largest are first.
    """
    values: dict[Pair, Any] = {}
    limits: dict[Pair, bool] = {}
    groups: dict[str, list[str]] = {}
    for data_set, source_id in pairs:
        groups.setdefault(data_set, []).append(source_id)
    for data_set, ids in groups.items():
        try:
            rows = cache.data_set(data_set).rows_of(ids)
            found = columns_in_view(data_set, model).values(column)
        except (CatalogueError, FilterError):
            continue
        if isinstance(found, Text):
            cells: list[Any] = found.texts(rows)
        elif isinstance(found, Numbers):
            cells = [v if v == v else "" for v in found.floats()[rows].tolist()]
        else:
            cells = found.values[rows].astype(float).tolist()
        values.update(((data_set, s), v) for s, v in zip(ids, cells, strict=True))
        if column == "las":
            part = limits_of(cache.data_set(data_set).table.iloc[rows])
            limits.update(((data_set, s), bool(v)) for s, v in zip(ids, part, strict=True))
    known = [p for p in pairs if values.get(p, "") != ""]
    rest = [p for p in pairs if values.get(p, "") == ""]
    if column == "las":
        sizes = np.array([values[p] for p in known], dtype=float)
        by = size_order(sizes, np.array([limits[p] for p in known], dtype=bool), descending)
        return [*(known[i] for i in by), *rest]
    text = any(isinstance(values[p], str) for p in known)
    known.sort(key=lambda p: str(values[p]) if text else values[p], reverse=descending)
    return [*known, *rest]


def _collect_menu(
    listed: Sequence[Pair], shown: Sequence[Pair], key: str, refresh: Sequence[str]
) -> None:
    """Add the page, the first N or all to the tray."""

    def collect(some: Sequence[Pair]) -> None:
        state.tray().update(some)
        if refresh:
            st.rerun(list(refresh))

    with st.popover("Add", icon=":material/add:", key=f"{key}_add", help="Add to the tray"):
        if len(shown) < len(listed):
            st.button(f"This page ({len(shown):,})", key=f"{key}_add_page",
                      on_click=collect, args=(shown,), width="stretch")  # fmt: skip
            number = st.number_input(
                "The first", 1, len(listed), min(100, len(listed)), key=f"{key}_add_number"
            )
            st.button(f"The first {int(number):,}", key=f"{key}_add_first",
                      on_click=collect, args=(listed[: int(number)],), width="stretch")  # fmt: skip
        st.button(f"All {controls.galaxies_text(len(listed))}", key=f"{key}_add_all",
                  on_click=collect, args=(listed,), width="stretch")  # fmt: skip


def _look_menu(key: str) -> None:
    """Size and stretch of the pictures of all galleries."""
    now = look()
    st.session_state[f"{key}_size"], st.session_state[f"{key}_common"] = now.size, now.common

    def changed() -> None:
        size = st.session_state.get(f"{key}_size") or now.size
        common = bool(st.session_state.get(f"{key}_common"))
        workspace.put("gallery", {"size": str(size), "common": common}, "")

    with st.popover("Pictures", icon=":material/tune:", key=f"{key}_look"):
        st.segmented_control(
            "Size", list(SIZES), format_func=str.capitalize, key=f"{key}_size", on_change=changed
        )
        st.toggle(
            "Same brightness range for all", key=f"{key}_common", on_change=changed,
            help="From the faintest to the brightest pixel of the page, for each data set. "
            "Otherwise each picture has its own range.",
        )  # fmt: skip
        st.caption(
            "Ctrl and click, Shift and click, Space and Shift with arrows choose pictures: add, "
            "select or compare them."
        )
