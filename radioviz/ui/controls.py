"""What pages share: links to each other, panels that fail alone, text for Markdown."""

from __future__ import annotations

import os
import re
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from radioviz.atlas.atlas import command_of
from radioviz.data.catalogue import Catalogue
from radioviz.data.registry import DATA_SETS
from radioviz.errors import CancelledError, RadioVizError
from radioviz.models import registry
from radioviz.models.artefact import ModelInfo
from radioviz.paths import REPOSITORY, cache_folder, trained_folder, user_data_folder
from radioviz.ui import cache, guard, in_line, state, url_state
from radioviz.ui.image.display import RGB, ImageStyle

LATENT_MAP = "pages/latent_map.py"
TABLE = "pages/table.py"
GRID_WALK = "pages/grid_walk.py"
GENERATE = "pages/generate.py"
INSPECT = "pages/inspect_galaxy.py"
SIMILAR = "pages/similar.py"
LIKELIHOOD = "pages/likelihood.py"
BENCHMARKS = "pages/benchmarks.py"
YOUR_DATA = "pages/your_data.py"
NO_MAP = " (no map yet)"
_PARAMETERS = {
    "data": "data set",
    "plane": "image of each source",
    "n": "number of images",
    "beside": "view beside the map",
    "in": "data set to search in",
    "show": "data set",
    "flow": "flow",
    "mode": "way to draw latent vectors",
}


@dataclass(frozen=True)
class View:
    """Choices of the sidebar: data set, encoder (None without any), how images are drawn."""

    data_set: str
    model: str | None
    style: ImageStyle

    def publish(self, **parameters: str | None) -> None:
        """Put this view, and what a page adds to it, in the address bar.

        Says what the link that was opened asks for and cannot have.
        """
        plane = RGB if self.style.composite else self.style.plane or None
        first = {"data": self.data_set, "encoder": self.model, "plane": plane}
        url_state.publish_view(**first, **parameters)
        for name, refused in url_state.refused_values({*first, *parameters}).items():
            said = _refusal(name, refused)
            if name == "overlay" and isinstance(refused.instead, list):
                said = _no_overlay(refused.value, self.model)
            st.warning(escape(said), icon=":material/link_off:")


def _no_overlay(value: str, model: str | None) -> str:
    """Which data sets of a link cannot lie on the map, and what would put them there."""
    known, said, strange = cache.known_data_sets(), [], []
    for key in value[:600].split(", "):
        if key not in known:
            strange.append(key[:60])
        elif known[key].is_here:
            said.append(
                f"The link asks for {data_set_title(key)} on this map, which the encoder has not "
                f"mapped; run: {command_of(key, str(model))}"
            )
        else:
            said.append(_not_installed(key))
    if strange:
        said.append(
            f"The link asks for the overlaid data set '{', '.join(strange)}', which is not here; "
            "import it under this name (docs/training.md)"
        )
    return ". ".join(said) + "."


def _not_installed(key: str) -> str:
    fetch = DATA_SETS[key].fetch if key in DATA_SETS else ""
    how = f"; get it with: python -m radioviz.data fetch {fetch}" if fetch else ""
    return f"The link asks for {data_set_title(key)}, which is not installed{how}"


def _refusal(parameter: str, refused: url_state.RefusedValue) -> str:
    """Why a link shows something else than it asks for, in a sentence."""
    value, word = refused.value[:60], _PARAMETERS.get(parameter, parameter)
    if parameter == "data" and value in cache.known_data_sets():
        return f"{_not_installed(value)}."
    if refused.reach:
        return (
            f"The link asks for {word} = {value}; possible is {refused.reach}, so this is "
            f"{refused.instead}."
        )
    return f"The link asks for the {word} '{value}', which is not here, so another is shown."


@contextmanager
def show_errors() -> Iterator[None]:
    """Show an error of RadioViz in place of the panel that raised it; the page continues.

    Progress of its work is shown where it begins (:func:`radioviz.ui.in_line.place`).
    """
    try:
        with in_line.place():
            yield
    except CancelledError as error:
        st.caption(escape(str(error)))
    except RadioVizError as error:
        st.error(escape(str(error)), icon=":material/error:")


_ADDRESS = re.compile(r"(https?:)(?=//)|(www)(?=\.)|([-.\w+])(?=@)", re.IGNORECASE)


def escape(text: str) -> str:
    """Text for Markdown that shows as it is: names and messages are never markup.

    Browsers make links of bare addresses even where they are escaped, so an invisible word joiner
    parts what would be one. On a shared server, paths of its folders are left out.
    """
    if os.sep in text:
        text = without_folders(text, is_local())
    text = _ADDRESS.sub("\\g<0>\u2060", text)
    special = "\\`*_{}[]()<>#+!|~$:"
    return "".join(f"\\{c}" if c in special else c for c in text)


def without_folders(text: str, local: bool) -> str:
    """Text that names no folder of the server, unless its reader is the one who started it."""
    if os.sep in text and not local:
        for folder in _folders():
            text = text.replace(folder, "…")
    return text


def _folders() -> list[str]:
    """The server's own folders, inner ones first."""
    own = (cache_folder(), user_data_folder(), trained_folder(), REPOSITORY, Path.home())
    temporary = Path(tempfile.gettempdir())
    known = {str(form) for f in (*own, temporary) for form in (f, f.absolute(), f.resolve())}
    return sorted(known - {os.sep, "."}, key=len, reverse=True)


def data_set_title(key: str) -> str:
    """Name of a data set as shown to people; with its key where two have the same."""
    titles = {name: entry.title for name, entry in cache.known_data_sets().items()}
    if key not in titles:  # not here: its name where a model learned from it
        for info in cache.models().values():
            titles = info.data_titles | titles
    return distinct_titles(titles).get(key, key)


