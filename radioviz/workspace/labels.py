"""Tags, marks and notes that a reader gives to galaxies: any tags, one mark and one note each.

The three marks of the Likelihood page are tags with a number beside them; a galaxy has at most one.
"""

from __future__ import annotations

import dataclasses
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from radioviz.errors import LabelError

Pair = tuple[str, str]

MARKS = {"interesting": 5, "boring": 0, "artefact": 0}
"""Tags of which a galaxy has at most one, and the number of each where none was given."""
HIGHEST = 5
INTERESTING = 3
"""Least number of an interesting galaxy."""
LONGEST_TAG = 60
LONGEST_NOTE = 2000
MOST_TAGS = 40
"""Tags of one galaxy."""
MOST_GALAXIES = 250_000
AGAINST = "not "
"""Begins the tag of a galaxy that is an example against another: ``not ring``."""
SEPARATOR = "; "
"""Between the tags of a galaxy in one cell of a table."""


@dataclass(frozen=True)
class Label:
    """What a reader gave to one galaxy."""

    tags: tuple[str, ...] = ()  # in the order given
    mark: int | None = None  # how interesting it is, 0 to 5
    note: str = ""  # free text
    # When it last changed, seconds since 1970; 0 where that is not known.
    changed: int = field(default=0, compare=False)

    def __bool__(self) -> bool:
        return bool(self.tags or self.note) or self.mark is not None

    @property
    def kind(self) -> str:
        """The mark's tag; empty without one."""
        return next((tag for tag in self.tags if tag in MARKS), "")


_NOTHING = Label()


