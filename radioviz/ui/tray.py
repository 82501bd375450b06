"""The selection tray in the sidebar, and the buttons that export a selection."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

import numpy as np
import streamlit as st

from radioviz.data.catalogue import Column
from radioviz.errors import RadioVizError, SelectionError
from radioviz.jobs.progress import Progress
from radioviz.ui import (
    cache,
    chosen_hosts,
    comparison,
    controls,
    crossmatches,
    filtering,
    galaxies,
    gallery_tools,
    samp_panel,
    saved_view,
    session_workspace,
    state,
)
from radioviz.ui.controls import View
from radioviz.ui.exports.export_job import Write
from radioviz.ui.exports.export_panel import export_button, whole
from radioviz.ui.gallery import Action
from radioviz.ui.session_labels import labels
from radioviz.ui.state import Selection
from radioviz.ui.subsets import save_subset, subsets
from radioviz.ui.workspace_file import hosts_in_file, labels_in_file
from radioviz.workspace.labels import Label

if TYPE_CHECKING:
    from radioviz.export.session import Session

SHOWN = 12  # thumbnails in the sidebar
PER_SLICE = 400  # galaxies whose images are written in one turn of the line


@dataclass
class TrayState:
    """What the tray remembers from one run to the next."""

    message: str = ""  # shown once below the title
    opened: tuple[str, str] | None = None  # galaxy whose picture was clicked
    # loaded, refused: digest of the file in the load box, and why it was refused
    loaded: str = ""
    refused: str = ""


def _remembered() -> TrayState:
    return state.page_state(TrayState)


@st.fragment(key="tray")
def draw_tray(view: View) -> None:
    """Count, thumbnails, clear, save, load and export of what the reader collected."""
    chosen, own = state.tray(), _remembered()
    with st.container(key="tray"):
        st.markdown(f"**Selection tray** · {len(chosen):,}")
        if own.message:
            st.caption(own.message)
            own.message = ""
        saved_view.open_button()
        with controls.show_errors():
            if len(chosen):
                _contents(chosen, view)
            else:
                _empty(view)
        _load()
        samp_panel.listen(view)
    if own.opened:
        target, own.opened = own.opened, None
        controls.go_inspect(target)
    saved_view.open_chosen_view()


def _empty(view: View) -> None:
    st.caption(
        "Empty. Lasso galaxies on the latent map, or press **+** on any picture, to collect them "
        "here for export."
    )
    if session_workspace.workspace_state().revision:  # subsets, tags, a filter
        _save(state.tray(), view)


def _save(chosen: Selection, view: View) -> None:
    export_button(
        "Save", "selection.radioviz", whole(selection_file(chosen, view)), icon=":material/save:",
        key="tray_save",
        help="Tray, filter, subsets, tags, notes, matches and view as a small file that the box "
        "below loads again",
    )  # fmt: skip


def _contents(chosen: Selection, view: View) -> None:
    pairs = list(chosen)
    usual = gallery_tools.actions()
    actions = {"remove": Action("Remove", _remove), "compare": usual["compare"]}
    gallery_tools.galaxy_gallery(
        galaxies.galaxy_cells(pairs[:SHOWN], view.style, size=48),
        view.style,
        chosen=actions,
        key="tray_gallery",
        label="Galaxies in the tray",
        width=44,
        captions=False,
        on_open=_open,
    )
    if len(pairs) > SHOWN:
        st.caption(f"and {len(pairs) - SHOWN:,} more")
    with st.popover("Export", icon=":material/download:", key="tray_export", width="stretch"):
        inside = filtering.kept(chosen, view.model)
        if len(inside) < len(chosen):
            st.caption(
                f"{len(chosen) - len(inside):,} of {len(chosen):,} do not pass the filter and are "
                "left out. Clear the filter to export all."
            )
        if len(inside):
            export_buttons(inside, view.model, key="tray", note="the selection tray")
    with st.container(horizontal=True, gap="small"):
        if 1 < len(pairs) <= comparison.MOST:
            st.button("Compare", icon=":material/compare:", key="tray_compare",
                      on_click=comparison.offer, args=(pairs,))  # fmt: skip
        _save(chosen, view)
        st.button("Clear", icon=":material/delete:", key="tray_clear", on_click=_clear)


def _remove(pairs: list[tuple[str, str]]) -> None:
    state.tray().replace([p for p in state.tray() if p not in set(pairs)])
    st.rerun()  # pictures elsewhere on the page mark galaxies in the tray


def _open(pair: tuple[str, str]) -> None:
    _remembered().opened = pair


def _clear() -> None:
    state.tray().clear()
    st.rerun()  # pictures elsewhere on the page mark galaxies in the tray


def _load() -> None:
    with st.expander("Load a saved selection", icon=":material/upload_file:", key="tray_load"):
        file = st.file_uploader(
            "A .radioviz file",
            type=["radioviz", "json"],
            key="tray_file",
            label_visibility="collapsed",
        )
    own = _remembered()
    if file is None:
        own.loaded = ""
        return
    payload = file.getvalue()
    digest = hashlib.sha256(payload).hexdigest()
    if own.loaded != digest:
        own.loaded, own.refused = digest, ""
        try:
            own.message = load_selection(payload)
        except RadioVizError as error:
            own.refused = str(error)
        else:
            st.rerun()
    if own.refused:  # for as long as the file is in the box
        st.error(controls.escape(own.refused), icon=":material/error:")


def selection_file(chosen: Selection, view: View) -> Callable[[], bytes]:
    """A function that writes the ``.radioviz`` file of a selection, the workspace and the view.

    A download is written outside any session, so its content is collected now.
    """
    sources, given = tuple(chosen), labels_in_file(labels())
    text = filtering.current_filter()
    named = {s.name: tuple(s.members) for s in subsets()}
    there = saved_view.view_to_save(view.data_set, view.model, view.style)
    matched = crossmatches.matches_to_save()
    hosts = hosts_in_file(session_workspace.value(chosen_hosts.FIELD))

    def written() -> bytes:
        from radioviz.export.session import Session, session_bytes

        return session_bytes(
            Session(sources, view=there(), filter=text, subsets=named, matches=matched(),
                    hosts=hosts, **given)
        )  # fmt: skip

    return written


def load_selection(payload: bytes) -> str:
    """Add a saved selection to the tray, and its tags, marks and notes to those here; returns what
    was added, in a sentence.

    The view of the file is kept for its button.

    Raises SelectionError if it is not a selection file, or none of its sources is available.
    """
    from radioviz.api.confined import read_session
    from radioviz.export.session import here

    session = read_session(payload)
    installed, known = cache.known_data_sets(), {}
    for data_set in filter(installed.__contains__, session.data_sets()):
        with suppress(RadioVizError):  # listed among the missing
            known[data_set] = set(cache.data_set(data_set).table["source_id"])
    found, missing = here(session, known)
    lost = "; ".join([*missing.sentences(), *saved_view.offer_view(session.view)])
    given = found.labelled()
    named = {name: members for name, members in found.subsets.items() if members}
    rest = found.matches or named or found.filter
    if not (found.sources or given or rest or (session.view and not lost)):
        raise SelectionError(f"no galaxy of this file is available: {lost or 'it holds none'}")
    added = state.tray().update(found.sources)
    text = f"{controls.galaxies_text(added)} loaded"
    if len(found.sources) > added:
        text += f", {len(found.sources) - added:,} were already in the tray"
    labels().update(_labels_of(found), f"load tags, marks and notes of {len(given):,} galaxies")
    for name, members in named.items():
        save_subset(name, Selection(members))
    for match in found.matches:
        crossmatches.load_match(match)
    for number, what in ((len(named), "subset"), (len(found.matches), "crossmatch")):
        if number:
            text += f", {number:,} {what}" + (("es" if what[-1] == "h" else "s") * (number > 1))
    if found.hosts:
        by_set: dict[str, dict[str, chosen_hosts.Host]] = {}
        for (data_set, source), host in found.hosts.items():
            by_set.setdefault(data_set, {})[source] = dict(host)
        other = sum(
            chosen_hosts.hosts(key).get(source, host) != host
            for key, own in by_set.items() for source, host in own.items()
        )  # fmt: skip
        chosen_hosts.choose_hosts(by_set)
        if other:
            text += f", other hosts than were chosen here for {other:,} (undo returns those)"
    if found.filter:
        filtering.set_filter(found.filter)
        text += ", with its filter"
    if given:
        text += f", tags, marks, notes or hosts of {len(given):,}"
    return controls.escape(text + (f". Left out: {lost}" if lost else "."))


def _labels_of(found: Session) -> list[tuple[tuple[str, str], Label]]:
    """Labels that a session file gives to its galaxies."""
    marked = {
        (m.data_set, m.source_id): Label((m.kind,) if m.kind else (), m.mark) for m in found.marks
    }
    return [
        *marked.items(),
        *((pair, Label((tag,))) for tag, members in found.tags.items() for pair in members),
        *((pair, Label(note=text)) for pair, text in found.notes.items()),
    ]


def export_buttons(
    selection: Selection,
    model: str | None,
    *,
    key: str,
    note: str,
    scores: Mapping[tuple[str, str], Mapping[str, float | str]] | None = None,
    columns: Mapping[str, Column] | None = None,
) -> None:
    """Download buttons of a selection; a file is written when its button is pressed.

    Parameters
    ----------
    key : str
        Prefix of the buttons' keys: ``<key>_fits``, ``_zip``, ``_cube``, ``_votable``,
        ``_table``, ``_parquet``, ``_csv``, ``_png``, ``_reg``, ``_moc``, ``_masks``,
        ``_polygons``, ``_samp``, ``_samp_images``.
    note : str
        How the galaxies were selected, for the history of the files.
    scores, columns : mapping, optional
        More values for each galaxy and what they are: see
        :func:`radioviz.ui.galaxies.prepare_groups`.
    """
    from radioviz import export

    if text := filtering.current_filter():
        note += f", where {text}"
    matches = [m for d in selection.groups() for m in crossmatches.crossmatches(d)]
    matched = "".join(f" Columns {m.name}_*: {m.sentence()}" for m in matches)
    groups = galaxies.prepare_groups(selection, model, scores, columns)

    data_sets = [cache.data_set(key) for key in selection.groups()]
    one_size = len({d.images.shape[1:] for d in data_sets}) == 1  # of the planes of a cube
    positions = any(np.isfinite(d.table["ra"].to_numpy()).any() for d in data_sets)

    history, images = f"Selection: {note}.{matched}", 1 + len(selection) // PER_SLICE

    def noted(write: Callable[..., None]) -> Write:
        return lambda file, progress: write(file, groups(), note=history, progress=progress)

    def votable(file: IO[bytes], progress: Progress) -> None:
        export.write_votable(file, groups(), note=history)

    def sheet(file: IO[bytes], progress: Progress) -> None:
        export.write_contact_sheet(file, groups(), progress=progress)

    regions = whole(lambda: export.ds9_regions(groups()))
    polygons = whole(lambda: export.mask_regions(groups()))
    coverage = whole(lambda: export.moc_bytes(export.sky_coverage(groups())))
    formats: list[tuple[str, str, Write, int, str, bool]] = [
        ("fits", "FITS, one file", noted(export.write_fits), images, ".fits", True),
        ("zip", "FITS, one file per galaxy (ZIP)", noted(export.write_zip), images, ".zip", True),
        ("cube", "FITS, one cube", noted(export.write_cube), images, "-cube.fits", one_size),
        ("votable", "VOTable", votable, 1, ".vot", True),
        ("table", "FITS table", noted(export.write_fits_table), 1, "-table.fits", True),
        ("parquet", "Parquet", noted(export.write_parquet), 1, ".parquet", True),
        ("csv", "CSV", noted(export.write_csv), 1, ".csv", True),
        ("png", "Contact sheet (PNG)", sheet, images, ".png", True),
        ("reg", "DS9 regions", regions, 1, ".reg", positions),
        ("masks", "Masks (FITS)", noted(export.write_masks), images, "-masks.fits", True),
        ("polygons", "Masks (DS9 polygons)", polygons, images, "-masks.reg", positions),
        ("moc", "Sky coverage (MOC)", coverage, 1, "-moc.fits", positions),
    ]
    st.caption(
        controls.galaxies_text(len(selection))
        + (f", latents of {controls.escape(model)}" if model else "")
    )
    for kind, label, write, slices, suffix, possible in formats:
        if possible:
            name = f"radioviz-{len(selection)}{suffix}"
            here = f"{key}_{kind}"
            export_button(label, name, write, key=here, slices=slices, width="stretch")
    samp_panel.samp_buttons(groups, len(selection), key)
