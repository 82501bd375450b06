"""The workspace of this session: saved on the server as it changes, found by its link.

The pages hold tray, selection, tags and the rest in the session, which a reload ends. Every change
is also written to :mod:`radioviz.workspace.history` under the identifier in the address, so that a
reload, another tab, or a restarted server finds it again. Two tabs with one link have one history:
each shows within a moment what the other changed.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from itertools import groupby
from operator import itemgetter
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from radioviz.errors import WorkspaceError
from radioviz.paths import user_data_folder
from radioviz.ui import guard, state, url_state
from radioviz.ui.session_labels import labels
from radioviz.workspace.fields import sound_fields
from radioviz.workspace.history import SavedWorkspaces, Snapshot, new_identifier

PARAMETER = "workspace"
_HELD = ("tray", "selection", "labels", "marks")  # fields that objects of the session hold
FILE = "workspaces.sqlite"

_sessions: dict[str, set[str]] = {}
"""Open sessions by workspace, so that a change reaches the other tabs."""
_lock = threading.Lock()


@dataclass
class WorkspaceState:
    """What a session knows of its workspace."""

    identifier: str = ""  # in the address; empty until the first page is drawn
    revision: int = 0  # the state that the session shows
    # Fields that no other object of the session holds: filter, subsets, notes, ...
    values: dict[str, Any] = field(default_factory=dict)
    # Fields that are not saved yet, because there was no other reason to save the workspace.
    aside: set[str] = field(default_factory=set)
    # undo, redo: what the next undo or redo changes
    undo: str = ""
    redo: str = ""
    # message, failure: shown once; shown while it lasts
    message: str = ""
    failure: str = ""
    applying: bool = False
    # Another tab changed the workspace just before this one did, and that is not shown yet.
    missed: bool = False
    # The last export of the workspace of the link, which was idle for so long that it was deleted.
    deleted: bytes = b""


def workspace_state() -> WorkspaceState:
    return state.page_state(WorkspaceState)


def saved() -> SavedWorkspaces:
    """The workspaces of this server."""
    return _saved(os.fspath(user_data_folder()))


@cache
def _saved(folder: str) -> SavedWorkspaces:
    return SavedWorkspaces(user_data_folder() / FILE)


def saved_fields(found: Snapshot) -> dict[str, Any]:
    """The fields of a saved workspace that can be read."""
    return sound_fields(found.fields)[0]


def idle_days() -> float:
    """Days after which an unused workspace is deleted: ``RADIOVIZ_WORKSPACE_DAYS``; 0 = never.

    By default never where the server can be reached from its own computer alone, else 90 days.
    """
    text = os.environ.get("RADIOVIZ_WORKSPACE_DAYS", "")
    with suppress(ValueError):
        return max(float(text), 0.0)
    return 90.0 if guard.is_shared() else 0.0


def delete_idle(export: Callable[[str], bytes | None]) -> None:
    """Delete the workspaces that nobody has opened for :func:`idle_days`.

    ``export`` gives the file of a workspace, which is offered to who opens its link later.
    """
    with suppress(WorkspaceError):  # said on the pages
        saved().delete_idle(idle_days(), export)


def bind() -> None:
    """Open the workspace that the address names, or follow what another tab changed.

    Call at the beginning of every page, before anything reads tray, selection or tags.
    """
    own = workspace_state()
    asked = url_state.from_link(PARAMETER)
    if asked and asked != own.identifier:
        _leave(own)
        own.identifier, own.revision, own.values, own.deleted = asked, 0, {}, b""
        _hook()
        if not _follow(own) and not own.failure:
            own.message = "This workspace no longer exists; a new one was begun."
            own.deleted = _deleted(asked)
            own.identifier = new_identifier()
            _clear()
    elif not own.identifier:
        own.identifier = new_identifier()
        _hook()
    elif own.missed or own.revision != _revision(own):
        _follow(own)
        news = f"Changed in another tab: {own.undo or 'undone'}."
        if own.missed:
            news = f"Another tab was faster. Your change stands ({own.undo}); undo shows the other."
        own.message, own.missed = own.message or news, False
    url_state.keep(PARAMETER, own.identifier)
    context = get_script_run_ctx()
    if context is not None:
        with _lock:
            if own.identifier not in _sessions:
                _forget_closed()
            _sessions.setdefault(own.identifier, set()).add(context.session_id)
    if own.message:
        st.toast(own.message, icon=":material/workspaces:")
        own.message = ""


def value(name: str, default: Any = None) -> Any:
    """A field of the workspace: plain numbers, text, lists and dicts."""
    found = workspace_state().values.get(name)
    return default if found is None else found


def put(name: str, new: Any, what: str) -> None:
    """Change a field and save it; ``what`` names the change for undo (empty: no step of undo)."""
    workspace_state().values[name] = new
    _save(name, new, what)


def put_aside(name: str, new: Any) -> None:
    """Change a field that alone is no reason to save a workspace, and no step of undo."""
    own = workspace_state()
    if own.revision:
        put(name, new, "")
    else:
        own.values[name] = new
        own.aside.add(name)


def undo() -> None:
    """Take back the last change of the workspace."""
    _step(SavedWorkspaces.undo, "Undone")


def redo() -> None:
    """Repeat the change that was undone last."""
    _step(SavedWorkspaces.redo, "Repeated")


def delete() -> None:
    """Remove this workspace from the server and begin a new one."""
    own = workspace_state()
    with suppress(WorkspaceError):
        saved().delete(own.identifier)
    begin()


def begin() -> None:
    """Begin a new, empty workspace; the present one stays under its link."""
    own = workspace_state()
    _leave(own)
    own.identifier, own.revision, own.undo, own.redo = new_identifier(), 0, "", ""
    own.failure, own.missed, own.deleted = "", False, b""
    _clear()


def _step(step: Callable[[SavedWorkspaces, str], str], word: str) -> None:
    own = workspace_state()
    with _noted(own):
        if what := step(saved(), own.identifier):
            _follow(own)
            own.message = f"{word}: {what}."
            _wake_others(own)


def _save(name: str, new: Any, what: str) -> None:
    own = workspace_state()
    if own.applying or not own.identifier:
        return
    with _noted(own):
        before = own.revision
        own.revision = saved().change(own.identifier, name, new, what)
        # Until now there was nothing to save them with.
        for other in sorted(own.aside & own.values.keys()):
            saved().change(own.identifier, other, own.values[other], "")
        own.aside.clear()
        if not what:
            return
        own.undo, own.redo = what, ""
        if before and own.revision != before + 1:  # another tab was faster: its change is below
            own.missed = True
        _wake_others(own)


@contextmanager
def _noted(own: WorkspaceState) -> Iterator[None]:
    """Keep a failure to save for the sidebar; the session continues without saving."""
    failure = ""
    try:
        yield
    except WorkspaceError as error:
        failure = str(error)
    finally:
        own.failure = failure


def _deleted(identifier: str) -> bytes:
    with suppress(WorkspaceError):
        return saved().last_export(identifier) or b""
    return b""


def _revision(own: WorkspaceState) -> int:
    try:
        return saved().revision(own.identifier)
    except WorkspaceError as error:
        own.failure = str(error)
        return own.revision


def _follow(own: WorkspaceState) -> bool:
    """Show the state that is saved; whether there is one."""
    found: Snapshot | None = None
    with _noted(own):
        found = saved().snapshot(own.identifier)
    if found is None:
        return False
    own.revision, own.undo, own.redo = found.revision, found.undo, found.redo
    fields, lost = sound_fields(found.fields)
    if lost:
        own.failure = (
            "This workspace is damaged, or of another version. Left out, because it cannot be "
            f"read: {', '.join(lost)}. Undo leads to an older state, where there is one."
        )
    _apply(fields)
    return True


def _apply(fields: dict[str, Any]) -> None:
    own = workspace_state()
    own.applying = True
    try:
        state.tray().replace(pairs_of(fields.get("tray")))
        state.brush().replace(pairs_of(fields.get("selection")))
        labels().replace(labels_of(fields))
        own.values = {k: v for k, v in fields.items() if k not in _HELD}
    finally:
        own.applying = False


def _clear() -> None:
    _apply({})


def _hook() -> None:
    """Save tray, selection, tags and notes whenever they change."""
    tray, brush, given = state.tray(), state.brush(), labels()
    tray.on_change = lambda n: _save("tray", groups_of(tray), _words(n, len(tray), "tray"))
    brush.on_change = lambda n: _save(
        "selection", groups_of(brush), _words(n, len(brush), "selection")
    )
    state.session().on_publish = _save_view
    given.on_change = lambda what: _save("labels", given.plain(), what)


def _save_view(parameters: dict[str, str]) -> None:
    """Remember where the reader is, once there is anything to come back to."""
    own = workspace_state()
    page = str(st.context.url or "").rstrip("/").rpartition("/")[2]
    view = {**{k: v for k, v in parameters.items() if k != PARAMETER}, "page": page}
    if view != own.values.get("view"):
        put_aside("view", view)


def _words(before: int, after: int, where: str) -> str:
    if where == "selection":
        return f"select {after:,} galaxies" if after else f"clear the selection of {before:,}"
    if not after:
        return f"clear the tray of {before:,}"
    number = abs(after - before)
    noun = "galaxy" if number == 1 else "galaxies"
    if number:
        return f"{'add' if after > before else 'remove'} {number:,} {noun}"
    return "change the tray"


def groups_of(selection: Sequence[tuple[str, str]] | state.Selection) -> list[list[Any]]:
    """Pairs as a workspace saves them: runs of one data set, in order."""
    runs = groupby(selection, key=itemgetter(0))
    return [[data_set, [source_id for _, source_id in run]] for data_set, run in runs]


def pairs_of(groups: Any) -> list[tuple[str, str]]:
    """Pairs of the runs of :func:`groups_of`."""
    return [(str(d), str(s)) for d, ids in groups or () for s in ids]


def labels_of(fields: Mapping[str, Any]) -> list[Any]:
    """Labels as saved; of a workspace that had marks alone, its marks."""
    if fields.get("labels") is not None:
        return list(fields["labels"])
    return [[d, s, [kind] if kind else [], n, ""] for d, s, n, kind in fields.get("marks") or ()]


def _forget_closed() -> None:
    """Drop sessions that are closed, and workspaces that none shows. Call it with the lock held."""
    from streamlit import runtime

    if not runtime.exists():
        return
    is_open = runtime.get_instance().is_active_session
    for identifier, shown in list(_sessions.items()):
        _sessions[identifier] = {session for session in shown if is_open(session)}
        if not _sessions[identifier]:
            del _sessions[identifier]


def _leave(own: WorkspaceState) -> None:
    context = get_script_run_ctx()
    with _lock:
        if context is not None and own.identifier in _sessions:
            _sessions[own.identifier].discard(context.session_id)


def _wake_others(own: WorkspaceState) -> None:
    """Run the pages of other tabs with this workspace again, so that they show the change."""
    context = get_script_run_ctx()
    with _lock:
        others = _sessions.get(own.identifier, set()) - {context.session_id if context else ""}
    if not others:
        return
    from streamlit.runtime import get_instance

    # Streamlit has no public call for this. Without it, a tab follows at its next interaction.
    with suppress(AttributeError, RuntimeError):
        manager = get_instance()._session_mgr
        for session_id in others:
            info = manager.get_active_session_info(session_id)
            if info is None:
                with _lock:
                    _sessions[own.identifier].discard(session_id)
            else:
                session = info.session
                session._event_loop.call_soon_threadsafe(
                    session.request_rerun, session._client_state
                )
