"""The view in a ``.radioviz`` file: the page, its parameters and how images are drawn.

A saved view is the page's link, so every page that can be linked can be saved. A file may come
from anybody: only known pages and image settings are accepted, and otherwise what a link may hold.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import streamlit as st

from radioviz.data.preprocess import STRETCHES
from radioviz.ui import cache, state
from radioviz.ui.image.display import COLOUR_MAPS, FIELDS, ImageStyle

PAGES = (
    "overview", "latent_map", "table", "relations", "grid_walk", "generate", "similar",
    "likelihood", "two_classes", "inspect_galaxy", "benchmarks", "your_data",
)  # fmt: skip
STYLE: dict[str, tuple[Any, ...]] = {
    "stretch": tuple(STRETCHES),
    "colour_map": tuple(COLOUR_MAPS),
    "field": FIELDS,
}
_MAX_PARAMETERS, _MAX_LENGTH = 40, 300


@dataclass
class SavedViewState:
    """Views of session files that wait to be opened."""

    offered: dict[str, Any] | None = None  # the view that came with the last file, for its button
    target: dict[str, Any] | None = None  # the view whose button was pressed
    # Image settings to restore before their widgets are drawn.
    style: dict[str, Any] = field(default_factory=dict)


def _waiting() -> SavedViewState:
    return state.page_state(SavedViewState)


def view_to_save(
    data_set: str, model: str | None, style: ImageStyle
) -> Callable[[], dict[str, Any]]:
    """A function that gives the view of the page being drawn; it may be called later and outside
    the session.
    """
    page = str(st.context.url or "").rstrip("/").rpartition("/")[2]
    # The very object that pages keep up to date, for what changes after this was drawn.
    written = state.session().written_parameters
    first = {"data": data_set} | ({"encoder": model} if model else {})

    def view() -> dict[str, Any]:
        drawn = {name: value for name, value in asdict(style).items() if value != ""}
        return {"page": page if page in PAGES else PAGES[0], **first, **written, **drawn}

    return view


def offer_view(view: Mapping[str, Any]) -> list[str]:
    """Keep a loaded view for its button; sentences about what it needs and is missing."""
    parameters = _parameters(view)
    _waiting().offered = None
    if view.get("page") not in PAGES or "data" not in parameters:
        return []
    missing = []
    if (data := parameters["data"]) not in cache.known_data_sets():
        missing.append(f"the view is of data set '{data}', which is not installed")
    encoder = parameters.get("encoder")
    if encoder is not None and encoder not in cache.models():
        missing.append(f"the view uses model '{encoder}', which is not installed")
    if not missing:
        _waiting().offered = dict(view)
    return missing


def open_button() -> None:
    """A button that opens the view of the last file."""
    if _waiting().offered:
        st.button(
            "Open its view",
            icon=":material/visibility:",
            key="view_open",
            on_click=_choose_view,
            help="The page, data set, encoder and image settings that the file was saved with",
            width="stretch",
        )


def _choose_view() -> None:
    waiting = _waiting()
    waiting.target, waiting.offered = waiting.offered, None


def open_chosen_view() -> None:
    """Go to the view whose button was pressed; call outside callbacks."""
    waiting = _waiting()
    if target := waiting.target:
        waiting.target = None
        waiting.style = {name: target[name] for name in STYLE if name in target}
        st.switch_page(f"pages/{target['page']}.py", query_params=_parameters(target))


def restore() -> None:
    """Apply the image settings of a view that was opened; call before their widgets."""
    waiting = _waiting()
    for key, value in waiting.style.items():
        if value in STYLE[key]:
            st.session_state[key] = value
    waiting.style = {}


def _parameters(view: Mapping[str, Any]) -> dict[str, str]:
    found = {
        name: value
        for name, value in view.items()
        if isinstance(value, str) and name not in (*STYLE, "page") and len(value) <= _MAX_LENGTH
    }
    return dict(list(found.items())[:_MAX_PARAMETERS])
