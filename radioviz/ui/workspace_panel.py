"""Undo, redo and the workspace's own menu, in the sidebar of every page."""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st

from radioviz.errors import WorkspaceError
from radioviz.ui import controls, saved_view, session_workspace
from radioviz.ui.browser_component import register_component
from radioviz.ui.exports.export_panel import export_button, whole
from radioviz.ui.session_workspace import PARAMETER, workspace_state

_NO_KEYS = "<style>.st-key-workspace kbd { display: none }</style>"  # they are in the tooltips


def draw_workspace() -> None:
    """Undo and redo, the menu, and the offer to continue the last workspace of this browser."""
    own = workspace_state()
    st.html(_NO_KEYS)
    with st.container(horizontal=True, gap="xsmall", key="workspace"):
        for word, what, step, keys in (
            ("Undo", own.undo, session_workspace.undo, "Ctrl+Z"),
            ("Redo", own.redo, session_workspace.redo, "Ctrl+Shift+Z"),
        ):
            st.button(
                word,
                icon=f":material/{word.lower()}:",
                key=f"workspace_{word.lower()}",
                shortcut=keys,
                on_click=step,
                help=_help(word, what, keys),
            )
        with st.popover("", icon=":material/workspaces:", key="workspace_menu", help="Workspace"):
            _menu()
    if own.deleted:
        _last_export(own.deleted)
    if own.failure:
        st.warning(controls.escape(own.failure), icon=":material/cloud_off:")
    _offer_last()


def _help(word: str, what: str, keys: str) -> str:
    return f"{word}: {controls.escape(what)} ({keys})" if what else f"{word} ({keys})"


def _menu() -> None:
    own, days = workspace_state(), session_workspace.idle_days()
    st.markdown("**Workspace**")
    if own.revision:
        st.caption(
            "Tray, selection, filter, subsets, tags, notes and charts are saved on the server as "
            "they change. The link in the address bar opens this workspace again; anyone who has "
            "it can see and change it."
        )
    else:
        st.caption("Empty. It is saved on the server with your first change.")
    if days:
        st.caption(
            f"A workspace that nobody opens for {days:g} days is deleted. Its link then offers "
            f"its last export for {days:g} more days."
        )
    else:
        st.caption("It is kept until you delete it.")
    st.button(
        "New workspace", icon=":material/add:", key="workspace_new",
        on_click=session_workspace.begin, help="This one stays under its link",
    )  # fmt: skip
    if own.revision:
        st.button(
            "Delete this workspace", icon=":material/delete:", key="workspace_delete",
            on_click=session_workspace.delete,
        )  # fmt: skip


def _last_export(content: bytes) -> None:
    st.info(
        "The workspace of this link was deleted, because nobody opened it for so long.",
        icon=":material/history_toggle_off:",
    )
    export_button(
        "Download its last export", "workspace.radioviz", whole(lambda: content),
        key="workspace_last_export", width="stretch",
        help="Its tray, filter, subsets, tags, notes and view: load it in the tray below",
    )  # fmt: skip


def _offer_last() -> None:
    """Where this browser remembers another workspace, and this one is still empty: a button."""
    own, key = workspace_state(), "workspace_memory"
    recent = [str(name) for name in (st.session_state.get(key) or {}).get("recent") or ()][:8]
    saved = ((name, _summary(name)) for name in recent if not own.revision)
    last, about = next(((name, text) for name, text in saved if text), ("", ""))
    register_component("radioviz_workspace", __file__)(
        key=key,
        data={"identifier": own.identifier, "last": last, "recent": recent,
              "empty": not own.revision},
        on_recent_change=lambda: None,
    )  # fmt: skip
    if last and st.button(
        "Continue your last workspace", icon=":material/history:", key="workspace_continue",
        help=about, width="stretch",
    ):  # fmt: skip
        _open(last)


def _summary(identifier: str) -> str:
    """What a saved workspace holds; empty if it is gone."""
    try:
        found = session_workspace.saved().snapshot(identifier)
    except WorkspaceError:
        return ""
    if found is None:
        return ""
    fields = session_workspace.saved_fields(found)
    number = sum(len(ids) for _, ids in fields.get("tray") or ())
    when = datetime.fromtimestamp(found.used, UTC)
    return f"{controls.galaxies_text(number)} in the tray; last used {when:%d %B %Y, %H:%M} UTC"


def _open(identifier: str) -> None:
    found = session_workspace.saved().snapshot(identifier)
    view = dict((session_workspace.saved_fields(found).get("view") if found else None) or {})
    page = view.pop("page", "")
    parameters = {k: v for k, v in view.items() if isinstance(v, str)} | {PARAMETER: identifier}
    target = page if page in saved_view.PAGES else saved_view.PAGES[0]
    st.switch_page(f"pages/{target}.py", query_params=parameters)