class Labels:
    """Labels of galaxies ``(data set, source_id)``, in the order they last changed.

    >>> labels = Labels()
    >>> labels.tag([("first", "first-7")], "bent")
    1
    >>> labels.members("bent")
    [('first', 'first-7')]
    """

    def __init__(self) -> None:
        self._of: dict[Pair, Label] = {}
        self.on_change: Callable[[str], None] | None = None
        """Called after a change, with the change in words."""
        self.version = 0
        """Grows with every change."""

    def __len__(self) -> int:
        return len(self._of)

    def __iter__(self) -> Iterator[tuple[Pair, Label]]:
        return iter(self._of.items())

    def get(self, pair: Pair) -> Label:
        """Label of a galaxy; an empty one if it has none."""
        return self._of.get(pair, _NOTHING)

    def counts(self) -> dict[str, int]:
        """Number of galaxies by tag, in alphabetical order."""
        found = Counter(tag for label in self._of.values() for tag in label.tags)
        return dict(sorted(found.items(), key=lambda item: item[0].casefold()))

    def members(self, tag: str) -> list[Pair]:
        """Galaxies with a tag."""
        return [pair for pair, label in self._of.items() if tag in label.tags]

    def examples(self, tag: str) -> tuple[list[Pair], list[Pair]]:
        """Galaxies that are examples of a tag, and those that are examples against it.

        Against ``ring`` are those with ``not ring``. Against one of the three marks are also those
        with another; a number makes a galaxy interesting from :data:`INTERESTING` on, unless it is
        an artefact or has ``not interesting``.
        """
        yes, no = self.members(tag), self.members(AGAINST + tag)
        if tag not in MARKS:
            return yes, no
        marked = {p: x for p, x in self._of.items() if x.mark is not None}
        denied = set(no)
        known = {p: _is_example(x, tag) and p not in denied for p, x in marked.items()}
        others = (p for p, applies in known.items() if not applies)
        return [p for p, applies in known.items() if applies], list(dict.fromkeys([*no, *others]))

    def tag(self, pairs: Iterable[Pair], tag: str) -> int:
        """Add a tag to galaxies; how many did not have it.

        Raises LabelError if the text cannot be a tag (:func:`checked_tag`), or there are too many.
        """
        tag = checked_tag(tag)
        new = [p for p in dict.fromkeys(pairs) if tag not in self.get(p).tags]
        self._put({p: _with_tag(self.get(p), tag) for p in new}, f"tag {_counted(new)} {tag}")
        return len(new)

    def say(self, pairs: Iterable[Pair], tag: str) -> int:
        """As :meth:`tag`, and remove the opposite, ``not ring`` of ``ring``, in the same step.

        Saying the same again removes it.
        """
        tag = checked_tag(tag)
        opposite = tag.removeprefix(AGAINST) if tag.startswith(AGAINST) else AGAINST + tag
        given = list(dict.fromkeys(pairs))
        again = all(tag in self.get(p).tags for p in given)
        changed = {}
        for pair in given:
            label = _without_tag(self.get(pair), opposite)
            changed[pair] = _without_tag(label, tag) if again else _with_tag(label, tag)
        what = f"remove the tag {tag} from" if again else "tag"
        self._put(changed, f"{what} {_counted(given)}" + ("" if again else f" {tag}"))
        return len(given)

    def untag(self, pairs: Iterable[Pair], tag: str) -> int:
        """Remove a tag from galaxies; how many had it."""
        old = [p for p in dict.fromkeys(pairs) if tag in self.get(p).tags]
        what = f"remove the tag {tag} from {_counted(old)}"
        self._put({p: _without_tag(self.get(p), tag) for p in old}, what)
        return len(old)

    def delete(self, tag: str) -> None:
        """Remove a tag from every galaxy."""
        self.untag(self.members(tag), tag)

    def set_tags(self, pair: Pair, tags: Iterable[str]) -> None:
        """Give a galaxy these tags and no others."""
        label, wanted = self.get(pair), list(dict.fromkeys(map(checked_tag, tags)))
        for tag in label.tags:
            if tag not in wanted:
                label = _without_tag(label, tag)
        for tag in wanted:
            if tag not in label.tags:
                label = _with_tag(label, tag)
        self._put({pair: label}, f"change the tags of {pair[1]}")

    def rename(self, old: str, new: str) -> None:
        """Call a tag by another name; where a galaxy has both, they become one."""
        new = checked_tag(new)
        changed = {p: self.get(p) for p in self.members(old)}
        if old != new:
            changed = {p: _with_tag(_without_tag(x, old), new) for p, x in changed.items()}
            self._put(changed, f"rename the tag {old} to {new}")

    def set_note(self, pair: Pair, text: str) -> None:
        """Write the note of a galaxy; empty text removes it.

        Raises LabelError if it is longer than :data:`LONGEST_NOTE`.
        """
        if len(text) > LONGEST_NOTE:
            raise LabelError(
                f"the note of {pair[1]} has {len(text):,} characters; at most {LONGEST_NOTE:,}"
            )
        new = dataclasses.replace(self.get(pair), note=text.strip())
        self._put({pair: new}, f"{'write' if new.note else 'remove'} the note of {pair[1]}")

    def set_mark(self, pair: Pair, mark: int | None, kind: str = "") -> None:
        """Mark a galaxy by a number 0 to 5 and a tag of :data:`MARKS`; None removes both."""
        if mark is not None and not 0 <= mark <= HIGHEST:
            raise LabelError(f"the mark of {pair[1]} is {mark}; expected 0 to {HIGHEST}")
        if kind and kind not in MARKS:
            raise LabelError(f"the mark of {pair[1]} is '{kind}'; expected {', '.join(MARKS)}")
        label = _marked(self.get(pair), mark, kind)
        self._put({pair: label}, f"{'remove the mark of' if mark is None else 'mark'} {pair[1]}")

    def clear_marks(self) -> None:
        """Remove the marks of all galaxies; other tags and notes stay."""
        marked = {p: _marked(x, None, "") for p, x in self._of.items() if x.mark is not None}
        self._put(marked, f"clear the marks of {_counted(list(marked))}")

    def update(self, other: Iterable[tuple[Pair, Label]], what: str) -> int:
        """Add labels to those here; how many galaxies changed.

        Tags are joined; a mark and a note replace those of before where there are any.
        """
        changed: dict[Pair, Label] = {}
        for pair, label in other:
            merged = changed.get(pair, self.get(pair))
            for tag in label.tags:
                merged = _with_tag(merged, checked_tag(tag))
            if label.mark is not None:
                merged = _marked(merged, label.mark, label.kind)
            note = label.note[:LONGEST_NOTE].strip()
            if note and note not in merged.note:
                merged = dataclasses.replace(merged, note=note)
            if merged != self.get(pair):
                changed[pair] = merged
        self._put(changed, what)
        return len(changed)

    def plain(self) -> list[list[Any]]:
        """Lists, text and numbers, as a workspace saves them."""
        return [[*pair, list(x.tags), x.mark, x.note, x.changed] for pair, x in self._of.items()]

    def replace(self, plain: Any) -> None:
        """Have the labels of :meth:`plain` and no others; what is not a label is left out."""
        self._of = {}
        for entry in plain or ():
            with suppress(TypeError, ValueError, LabelError):  # written by a later version
                data_set, source_id, tags, mark, note, *rest = entry
                number = None if mark is None else min(max(int(mark), 0), HIGHEST)
                when = int(rest[0]) if rest else 0
                found = Label(tuple(map(checked_tag, tags)), number, str(note), when)
                if found:
                    self._of[str(data_set), str(source_id)] = found
        self.version += 1

    def _put(self, changed: dict[Pair, Label], what: str) -> None:
        changed = {p: x for p, x in changed.items() if x != self.get(p)}
        if not changed:
            return
        number = len(self._of.keys() | changed.keys())
        if number > MOST_GALAXIES:
            raise LabelError(
                f"{number:,} galaxies would have tags or notes; a workspace keeps at most "
                f"{MOST_GALAXIES:,}. A subset holds as many galaxies as you select."
            )
        crowded = next((p for p, x in changed.items() if len(x.tags) > MOST_TAGS), None)
        if crowded:
            raise LabelError(f"{crowded[1]} would have more than {MOST_TAGS} tags; remove one")
        for pair, label in changed.items():
            self._of.pop(pair, None)
            if label:
                self._of[pair] = dataclasses.replace(label, changed=int(time.time()))
        self.version += 1
        if self.on_change is not None:
            self.on_change(what)


