"""The left side of the Similar page: the query, by name, file, generator or tray."""

from __future__ import annotations

import streamlit as st

from radioviz.data.catalogue import Catalogue
from radioviz.data.preprocess import Preprocess
from radioviz.errors import RadioVizError
from radioviz.ui import cache, controls, detail, galaxies, gallery_tools, state
from radioviz.ui.controls import View
from radioviz.ui.galaxy_search import (
    Finder,
    any_galaxy,
    draw_search_outcome,
    forget_search,
    galaxy_search,
    search,
)
from radioviz.ui.pages.inspect.encoder_panel import show_familiarity
from radioviz.ui.pages.similar.galaxy_lookup import look_up
from radioviz.ui.pages.similar.query_upload import draw_picture, generated_picture, uploaded_picture
from radioviz.ui.pages.similar.state import (
    Pair,
    QueryPicture,
    SimilarityQuery,
    SimilarState,
    from_link,
    to_link,
)
from radioviz.ui.state import page_state

KINDS = {
    "galaxy": "Galaxy", "file": "File", "generated": "Generated", "tray": "Tray",
    "words": "Words", "taught": "My tags",
}  # fmt: skip
SEARCH_BOX = "similar_find"
SHOWN = 12  # examples that are drawn


def current_query() -> SimilarityQuery:
    """The query of this session."""
    return page_state(SimilarState).query


def set_query(query: SimilarityQuery, kind: str = "galaxy") -> None:
    """Search for something else; ``kind`` is the tab of :data:`KINDS` to open."""
    held = page_state(SimilarState)
    held.query, held.message = query, ""
    forget_search(SEARCH_BOX)
    st.session_state["similar_kind"] = kind


def set_examples(query: SimilarityQuery) -> None:
    """Change the examples, and leave the tab and the look-up as they are."""
    page_state(SimilarState).query = query


def open_link(view: View) -> None:
    """Start from another page's request, or from the address: ``?source=first/first-7``."""
    if "similar_go" in st.session_state:
        pair: Pair | None = st.session_state.pop("similar_go")
        if pair is None:
            set_query(SimilarityQuery(), "generated")
        else:
            set_query(SimilarityQuery((pair,)))
        return
    written = state.session().written_parameters
    values = {name: st.query_params.get(name) for name in ("source", "unlike")}
    if all(v is None or v == written.get(name) for name, v in values.items()):
        return
    written.update({name: v for name, v in values.items() if v is not None})
    like, unlike = (from_link(value or "", view.data_set) for value in values.values())
    query, lost = SimilarityQuery(like, unlike).available()
    set_query(query)
    if lost:
        named = ", ".join(f"{d}/{s}"[:60] for d, s in lost[:3])
        more = f" and {len(lost) - 3} more" if len(lost) > 3 else ""
        page_state(SimilarState).message = f"not found, though the link names it: {named}{more}"


def choose_kind() -> None:
    """The ways to say what is searched for."""
    st.session_state.setdefault("similar_kind", "galaxy")
    st.segmented_control(
        "Search for galaxies like", list(KINDS), format_func=KINDS.__getitem__,
        key="similar_kind", required=True, persist_state="session",
    )  # fmt: skip


def draw_query(view: View, catalogue: Catalogue, chain: Preprocess) -> QueryPicture | None:
    """Draw the query of the chosen kind; its picture, if it has one.

    ``catalogue``: the data set that is searched: pictures are smoothed to its beam; ``chain``: of
    the encoder.
    """
    kind = st.session_state["similar_kind"]
    picture: QueryPicture | None = None
    with controls.show_errors():
        if kind == "galaxy":
            _look_up_galaxy(view)
        elif kind in ("file", "generated") and (channels := _channels(view)):
            st.info(
                f"This encoder sees {len(channels)} images of a source together "
                f"({controls.escape(', '.join(channels))}), and a picture is one. Search from a "
                "galaxy, or choose another encoder in the sidebar.",
                icon=":material/layers:",
            )
        elif kind == "file":
            picture = uploaded_picture(view.style, catalogue, chain)
        elif kind == "generated":
            picture = generated_picture(catalogue.info_for(None), chain)
        else:
            _examples_from_tray()
    if picture is not None:
        draw_picture(picture, view.style)
    for side, title in (("like", "Like"), ("unlike", "Unlike")):
        _draw_examples(view, side, title)
    return picture


def _channels(view: View) -> tuple[str, ...]:
    """Images of a source that the encoder sees together; empty for one."""
    info = cache.models().get(view.model or "")
    return info.channels if info else ()


# -- a galaxy by name, position, or at random ---------------------------------------------------


def _finder(view: View) -> Finder:
    """Looks up a text in the data set in view and in all others that have a map."""
    known = cache.known_data_sets()
    mapped = [k for k in known if view.model in cache.atlas_names(k) and known[k].is_here]
    keys = [view.data_set, *(key for key in mapped if key != view.data_set)]
    return lambda text: look_up(text, keys, float(st.session_state["similar_cone"]))


def _show_matches(pairs: list[Pair]) -> None:
    """Search for galaxies like the best match; results of another query would pass for these."""
    set_examples(SimilarityQuery(tuple(pairs[:1])))
    page_state(SimilarState).message = ""


