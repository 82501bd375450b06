"""A sentence as a list of words, numbers, comparisons, names and quoted text."""

from __future__ import annotations

import re
from dataclasses import dataclass

UNITS: dict[str, tuple[str, float]] = {
    **dict.fromkeys(("mas", "milliarcsec"), ("angle", 1e-3)),
    **dict.fromkeys(("arcsec", "arcsecond", "asec", '"', "″", "''", "”"), ("angle", 1.0)),
    **dict.fromkeys(("arcmin", "arcminute", "amin", "'", "′", "’"), ("angle", 60.0)),
    **dict.fromkeys(("deg", "degree", "°"), ("angle", 3600.0)),
    **dict.fromkeys(("ujy", "µjy", "μjy", "microjansky"), ("flux", 1e-3)),
    **dict.fromkeys(("mjy", "millijansky"), ("flux", 1.0)),
    **dict.fromkeys(("jy", "jansky"), ("flux", 1e3)),
    **dict.fromkeys(("pc", "parsec"), ("length", 1e-3)),
    **dict.fromkeys(("kpc", "kiloparsec"), ("length", 1.0)),
    **dict.fromkeys(("mpc", "megaparsec"), ("length", 1e3)),
    **dict.fromkeys(("w/hz", "w hz-1", "w hz^-1"), ("luminosity", 1.0)),
    **dict.fromkeys(("mhz", "megahertz"), ("frequency", 1e-3)),
    **dict.fromkeys(("ghz", "gigahertz"), ("frequency", 1.0)),
    **dict.fromkeys(("%", "percent", "per cent"), ("share", 0.01)),
    **dict.fromkeys(("sigma", "σ"), ("noise", 1.0)),
}
"""Unit to what it measures, and its size in arcsec, mJy, kpc, W/Hz, GHz, 1, or the noise."""

NUMBER_WORDS: dict[str, float] = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8,
    "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15,
    "sixteen": 16, "seventeen": 17, "eighteen": 18, "nineteen": 19, "twenty": 20, "thirty": 30,
    "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
    "hundred": 100, "thousand": 1000, "million": 1e6, "dozen": 12, "single": 1, "half": 0.5,
    "quarter": 0.25, "quarters": 0.25,
}  # fmt: skip
FRACTIONS = (0.5, 0.25)
_TIMES = ("hundred", "thousand", "million", "dozen", "quarters")
"""Number words that multiply a number before them."""

SIGNS = {
    ">=": ">=", "=>": ">=", "≥": ">=", "<=": "<=", "=<": "<=", "≤": "<=", ">": ">", "<": "<",
    "==": "==", "=": "==", "!=": "!=", "≠": "!=", "~": "about", "≈": "about",
}  # fmt: skip

_PLAIN = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d*)?(?:[eE][+-]?\d+)?"
_TOKEN = re.compile(
    r"""
    (?P<quoted>(?<!\d)"[^"]{1,200}"|“[^”]{1,200}”)
    | (?P<name>\bJ\d{4}[\d.]*[+\-−–]\d[\d.]*)
    | (?P<number>(?<![\w.])(?:\d+(?:\.\d+)?\s*[x×*]\s*)?10\s?(?:\^|\*\*)\s?[+\-−]?\d+
                 |(?<![\w.])[+\-−]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:[eE][+\-]?\d+)?
                 |(?<![\w.])\.\d+)
    | (?P<sign>>=|<=|=>|=<|==|!=|[<>=≥≤≠~≈])
    | (?P<unit>''|["″”'′’°%σ])
    | (?P<dash>[–—]|-(?=\d))
    | (?P<word>[^\W\d_][\w]*(?:[-/.:+^'’][\w]+)*|\w+)
    | (?P<stop>[,;.()!?])
    """,
    re.VERBOSE | re.IGNORECASE,
)


@dataclass(frozen=True)
class Token:
    """A part of a sentence."""

    # ``word``, ``number``, ``sign``, ``unit``, ``dash``, ``name``, ``quoted``, or ``stop``.
    kind: str
    # As a phrase of the lexicon is written: small letters, no hyphens; a name or quoted text as it
    # stands.
    text: str
    raw: str  # as the reader wrote it
    value: float = 0.0  # of a number


def plain(text: str) -> str:
    """Text as the lexicon has it: small letters, blanks for hyphens and underscores."""
    return " ".join(re.sub(r"[-_‐‑]", " ", text.lower()).split())


def tokens_of(text: str, identifiers: tuple[str, ...] = ()) -> list[Token]:
    """The parts of a sentence in order.

    ``identifiers``: parts between blanks that name a galaxy: they stay whole.
    """
    found: list[Token] = []
    names = "|".join(map(re.escape, sorted(identifiers, key=len, reverse=True)))
    parts = re.split(rf"(?<!\S)({names})(?![\w+])", text) if names else [text]
    for part in parts:
        if part in identifiers:
            found.append(Token("name", part, part))
        else:
            found += _scanned(part)
    return found


