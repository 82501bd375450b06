"""Conditions of a sentence, joined by ``and`` and ``or`` as English joins them."""

from __future__ import annotations

from dataclasses import dataclass, field

from radioviz.words.sentence_lexicon import NOUN_TAGS, NOUNS, Lexicon
from radioviz.words.sentence_tokens import Token

LONGEST_PHRASE = 5
"""Words."""


@dataclass
class Alternative:
    """One of the things that ``or`` joins: conditions that hold together."""

    conditions: list[str]
    terms: list[str]  # what galaxies are ranked by
    # Whether it names a kind of galaxy by itself (doubles), rather than by an adjective (bent).
    noun: bool = False
    # Whether conditions follow the noun: doubles with wings, doubles above 20 mJy.
    tailed: bool = False

    @property
    def text(self) -> str:
        """In the filter language."""
        both = " and ".join(self.conditions)
        return f"({both})" if len(self.conditions) > 1 else both

    def add(self, other: Alternative) -> None:
        """Have its conditions hold, too."""
        self.conditions += other.conditions
        self.terms += other.terms
        self.tailed = self.tailed or (self.noun and not other.noun)
        self.noun = self.noun or other.noun


def text_of(group: list[Alternative]) -> str:
    """Alternatives in the filter language."""
    texts = [one.text for one in group]
    return texts[0] if len(texts) == 1 else f"({' or '.join(texts)})"


@dataclass(kw_only=True)
class ConditionReader:
    """The part of reading a sentence that joins conditions."""

    lexicon: Lexicon
    tokens: list[Token] = field(default_factory=list)
    at: int = 0
    # All groups hold, of each group one alternative.
    groups: list[list[Alternative]] = field(default_factory=list)
    run: int = 0  # conditions beside each other so far: adjectives, a noun, and limits
    open: bool = False  # whether what follows belongs to the last alternative
    inside: int = -1  # number of groups before the parenthesis that is open; -1 outside
    denied: bool = False
    # Group, column, and limits of each condition on a number.
    bounds: list[tuple[int, str, float, float]] = field(default_factory=list)
    join: str = "and"
    negation: int = 0
    fresh: bool = False
    negated_last: bool = False
    has_next: bool = False

    # -- phrases ---------------------------------------------------------------------------------

    def phrase_at(self, start: int) -> tuple[int, str, object] | None:
        """The longest known phrase that begins at a token: its length, kind and value."""
        words = self._run(start)
        for size in range(len(words), 0, -1):
            if found := self.lexicon.exact(words[:size]):
                return size, *found
        return None

    def _run(self, start: int) -> list[str]:
        words = []
        for token in self.tokens[start : start + LONGEST_PHRASE]:
            if token.kind not in ("word", "number"):
                break
            words.append(token.text)
        return words

    # -- conditions ------------------------------------------------------------------------------

    def _condition(
        self, text: str, *, done: bool = False, term: str = "", noun: bool = False
    ) -> None:
        """Add a condition; ``done``: a negation is in it already."""
        if self.negation and not done:
            text = f"not ({text})"
        found = Alternative([text], [term] if term else [], noun)
        before = self.groups[-1] if self.groups else []
        if self.join == "or" and before:
            self.open |= before[-1].noun  # bent doubles or compact triples
            before.append(found)
        elif self.open and (self.inside >= 0 or not before[-1].noun or before[-2].tailed):
            before[-1].add(found)
        else:
            self.groups.append([found])
            self.run += 1
        self.join, self.has_next = "and", False
        self.negated_last = bool(self.negation)
        self.fresh = False
        if self.negation == 1:
            self.negation = 0

    def separate(self, mark: str) -> None:
        """What follows belongs to all before: after a comma, ``and``, ``but``."""
        if mark == "(":
            self.inside, self.open = len(self.groups), self.join == "or"
            self.denied, self.negation = bool(self.negation and self.fresh), 0
        elif mark == ")" and self.inside >= 0:
            self._close()
        if self.inside < 0 and mark != "with":
            self.run, self.open = 0, False

    def _close(self) -> None:
        """The end of a parenthesis: what is in it is one alternative."""
        inside = self.groups[self.inside :]
        if self.denied and inside:  # not (bent and double)
            text = " and ".join(text_of(group) for group in inside)
            self.groups[self.inside :] = [[Alternative([f"not ({text})"], [])]]
        elif len(inside) > 1 and all(len(group) == 1 for group in inside):
            self.run = len(inside)  # (bent and double) or compact
            self._merge()
        self.inside, self.denied = -1, False

    def noun_said(self) -> None:
        """``galaxies`` after adjectives."""
        if self.groups and (self.run or self.open):
            self.groups[-1][-1].noun = True

    def gather(self) -> None:
        """Before ``or``: adjectives, noun and limits are one alternative if a noun follows it."""
        parts = [group[0] for group in self.groups[len(self.groups) - self.run :]]
        if any(part.noun for part in parts) and self.noun_ahead(self.at):
            self._merge()
        self.run, self.open = 0, self.inside >= 0 and self.open

    def _merge(self) -> None:
        start = len(self.groups) - self.run
        for group in self.groups[start + 1 :]:
            self.groups[start][0].add(group[0])
        del self.groups[start + 1 :]

    def noun_ahead(self, at: int) -> bool:
        """Whether adjectives and a noun stand from a token on."""
        while (found := self.phrase_at(at)) is not None and found[1] in ("tag", "class", "filler"):
            words = " ".join(t.text for t in self.tokens[at : at + found[0]])
            if found[1] == "class" or words in NOUNS or found[2] in NOUN_TAGS:
                return True
            at += found[0]
        return False

    def contradictions(self) -> list[str]:
        """Limits and classes that no galaxy can fulfil at once, in sentences."""
        found = []
        alone = [b for b in self.bounds if b[0] < len(self.groups) and len(self.groups[b[0]]) == 1]
        for column in dict.fromkeys(b[1] for b in alone):
            low = max(b[2] for b in alone if b[1] == column)
            if low > min(b[3] for b in alone if b[1] == column):
                found.append(
                    f"The limits of {column} contradict each other: no galaxy can fulfil both."
                )
        classes = {g[0].conditions[0] for g in self.groups if len(g) == 1}
        if sum(text.startswith("label == ") for text in classes) > 1:
            found.append("No galaxy can be of two classes; join them by 'or'.")
        return found
