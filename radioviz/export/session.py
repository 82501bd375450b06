"""The session file ``.radioviz``: selection, marks and view, as versioned JSON.

.. code-block:: json

    {"format": "radioviz-selection", "version": 1, "written_by": "RadioViz 0.1.0",
     "sources": [{"data_set": "first", "source_id": "first-7"}],
     "marks": [{"data_set": "first", "source_id": "first-9", "mark": 4, "kind": "interesting"}],
     "view": {"model": "vae32", "layout": "umap"}, "filter": "las > 80",
     "subsets": [{"name": "mine", "sources": [{"data_set": "first", "source_id": "first-7"}]}],
     "tags": [{"name": "bent", "sources": [{"data_set": "first", "source_id": "first-7"}]}],
     "notes": [{"data_set": "first", "source_id": "first-7", "note": "a tail to the north"}]}

``marks``, ``view``, ``filter``, ``subsets``, ``tags``, ``notes``, ``crossmatches`` (see
:mod:`radioviz.export.session_matches`) and ``hosts`` (see :mod:`radioviz.export.session_hosts`) are
optional. Other keys are ignored, so that a newer
program can add some without a new version.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from radioviz import __version__
from radioviz.errors import SelectionError
from radioviz.export.session_hosts import checked_host, is_whole
from radioviz.export.session_matches import MOST_MATCHES, checked_match
from radioviz.workspace.labels import LONGEST_NOTE, MARKS, is_tag

FORMAT = "radioviz-selection"
VERSION = 1
LARGEST_FILE = 20_000_000  # bytes: about 200,000 sources
MAX_ENTRIES = 250_000  # of the selection, and of the marks
MAX_DATA_SETS = 1000
_SAID = 5  # names in a list of what is missing
MARK_KINDS = ("", *MARKS)

Source = tuple[str, str]


@dataclass(frozen=True)
class Mark:
    """A reader's mark of one source: 0 to 5, and optionally its kind."""

    data_set: str
    source_id: str
    mark: int
    kind: str = ""

    def __post_init__(self) -> None:
        if isinstance(self.mark, bool) or not isinstance(self.mark, int) or not 0 <= self.mark <= 5:
            raise SelectionError(
                f"mark of '{self.source_id}' is {self.mark!r}; expected a whole number 0 to 5"
            )
        if self.kind not in MARK_KINDS:
            raise SelectionError(
                f"mark of '{self.source_id}' is of kind {self.kind!r}; "
                f"expected one of {', '.join(k for k in MARK_KINDS if k)}, or none"
            )


@dataclass(frozen=True)
class Session:
    """The content of a session file."""

    sources: tuple[Source, ...] = ()  # the selection, ordered and unique
    # At most one per source; where a file has several, the last counts.
    marks: tuple[Mark, ...] = ()
    # Names to plain values (text, numbers, true/false, null, lists of these).
    view: Mapping[str, Any] = field(default_factory=dict)
    filter: str = ""  # empty without one
    # subsets, tags: sources by the name of the subset or the tag; the tags of marks are in
    # ``marks``
    subsets: Mapping[str, tuple[Source, ...]] = field(default_factory=dict)
    tags: Mapping[str, tuple[Source, ...]] = field(default_factory=dict)
    notes: Mapping[Source, str] = field(default_factory=dict)  # text by source
    # Crossmatches: ``about``, ``cells`` and ``without``.
    matches: tuple[Mapping[str, Any], ...] = ()
    # Chosen hosts by source, each its columns by name.
    hosts: Mapping[Source, Mapping[str, Any]] = field(default_factory=dict)

    def data_sets(self) -> tuple[str, ...]:
        """Data sets of all its sources, in order of appearance."""
        named = [d for d, _ in self.sources] + [d for d, _ in self.labelled()]
        named += [d for sources in self.subsets.values() for d, _ in sources]
        named += [str(match["about"]["data_set"]) for match in self.matches]
        return tuple(dict.fromkeys(named))

    def labelled(self) -> tuple[Source, ...]:
        """Sources with a mark, a tag, a note or a host, each once."""
        found = [(m.data_set, m.source_id) for m in self.marks]
        found += [source for sources in self.tags.values() for source in sources]
        return tuple(dict.fromkeys([*found, *self.notes, *self.hosts]))