def _scanned(text: str) -> list[Token]:
    found: list[Token] = []
    text = re.sub(r"\b(min|sec)(?:utes?|onds?) of arc\b", r"arc\1", text, flags=re.IGNORECASE)
    text = re.sub(r"(?<=\d)\s*\.\.+\s*(?=\d)", " to ", text)
    text = re.sub(rf"(?<![\w.,])({_PLAIN})\s*(?:±|\+/-|\+-)\s*({_PLAIN})", _spread, text)
    text = re.sub(r"\bminus\s+(?=\d)", "-", text, flags=re.IGNORECASE)
    text = re.sub(r"!(?=[^\W\d])", " not ", text.replace("&&", " and ").replace("|", " or "))
    text = re.sub(r"\b(arc)[ -](sec|min)", r"\1\2", text, flags=re.IGNORECASE)
    text = re.sub(r"\b(is|are|was|were|do|does|did|has|have|ca)n['’]?t\b", r"\1 not", text)
    for match in _TOKEN.finditer(text):
        kind, raw = str(match.lastgroup), match[0]
        if kind == "number":
            value = _value(raw)
            if found and found[-1].kind in ("number", "unit") and raw[0] in "-−":
                found.append(Token("dash", "-", "-"))  # 30-60 is a range
                value = -value
            found.append(Token(kind, raw, raw, value))
        elif kind == "quoted":
            found.append(Token(kind, raw[1:-1], raw))
        elif kind == "word":
            found += _words(raw)
        elif kind == "sign":
            found.append(Token(kind, SIGNS[raw], raw))
        else:
            found.append(Token(kind, raw, raw))
    return _joined(found)


def _spread(found: re.Match[str]) -> str:
    """``45 ± 5`` as a range."""
    middle, half = _value(found[1]), _value(found[2])
    return f"{middle - half:.10g} to {middle + half:.10g}"


def _value(raw: str) -> float:
    """A number as written: ``1,000``, ``1e25``, ``3 x 10^24``."""
    raw = re.sub(r"\s", "", raw.lower().replace(",", "").replace("−", "-"))
    if (power := re.fullmatch(r"(?:(.+)[x×*])?10(?:\^|\*\*)(.+)", raw)) is not None:
        raw = f"{power[1] or 1}e{power[2]}"
    return float(raw)


def _joined(tokens: list[Token]) -> list[Token]:
    """Number words that belong together as one number: ``two hundred``, ``one and a half``."""
    out: list[Token] = []
    for token in tokens:
        before = out[-1] if out else None
        raw = f"{before.raw} {token.raw}" if before else token.raw
        if token.kind == "number" and before is not None and token.text in NUMBER_WORDS:
            number, value = before.kind == "number", token.value
            tail = [t.text for t in out[-3:]]
            if number and token.text in _TIMES:
                out[-1] = Token("number", raw, raw, before.value * value)
                continue
            if (
                number
                and before.value >= 20 > value >= 1
                and before.text.split()[-1] in NUMBER_WORDS
            ):
                out[-1] = Token("number", raw, raw, before.value + value)
                continue
            if value in FRACTIONS and tail[1:] == ["and", "a"] and out[-3].kind == "number":
                raw = f"{out[-3].raw} and a {token.raw}"  # one and a half
                out[-3:] = [Token("number", raw, raw, out[-3].value + value)]
                continue
            hundreds = before.text == "and" and len(out) > 1 and out[-2].value >= 100 > value >= 1
            if hundreds and out[-2].text.split()[-1] in NUMBER_WORDS:
                raw = f"{out[-2].raw} and {token.raw}"
                out[-2:] = [Token("number", raw, raw, out[-2].value + value)]
                continue
            if before.text in ("a", "an"):
                out.pop()
        elif (
            before is not None and token.kind == "word" and before.text in ("a", "an")
            and before.kind == "word" and len(token.text) > 1 and unit_of(token.text)
            and not any(t.value in FRACTIONS for t in out[-3:-1])
        ):  # fmt: skip
            out[-1] = Token("number", "one", before.raw, 1.0)  # larger than an arcminute
        out.append(token)
    return out


def is_degree(text: str) -> bool:
    """Whether a unit is a degree."""
    return unit_of(text) == UNITS["deg"]


def _words(raw: str) -> list[Token]:
    lower = raw.lower()
    if lower in UNITS:
        return [Token("word", lower, raw)]
    out = []
    for piece in re.split(r"[-_]", raw):
        text = plain(piece)
        if text in NUMBER_WORDS:
            out.append(Token("number", text, piece, float(NUMBER_WORDS[text])))
        elif attached := re.fullmatch(r"(\d+(?:\.\d+)?)([a-zµμ]+)", text):
            out.append(Token("number", attached[1], attached[1], float(attached[1])))
            out.append(Token("word", attached[2], attached[2]))
        elif text:
            out.append(Token("word", text, piece))
    return out


def unit_of(text: str) -> tuple[str, float] | None:
    """What a unit measures and its size; None if it is not a unit."""
    lower = text.lower()
    for form in (lower, lower.removesuffix("s"), lower.removesuffix("es"), lower.removesuffix(".")):
        if form in UNITS and (form != "" and not (form == "'" and lower != "'")):
            return UNITS[form]
    return None
