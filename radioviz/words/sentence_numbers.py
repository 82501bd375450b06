"""Numbers of a sentence: comparisons, ranges, units, counts, positions and probabilities."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from radioviz.words.sentence_conditions import ConditionReader
from radioviz.words.sentence_lexicon import (
    AFTERWARDS,
    ANGLES,
    BESIDE_DEGREES,
    CLOSE,
    DEGREES,
    MEASURES,
    NOUNS,
    OF_A,
    OF_UNIT,
    OPPOSITE,
    TURN,
)
from radioviz.words.sentence_tokens import FRACTIONS, UNITS, Token, is_degree, unit_of
from radioviz.workspace.expression import quoted


@dataclass(frozen=True)
class _Amount:
    value: float
    kind: str = ""
    raw: str = ""
    unit: float = 1.0  # size of the unit that the value was written in


@dataclass(kw_only=True)
class NumberReader(ConditionReader):
    """The part of reading a sentence that turns numbers into conditions."""

    columns: Sequence[str]
    last_column: str = ""
    unknown: list[str] = field(default_factory=list)
    readings: list[tuple[str, str]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    column: str = ""
    column_raw: str = ""
    sign: str = ""
    implied: str = ""
    threshold: float = 0.0
    tag_before: str | None = None
    like: int = 0
    limit: int = 0
    cone: float = 0.0
    value: Callable[[str, str], float] = lambda source_id, column: math.nan

    def _presence(self, column: str, *, missing: bool) -> None:
        if self._exists(column):
            self.last_column = column
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
            elif sign or column != self.last_column:  # between 0.1 and 0.3 in redshift
                self.unknown.append(self.column_raw)
                self.remarks.append(f"'{self.column_raw}' needs a number, such as 0.2.")
            self.has_next = False
        self.column = self.sign = self.implied = ""

    # -- numbers ---------------------------------------------------------------------------------

    def number(self) -> None:
        """Read the number at the place where reading is, with its unit and what it limits."""
        token = self.tokens[self.at]
        self.like = 0
        if not math.isfinite(token.value):
            self.unknown.append(token.raw)
            self.at += 1
            return
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
        if second is not None and bool(first.kind) != bool(second.kind):  # 1 arcmin to 2
            of = second if second.kind else first
            first, second = (
                a if a.kind else _Amount(a.value * of.unit, of.kind, of.raw, of.unit)
                for a in (first, second)
            )
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
        if found is None or self.sign or self.column:
            return False
        words = [t.text for t in self.tokens[self.at + 1 : self.at + 2]]
        return found[1] == "ranked" or words == ["most"] or self._galaxies_next()

    def _galaxies_next(self) -> bool:
        """``ten bent galaxies``: adjectives, and galaxies in so many words."""
        at = self.at + 1
        while (found := self.phrase_at(at)) is not None and found[1] in ("tag", "class", "filler"):
            if " ".join(t.text for t in self.tokens[at : at + found[0]]) in NOUNS:
                return True
            at += found[0]
        return False

    def _amount(self) -> _Amount | None:
        """The number and its unit; None if the unit is not known."""
        value = self.tokens[self.at].value
        self.at += 1
        if self.at >= len(self.tokens):
            return _Amount(value)
        last = len(self.tokens) - 1
        while value in FRACTIONS and self.tokens[self.at].text in OF_A and self.at < last:
            self.at += 1  # half an arcminute, a quarter of a degree
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
        return _Amount(value * found[1], found[0], token.text, found[1])

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
        at = self.at + (self.at < len(self.tokens) and self.tokens[self.at].text == "away")
        if amount.kind != "angle" or at + 1 >= len(self.tokens):
            return False
        if self.tokens[at].text not in ("of", "from", "around", "to"):
            return False
        place = self.tokens[at + 1]
        if place.kind == "name":
            self.cone, self.at = amount.value, at + 1
            return True
        degrees: list[float] = []
        for number, token in enumerate(self.tokens[at + 1 :], at + 2):
            if token.kind == "number":  # -2.2 after another number looks like the end of a range
                degrees.append(-abs(token.value) if token.raw[0] in "-−" else token.value)
            elif token.text not in BESIDE_DEGREES:
                break
            if len(degrees) == 2:
                self.at = number
                self._cone(degrees[0], degrees[1], amount.value)
                return True
        return False

    def near(self, source_id: str) -> bool:
        """Whether a galaxy that was named is the centre of a cone."""
        if not self.cone:
            return False
        place = self.value(source_id, "ra"), self.value(source_id, "dec")
        radius, self.cone = self.cone, 0.0
        if not all(map(math.isfinite, place)):
            self.sign = self.implied = ""
            self.remarks.append(f"{source_id} has no position.")
        else:
            self._cone(*place, radius)
        return True

    def _cone(self, ra: float, dec: float, radius: float) -> None:
        outside = self.sign in (">", ">=")
        self.sign = self.implied = self.column = ""
        if not (0 <= ra <= 360 and -90 <= dec <= 90):
            self.remarks.append(f"{ra:g} {dec:+g} is not a position in degrees.")
            return
        circle = f"cone({ra:.10g}, {dec:.10g}, {radius:.10g} arcsec)"
        self._condition(f"not {circle}" if outside else circle)

    def _apply(self, first: _Amount, second: _Amount | None, raw: str) -> None:
        sign, column = self.sign, self._column_of(first)
        named = bool(self.column)
        self.sign = self.implied = self.column = ""
        if sign == "between" and second is None:
            self.unknown.append(raw)
            self.remarks.append("'between' needs two numbers, such as: between 20 and 60 arcsec.")
            return
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
        if self.tag_before in ANGLES and amount.kind == "angle" and is_degree(amount.raw):
            return "bending_angle"
        following, ahead = self.phrase_at(self.at), self.at
        while following is not None and following[1] == "filler" and amount.kind:
            ahead += following[0]
            following = self.phrase_at(ahead)
        if following is not None and following[1] == "column":
            column = str(following[2])
            if amount.kind or column.startswith("n_"):
                self.at = ahead + following[0]
                return column
        if own is None and self.join == "or" and self.sign and not amount.kind:
            return self.last_column or None  # redshift below 0.1 or above 0.5
        return own or self._column_ahead()

    def _column_ahead(self) -> str | None:
        """The column that numbers before it share: more than two and fewer than five peaks."""
        at = self.at
        while at < len(self.tokens):
            found = self.phrase_at(at)
            if found is not None and found[1] == "column":
                return str(found[2])
            if self.tokens[at].kind not in ("number", "sign", "unit") and (
                found is None or found[1] not in ("filler", "join", "compare")
            ):
                return None
            at += found[0] if found else 1
        return None

    def limit_by(self, value: float) -> None:
        """Read a number that is not written as one."""
        self._apply(_Amount(value), None, f"{value:.10g}")

    def _limit(self, column: str, sign: str, values: list[float]) -> None:
        name, flip = quoted(column), bool(self.negation and self.fresh)
        self.last_column = column
        if self.negation and not self.fresh:
            self.negation = 0
        if len(values) == 1 and sign in ("about", "near", "") and not column.startswith("n_"):
            values = [values[0] * (1 - CLOSE), values[0] * (1 + CLOSE)]
        around = len(values) == 2 and values[0] > values[1] and column in TURN
        if around:  # right ascension between 350 and 10
            values = [value % TURN[column] for value in values]
        low, high = min(values), max(values)
        if low < 0 and MEASURES.get(column) in ("angle", "flux", "length", "luminosity"):
            self.remarks.append(f"No galaxy has a {column} below zero.")
        if len(values) == 2:
            text = f"{name} between {low:.10g} and {high:.10g}"
            if flip != around:
                text = f"({name} < {low:.10g} or {name} > {high:.10g})"
        else:
            sign = {"": "==", "about": "==", "near": "==", "within": "<="}.get(sign, sign)
            sign = OPPOSITE[sign] if flip else sign
            text = f"{name} {sign} {low:.10g}"
            low = -math.inf if sign in ("<", "<=") else low
            high = math.inf if sign in (">", ">=") else high
        self._condition(text, done=True)
        if sign != "!=" and not (flip != around and len(values) == 2):
            self.bounds.append((len(self.groups) - 1, column, low, high))

    def _probability(self, amount: _Amount, sign: str) -> bool:
        """``bent above 0.8``: the probability that the tag before needs."""
        tag = self.tag_before
        if tag is None and amount.kind == "share" and self._tag_next() and 0 <= amount.value <= 1:
            self.threshold = amount.value  # 80 % bent
            if sign in ("<", "<="):  # less than 20 % bent
                self.negation, self.fresh = int(not self.negation), True
            return sign in ("", "<", "<=", ">", ">=", "about")
        if tag is None or not self.groups or amount.kind not in ("", "share"):
            return False
        if not 0 <= amount.value <= 1:
            return False
        before = self.groups[-1][-1].conditions[-1]
        sign = {"": ">=", "about": ">=", "within": "<="}.get(sign, sign)
        if sign not in OPPOSITE or not before.startswith(quoted(tag)):
            return False
        if before.startswith(f"{quoted(tag)} <"):  # not bent with a probability above 0.9
            sign = OPPOSITE[sign]
        self.groups[-1][-1].conditions[-1] = f"{quoted(tag)} {sign} {amount.value:.10g}"
        return True

    def _tag_next(self) -> bool:
        at = self.at
        while (found := self.phrase_at(at)) and found[1] in ("filler", "sureness", "probability"):
            at += found[0]
        return found is not None and found[1] == "tag"