@dataclass(frozen=True)
class Missing:
    """Data sets and sources of a session that are not installed (see :func:`here`)."""

    data_sets: tuple[str, ...]
    sources: tuple[Source, ...]

    def __bool__(self) -> bool:
        return bool(self.data_sets or self.sources)

    def sentences(self) -> list[str]:
        """What is missing, in words; lists longer than :data:`_SAID` are cut."""
        out = [
            f"data set '{name}' is not installed: fetch or import it, then load the file again"
            for name in self.data_sets[:_SAID]
        ]
        if len(self.data_sets) > _SAID:
            out.append(f"{len(self.data_sets) - _SAID:,} more data sets are not installed")
        unknown = set(self.data_sets)
        per: dict[str, list[str]] = {}
        for data_set, source_id in self.sources:
            if data_set not in unknown:
                per.setdefault(data_set, []).append(source_id)
        for data_set, ids in per.items():
            shown = ", ".join(f"'{i}'" for i in ids[:_SAID])
            more = f" and {len(ids) - _SAID:,} more" if len(ids) > _SAID else ""
            out.append(f"data set '{data_set}' has no source {shown}{more}")
        return out


def session_bytes(session: Session) -> bytes:
    """The session as the bytes of a ``.radioviz`` file.

    Raises SelectionError if the view holds values that JSON cannot represent.
    """
    document = {
        "format": FORMAT,
        "version": VERSION,
        "written_by": f"RadioViz {__version__}",
        "sources": _entries(session.sources),
        "marks": [
            {"data_set": m.data_set, "source_id": m.source_id, "mark": m.mark}
            | ({"kind": m.kind} if m.kind else {})
            for m in session.marks
        ],
        "view": _view(session.view),
    }
    if session.filter:
        document["filter"] = session.filter
    if session.subsets:
        document["subsets"] = _named(session.subsets)
    if session.tags:
        document["tags"] = _named(session.tags)
    if session.notes:
        document["notes"] = [
            {"data_set": d, "source_id": s, "note": text} for (d, s), text in session.notes.items()
        ]
    if session.hosts:
        document["hosts"] = [
            {"data_set": d, "source_id": s, **host} for (d, s), host in session.hosts.items()
        ]
    if session.matches:
        document["crossmatches"] = list(session.matches)
    return json.dumps(document, indent=1, allow_nan=False).encode("utf-8")


def read_session(payload: bytes | str) -> Session:
    """Read a session file; nothing in it is executed or looked up.

    Raises SelectionError if it is not a session file, or is damaged; the message says where.
    """
    if len(payload) > LARGEST_FILE:
        raise SelectionError(
            f"the file has {len(payload):,} bytes; a session has at most {LARGEST_FILE:,}"
        )
    try:
        document = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise SelectionError(
            f"not a .radioviz file: not JSON ({error.__class__.__name__}: {error})"
        ) from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise SelectionError(
            f'not a .radioviz file: it lacks "format": "{FORMAT}". '
            "Save one from the selection tray as an example."
        )
    if document.get("version") != VERSION:
        raise SelectionError(
            f"session file version {document.get('version')!r}; this program reads {VERSION}"
        )
    sources = [_source(entry, "source", i) for i, entry in enumerate(_list(document, "sources"))]
    marks: dict[Source, Mark] = {}
    for i, entry in enumerate(_list(document, "marks", required=False)):
        source = _source(entry, "mark", i)
        marks.pop(source, None)
        marks[source] = Mark(*source, entry.get("mark"), entry.get("kind") or "")
    view = document.get("view", {})
    if not isinstance(view, dict):
        raise SelectionError(f'"view" is {str(view)[:80]!r}; expected names and values')
    text = document.get("filter", "")
    if not isinstance(text, str) or len(text) > 4000 or not is_whole(text):
        raise SelectionError(f'"filter" is {str(text)[:80]!r}; expected at most 4,000 characters')
    subsets, tags = (
        dict(
            _sources_of(entry, word, i)
            for i, entry in enumerate(_list(document, f"{word}s", required=False))
        )
        for word in ("subset", "tag")
    )
    if (wrong := next((t for t in tags if not is_tag(t)), None)) is not None:
        raise SelectionError(f"'{wrong}' cannot be a tag: it has a quote, a semicolon or spaces")
    notes = dict(
        _note(entry, i) for i, entry in enumerate(_list(document, "notes", required=False))
    )
    session = Session(
        tuple(dict.fromkeys(sources)),
        tuple(marks.values()),
        _view(view),
        text,
        subsets,
        tags,
        notes,
        tuple(
            checked_match(entry, i)
            for i, entry in enumerate(_list(document, "crossmatches", False)[:MOST_MATCHES])
        ),
        dict(_host(entry, i) for i, entry in enumerate(_list(document, "hosts", required=False))),
    )
    if (named := len(session.data_sets())) > MAX_DATA_SETS:
        raise SelectionError(
            f"the file names {named:,} data sets; a session has at most {MAX_DATA_SETS:,}"
        )
    return session