def _open_match(pair: Pair) -> None:
    set_examples(SimilarityQuery((pair,)))


def _search_random(view: View) -> None:
    set_query(SimilarityQuery((any_galaxy(view.data_set),)))


def _look_up_galaxy(view: View) -> None:
    held, find = page_state(SimilarState), _finder(view)
    name, radius = st.columns([2.2, 1.2], vertical_alignment="bottom")
    name.text_input(
        "Name or position", placeholder="J0747+1717, first-12, 116.785 +17.291",
        key=SEARCH_BOX, on_change=search, args=(SEARCH_BOX, find, _show_matches),
        help="A J2000 name or part of it, an identifier, or a position in degrees or sexagesimal, "
        "in every available data set. Works offline.",
    )  # fmt: skip
    radius.number_input(
        "Search radius [″]", 1.0, 36000.0, 60.0, step=10.0, format="%g", key="similar_cone",
        on_change=search, args=(SEARCH_BOX, find, _show_matches),
    )  # fmt: skip
    focus = state.focus()
    with st.container(horizontal=True, gap="small"):
        st.button(
            "Random galaxy", icon=":material/casino:", key="similar_random",
            on_click=_search_random, args=(view,),
        )  # fmt: skip
        if focus is not None and held.query.like != (focus,):
            st.button(
                "Use the current galaxy", icon=":material/center_focus_strong:",
                key="similar_focus", help="The galaxy that was opened last",
                on_click=set_query, args=(SimilarityQuery((focus,)),),
            )  # fmt: skip
    if held.message:
        st.warning(controls.escape(held.message), icon=":material/search:")
    at = held.query.like[0] if held.query.like else None
    draw_search_outcome(SEARCH_BOX, find, _show_matches, at, _open_match)
    matches = galaxy_search(SEARCH_BOX).matches
    if len(matches) > 1:
        if len(matches) > SHOWN:
            st.caption(f"The first {SHOWN} are shown.")
        gallery_tools.galaxy_gallery(
            galaxies.galaxy_cells(matches[:SHOWN], view.style),
            view.style,
            key="similar_match",
            label="Matches",
            width=72,
            focus=at,
            on_open=_open_match,
        )


# -- examples -----------------------------------------------------------------------------------


def _examples_from_tray() -> None:
    pairs = list(state.tray())
    if not pairs:
        st.info(
            "The tray is empty. Press **+** on pictures of any page, then use them here as "
            "examples.",
            icon=":material/inventory_2:",
        )
        return
    with st.container(horizontal=True, gap="small"):
        st.button(
            f"Like all {len(pairs):,}" if len(pairs) > 1 else "Like it",
            icon=":material/thumb_up:", key="similar_tray_like",
            on_click=set_query, args=(SimilarityQuery().with_like(*pairs), "tray"),
        )  # fmt: skip
        st.button(
            "Unlike them", icon=":material/thumb_down:", key="similar_tray_unlike",
            help="Keeps the query, and moves away from these",
            on_click=set_query, args=(current_query().with_unlike(*pairs), "tray"),
        )  # fmt: skip


def _examples_edited(side: str) -> None:
    query = current_query()
    kept = {to_link([p]): p for p in query.examples}
    chosen = tuple(kept[t] for t in st.session_state[f"similar_{side}_box"] if t in kept)
    like, unlike = (chosen, query.unlike) if side == "like" else (query.like, chosen)
    set_examples(SimilarityQuery(like, unlike))


def _example_label(pair: Pair) -> str:
    try:
        catalogue, row = galaxies.row_of(pair)
    except RadioVizError:
        return f"{pair[0]}: {pair[1]}"
    name = galaxies.name_of(catalogue.table, row)
    return name if name == pair[1] else f"{name} ({pair[1]})"


def _draw_examples(view: View, side: str, title: str) -> None:
    """Chips and pictures of one side of the query; a cross removes one."""
    pairs: tuple[Pair, ...] = getattr(current_query(), side)
    if not pairs:
        return
    labels = {to_link([p]): _example_label(p) for p in pairs}
    st.session_state[f"similar_{side}_box"] = list(labels)
    st.multiselect(
        title, list(labels), format_func=labels.__getitem__, key=f"similar_{side}_box",
        on_change=_examples_edited, args=(side,),
    )  # fmt: skip
    if side == "like" and len(pairs) == 1:
        catalogue, row = galaxies.row_of(pairs[0])
        st.html(detail.galaxy_heading(catalogue, row))
        st.html(detail.galaxy_picture(catalogue, row, view.style))
        facts = [(t, v) for t, v in detail.short_facts(catalogue, row) if t != "Split"]
        st.html(detail.facts_html([("Data set", catalogue.info.title), *facts]))
        if view.model is not None:
            show_familiarity(pairs[0], view.model)
        return
    gallery_tools.galaxy_gallery(
        galaxies.galaxy_cells(list(pairs[:SHOWN]), view.style),
        view.style,
        key=f"similar_{side}_gallery",
        label=f"{title} these",
        width=72,
        captions=False,
        on_open=open_galaxy,
    )


def open_galaxy(pair: Pair) -> None:
    """Open a galaxy next to the results."""
    state.set_focus(*pair, origin="gallery")
