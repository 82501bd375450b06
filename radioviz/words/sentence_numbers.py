"""Numbers of a sentence: comparisons, ranges, units, counts, positions and probabilities."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from radioviz.words.sentence_lexicon import (
    AFTERWARDS,
    CLOSE,
    DEGREES,
    MEASURES,
    OF_UNIT,
    OPPOSITE,
    Lexicon,
)
from radioviz.words.sentence_tokens import UNITS, Token, unit_of
from radioviz.workspace.expression import quoted

LONGEST_PHRASE = 5
"""Words."""


@dataclass(frozen=True)
class _Amount:
    value: float
    kind: str = ""
    raw: str = ""


@dataclass(kw_only=True)
class NumberReader:
    """The part of reading a sentence that turns numbers into conditions."""

    columns: Sequence[str]
    lexicon: Lexicon
    tokens: list[Token] = field(default_factory=list)
    at: int = 0
    groups: list[list[str]] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    readings: list[tuple[str, str]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    join: str = "and"
    negation: int = 0
    fresh: bool = False
    negated_last: bool = False
    column: str = ""
    column_raw: str = ""
    sign: str = ""
    implied: str = ""
    threshold: float = 0.0
    tag_before: str | None = None
    has_next: bool = False
    like: int = 0
    limit: int = 0
    cone: float = 0.0
    place: Callable[[str], tuple[float, float] | None] = lambda source_id: None

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

    def _condition(self, text: str, *, done: bool = False) -> None:
        """Add a condition; ``done``: a negation is in it already."""
        if self.negation and not done:
            text = f"not ({text})"
        if self.join == "or" and self.groups:
            self.groups[-1].append(text)
        else:
            self.groups.append([text])
        self.join, self.has_next = "and", False
        self.negated_last = bool(self.negation)
        self.fresh = False
        if self.negation == 1:
            self.negation = 0

    def _presence(self, column: str, *, missing: bool) -> None:
        if self._exists(column):
            self._condition(f"{quoted(column)} is {'' if missing else 'not '}missing", done=True)

    def _exists(self, column: str) -> bool:
        if column in self.columns:
            return True
        self.remarks.append(f"This data set has no column '{column}'.")
        return False

    def _compare(self, sign: str, implied: str) -> None:
        if self.negation and not self.fresh:
            self.negation = 0  # "without wings and larger than 40": only wings are unwanted
        self.sign, self.implied = sign, implied

    def _finish_number(self) -> None:
        """Settle a column or a comparison that no number followed."""
        column, sign = self.column, self.sign
        if self.implied and not column:
            self.remarks.append("A comparison needs a number, such as: larger than 80 arcsec.")
        if column:
            if self.negation and self.fresh:
                self._presence(column, missing=True)
            elif self.has_next and not sign:
                self._presence(column, missing=False)
            else:
                self.unknown.append(self.column_raw)
                self.remarks.append(f"'{self.column_raw}' needs a number, such as 0.2.")
            self.has_next = False
        self.column = self.sign = self.implied = ""

    # -- numbers ---------------------------------------------------------------------------------

    def number(self) -> None:
        """Read the number at the place where reading is, with its unit and what it limits."""
        token = self.tokens[self.at]
        self.like = 0
        if self._ranked_next():
            self.limit = max(int(token.value), 0)
            self.at += 1
            return
        first = self._amount()
        if first is None:
            self.column = self.sign = self.implied = ""
            return
        if self._reversed(first):
            return
        second = self._range_end(first)
        if second is not None and not first.kind and second.kind:
            unit = unit_of(second.raw)
            first = _Amount(first.value * (unit[1] if unit else 1.0), second.kind, second.raw)
        if self._position(first):
            return
        if second is None:
            self._sign_afterwards()
        self._apply(first, second, token.raw)

    def _sign_afterwards(self) -> None:
        """``80 arcsec or more``."""
        both = [t.text for t in self.tokens[self.at : self.at + 2]]
        if len(both) == 2 and both[0] in ("or", "and") and both[1] in AFTERWARDS and not self.sign:
            if self.at + 2 < len(self.tokens) and self.tokens[self.at + 2].text == "than":
                return
            self.sign = AFTERWARDS[both[1]]
            self.at += 2

    def _ranked_next(self) -> bool:
        found = self.phrase_at(self.at + 1)
        return found is not None and found[1] == "ranked" and not self.sign

    def _amount(self) -> _Amount | None:
        """The number and its unit; None if the unit is not known."""
        value = self.tokens[self.at].value
        self.at += 1
        if self.at >= len(self.tokens):
            return _Amount(value)
        if self.tokens[self.at - 1].text == "half" and self.tokens[self.at].text in ("a", "an"):
            self.at += 1 - (self.at + 1 == len(self.tokens))
        token = self.tokens[self.at]
        if token.kind not in ("word", "unit"):
            return _Amount(value)
        found = unit_of(token.text)
        if found is None and token.kind == "word" and self.phrase_at(self.at) is None:
            found = self._mistyped_unit(token)
            if found is None:
                if self.lexicon.nearest([token.text]):
                    return _Amount(value)
                self.unknown += [self.tokens[self.at - 1].raw, token.raw]
                self.at += 1
                return None
        if found is None:
            return _Amount(value)
        self.at += 1
        return _Amount(value * found[1], found[0], token.text)

    def _mistyped_unit(self, token: Token) -> tuple[str, float] | None:
        from rapidfuzz import process
        from rapidfuzz.distance import OSA

        word = token.text.lower().removesuffix("s")
        long = [u for u in UNITS if len(u) >= 5]
        found = process.extractOne(word, long, scorer=OSA.distance, score_cutoff=1)
        if len(word) < 5 or found is None:
            return None
        self.readings.append((token.raw, str(found[0])))
        return UNITS[str(found[0])]

    def _reversed(self, amount: _Amount) -> bool:
        """``80 < las``: the number stands before its column."""
        if self.column or self.sign or self.at >= len(self.tokens):
            return False
        token = self.tokens[self.at]
        following = self.phrase_at(self.at + 1)
        if token.kind != "sign" or following is None or following[1] != "column":
            return False
        self.at += 1 + following[0]
        column = str(following[2])
        mirrored = {">": "<", "<": ">", ">=": "<=", "<=": ">="}.get(token.text, token.text)
        self.column, self.column_raw, self.sign = column, column, mirrored
        self._apply(amount, None, amount.raw)
        if self.at < len(self.tokens) and self.tokens[self.at].kind == "sign":
            self.column, self.column_raw = column, column  # 20 < las < 80
        return True

    def _range_end(self, first: _Amount) -> _Amount | None:
        if self.at + 1 >= len(self.tokens):
            return None
        token, following = self.tokens[self.at], self.tokens[self.at + 1]
        joins = token.kind == "dash" or token.text == "to" or (
            token.text == "and" and self.sign in ("between", "within")
        ) or (token.text in ("up",) and following.text == "to")  # fmt: skip
        if not joins:
            return None
        step = 2 if token.text == "up" else 1
        if self.at + step >= len(self.tokens) or self.tokens[self.at + step].kind != "number":
            return None
        self.at += step
        return self._amount()

    def _position(self, amount: _Amount) -> bool:
        """``within 5 deg of J0747+1717``, or of two numbers in degrees."""
        if amount.kind != "angle" or self.at + 1 >= len(self.tokens):
            return False
        if self.tokens[self.at].text not in ("of", "from", "around"):
            return False
        place = self.tokens[self.at + 1]
        if place.kind == "name":
            self.cone = amount.value
            self.at += 1
            self.sign = self.implied = ""
            return True
        both = self.tokens[self.at + 1 : self.at + 3]
        if len(both) == 2 and all(t.kind == "number" for t in both):
            self.at += 3
            self._cone(both[0].value, both[1].value, amount.value)
            return True
        return False

    def near(self, source_id: str) -> bool:
        """Whether a galaxy that was named is the centre of a cone."""
        if not self.cone:
            return False
        place = self.place(source_id)
        radius, self.cone = self.cone, 0.0
        if place is None:
            self.remarks.append(f"{source_id} has no position.")
        else:
            self._cone(*place, radius)
        return True

    def _cone(self, ra: float, dec: float, radius: float) -> None:
        self.sign = self.implied = self.column = ""
        if not (0 <= ra <= 360 and -90 <= dec <= 90):
            self.remarks.append(f"{ra:g} {dec:+g} is not a position in degrees.")
            return
        self._condition(f"cone({ra:.6g}, {dec:.6g}, {radius:g} arcsec)")

    def _apply(self, first: _Amount, second: _Amount | None, raw: str) -> None:
        sign, column = self.sign, self._column_of(first)
        named = bool(self.column)
        self.sign = self.implied = self.column = ""
        if column is None:
            if not self._probability(first, sign) and raw.lower() != "one":
                self.unknown.append(raw)
            return
        if column == "las" and first.kind == "length":
            column = "linear_size"  # sizes in kpc are sizes, too
        measure = MEASURES.get(column, "")
        amounts = [first] if second is None else [first, second]
        values = []
        for amount in amounts:
            value = amount.value
            if amount.kind and not (amount.kind == "share" and not measure):
                wanted = "angle" if measure == "direction" else measure
                if amount.kind != wanted:
                    self.unknown.append(amount.raw)
                    what = f"'{amount.raw}' does not measure {column}"
                    self.remarks.append(f"{what}; the condition on it was left out.")
                    self.negation = 0
                    return
                if measure == "direction":
                    value /= DEGREES
            values.append(value)
        if self._exists(column):
            if measure == "angle" and not first.kind and column != "beam_major" and not named:
                self.remarks.append(f"{values[0]:g} was read as {values[0]:g} arcsec.")
            self._limit(column, sign, values)

    def _column_of(self, amount: _Amount) -> str | None:
        if self.column:
            return self.column
        own = OF_UNIT.get(amount.kind)
        if self.implied:
            fits = not amount.kind or MEASURES.get(self.implied, "") == amount.kind
            direction = MEASURES.get(self.implied) == "direction" and amount.kind == "angle"
            return self.implied if fits or direction else own
        following, ahead = self.phrase_at(self.at), self.at
        while following is not None and following[1] == "filler" and amount.kind:
            ahead += following[0]
            following = self.phrase_at(ahead)
        if following is not None and following[1] == "column":
            column = str(following[2])
            if amount.kind or column.startswith("n_"):
                self.at = ahead + following[0]
                return column
        return own

    def _limit(self, column: str, sign: str, values: list[float]) -> None:
        name, flip = quoted(column), bool(self.negation and self.fresh)
        if self.negation and not self.fresh:
            self.negation = 0
        if len(values) == 2:
            low, high = sorted(values)
            text = f"{name} between {low:.6g} and {high:.6g}"
            if flip:
                text = f"({name} < {low:.6g} or {name} > {high:.6g})"
            self._condition(text, done=True)
            return
        value = values[0]
        whole = column.startswith("n_")
        if sign in ("about", "near", "") and not whole:
            low, high = sorted((value * (1 - CLOSE), value * (1 + CLOSE)))
            text = f"{name} between {low:.6g} and {high:.6g}"
            if flip:
                text = f"({name} < {low:.6g} or {name} > {high:.6g})"
            self._condition(text, done=True)
            return
        sign = {"": "==", "about": "==", "near": "==", "between": ">=", "within": "<="}.get(
            sign, sign
        )
        self._condition(f"{name} {OPPOSITE[sign] if flip else sign} {value:.6g}", done=True)

    def _probability(self, amount: _Amount, sign: str) -> bool:
        """``bent above 0.8``: the probability that the tag before needs."""
        tag = self.tag_before
        if tag is None or not self.groups or amount.kind not in ("", "share"):
            return False
        if not 0 <= amount.value <= 1:
            return False
        before = self.groups[-1][-1]
        sign = {"": ">=", "about": ">=", "between": ">=", "within": "<="}.get(sign, sign)
        if sign not in OPPOSITE or not before.startswith(quoted(tag)):
            return False
        if self.negated_last:
            sign = OPPOSITE[sign]
        self.groups[-1][-1] = f"{quoted(tag)} {sign} {amount.value:.6g}"
        return True
