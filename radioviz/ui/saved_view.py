"""The view in a ``.radioviz`` file: which page, with what on it, and how images look.

What a link says of a view is what is saved, so a page that can be linked can be saved. A file
comes from anybody: only known pages and looks are taken, and of the rest what a link may hold.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from radioviz.data.preprocess import STRETCHES
from radioviz.ui import cache, url_state
from radioviz.ui.image.display import COLOUR_MAPS, FIELDS, ImageStyle

PAGES = (
    "overview", "latent_map", "grid_walk", "generate", "similar", "likelihood", "inspect_galaxy",
    "benchmarks", "your_data",
)  # fmt: skip
LOOK: dict[str, tuple[Any, ...]] = {
    "stretch": tuple(STRETCHES),
    "colour_map": tuple(COLOUR_MAPS),
    "field": FIELDS,
}
_RESTORE, _TARGET, _OFFERED = "view_restored", "view_target", "view_offered"
_MOST, _LONGEST = 40, 300


def view_to_save(
    data_set: str, model: str | None, style: ImageStyle
) -> Callable[[], dict[str, Any]]:
    """Tells the view of the page that is drawn, also later, where no session is at hand."""
    page = str(st.context.url or "").rstrip("/").rpartition("/")[2]
    # The very object that pages keep up to date, for what changes after this was drawn.
    written = url_state.written_parameters()
    first = {"data": data_set} | ({"encoder": model} if model else {})
    how = {"stretch": style.stretch, "colour_map": style.colour_map, "field": style.field}

    def told() -> dict[str, Any]:
        return {"page": page if page in PAGES else PAGES[0], **first, **written, **how}

    return told


def offer_view(view: Mapping[str, Any]) -> list[str]:
    """Keep a view that was loaded, to be opened by its button; what it misses, in sentences."""
    parameters = _parameters(view)
    if view.get("page") not in PAGES or "data" not in parameters:
        st.session_state.pop(_OFFERED, None)
        return []
    missing = []
    if (data := parameters["data"]) not in cache.known_data_sets():
        missing.append(f"the view is of data set '{data}', which is not here")
    encoder = parameters.get("encoder")
    if encoder is not None and encoder not in cache.models():
        missing.append(f"the view uses model '{encoder}', which is not here")
    if missing:
        st.session_state.pop(_OFFERED, None)
    else:
        st.session_state[_OFFERED] = dict(view)
    return missing


def button() -> None:
    """Opens the view that came with the last file."""
    if st.session_state.get(_OFFERED):
        st.button(
            "Open its view",
            icon=":material/visibility:",
            key="view_open",
            on_click=_open,
            help="The page, data set, encoder and look of images that the file was saved with",
            width="stretch",
        )


def _open() -> None:
    st.session_state[_TARGET] = st.session_state.pop(_OFFERED)


def open_chosen_view() -> None:
    """Go to the view whose button was pressed; outside of callbacks."""
    if target := st.session_state.pop(_TARGET, None):
        st.session_state[_RESTORE] = _style_of(target)
        st.switch_page(f"pages/{target['page']}.py", query_params=_parameters(target))


def restore() -> None:
    """Set the look of images from a view that was opened; before their widgets are drawn."""
    for key, value in st.session_state.pop(_RESTORE, {}).items():
        if value in LOOK[key]:
            st.session_state[key] = value


def _style_of(view: Mapping[str, Any]) -> dict[str, Any]:
    return {name: view[name] for name in LOOK if name in view}


def _parameters(view: Mapping[str, Any]) -> dict[str, str]:
    found = {
        name: value
        for name, value in view.items()
        if isinstance(value, str) and name not in (*LOOK, "page") and len(value) <= _LONGEST
    }
    return dict(list(found.items())[:_MOST])
