"""A workspace as a ``.radioviz`` file: that of this session, or one that is saved on the server."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from radioviz.errors import WorkspaceError
from radioviz.export.session_hosts import sound_host
from radioviz.ui import chosen_hosts, crossmatches, session_workspace
from radioviz.ui.session_labels import marks_in
from radioviz.ui.session_workspace import pairs_of
from radioviz.workspace.labels import MARKS, Labels

if TYPE_CHECKING:
    from radioviz.export.session import Session


def labels_in_file(given: Labels) -> dict[str, Any]:
    """Marks, tags and notes as :class:`radioviz.export.session.Session` takes them."""
    return {
        "marks": tuple(marks_in(given)),
        "tags": {t: tuple(given.members(t)) for t in given.counts() if t not in MARKS},
        "notes": {pair: label.note for pair, label in given if label.note},
    }


def hosts_in_file(held: Mapping[str, Mapping[str, Any]] | None) -> dict[tuple[str, str], Any]:
    """Chosen hosts as :class:`radioviz.export.session.Session` takes them."""
    return {(d, s): sound_host(host) for d, own in (held or {}).items() for s, host in own.items()}


def file_of_saved(identifier: str) -> bytes | None:
    """The ``.radioviz`` file of a saved workspace; None without one, or where it is damaged.

    It needs no session.
    """
    from radioviz.export.session import session_bytes

    with suppress(WorkspaceError, KeyError, TypeError, ValueError):
        found = session_workspace.saved().snapshot(identifier)
        return (
            None
            if found is None
            else session_bytes(_session_of(identifier, session_workspace.saved_fields(found)))
        )
    return None


def _session_of(identifier: str, fields: Mapping[str, Any]) -> Session:
    from radioviz.export.session import Session

    given = Labels()
    given.replace(session_workspace.labels_of(fields))
    return Session(
        sources=tuple(pairs_of(fields.get("tray"))),
        view=dict(fields.get("view") or {}),
        filter=str(fields.get("filter") or ""),
        subsets={str(s["name"]): tuple(pairs_of(s["groups"])) for s in fields.get("subsets") or ()},
        matches=tuple(_matches(identifier, fields.get(crossmatches.FIELD) or ())),
        hosts=hosts_in_file(fields.get(chosen_hosts.FIELD)),
        **labels_in_file(given),
    )


def _matches(identifier: str, held: Iterable[Mapping[str, Any]]) -> Iterable[dict[str, Any]]:
    for match in held:
        with suppress(WorkspaceError, KeyError, TypeError, ValueError):
            if (entry := crossmatches.saved_entry(identifier, match)) is not None:
                yield entry
