"""A sentence as a filter and a ranking: ``bent double with a bright core, larger than 80 arcsec``.

The result is written in the filter language (:mod:`radioviz.workspace.expression`), so that it can
be shown, changed, and obeyed by every page. Words that were not understood are reported; nothing is
guessed in their place, save typing errors of a letter or two, which are reported too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from radioviz.errors import FilterError
from radioviz.words.sentence_lexicon import (
    CLASSES,
    COLUMNS,
    COMPARED,
    CONTRARY,
    EITHER,
    FILLERS,
    KNOWN,
    LABELLED,
    LIKE,
    NEGATIONS,
    NOTES,
    PROBABILITY,
    RANKED,
    SORTED,
    SURENESS,
    TAGGED,
    Lexicon,
)
from radioviz.words.sentence_reading import AskedQuestion, SentenceReader
from radioviz.words.sentence_tokens import plain
from radioviz.words.vocabulary import Vocabulary
from radioviz.workspace.expression import parse_filter

LONGEST = 500
"""Characters of a sentence."""


def read_sentence(
    text: str,
    columns: Sequence[str],
    vocabulary: Vocabulary,
    *,
    find: Callable[[str], Sequence[str]] = lambda name: (),
    value: Callable[[str, str], float] = lambda source_id, column: math.nan,
    own_tags: Sequence[str] = (),
    classes: Sequence[str] = (),
) -> AskedQuestion:
    """What a sentence asks for.

    Parameters
    ----------
    columns : sequence of str
        Names of the columns of the data set.
    find, value : callable
        Give the ``source_id`` of the galaxies that a name or an identifier fits, and the number of
        a galaxy in a column, NaN where it is unknown.
    own_tags : sequence of str
        The reader's own tags.
    classes : sequence of str
        Values of the column ``label``.

    Raises
    ------
    FilterError
        If the text is empty or too long.
    """
    if not text.strip():
        raise FilterError("the sentence is empty; write for example: bent, larger than 80 arcsec")
    if len(text) > LONGEST:
        raise FilterError(
            f"the sentence has {len(text):,} characters; at most {LONGEST} are read. Longer "
            "conditions belong in the filter."
        )
    if (ready := _as_filter(text, columns)) is not None:
        return AskedQuestion(ready, understood=True)
    lexicon = _lexicon(vocabulary, columns, own_tags, classes)
    return SentenceReader(columns=columns, lexicon=lexicon, find=find, value=value).read(text)


def _as_filter(text: str, columns: Sequence[str]) -> str | None:
    """The text itself, where it is a filter already."""
    try:
        node = parse_filter(text)
    except FilterError:
        return None
    used = node.columns()
    compares = any(part.kind in ("compared", "in", "between", "match", "missing") for part in node)
    words = any(
        (part.kind in ("and", "or", "not", "compared") and part.parts[0].kind == "text")
        or (
            part.kind in ("and", "or", "not")
            and any(p.kind in ("text", "column") for p in part.parts)
        )
        for part in node
    )  # fmt: skip
    whole = bool(used) and all(n in columns for n in used)
    return text.strip() if whole and compares and not words else None


def _lexicon(
    vocabulary: Vocabulary, columns: Sequence[str], own_tags: Sequence[str], classes: Sequence[str]
) -> Lexicon:
    phrases: dict[str, tuple[str, object]] = {}

    def add(kind: str, words: Mapping[str, object] | Sequence[str]) -> None:
        given = words if isinstance(words, Mapping) else dict.fromkeys(words, "")
        for phrase, value in given.items():
            phrases[plain(phrase)] = (kind, value)

    add("filler", [*sorted(FILLERS), "not only", "away"])
    add("column", {c: c for c in columns if not c.startswith("_")})
    add("column", COLUMNS)
    add("compare", COMPARED)
    add("ranked", RANKED)
    add("sorted", SORTED)
    add("either", EITHER)
    add("contrary", CONTRARY)
    add("top", ("top", "first"))
    add("known", KNOWN)
    add("probability", PROBABILITY)
    add("note", NOTES)
    add("tagged", TAGGED)
    add("labelled", LABELLED)
    add("sureness", SURENESS)
    add("like", LIKE)
    add("negation", NEGATIONS)
    add("join", {"or": "or", "and": "and", "but": "but", "with": "with", "&": "and", "nor": "nor",
                 "and not": "and not", "having": "with", "either": "and", "except that": "but",
                 "except they": "but", "except it": "but", "only that": "but", "although": "but",
                 "though": "but", "while": "but", "yet": "but", "however": "but"})  # fmt: skip
    add("missing", ("missing", "unknown", "not known", "not measured", "unmeasured", "undefined"))
    add(
        "unlabelled",
        (
            "unlabelled",
            "unlabeled",
            "unclassified",
            "without label",
            "no label",
            "without a label",
            "without class",
            "without a class",
            "no class",
        ),
    )
    add("class", {word: name for name, words in CLASSES.items() for word in words})
    add("class", {f"class {word}": word for word in classes if word})
    add("own", {tag: tag for tag in own_tags})
    for tag in vocabulary.tags:
        add("tag", dict.fromkeys((tag.name, *tag.synonyms), tag.column))
    return Lexicon(phrases)
