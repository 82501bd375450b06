"""The left side of the Similar page: what to look for, by name, file, generator or tray."""

from __future__ import annotations

import numpy as np
import streamlit as st

from radioviz.data.catalogue import SurveyInfo
from radioviz.data.preprocess import Preprocess
from radioviz.errors import FetchError, RadioVizError
from radioviz.ui import cache, controls, detail, galaxies, gallery, state
from radioviz.ui import name_resolver as names
from radioviz.ui.controls import View
from radioviz.ui.pages.similar import query_state as query
from radioviz.ui.pages.similar import similar_picture
from radioviz.ui.pages.similar.query_state import Pair, Picture, Wish

KINDS = {"galaxy": "Galaxy", "file": "File", "generated": "Generated", "tray": "Tray"}
SHOWN = 12  # examples that are drawn
_SESAME = "similar_ask"


def wish() -> Wish:
    """What this session looks for."""
    held: Wish = st.session_state.get("similar_wish", Wish())
    return held


def set_wish(wanted: Wish, kind: str = "galaxy") -> None:
    """Look for something else; ``kind`` says which way of asking is open."""
    st.session_state["similar_wish"] = wanted
    st.session_state["similar_kind"] = kind
    st.session_state["similar_matches"] = []
    st.session_state["similar_message"] = ""


def followed_link(view: View) -> None:
    """Take up what another page asked for, or what the address says: ``?source=first/first-7``."""
    if "similar_go" in st.session_state:
        pair: Pair | None = st.session_state.pop("similar_go")
        if pair is None:
            set_wish(Wish(), "generated")
        else:
            set_wish(Wish((pair,)))
        return
    written = state.session().written_parameters
    values = {name: st.query_params.get(name) for name in ("source", "unlike")}
    if all(v is None or v == written.get(name) for name, v in values.items()):
        return
    written.update({name: v for name, v in values.items() if v is not None})
    sides = [query.from_link(values[name] or "", view.data_set) for name in ("source", "unlike")]
    wanted, lost = Wish(*sides).known()
    set_wish(wanted)
    if lost:
        st.session_state["similar_message"] = (
            f"the link names {', '.join(f'{d}/{s}'[:60] for d, s in lost[:3])}"
            f"{' and others' if len(lost) > 3 else ''}, which is not at hand"
        )


def choose_kind() -> None:
    """The four ways to say what is looked for."""
    st.session_state.setdefault("similar_kind", "galaxy")
    st.segmented_control(
        "Look for galaxies like",
        list(KINDS),
        format_func=KINDS.__getitem__,
        key="similar_kind",
        required=True,
        persist_state="session",
    )


def panel(view: View, survey: SurveyInfo, chain: Preprocess) -> tuple[Wish, Picture | None]:
    """Draw the query of the kind that was chosen; what it is now.

    Parameters
    ----------
    survey : SurveyInfo
        Of the data set that is searched: pictures are brought to its beam.
    chain : Preprocess
        Of the encoder.
    """
    kind = st.session_state["similar_kind"]
    picture: Picture | None = None
    with controls.show_errors():
        if kind == "galaxy":
            _by_name(view)
        elif kind == "file":
            picture = similar_picture.from_file(view.style, survey, chain, new_file)
        elif kind == "generated":
            picture = similar_picture.generated(survey, chain)
        else:
            _tray()
    if picture is not None:
        similar_picture.show(picture, view.style)
    _examples(view)
    return wish(), picture


# -- a galaxy by name, position, or at random ------------------------------------------------


def _data_sets(view: View) -> list[str]:
    """Data sets whose galaxies can be looked up: the one in view first, then what is here."""
    known = cache.known_data_sets()
    mapped = [k for k in known if view.model in cache.atlas_names(k) and known[k].is_here]
    return [view.data_set, *(key for key in mapped if key != view.data_set)]


def _find(view: View) -> None:
    text = str(st.session_state["similar_find"]).strip()
    st.session_state["similar_message"] = ""
    st.session_state.pop(_SESAME, None)
    if not text:
        return
    _take(view, text, text)


def _take(view: View, text: str, title: str) -> None:
    try:
        pairs = query.locate(text, _data_sets(view), float(st.session_state["similar_cone"]))
    except RadioVizError as error:
        st.session_state["similar_message"] = str(error)
        if "it is no position" in str(error):
            st.session_state[_SESAME] = title
        return
    set_wish(Wish((pairs[0],)))
    st.session_state["similar_matches"] = pairs[:SHOWN]
    if len(pairs) > 1:
        st.session_state["similar_message"] = f"{len(pairs):,} matches; this is the first of them"


def _ask_sesame(view: View) -> None:
    name = str(st.session_state.pop(_SESAME, ""))
    try:
        ra, dec = names.resolve(name)
    except FetchError as error:
        st.session_state["similar_message"] = str(error)
        return
    _take(view, f"{ra:.6f} {dec:+.6f}", name)


def _at_random(view: View) -> None:
    ids = cache.data_set(view.data_set).table["source_id"].to_numpy()
    set_wish(Wish(((view.data_set, str(np.random.default_rng().choice(ids))),)))


