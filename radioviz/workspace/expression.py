"""The filter language: ``label == "Bent" and las > 80 and redshift < 0.2``.

A filter is parsed by a grammar (``grammar.lark``) and never run as code. It knows columns, numbers,
text in quotes, comparisons (``20 < las <= 80``, too), ``and``, ``or``, ``not``, ``in (...)``,
``between ... and ...``, ``is missing``, arithmetic, ``contains``, ``starts with``, ``ends with``,
``like`` (``%`` and ``_``), ``matches`` (a regular expression), the functions of
:data:`radioviz.workspace.evaluation.FUNCTIONS`, and ``cone(ra, dec, radius)``.
Column names that are not plain words stand in backticks.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import resources
from typing import TYPE_CHECKING

from radioviz.errors import FilterError

if TYPE_CHECKING:
    from lark import Lark, Token

LONGEST = 4000
"""Characters of a filter."""
DEEPEST = 60
"""Levels of parentheses and operators, one inside the other."""


@dataclass(frozen=True)
class Node:
    """A part of a parsed filter."""

    # ``number``, ``angle`` (arcsec), ``text``, ``truth``, ``column``, ``call``, ``compared``,
    # ``and``, ``or``, ``not``, ``in``, ``between``, ``missing``, ``match``, ``arithmetic``,
    # ``negative``.
    kind: str
    # The number, text, column name, function, or operator; a tuple of operators for ``compared``.
    value: float | int | str | bool | tuple[str, ...] = ""
    parts: tuple[Node, ...] = ()  # what it applies to
    # start, end: characters of the filter that it came from
    start: int = field(default=0, compare=False)
    end: int = field(default=0, compare=False)

    def __iter__(self) -> Iterator[Node]:
        """This node and all below it."""
        yield self
        for part in self.parts:
            yield from part

    def columns(self) -> list[str]:
        """Names of the columns used, in order of appearance, each once."""
        return list(dict.fromkeys(str(n.value) for n in self if n.kind == "column"))


@functools.lru_cache(maxsize=64)
def parse_filter(text: str) -> Node:
    """The structure of a filter.

    Raises FilterError if it is not a filter; ``position`` is the character that does not fit.
    """
    import lark

    if len(text) > LONGEST:
        raise FilterError(f"the filter has {len(text):,} characters; at most {LONGEST:,} are read")
    if not text.strip():
        raise FilterError('the filter is empty; write for example: label == "Bent" and las > 80')
    _refuse_depth(text)
    if (half := re.search("[\ud800-\udfff]", text)) is not None:
        raise FilterError("half a character (a lone surrogate) has no meaning here", half.start())
    try:
        tree = _parser().parse(text)
        return _to_node(tree)
    except lark.exceptions.UnexpectedEOF:
        raise _unfinished(text) from None
    except lark.exceptions.UnexpectedToken as error:
        if error.token.type == "$END":
            raise _unfinished(text) from None
        raise _unexpected(text, error.token) from None
    except lark.exceptions.UnexpectedCharacters as error:
        raise _strange_character(text, error.pos_in_stream or 0) from None


@functools.lru_cache(maxsize=4096)
def quoted(name: str) -> str:
    """A column name as a filter writes it: in backticks where it is not a plain word."""
    from lark.exceptions import LarkError

    try:
        tokens = list(_parser().lex(name))
    except LarkError:
        tokens = []
    plain = len(tokens) == 1 and tokens[0].type == "NAME" and tokens[0] == name
    return name if plain else f"`{name}`"


def text_literal(text: str) -> str:
    """Text as a filter writes it: in double quotes."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


@functools.cache
def _parser() -> Lark:
    from lark import Lark

    grammar = resources.files("radioviz.workspace").joinpath("grammar.lark").read_text("utf-8")
    return Lark(grammar, parser="lalr", propagate_positions=True, maybe_placeholders=False)


def _refuse_depth(text: str) -> None:
    depth = 0
    for i, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth > DEEPEST:
            raise FilterError(f"more than {DEEPEST} parentheses one inside the other", i)


def _unfinished(text: str) -> FilterError:
    return FilterError(
        "the filter ends too early; a value, a column or a closing parenthesis is missing",
        len(text.rstrip()),
    )


