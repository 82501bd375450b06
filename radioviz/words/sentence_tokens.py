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
    "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "twenty": 20, "fifty": 50, "half": 0.5,
}  # fmt: skip

SIGNS = {
    ">=": ">=", "=>": ">=", "≥": ">=", "<=": "<=", "=<": "<=", "≤": "<=", ">": ">", "<": "<",
    "==": "==", "=": "==", "!=": "!=", "≠": "!=", "~": "about", "≈": "about",
}  # fmt: skip

_TOKEN = re.compile(
    r"""
    (?P<quoted>(?<!\d)"[^"]{1,200}"|“[^”]{1,200}”)
    | (?P<name>\bJ\d{4}[\d.]*[+\-−–]\d[\d.]*)
    | (?P<number>(?<![\w.])[+\-−]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:[eE][+\-]?\d+)?
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
    """A part of a sentence.

    Attributes
    ----------
    kind : str
        ``word``, ``number``, ``sign``, ``unit``, ``dash``, ``name``, ``quoted``, or ``stop``.
    text : str
        As a phrase of the lexicon is written: small letters, no hyphens; a name or quoted text as
        it stands.
    raw : str
        As the reader wrote it.
    value : float
        Of a number.
    """

    kind: str
    text: str
    raw: str
    value: float = 0.0


def plain(text: str) -> str:
    """Text as the lexicon has it: small letters, blanks for hyphens and underscores."""
    return " ".join(re.sub(r"[-_‐‑]", " ", text.lower()).split())


def tokens_of(text: str, identifiers: tuple[str, ...] = ()) -> list[Token]:
    """The parts of a sentence in order.

    Parameters
    ----------
    identifiers : tuple of str
        Parts between blanks that name a galaxy: they stay whole.
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
    text = re.sub(r"\b(arc)[ -](sec|min)", r"\1\2", text, flags=re.IGNORECASE)
    text = re.sub(r"\b(is|are|was|were|do|does|did|has|have|ca)n['’]?t\b", r"\1 not", text)
    for match in _TOKEN.finditer(text):
        kind, raw = str(match.lastgroup), match[0]
        if kind == "number":
            value = float(raw.replace(",", "").replace("−", "-"))
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
    return found


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