def _choose(pair: Pair) -> None:
    matches = st.session_state.get("similar_matches", [])
    set_wish(Wish((pair,)))
    st.session_state["similar_matches"] = matches


def _by_name(view: View) -> None:
    name, cone = st.columns([2.4, 1], vertical_alignment="bottom")
    name.text_input(
        "Name or position",
        placeholder="J0747+1717, first-12, 116.785 +17.291",
        key="similar_find",
        on_change=_find,
        args=(view,),
        help="A J2000 name or a part of it, an identifier, or a position in degrees or "
        "sexagesimal, in every data set at hand. Understood without a network.",
    )
    cone.number_input(
        "Cone [″]", 1.0, 36000.0, 60.0, step=10.0, format="%g", key="similar_cone",
        on_change=_find, args=(view,),
    )  # fmt: skip
    focus = state.focus()
    with st.container(horizontal=True, gap="small"):
        st.button(
            "One at random", icon=":material/casino:", key="similar_random",
            on_click=_at_random, args=(view,),
        )  # fmt: skip
        if focus is not None and wish().like != (focus,):
            st.button(
                "The one in view",
                icon=":material/center_focus_strong:",
                key="similar_focus",
                help="The galaxy that was opened last",
                on_click=set_wish,
                args=(Wish((focus,)),),
            )
    if message := st.session_state.get("similar_message"):
        st.warning(controls.escape(message), icon=":material/search:")
    if _SESAME in st.session_state:
        st.button(
            "Ask Sesame (CDS) where it is",
            icon=":material/travel_explore:",
            key="similar_sesame",
            help="Sends the name over the network to the Centre de Données de Strasbourg",
            on_click=_ask_sesame,
            args=(view,),
        )
    matches = st.session_state.get("similar_matches", [])
    if len(matches) > 1:
        gallery.gallery(
            galaxies.galaxy_cells(matches, view.style),
            key="similar_match",
            label="Matches",
            width=72,
            strip=True,
            focus=wish().like[0] if wish().like else None,
            on_open=_choose,
        )


def new_file() -> None:
    """Another file is another query: examples of the last one are no part of it."""
    st.session_state["similar_wish"] = Wish()


# -- examples --------------------------------------------------------------------------------


def _tray() -> None:
    pairs = list(state.tray())
    if not pairs:
        st.info(
            "The tray is empty. Press **+** on pictures of any page, then use them here as "
            "examples.",
            icon=":material/inventory_2:",
        )
        return
    kept = wish()
    with st.container(horizontal=True, gap="small"):
        st.button(
            f"Like all {len(pairs):,}" if len(pairs) > 1 else "Like it",
            icon=":material/thumb_up:",
            key="similar_tray_like",
            on_click=set_wish,
            args=(Wish().with_like(*pairs), "tray"),
        )
        st.button(
            "Unlike them",
            icon=":material/thumb_down:",
            key="similar_tray_unlike",
            help="Keeps what is looked for, and moves away from these",
            on_click=set_wish,
            args=(kept.with_unlike(*pairs), "tray"),
        )


def _edited(side: str) -> None:
    kept = {query.to_link([p]): p for p in (*wish().like, *wish().unlike)}
    chosen = tuple(kept[t] for t in st.session_state[f"similar_{side}_box"] if t in kept)
    now = wish()
    other = now.unlike if side == "like" else now.like
    st.session_state["similar_wish"] = (
        Wish(chosen, other) if side == "like" else Wish(other, chosen)
    )


def _label(pair: Pair) -> str:
    try:
        catalogue, row = galaxies.row_of(pair)
    except RadioVizError:
        return f"{pair[0]}: {pair[1]}"
    name = galaxies.name_of(catalogue.table, row)
    return name if name == pair[1] else f"{name} ({pair[1]})"


def _examples(view: View) -> None:
    """Chips and pictures of what to be like and unlike; a cross takes one out."""
    now = wish()
    for side, pairs, title in (("like", now.like, "Like"), ("unlike", now.unlike, "Unlike")):
        if not pairs:
            continue
        single = side == "like" and len(pairs) == 1
        tokens = {query.to_link([p]): _label(p) for p in pairs}
        st.session_state[f"similar_{side}_box"] = list(tokens)
        st.multiselect(
            title,
            list(tokens),
            format_func=tokens.__getitem__,
            key=f"similar_{side}_box",
            on_change=_edited,
            args=(side,),
        )
        if single:
            catalogue, row = galaxies.row_of(pairs[0])
            st.html(detail.galaxy_heading(catalogue, row))
            st.html(detail.galaxy_picture(catalogue, row, view.style))
            facts = [(t, v) for t, v in detail.short_facts(catalogue, row) if t != "Split"]
            st.html(detail.facts_html([("Data set", catalogue.info.title), *facts]))
            continue
        gallery.gallery(
            galaxies.galaxy_cells(pairs[:SHOWN], view.style),
            key=f"similar_{side}_gallery",
            label=f"{title} these",
            width=72,
            captions=False,
            on_open=look_at,
        )


def look_at(pair: Pair) -> None:
    """Open a galaxy beside the results."""
    state.set_focus(*pair, origin="gallery")