def here(session: Session, known: Mapping[str, Collection[str]]) -> tuple[Session, Missing]:
    """The installed part of a session, and what is missing.

    ``known``: identifiers of each installed data set, in a container with a fast ``in`` (a set, or
    the index of a table).
    """
    unknown = tuple(d for d in session.data_sets() if d not in known)

    def there(data_set: str, source_id: str) -> bool:
        return data_set in known and source_id in known[data_set]

    members = (source for own in session.subsets.values() for source in own)
    wanted: Iterable[Source] = dict.fromkeys([*session.sources, *session.labelled(), *members])
    lost = tuple(s for s in wanted if not there(*s))
    kept = Session(
        tuple(s for s in session.sources if there(*s)),
        tuple(m for m in session.marks if there(m.data_set, m.source_id)),
        session.view,
        session.filter,
        {name: tuple(s for s in own if there(*s)) for name, own in session.subsets.items()},
        {name: tuple(s for s in own if there(*s)) for name, own in session.tags.items()},
        {source: text for source, text in session.notes.items() if there(*source)},
        tuple(m for m in session.matches if m["about"]["data_set"] in known),
        {source: host for source, host in session.hosts.items() if there(*source)},
    )
    return kept, Missing(unknown, lost)


def _entries(sources: Iterable[Source]) -> list[dict[str, str]]:
    return [{"data_set": d, "source_id": s} for d, s in dict.fromkeys(sources)]


def _named(sets: Mapping[str, Iterable[Source]]) -> list[dict[str, Any]]:
    return [{"name": name, "sources": _entries(sources)} for name, sources in sets.items()]


def _sources_of(entry: Any, word: str, i: int) -> tuple[str, tuple[Source, ...]]:
    name = entry.get("name") if isinstance(entry, dict) else None
    if not isinstance(name, str) or not 0 < len(name) <= 60 or not is_whole(name):
        raise SelectionError(
            f"{word} {i} is {str(entry)[:80]!r}; expected a name of 1 to 60 characters and sources"
        )
    sources = (
        _source(s, f"{word} '{name}', source", k) for k, s in enumerate(_list(entry, "sources"))
    )
    return name, tuple(dict.fromkeys(sources))


def _note(entry: Any, i: int) -> tuple[Source, str]:
    source = _source(entry, "note", i)
    text = entry.get("note")
    if not isinstance(text, str) or len(text) > LONGEST_NOTE or not is_whole(text):
        raise SelectionError(
            f"the note of '{source[1]}' is {str(text)[:80]!r}; expected at most "
            f"{LONGEST_NOTE:,} characters"
        )
    return source, text


def _host(entry: Any, i: int) -> tuple[Source, dict[str, Any]]:
    source = _source(entry, "host", i)
    return source, checked_host(entry, source[1])


def _list(document: Mapping[str, Any], name: str, required: bool = True) -> Sequence[Any]:
    entries = document.get(name, None if required else [])
    if not isinstance(entries, list):
        raise SelectionError(
            f'"{name}" is {str(entries)[:80]!r}; expected a list of '
            '{"data_set": ..., "source_id": ...}'
        )
    if len(entries) > MAX_ENTRIES:
        raise SelectionError(
            f'"{name}" has {len(entries):,} entries; a session has at most {MAX_ENTRIES:,}'
        )
    return entries


def _source(entry: Any, what: str, i: int) -> Source:
    found = entry if isinstance(entry, dict) else {}
    names = [str(v) for v in map(found.get, ("data_set", "source_id")) if isinstance(v, str)]
    if len(names) == 2 and all(0 < len(name) <= 300 for name in names):
        return names[0], names[1]
    raise SelectionError(
        f'{what} {i} is {str(entry)[:80]!r}; expected {{"data_set": "first", '
        '"source_id": "first-7"}'
    )


def _view(view: Mapping[str, Any]) -> dict[str, Any]:
    def plain(value: Any, depth: int = 0) -> bool:
        if isinstance(value, float):
            return math.isfinite(value)
        if isinstance(value, (list, tuple)):
            return depth < 4 and all(plain(v, depth + 1) for v in value)
        return value is None or isinstance(value, (bool, int, str))

    for name, value in view.items():
        if not (isinstance(name, str) and plain(value)):
            raise SelectionError(
                f"view '{name}' is {str(value)[:80]!r}; expected text, a finite number, "
                "true or false, or a list of these"
            )
    return dict(view)