def checked_tag(text: str) -> str:
    """A tag with single spaces.

    Raises LabelError if it is empty, too long, or holds a quote or a semicolon, which part tags in
    a table.
    """
    tag = " ".join(str(text).split())
    if not 0 < len(tag) <= LONGEST_TAG or not tag.isprintable() or any(c in tag for c in '";`'):
        raise LabelError(
            f"'{tag[:80]}' cannot be a tag; write 1 to {LONGEST_TAG} characters without "
            'semicolon, " and `'
        )
    return tag


def is_tag(text: str) -> bool:
    """Whether a text is a tag as it stands."""
    try:
        return checked_tag(text) == text
    except LabelError:
        return False


def tags_in(cell: str) -> tuple[str, ...]:
    """Tags of a cell of a table: separated by semicolons, each once.

    Raises LabelError if one of them cannot be a tag.
    """
    return tuple(dict.fromkeys(checked_tag(t) for t in cell.split(";") if t.strip()))


def _is_example(label: Label, mark: str) -> bool:
    if mark == "interesting":
        return (label.mark or 0) >= INTERESTING and label.kind != "artefact"
    return label.kind == mark


def _with_tag(label: Label, tag: str) -> Label:
    if tag in label.tags:
        return label
    if tag in MARKS:
        return _marked(label, MARKS[tag], tag)
    return dataclasses.replace(label, tags=(*label.tags, tag))


def _without_tag(label: Label, tag: str) -> Label:
    if tag in MARKS and tag in label.tags:
        return _marked(label, None, "")
    return dataclasses.replace(label, tags=tuple(t for t in label.tags if t != tag))


def _marked(label: Label, mark: int | None, kind: str) -> Label:
    others = tuple(t for t in label.tags if t not in MARKS and t != AGAINST + (kind or " "))
    return dataclasses.replace(label, tags=(*others, kind) if kind else others, mark=mark)


def _counted(pairs: list[Pair]) -> str:
    return pairs[0][1] if len(pairs) == 1 else f"{len(pairs):,} galaxies"
