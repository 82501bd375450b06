"""A sentence as a filter and a ranking: ``bent double with a bright core, larger than 80 arcsec``.

The result is written in the filter language (:mod:`radioviz.workspace.expression`), so that it can
be shown, changed, and obeyed by every page. Words that were not understood are reported; nothing is
guessed in their place, save typing errors of a letter or two, which are reported too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from radioviz.errors import FilterError
from radioviz.words.sentence_lexicon import (
    CLASSES,
    COLUMNS,
    COMPARED,
    FILLERS,
    KNOWN,
    LABELLED,
    LIKE,
    NEGATIONS,
    NOTES,
    PROBABILITY,
    RANKED,
    SURENESS,
    TAGGED,
    Lexicon,
    language_of,
)
from radioviz.words.sentence_numbers import NumberReader
from radioviz.words.sentence_tokens import Token, plain, tokens_of
from radioviz.words.vocabulary import APPLIES, Vocabulary
from radioviz.workspace.expression import parse_filter, quoted, text_literal

LONGEST = 500
"""Characters of a sentence."""

Find = Callable[[str], Sequence[str]]
"""Name or identifier to the ``source_id`` of the galaxies it names; empty if there is none."""


@dataclass(frozen=True)
class AskedQuestion:
    """What a sentence asks for.

    Attributes
    ----------
    filter : str
        Condition in the filter language; empty if every galaxy passes.
    ranking : str
        What galaxies are ranked by, the largest first: arithmetic of the filter language; empty
        for the order of the data set.
    limit : int
        At most so many galaxies; 0 for all.
    readings : tuple of (str, str)
        Mistyped words and what they were read as.
    unknown : tuple of str
        Words that were not understood.
    remarks : tuple of str
        What else the reader should know, in sentences.
    understood : bool
        False if nothing was: then no galaxy is meant.
    """

    filter: str = ""
    ranking: str = ""
    limit: int = 0
    readings: tuple[tuple[str, str], ...] = ()
    unknown: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    understood: bool = False


def read_sentence(
    text: str,
    columns: Sequence[str],
    vocabulary: Vocabulary,
    *,
    find: Find = lambda name: (),
    place: Callable[[str], tuple[float, float] | None] = lambda source_id: None,
    own_tags: Sequence[str] = (),
    classes: Sequence[str] = (),
) -> AskedQuestion:
    """What a sentence asks for.

    Parameters
    ----------
    columns : sequence of str
        Names of the columns of the data set.
    find, place : callable
        Look up a galaxy by its name or identifier, and its position in degrees.
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
    return _Reading(columns=columns, lexicon=lexicon, find=find, place=place).read(text)


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
        or (part.kind in ("and", "or", "not") and any(p.kind == "text" for p in part.parts))
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

    add("filler", sorted(FILLERS))
    add("column", {c: c for c in columns if not c.startswith("_")})
    add("column", COLUMNS)
    add("compare", COMPARED)
    add("ranked", RANKED)
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
                 "and not": "and not", "having": "with", "either": "and"})  # fmt: skip
    add("missing", ("missing", "unknown", "not known"))
    add("class", {word: name for name, words in CLASSES.items() for word in words})
    add("class", {f"class {word}": word for word in classes if word})
    add("own", {tag: tag for tag in own_tags})
    for tag in vocabulary.tags:
        add("tag", dict.fromkeys((tag.name, *tag.synonyms), tag.column))
    return Lexicon(phrases)


