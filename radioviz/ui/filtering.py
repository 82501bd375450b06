"""The filter of the workspace: one condition that every page obeys, and its box in the sidebar."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np
import streamlit as st

from radioviz.errors import AtlasError, CatalogueError, FilterError
from radioviz.ui import cache, controls, session_workspace
from radioviz.ui.controls import View
from radioviz.ui.filter_completion import draw_completion
from radioviz.ui.state import Selection, fragment_alone, page_state
from radioviz.ui.workspace_columns import columns_in_view, columns_version, own_columns
from radioviz.workspace import clauses
from radioviz.workspace.evaluation import FUNCTIONS, matching_rows
from radioviz.workspace.expression import parse_filter, quoted
from radioviz.workspace.table_columns import Numbers, TableColumns, Text

_BOX = "filter_text"
_FAILED = "filter_data_set_failed"
_MOST_WORDS = 200
_NO_LIMIT = "Every value"


def current_filter() -> str:
    """The filter as the reader wrote it; empty without one."""
    return str(session_workspace.value("filter", ""))


def set_filter(text: str) -> None:
    """Filter every page by another condition; empty text shows everything."""
    text = text.strip()
    if text != current_filter():
        what = f"filter {text[:60]}" if text else "clear the filter"
        session_workspace.put("filter", text, what)


def passing(data_set: str, model: str | None) -> np.ndarray | None:
    """Mask of the rows of a catalogue that pass the filter; None if nothing is filtered.

    A filter that the data set in view cannot answer is not applied. One that only another data set
    cannot answer, for lack of a column, keeps none of the other's galaxies.
    """
    text = current_filter()
    if not text:
        return None
    try:
        return _rows_that_pass(data_set, model, text)
    except FilterError:
        shown = str(st.session_state.get("data_set", data_set))
        if shown == data_set or _error(shown, model, text):
            return None
        return np.zeros(len(cache.data_set(data_set)), dtype=bool)
    except (AtlasError, CatalogueError):
        return None


def condition_of(data_set: str, model: str | None) -> str | None:
    """The filter as far as it applies to a data set.

    Empty where it does not, and None where it keeps none for lack of a column.
    """
    if passing(data_set, model) is None:
        return ""
    return current_filter() if _error(data_set, model, current_filter()) is None else None


def kept(selection: Selection, model: str | None) -> Selection:
    """The galaxies of a selection that pass the filter, in order."""
    if not current_filter():
        return selection
    inside: set[tuple[str, str]] = set()
    for data_set, ids in selection.groups().items():
        mask = passing(data_set, model)
        if mask is None:
            inside.update((data_set, s) for s in ids)
            continue
        rows = cache.data_set(data_set).rows_of(ids)
        inside.update((data_set, s) for s, row in zip(ids, rows, strict=True) if mask[row])
    return Selection(pair for pair in selection if pair in inside)


@dataclass
class _Passing:
    """The last answers to a filter that names columns of the workspace, and what they are from."""

    answers: dict[tuple[str, str | None], tuple[tuple[object, ...], np.ndarray]] = field(
        default_factory=dict
    )


def _rows_that_pass(data_set: str, model: str | None, text: str) -> np.ndarray:
    parsed = parse_filter(text)
    tags = any(node.kind == "call" and node.value == "tag" for node in parsed)
    if not tags and own_columns(data_set).isdisjoint(parsed.columns()):
        return cache.rows_that_pass(data_set, model, text)
    answers, key = page_state(_Passing).answers, (data_set, model)
    source = (*columns_version(data_set, model), text)
    if key not in answers or answers[key][0] != source:
        answers[key] = (source, matching_rows(text, columns_in_view(data_set, model)))
    return answers[key][1]


def _error(data_set: str, model: str | None, text: str) -> FilterError | None:
    try:
        _rows_that_pass(data_set, model, text)
    except FilterError as error:
        return error
    except (AtlasError, CatalogueError):
        return None
    return None


def draw_filter(view: View) -> None:
    """The filter's box with its count or its error, and sliders and lists for single columns."""
    st.session_state[_BOX] = current_filter()
    st.text_area(
        "Filter", key=_BOX, on_change=_typed, height=68,
        placeholder='label == "Bent" and las > 80',
        help="One condition for map, gallery, table, charts, Similar, Likelihood and exports. "
        "Ctrl+Enter applies it, Ctrl+Space lists what can stand at the cursor. Comparisons, and, "
        "or, not, in (...), between, is missing, contains, like, matches, arithmetic, and "
        "functions such as cone(ra, dec, radius).",
    )  # fmt: skip
    if not cache.is_open(view.data_set):
        if st.session_state.get(_FAILED) != view.data_set:
            _wait_for(view.data_set)
        return
    with controls.show_errors():
        draw_completion(view.data_set, view.model)
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        menu = st.popover(
            "Columns", icon=":material/filter_list:", key="filter_columns", on_change="rerun"
        )
        if menu.open:  # what it shows takes a look at a whole column
            with menu, controls.show_errors():
                _column_menu(columns_in_view(view.data_set, view.model))
        if current_filter():
            st.button("Clear", icon=":material/close:", key="filter_clear", on_click=set_filter,
                      args=("",))  # fmt: skip
    if current_filter():
        _draw_outcome(view)