def distinct_titles(titles: Mapping[str, str]) -> dict[str, str]:
    """Titles by key; those that occur twice have their key behind them.

    A select box knows its options by their titles alone: of two with the same title, the next
    run of the page would choose the first.
    """
    number = Counter(titles.values())
    return {
        key: title if number[title] == 1 else f"{title} ({key})" for key, title in titles.items()
    }


def encoder_titles(data_set: str) -> dict[str, str]:
    """Titles of encoders by name: those with an Atlas of the data set, then the others.

    Each in the order of :func:`radioviz.models.registry.encoders`; models of several channels
    where the data set has them.
    """
    planes = cache.known_data_sets()[data_set].planes
    named = {n: i for n, i in registry.encoders(cache.models()).items() if i.sees(planes)}
    ready = cache.atlas_names(data_set)
    titles = {name: info.title for name, info in named.items() if name in ready}
    titles |= {name: name for name in ready if name not in titles}
    without = {name: f"{info.title}{NO_MAP}" for name, info in named.items() if name not in ready}
    return titles | without


def linked_select(
    label: str,
    options: Mapping[str, str],
    key: str,
    parameter: str,
    default: str | None = None,
    **appearance: Any,
) -> str:
    """A select box kept for the session and linked by the query ``parameter``.

    ``options``: values to the titles shown; the first one is the default unless ``default`` is
    given. ``appearance``: further arguments of ``st.selectbox``.
    """
    options = distinct_titles(options)
    url_state.linked_choice(key, parameter, list(options), default or next(iter(options)))
    return str(
        st.selectbox(
            label,
            list(options),
            format_func=options.__getitem__,
            key=key,
            persist_state="session",
            **appearance,
        )
    )


def choose_model(
    label: str, models: Mapping[str, ModelInfo], key: str, parameter: str
) -> ModelInfo:
    """A select box of models by title (see :func:`linked_select`)."""
    titles = {name: info.title for name, info in models.items()}
    return models[linked_select(label, titles, key, parameter)]


def open_with_progress(key: str, *, asked: bool = False) -> Catalogue:
    """Catalogue of a data set; shows progress while it is built for the first time.

    Where a click opens it, and not the page itself, ``asked`` is True: a click after it was
    cancelled opens it all the same. A button to start again could not repeat the first click.

    Raises CatalogueError, which says how to get it, if it is missing; and CancelledError if the
    reader does not wait for it: it is built nevertheless, for all readers.
    """
    if cache.is_open(key):
        return cache.data_set(key)
    title = f"Opening {data_set_title(key)}"
    with in_line.cancellable(title, "open_data_set", key, asked=asked) as say:

        def progress(done: int, total: int, what: str) -> None:
            share = min(1.0, done / total) if total else 0.0
            say(f"{escape(what)}: {done:,} of {total:,}", share)

        return cache.data_set(key, progress)


def has_map(view: View) -> bool:
    """Whether the encoder in view has mapped the data set; if not, show how to do it."""
    if view.model is None:
        st.info(
            "No trained encoder is installed. Train one with `python -m train vae`, "
            "then reload the page.",
            icon=":material/model_training:",
        )
        return False
    if view.model in cache.atlas_names(view.data_set):
        return True
    titles = encoder_titles(view.data_set)
    st.info(
        escape(f"{titles[view.model].removesuffix(NO_MAP)} has no map of ")
        + escape(data_set_title(view.data_set))
        + " yet. Build it with this command, then reload the page:",
        icon=":material/scatter_plot:",
    )
    st.code(command_of(view.data_set, view.model), language="bash", wrap_lines=True)
    if view.data_set not in DATA_SETS:
        st.page_link(
            YOUR_DATA, label="Or encode it on the page Your data", icon=":material/upload:"
        )
    return False


def galaxies_text(number: int) -> str:
    return f"{number:,} galaxy" if number == 1 else f"{number:,} galaxies"


def is_local() -> bool:
    """Whether the browser belongs to the account that started the app, on the same computer.

    Behind a reverse proxy no browser counts as local (see :mod:`radioviz.ui.guard`). Set
    ``RADIOVIZ_SHARED=1`` where users reach the server by SSH tunnels.
    """
    if os.environ.get("RADIOVIZ_SHARED", "").strip() not in ("", "0"):
        return False
    return guard.is_own_account(st.context.headers)


def go_inspect(pair: tuple[str, str]) -> None:
    """Open a galaxy on its own page."""
    state.set_focus(*pair, origin="link")
    if pair[0] == st.session_state.get("data_set"):
        st.switch_page(INSPECT)
    st.switch_page(INSPECT, query_params={"data": pair[0], "source": pair[1]})


def go_walk(pair: tuple[str, str]) -> None:
    """Walk the latent plane from a galaxy."""
    state.set_focus(*pair, origin="link")
    st.switch_page(GRID_WALK, query_params={"galaxy": "/".join(pair)})


def go_similar(pair: tuple[str, str] | None = None) -> None:
    """Search for galaxies like this one; None: like the image in the session's ``query_image``."""
    st.session_state["similar_go"] = pair
    st.switch_page(SIMILAR)


def go_likelihood(pair: tuple[str, str]) -> None:
    """Show a galaxy among the likelihoods of all."""
    state.set_focus(*pair, origin="link")
    st.switch_page(LIKELIHOOD)


def overlays(view: View) -> list[str]:
    """Other data sets that the view's encoder has mapped."""
    return [
        key
        for key in cache.available_data_sets()
        if key != view.data_set and view.model and view.model in cache.atlas_names(key)
    ]
