"""Hosts of many galaxies on the Table page: searched one by one, and kept together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import streamlit as st

from radioviz.api import host_search
from radioviz.api.host_search import HostCatalogue
from radioviz.api.many_hosts import KEPT_DAYS, MOST, HostAnswer, answers_table, search_many
from radioviz.relations.hosts import HostPrior
from radioviz.store.spreadsheets import safe_csv
from radioviz.ui import cache, chosen_hosts, controls, state
from radioviz.ui.controls import View
from radioviz.ui.exports.export_panel import export_button, whole
from radioviz.ui.in_line import cancellable
from radioviz.ui.pages.inspect.host_choices import FILE, choose_file, choose_prior
from radioviz.ui.pages.table.label_panel import SOURCES
from radioviz.ui.state import page_state

_KINDS = {
    "": "The most accurate position", "core": "Radio core", "midpoint": "Midpoint of the source",
    "catalogue": "Position of the catalogue",
}  # fmt: skip
_RELIABLE = 0.8
_SHOWN = 5_000


@dataclass
class HostsState:
    """The last search of this session."""

    data_set: str = ""
    answers: list[HostAnswer] = field(default_factory=list)
    # where, prior: what they rest on
    where: HostCatalogue | None = None
    prior: HostPrior = field(default_factory=HostPrior)
    message: str = ""  # shown once
    searches: int = 0  # how many were begun


def draw_hosts(view: View, listed: Callable[[], np.ndarray]) -> None:
    """The search, and what it found; ``listed`` gives the rows of the table."""
    held = page_state(HostsState)
    if held.data_set != view.data_set:
        held.data_set, held.answers = view.data_set, []
    first, second, third = st.columns(3, vertical_alignment="bottom")
    source = str(first.selectbox("Galaxies", SOURCES, 0 if len(state.brush()) else 1,
                                 key="hosts_source"))  # fmt: skip
    titles = [c.title for c in host_search.CATALOGUES]
    title = str(second.selectbox("Catalogue", [FILE, *titles], index=1, key="hosts_catalogue"))
    kind = str(third.selectbox(
        "Around", list(_KINDS), format_func=_KINDS.__getitem__, key="hosts_around",
        help="Core, midpoint or catalogue: by default the one with the smallest error, source by "
        "source.",
    ))  # fmt: skip
    if (chosen := {"Selection": state.brush, "Tray": state.tray}.get(source)) is None:
        rows = listed()
    else:
        ids = chosen().groups().get(view.data_set, [])
        rows = cache.data_set(view.data_set).known_rows_of(ids)
    with st.container(horizontal=True, vertical_alignment="center"):
        go = title != FILE and st.button(
            "Find hosts", type="primary", icon=":material/travel_explore:", key="hosts_find",
            disabled=not len(rows) or len(rows) > MOST,
        )  # fmt: skip
        prior = choose_prior("hosts")
    here = controls.galaxies_text(len(rows))
    if not len(rows):
        where_from = controls.escape(controls.data_set_title(view.data_set))
        st.caption(
            f"No galaxy of {where_from} is chosen: select some on the map, or choose other rows."
        )
    if len(rows) > MOST:
        st.caption(f"{here}; at most {MOST:,} are searched at a time. Filter or select fewer.")
        return
    if prior is None:
        return
    if title == FILE:
        file = choose_file("hosts")
        if file is not None and len(rows):
            with file.staged() as path:
                _search(held, rows, file.where, kind, prior, path)
    else:
        where = next(c for c in host_search.CATALOGUES if c.title == title)
        st.caption(
            f"{here}: sends the position of each to {where.service}, three at a time. Answers are "
            f"kept for {KEPT_DAYS} days, so that a cancelled search continues where it ended."
        )
        if go:
            _search(held, rows, where, kind, prior, None)
    if held.message:
        st.info(controls.escape(held.message), icon=":material/info:")
        held.message = ""
    if held.answers:
        _draw_answers(held)


def _search(
    held: HostsState, rows: np.ndarray, where: HostCatalogue, kind: str, prior: HostPrior,
    file: Path | None,
) -> None:  # fmt: skip
    # Not in the line of heavy work: it would wait for the service, and others for it.
    title = f"Hosts of {controls.galaxies_text(len(rows))} in {where.title}"
    held.answers, held.searches = [], held.searches + 1
    held.message = "The search was ended. What it found is kept; searching again continues it."
    with cancellable(title, "hosts", f"hosts {held.searches}") as say:

        def progress(done: int, total: int, what: str) -> None:
            say(f"{title}: {done:,} of {total:,}", done / max(total, 1))

        held.answers = search_many(
            cache.data_set(held.data_set), rows.tolist(), where, position=kind, prior=prior,
            file=file, progress=progress,
        )  # fmt: skip
    held.where, held.prior, held.message = where, prior, ""


def _draw_answers(held: HostsState) -> None:
    table = answers_table(held.answers)
    failed = int((table["problem"] != "").sum())
    least = st.slider(
        "Keep hosts with a reliability of at least", 0.0, 1.0, _RELIABLE, step=0.05,
        key="hosts_least", width=420,
    )  # fmt: skip
    over = st.toggle("Replace hosts that were chosen before", key="hosts_over")
    before = chosen_hosts.hosts(held.data_set)
    sure = (table["reliability"] >= least).to_numpy()
    kept = sure if over else sure & ~table["source_id"].isin(list(before)).to_numpy()
    text = (
        f"{int(table['reliability'].notna().sum()):,} of {len(table):,} have a candidate, "
        f"{int(sure.sum()):,} with a reliability of at least {least:g}"
    )
    if (old := int((sure & ~kept).sum())) > 0:
        text += f", of which {old:,} have a host already"
    st.markdown(controls.escape(f"{text}."))
    if failed:
        first = str(table.loc[table["problem"] != "", "problem"].iat[0])
        st.warning(
            controls.escape(
                f"No answer for {controls.galaxies_text(failed)}: {first}. Searching again asks "
                "once more."
            ),
            icon=":material/cloud_off:",
        )  # fmt: skip
    number = int(kept.sum())
    st.button(
        f"Keep {number:,} {'host' if number == 1 else 'hosts'}", type="primary",
        icon=":material/check:", key="hosts_keep", disabled=not number,
        on_click=_keep, args=(held, [held.answers[i] for i in np.flatnonzero(kept)]),
    )  # fmt: skip
    shown = table.drop(columns=["ra", "dec"]).sort_values("reliability", ascending=False)
    shown = shown.loc[:, [c for c in shown if not shown[c].isin(["", np.nan]).all()]]
    event = st.dataframe(
        shown.head(_SHOWN), hide_index=True, key="hosts_table", on_select="rerun",
        selection_mode="single-row", height=360,
        column_config={
            "separation": st.column_config.NumberColumn("sep [″]", format="%.2f"),
            "reliability": st.column_config.NumberColumn(format="%.3f"),
            "magnitude": st.column_config.NumberColumn("mag", format="%.2f"),
        },
    )  # fmt: skip
    if picked := list(event["selection"]["rows"]):
        source = str(shown["source_id"].iat[int(picked[0])])
        if st.button(f"Look at {source} on Inspect", icon=":material/zoom_in:", key="hosts_look"):
            controls.go_inspect((held.data_set, source))
    export_button("CSV", f"{held.data_set}-hosts.csv", whole(lambda: safe_csv(table)),
                  key="hosts_csv")  # fmt: skip


def _keep(held: HostsState, answers: list[HostAnswer]) -> None:
    assert held.where is not None
    found = {}
    for row in answers_table(answers).to_dict("records"):
        origin = chosen_hosts.search_origin(
            held.where, str(row["position"]), held.prior, str(row["asked"])
        )
        found[str(row["source_id"])] = chosen_hosts.host_of(row, origin)
    chosen_hosts.choose_hosts({held.data_set: found})
    held.message = f"Kept hosts of {controls.galaxies_text(len(found))}; undo takes them back."
