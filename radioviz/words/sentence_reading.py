"""Reading a sentence from left to right: what each of its words asks for."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from radioviz.words.sentence_conditions import text_of
from radioviz.words.sentence_lexicon import FILLERS, NOUN_TAGS, NOUNS, language_of
from radioviz.words.sentence_numbers import NumberReader
from radioviz.words.sentence_tokens import Token, plain, tokens_of
from radioviz.words.vocabulary import APPLIES
from radioviz.workspace.expression import quoted, text_literal


@dataclass(frozen=True)
class AskedQuestion:
    """What a sentence asks for."""

    filter: str = ""  # condition in the filter language; empty if every galaxy passes
    # What galaxies are ranked by, the largest first: arithmetic of the filter language; empty for
    # the order of the data set.
    ranking: str = ""
    limit: int = 0  # at most so many galaxies; 0 for all
    readings: tuple[tuple[str, str], ...] = ()  # mistyped words and what they were read as
    unknown: tuple[str, ...] = ()  # words that were not understood
    remarks: tuple[str, ...] = ()  # what else the reader should know, in sentences
    understood: bool = False  # False if nothing was: then no galaxy is meant


@dataclass(kw_only=True)
class SentenceReader(NumberReader):
    """The state of reading one sentence from left to right."""

    find: Callable[[str], Sequence[str]]
    ranked: list[str] = field(default_factory=list)
    wanted: dict[str, list[bool]] = field(default_factory=dict)
    examples: list[tuple[str, int]] = field(default_factory=list)
    unknown_after_not: bool = False
    classes_next: bool = False
    own_next: bool = False
    sort_next: str = ""
    reach: int = 0
    or_at: int = -1

    def read(self, text: str) -> AskedQuestion:
        self.tokens = tokens_of(text, self._identifiers(text))
        while self.at < len(self.tokens):
            self._step()
        self._finish_number()
        self.separate(")")  # of a parenthesis that is still open
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
                opens = token.text == "("
                listed = token.text == "," and self.negated_last and self._listed_next()
                if not opens:
                    self.negation, self.fresh = (self.reach, True) if listed else (0, False)
                self.negated_last, self.tag_before = False, None
                self.separate(token.text)
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
        if found is None and self._ending(token):
            return
        if found is None and spelled:
            found = self._mistyped(2 if token.kind == "number" else 1)
        elif found is not None and found[:2] == (1, "filler") and self._odd_next():
            found = self._mistyped(2) or found  # at laest
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

    def _odd_next(self) -> bool:
        following = self.tokens[self.at + 1 : self.at + 2]
        return bool(following) and following[0].kind == "word" and not self.phrase_at(self.at + 1)

    def _ending(self, token: Token) -> bool:
        """``wingless``, ``noncompact``: a tag and its negation in one word."""
        for stem in (token.text.removesuffix("less"), token.text.removeprefix("non")):
            found = self.lexicon.exact([stem]) if stem != token.text else None
            if found is not None and found[0] == "tag":
                self.at += 1
                self.negation, self.fresh = 1, True
                self._act(*found, token.raw)
                return True
        return False

    def _listed_next(self) -> bool:
        """Whether tags follow that belong to the negation: ``no wings, tails or hot spots``."""
        at, items, joined = self.at + 1, 0, False
        while at < len(self.tokens):
            found = self.phrase_at(at)
            if self.tokens[at].kind == "stop" and self.tokens[at].text == ",":
                at += 1
            elif found is None:
                break
            elif found[1] in ("tag", "own", "class"):
                if joined:
                    return True
                at, items = at + found[0], items + 1
            elif found[1] == "filler":
                at += found[0]
            elif items and found[2] in (("or", "nor") if self.reach == 1 else ("or", "and", "nor")):
                at, joined = at + found[0], True
            else:
                break
        return False

    def _mistyped(self, least: int) -> tuple[int, str, object] | None:
        """A phrase of at most three words, and at least so many, with a typing error."""
        words = self._run(self.at)
        for size in range(min(len(words), 3), least - 1, -1):
            meant = self.lexicon.nearest(words[:size])
            ends = zip((meant or "").split(), words[:size], strict=False)
            if (
                meant
                and len(meant.split()) >= size
                and not any(w in FILLERS and w != right for right, w in ends)
            ):
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
            case "either" | "contrary":
                assert isinstance(value, tuple)
                if kind == "contrary":
                    self.negation, self.fresh = int(not self.negation), True
                negated = self.negation
                for column in value:
                    self._tag(str(column), raw)
                    self.join, self.negation = ("and", negated) if negated else ("or", 0)
                self.join, self.negation = "and", 0
            case "own":
                self._condition(f"tag({text_literal(str(value))})")
            case "class":
                self._label(str(value))
            case "column" if self.sort_next:
                self.ranked.append(self.sort_next[0].strip("+") + str(value))
                if " " not in self.sort_next[1:]:  # an adjective
                    what = f"{self.sort_next[1:]} {raw}"
                    self.remarks.append(f"'{what}' sets no limit; galaxies are ranked by it.")
                self.sort_next = ""
            case "column":
                above = "" if self.implied or self.column else self.sign  # above redshift 0.5
                self._finish_number()
                self.sign = above
                self.column, self.column_raw = str(value), raw
            case "filler" if plain(raw) in NOUNS:
                self.noun_said()
            case "sorted":
                self.sort_next = f"{value}{raw}"
            case "unlabelled":
                self._presence("label", missing=True)
            case "compare":
                assert isinstance(value, tuple)
                self._compare(str(value[0]), str(value[1]))
            case "negation":
                if not self._compared_next():  # flux not above 10 mJy
                    self._finish_number()
                twice = self.negation and self.fresh  # not without wings
                self.negation, self.fresh = 0 if twice else int(str(value)), not twice
                self.reach, self.unknown_after_not = int(str(value)), False
            case "join":
                self._join(str(value))
            case "sureness":
                self.threshold = self.threshold or float(str(value))
            case "like" if self.sign and raw.lower() == "than":
                pass  # fewer peaks than J0747+1717
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

    def _compared_next(self) -> bool:
        found = self.phrase_at(self.at)
        signed = [t.kind for t in self.tokens[self.at : self.at + 1]] == ["sign"]
        return bool(self.column) and (signed or (found is not None and found[1] == "compare"))

    def _class_named(self, raw: str) -> str:
        found = self.lexicon.exact(["class", *plain(raw).split()])
        return str(found[1]) if found else raw

    def _tag(self, column: str, raw: str) -> None:
        self._finish_number()
        if [t.text for t in self.tokens[self.at : self.at + 1]] == ["free"]:
            self.at, self.negation = self.at + 1, 1
        negated = bool(self.negation)
        sign = "<" if negated else ">="
        if column not in self.columns:
            self.remarks.append(f"The tag '{raw}' has not been computed for this data set.")
            self.negation = 0 if self.negation == 1 else self.negation
            return
        self.wanted.setdefault(column, []).append(not negated)
        self._condition(
            f"{quoted(column)} {sign} {self.threshold or APPLIES:g}", done=negated,
            term=f"1 - {quoted(column)}" if negated else quoted(column),
            noun=not negated and column in NOUN_TAGS,
        )  # fmt: skip
        self.tag_before, self.threshold = column, 0.0

    def _label(self, name: str) -> None:
        self._finish_number()
        negated = bool(self.negation)
        sign = "!=" if negated else "=="
        self._condition(f"label {sign} {text_literal(name)}", done=negated, noun=not negated)

    def _join(self, word: str) -> None:
        if self.unknown_after_not:  # what was unwanted is not known
            self.negation, self.unknown_after_not = 0, False
        if word != "or":
            self.separate(word)
        if word in ("but", "with"):
            self._finish_number()
            self.negation = 0
            self.negated_last = False
            self.has_next = word == "with"
            if word == "with" and self.or_at == self.at - 1:
                self.join = "or"  # without a core or with wings
        elif word == "or":
            self.or_at = self.at
            if self.negation or self.negated_last:
                self.negation, self.fresh = max(self.negation, 1), True  # not this or that: neither
            else:
                self.gather()
                self.join = "or"
        elif word in ("and not", "nor"):
            self._finish_number()
            self.negation, self.fresh, self.join = 1, True, "and"

    def _missing(self) -> None:
        column, self.column = self.column, ""
        if not column and self.join == "or":
            column = self.last_column
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
        else:
            self._presence("note", missing=bool(self.negation))

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
        elif self.near(str(found[0])):
            pass
        elif self.sign and (column := self.column or self.implied):
            self._limit_of(column, str(found[0]))
        else:
            if len(found) > 1:
                self.remarks.append(
                    f"{token.raw} names {len(found)} galaxies; {found[0]} is the example."
                )
            self._example(str(found[0]))

    def _limit_of(self, column: str, source_id: str) -> None:
        """``larger than J0747+1717``."""
        value = self.value(source_id, column)
        if math.isfinite(value):
            self.column = column
            self.limit_by(value)
        else:
            self.remarks.append(f"{source_id} has no {column}.")
            self.column = self.sign = self.implied = ""

    def _example(self, source_id: str) -> None:
        side = self.like or (self.examples[-1][1] if self.examples else 1)
        if self.negation and self.fresh:
            side = -1
        self.like = 0
        self.examples.append((source_id, side))
        self.negation = 0

    # -- the answer ------------------------------------------------------------------------------

    def _question(self, text: str) -> AskedQuestion:
        if self.sort_next:
            self.unknown.append(self.sort_next[1:])
        parts = [text_of(group) for group in self.groups]
        parts = [f"source_id != {text_literal(s)}" for s, _ in self.examples] + parts
        for column, sides in self.wanted.items():
            if len(set(sides)) == 2 and len(self.groups) > 1:
                self.remarks.append(f"The sentence asks for '{column}' and against it.")
        self.remarks += self.contradictions()
        understood = bool(parts or self.ranked or self.limit)
        language = language_of([plain(w) for w in self.unknown], 2 if understood else 1)
        if language:  # a part of it may be negated by words that are not known
            self.remarks.append(f"This seems to be {language}; write the sentence in English.")
            return AskedQuestion(unknown=tuple(self.unknown), remarks=(self.remarks[-1],))
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
        for parts in self.groups:
            known = list(dict.fromkeys(_product(p.terms) for p in parts if p.terms))
            terms += [f"max({', '.join(known)})"] if len(known) > 1 else known
        return " * ".join(dict.fromkeys(terms))


def _product(terms: list[str]) -> str:
    """Terms multiplied; a difference in parentheses."""
    return " * ".join(f"({t})" if t.startswith("1 - ") else t for t in terms)