def _unexpected(text: str, token: Token) -> FilterError:
    at = int(token.start_pos or 0)
    word = str(token)
    hint = "expected an operator such as ==, <, in, and, or the end"
    before = text[:at].rstrip()
    if not before or before[-1] in "=<>+-*/%(,&|!~^" or before.lower().endswith(("and", "or")):
        hint = "expected a column, a number, text in quotes, or a function"
    if re.search(r"\b(select|drop|union)\b", text[: token.end_pos], re.IGNORECASE):
        hint = "this is a filter, not SQL: write only the condition"
    return FilterError(f"'{word[:40]}' does not fit here; {hint}", at)


def _strange_character(text: str, at: int) -> FilterError:
    character = text[min(at, len(text) - 1)]
    if character == ";":
        return FilterError("';' does not belong in a filter; join conditions with and, or", at)
    if character in "\"'":
        return FilterError(f"the text that begins here has no closing {character}", at)
    if character == "`":
        return FilterError("the column name that begins here has no closing `", at)
    if character in "“”„«»‘’":
        return FilterError(f"'{character}' has no meaning here; write straight quotes: \"...\"", at)
    shown = f"'{character}'" if character.isprintable() else f"the hidden U+{ord(character):04X}"
    return FilterError(f"{shown} has no meaning in a filter", at)


# The grammar's branches: the kind of node, and whether it is negated.
_CONDITIONS = {
    "either": "or",
    "both": "and",
    "among": "in",
    "between": "between",
    "missing": "missing",
    "text_match": "match",
}


_SIGNS = {"=": "==", "<>": "!=", "≠": "!=", "≤": "<=", "≥": ">="}


def _to_node(tree: object, depth: int = 0) -> Node:
    from lark import Token, Tree

    assert isinstance(tree, Tree)
    start, end = _extent(tree)
    if depth > 4 * DEEPEST:
        raise FilterError("the filter is nested too deeply", start)
    name, children = str(tree.data), tree.children
    parts = tuple(_to_node(c, depth + 1) for c in children if isinstance(c, Tree))
    words = [str(c) for c in children if isinstance(c, Token)]

    def node(kind: str, value: float | str | bool | tuple[str, ...] = "") -> Node:
        return Node(kind, value, parts, start, end)

    if name.removeprefix("not_") in _CONDITIONS:
        value = " ".join(words[0].lower().split()) if words else ""
        found = node(_CONDITIONS[name.removeprefix("not_")], value)
        return Node("not", "", (found,), start, end) if name.startswith("not_") else found
    match name:
        case "negated":
            return node("not")
        case "compared":
            return node("compared", tuple(_SIGNS.get(w, w) for w in words))
        case "arithmetic":
            return node("arithmetic", {"^": "**", "−": "-"}.get(words[0], words[0]))
        case "signed":
            return node("negative") if words[0] in "-−" else parts[0]
        case "number" | "angle":
            return node(name, _number(*words, at=start))
        case "text":
            return node("text", _unescaped(words[0][1:-1]))
        case "true" | "false":
            return node("truth", name == "true")
        case "column":
            return node("column", words[0])
        case "quoted_column":
            return node("column", words[0][1:-1])
        case "call":
            return node("call", words[0].lower())
    raise AssertionError(name)  # the grammar has no other branch


def _extent(tree: object) -> tuple[int, int]:
    meta = getattr(tree, "meta", None)
    return int(getattr(meta, "start_pos", 0) or 0), int(getattr(meta, "end_pos", 0) or 0)


_ARCSEC = {"arcsec": 1.0, "arcmin": 60.0, "deg": 3600.0}


def _number(text: str, unit: str = "", *, at: int) -> float | int:
    """A number; an angle with its unit becomes arcsec."""
    whole = text.isdigit()
    if whole and len(text) > 19:
        raise FilterError(f"the number {text[:40]} is too large; at most 19 digits", at)
    value: float | int = int(text) if whole else float(text)
    return value * _ARCSEC[unit.lower()] if unit else value


def _unescaped(text: str) -> str:
    out, escaped = [], False
    for character in text:
        if character == "\\" and not escaped:
            escaped = True
            continue
        if escaped and character not in "\\\"'":
            out.append("\\")  # of a regular expression: \d stays \d
        out.append(character)
        escaped = False
    return "".join(out)