@dataclass(kw_only=True)
class _Reading(NumberReader):
    """The state of reading one sentence from left to right."""

    find: Find
    ranked: list[str] = field(default_factory=list)
    terms: list[list[str]] = field(default_factory=list)
    wanted: dict[str, list[bool]] = field(default_factory=dict)
    examples: list[tuple[str, int]] = field(default_factory=list)
    unknown_after_not: bool = False
    classes_next: bool = False
    own_next: bool = False

    def read(self, text: str) -> AskedQuestion:
        self.tokens = tokens_of(text, self._identifiers(text))
        while self.at < len(self.tokens):
            self._step()
        self._finish_number()
        return self._question(text)

    def _identifiers(self, text: str) -> tuple[str, ...]:
        parts = {p.strip(",;.()?!'\"") for p in text.split()}
        odd = [p for p in parts if any(c.isdigit() for c in p) and any(c.isalpha() for c in p)]
        return tuple(p for p in odd if len(p) > 2 and self.find(p))

    def _step(self) -> None:
        token = self.tokens[self.at]
        match token.kind:
            case "stop":
                self._finish_number()
                self.negation, self.negated_last, self.tag_before = 0, False, None
                self.at += 1
            case "quoted":
                self.at += 1
                found = self.lexicon.exact([plain(token.text)])
                if found is not None and found[0] in ("tag", "own", "class"):
                    self._act(*found, token.raw)
                else:
                    self._condition(f"lower(note) contains {text_literal(token.text.lower())}")
            case "name":
                self.at += 1
                self._name(token)
            case "sign":
                self._compare(token.text, "")
                self.at += 1
            case "unit" | "dash":
                self.at += 1
            case _:
                self._words(token)

    def _words(self, token: Token) -> None:
        spelled = token.kind == "word" or token.text.isalpha()
        found = self.phrase_at(self.at)
        if found is None and spelled:
            found = self._mistyped(2 if token.kind == "number" else 1)
        if found is not None and (token.kind == "word" or found[0] > 1):
            size, kind, value = found
            raw = " ".join(t.raw for t in self.tokens[self.at : self.at + size])
            self.at += size
            self._act(kind, value, raw)
        elif token.kind == "number":
            self.number()
        else:
            self.at += 1
            self._unknown_word(token)

    def _mistyped(self, least: int) -> tuple[int, str, object] | None:
        """A phrase of at most three words, and at least so many, with a typing error."""
        words = self._run(self.at)
        for size in range(min(len(words), 3), least - 1, -1):
            if any(w in FILLERS for w in (words[0], words[size - 1])):
                continue
            if meant := self.lexicon.nearest(words[:size]):
                raw = " ".join(t.raw for t in self.tokens[self.at : self.at + size])
                self.readings.append((raw, meant))
                return size, *self.lexicon.phrases[meant]
        return None

    def _unknown_word(self, token: Token) -> None:
        if self.like and not self.example_next(token):
            self.like = 0
        elif self.like:
            return
        self.unknown.append(token.raw)
        self.tag_before = None
        self.unknown_after_not = self.unknown_after_not or bool(self.negation)

    # -- what each kind of phrase does ----------------------------------------------------------

    def _act(self, kind: str, value: object, raw: str) -> None:
        if self.like and kind not in ("filler", "like", "join", "compare"):
            self.like = 0  # "looks like a double" names no galaxy
        if self.own_next and kind in ("tag", "own", "class"):
            self.own_next = False
            self._condition(f"tag({text_literal(raw.lower() if kind != 'own' else str(value))})")
            return
        if self.classes_next and kind in ("tag", "class", "own"):
            self.classes_next = False
            name = str(value) if kind == "class" else self._class_named(raw)
            self._label(name)
            return
        match kind:
            case "tag":
                self._tag(str(value), raw)
            case "own":
                self._condition(f"tag({text_literal(str(value))})")
            case "class":
                self._label(str(value))
            case "column":
                self._finish_number()
                self.column, self.column_raw = str(value), raw
            case "compare":
                assert isinstance(value, tuple)
                self._compare(str(value[0]), str(value[1]))
            case "negation":
                self._finish_number()
                twice = self.negation and self.fresh  # not without wings
                self.negation, self.fresh = 0 if twice else int(str(value)), not twice
                self.unknown_after_not = False
                if raw.lower() == "nor":
                    self.join = "and"
            case "join":
                self._join(str(value))
            case "sureness":
                self.threshold = float(str(value))
            case "like":
                self.like = int(str(value)) * (-1 if self.negation and self.fresh else 1)
                if self.negation and self.fresh:
                    self.negation = 0
            case "ranked":
                self.ranked.append(str(value))
                if not raw.lower().endswith("est") and not raw.lower().startswith("most"):
                    self.remarks.append(f"'{raw}' sets no limit; galaxies are ranked by it.")
            case "missing":
                self._missing()
            case "known":
                self.has_next = True
            case "tagged":
                self.own_next = True
            case "labelled":
                self.classes_next = True
            case "note":
                self._note()
            case "top" if self.at < len(self.tokens) and self.tokens[self.at].kind == "number":
                self.limit = max(int(self.tokens[self.at].value), 0)
                self.at += 1

    def _class_named(self, raw: str) -> str:
        found = self.lexicon.exact(["class", *plain(raw).split()])
        return str(found[1]) if found else raw

    def _tag(self, column: str, raw: str) -> None:
        self._finish_number()
        negated = bool(self.negation)
        sign = "<" if negated else ">="
        if column not in self.columns:
            self.remarks.append(f"The tag '{raw}' has not been computed for this data set.")
            self.negation = 0 if self.negation == 1 else self.negation
            return
        self.wanted.setdefault(column, []).append(not negated)
        term = f"(1 - {quoted(column)})" if negated else quoted(column)
        if self.join == "or" and self.terms and len(self.terms) == len(self.groups):
            self.terms[-1].append(term.strip("()") if negated else term)
        else:
            self.terms += [[] for _ in range(len(self.groups) - len(self.terms))]
            self.terms.append([term])
        self._condition(f"{quoted(column)} {sign} {self.threshold or APPLIES:g}", done=negated)
        self.tag_before, self.threshold = column, 0.0

    def _label(self, name: str) -> None:
        self._finish_number()
        negated = bool(self.negation)
        sign = "!=" if negated else "=="
        self._condition(f"label {sign} {text_literal(name)}", done=negated)

    def _join(self, word: str) -> None:
        if self.unknown_after_not:  # what was unwanted is not known
            self.negation, self.unknown_after_not = 0, False
        if word in ("but", "with"):
            self._finish_number()
            self.negation = 0
            self.negated_last = False
            self.has_next = word == "with"
        elif word == "or":
            if self.negation or self.negated_last:
                self.negation = max(self.negation, 1)  # not this or that: neither
            else:
                self.join = "or"
        elif word == "and not":
            self._finish_number()
            self.negation, self.fresh = 1, True

    def _missing(self) -> None:
        column, self.column = self.column, ""
        if not column:
            following = self.phrase_at(self.at)
            if following is None or following[1] != "column":
                self.unknown.append("missing")
                return
            column, self.at = str(following[2]), self.at + following[0]
        self._presence(column, missing=not self.negation)

    def _note(self) -> None:
        while self.at < len(self.tokens) and self.tokens[self.at].text in FILLERS:
            self.at += 1
        rest = []
        while self.at < len(self.tokens) and self.tokens[self.at].kind in ("word", "quoted"):
            rest.append(self.tokens[self.at].text)
            self.at += 1
        if rest:
            self._condition(f"lower(note) contains {text_literal(' '.join(rest).lower())}")

    # -- galaxies by name ------------------------------------------------------------------------

    def example_next(self, token: Token) -> bool:
        """Whether a word is a galaxy's name, alone or with the next."""
        for size in (2, 1):
            name = " ".join(t.raw for t in self.tokens[self.at - 1 : self.at - 1 + size])
            if found := self.find(name):
                self._example(str(found[0]))
                self.at += size - 1
                return True
        return False

    def _name(self, token: Token) -> None:
        found = self.find(token.raw)
        if not found:
            self.unknown.append(token.raw)
            self.like = 0
        elif not self.near(str(found[0])):
            if len(found) > 1:
                self.remarks.append(
                    f"{token.raw} names {len(found)} galaxies; {found[0]} is the example."
                )
            self._example(str(found[0]))

    def _example(self, source_id: str) -> None:
        side = self.like or (self.examples[-1][1] if self.examples else 1)
        self.like = 0
        self.examples.append((source_id, side))
        self.negation = 0

    # -- the answer ------------------------------------------------------------------------------

    def _question(self, text: str) -> AskedQuestion:
        parts = [p[0] if len(p) == 1 else f"({' or '.join(p)})" for p in self.groups]
        parts = [f"source_id != {text_literal(s)}" for s, _ in self.examples] + parts
        for column, sides in self.wanted.items():
            if len(set(sides)) == 2 and len(self.groups) > 1:
                self.remarks.append(f"The sentence asks for '{column}' and against it.")
        understood = bool(parts or self.ranked or self.limit)
        if not understood and (language := language_of(plain(text).split())):
            self.remarks.append(f"This seems to be {language}; write the sentence in English.")
        return AskedQuestion(
            " and ".join(dict.fromkeys(parts)), self._ranking(), self.limit, tuple(self.readings),
            tuple(self.unknown), tuple(dict.fromkeys(self.remarks)), understood,
        )  # fmt: skip

    def _ranking(self) -> str:
        if self.examples:
            terms = [
                ("- " if side < 0 else "+ ") + f"similar({text_literal(source_id)})"
                for source_id, side in self.examples
            ]
            return " ".join(terms).removeprefix("+ ").replace("- ", "-", terms[0][0] == "-")
        usable = [r for r in self.ranked if r.lstrip("-") in self.columns]
        if usable:
            return usable[0]
        terms = []
        for one in self.terms:
            known = list(dict.fromkeys(one))
            terms += [known[0]] if len(known) == 1 else [f"max({', '.join(known)})"] * bool(known)
        return " * ".join(dict.fromkeys(terms))