class _StillBuilding(Exception):
    """A data set is built by a thread of the server; nobody need wait for it here."""


def _do_not_wait(done: int, total: int, what: str) -> None:
    raise _StillBuilding


@st.fragment(run_every=1.0)
def _wait_for(data_set: str) -> None:
    """Open the data set, and draw the page again once it is: the filter needs the columns."""
    st.caption("The columns appear when the data set is open.")
    if not fragment_alone():
        return  # the page itself may be about to open it
    with suppress(_StillBuilding):
        try:
            cache.data_set(data_set, _do_not_wait)
        except CatalogueError:  # said on the page
            st.session_state[_FAILED] = data_set
        st.rerun()


def _typed() -> None:
    set_filter(str(st.session_state[_BOX]))


def _draw_outcome(view: View) -> None:
    text = current_filter()
    error = _error(view.data_set, view.model, text)
    if error is None:
        mask = passing(view.data_set, view.model)
        if mask is not None:
            st.caption(f"{int(mask.sum()):,} of {len(mask):,} galaxies pass")
        return
    if error.position is not None:
        start = max(0, error.position - 18)
        # No wider than the box: who has no mouse could not scroll it.
        part = " ".join(text[start : start + 24].splitlines())
        st.code(f"{part}\n{' ' * (error.position - start)}^", language=None)
    st.error(f"Not applied: {controls.escape(str(error))}", icon=":material/error:")


def _column_menu(columns: TableColumns) -> None:
    """A slider or a list of one column, and what the filter can say."""
    names = columns.names
    name = st.selectbox(
        "Column", names, key="filter_column", format_func=columns.title,
        index=names.index("las") if "las" in names else 0,
        persist_state="session",
    )  # fmt: skip
    if name in columns:
        about, values = columns.column(name), columns.values(name)
        st.caption(controls.escape(about.description))
        if isinstance(values, Numbers):
            _slider(name, values)
        elif isinstance(values, Text) and len(values.words) <= _MOST_WORDS:
            _word_list(name, values)
        else:
            st.code(f'{quoted(name)} contains "..."', language=None)
    with st.expander("Functions"):
        st.markdown("\n".join(f"- `{line}`" for line in FUNCTIONS.values()))


def _slider(name: str, values: Numbers) -> None:
    if values.extent is None or values.extent[0] == values.extent[1]:
        st.caption("All its values are the same." if values.extent else "It has no values.")
        return
    low, high = values.extent
    found, key = clauses.clause_of(current_filter(), name), f"filter_slider_{name}"
    held = (low, high)
    if found is not None and found.low is not None and found.high is not None:
        held = (min(max(found.low, low), high), max(min(found.high, high), low))
    st.session_state[key] = (min(held), max(held))

    def moved() -> None:
        start, end = st.session_state[key]
        if math.isclose(start, low) and math.isclose(end, high):
            set_filter(clauses.without(current_filter(), name))
        else:
            known = values.floats()
            set_filter(clauses.with_range(current_filter(), name, start, end, known))

    st.slider(name, low, high, step=(high - low) / 200, format="%.4g", key=key, on_change=moved)


def _word_list(name: str, values: Text) -> None:
    words, key = [str(w) for w in values.words.to_pylist()], f"filter_words_{name}"
    found = clauses.clause_of(current_filter(), name)
    st.session_state[key] = [w for w in (found.words or () if found else ()) if w in words]

    def chosen() -> None:
        picked = list(st.session_state[key])
        if picked:
            set_filter(clauses.with_words(current_filter(), name, picked))
        else:
            set_filter(clauses.without(current_filter(), name))

    st.multiselect(name, words, key=key, on_change=chosen, placeholder=_NO_LIMIT)
