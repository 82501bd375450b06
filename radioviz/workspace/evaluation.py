"""Which rows a filter keeps: :func:`matching_rows`.

Missing values answer as in pandas: a comparison with one is false, ``!=`` and ``not in`` are true,
and ``not`` turns either round. Numbers follow IEEE 754: a division by zero is infinite or unknown.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from radioviz.errors import FilterError
from radioviz.sky import separation_arcsec
from radioviz.workspace.expression import Node, parse_filter
from radioviz.workspace.table_columns import Numbers, TableColumns, Text, Truth, Values, sorted_text

_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_ARROW: dict[str, Callable[[Any, Any], Any]] = {
    "==": pc.equal,
    "!=": pc.not_equal,
    "<": pc.less,
    "<=": pc.less_equal,
    ">": pc.greater,
    ">=": pc.greater_equal,
}
_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.true_divide,
    "%": np.mod,
    "**": np.power,
}
_NUMERIC: dict[str, Callable[[Any], Any]] = {
    "abs": np.abs,
    "sqrt": np.sqrt,
    "log10": np.log10,
    "ln": np.log,
    "exp": np.exp,
    "floor": np.floor,
    "ceil": np.ceil,
    "round": np.round,
    "sin": lambda x: np.sin(np.radians(x)),
    "cos": lambda x: np.cos(np.radians(x)),
}

FUNCTIONS = {
    "cone": "cone(ra, dec, radius): within a radius of a position; ra and dec in degrees, radius "
    "in arcsec or with its unit (arcsec, arcmin, deg)",
    "tag": 'tag("bent"): galaxies that you tagged so',
    "similar": 'similar("first-12"): similarity to a galaxy, at most 1, by its latents',
    "abs": "abs(x)",
    "sqrt": "sqrt(x)",
    "log10": "log10(x)",
    "ln": "ln(x): natural logarithm",
    "exp": "exp(x)",
    "floor": "floor(x)",
    "ceil": "ceil(x)",
    "round": "round(x): to a whole number",
    "sin": "sin(x): x in degrees",
    "cos": "cos(x): x in degrees",
    "min": "min(x, y, ...): the smallest of several values in each row",
    "max": "max(x, y, ...): the largest of several values in each row",
    "lower": "lower(text): in small letters",
    "upper": "upper(text): in capitals",
    "length": "length(text): number of characters",
}
"""Functions that a filter may call, and how."""


def matching_rows(text: str, columns: TableColumns) -> np.ndarray:
    """Mask of the rows that a filter keeps, shape ``(n,)``.

    Raises FilterError if it is not a filter, names an unknown column, or compares numbers with
    text; its ``position`` is the character.
    """
    node = parse_filter(text)
    with np.errstate(all="ignore"):
        found = _value(node, columns)
    if not isinstance(found, Truth):
        raise FilterError(
            "the filter gives a value, not yes or no; compare it, for example: las > 80", node.start
        )
    return np.broadcast_to(found.values, (len(columns),)).copy()


def ranked_values(text: str, columns: TableColumns) -> np.ndarray:
    """Numbers that arithmetic of the filter language gives each row, float64 ``(n,)``.

    Raises FilterError as :func:`matching_rows`, or if the text gives no numbers.
    """
    with np.errstate(all="ignore"):
        found = _value(parse_filter(text), columns)
    if not isinstance(found, Numbers):
        raise FilterError("a ranking is a number for each galaxy, for example: bent * double", 0)
    return np.broadcast_to(found.floats(), (len(columns),)).astype(np.float64)


def _value(node: Node, columns: TableColumns) -> Values:
    return _RULES[node.kind](node, columns)


def _number(node: Node, columns: TableColumns) -> Values:
    assert isinstance(node.value, int | float)
    if isinstance(node.value, int) and node.value >= 2**63:
        raise FilterError(f"the number {node.value} is too large", node.start)
    return Numbers(np.asarray(node.value))


def _text(node: Node, columns: TableColumns) -> Values:
    if not node.value:  # a cell without text is missing, and equals nothing
        raise FilterError('no text equals ""; ask whether a column is missing', node.start)
    return Text(np.asarray(0, np.int32), pa.array([node.value], pa.large_string()))


def _column(node: Node, columns: TableColumns) -> Values:
    return columns.values(str(node.value), node.start)


def _both(node: Node, columns: TableColumns) -> Values:
    masks = [_truth(part, columns) for part in node.parts]
    join = np.logical_and if node.kind == "and" else np.logical_or
    return Truth(join(*masks))


def _negated(node: Node, columns: TableColumns) -> Values:
    return Truth(~np.asarray(_truth(node.parts[0], columns)))


def _compared(node: Node, columns: TableColumns) -> Values:
    assert isinstance(node.value, tuple)
    values = [_value(part, columns) for part in node.parts]
    mask: np.ndarray = np.asarray(True)
    for sign, part, left, right in zip(
        node.value, node.parts[1:], values[:-1], values[1:], strict=True
    ):
        mask = mask & _compare(sign, left, right, part)
    _refuse_other_units(node, columns)
    return Truth(mask)


def _among(node: Node, columns: TableColumns) -> Values:
    first = _value(node.parts[0], columns)
    found = [_value(part, columns) for part in node.parts[1:]]
    _refuse_other_units(node, columns)
    mask: np.ndarray = np.asarray(False)
    alone = [v for v in found if isinstance(v, Numbers | Text) and v.missing.shape == ()]
    if len(alone) == len(found) and len({type(v) for v in (first, *alone)}) == 1:
        return Truth(_any_of(first, alone))  # at once, however long the list is
    for value, part in zip(found, node.parts[1:], strict=True):
        mask = mask | _compare("==", first, value, part)
    return Truth(mask)


def _any_of(value: Values, listed: list[Any]) -> np.ndarray:
    """Where a value is one of some single values of its own kind."""
    if isinstance(value, Text):
        words = pa.chunked_array([one.words for one in listed], pa.large_string())
        return value.of_words(pc.is_in(value.words, words).to_numpy(False), False)
    assert isinstance(value, Numbers)
    mask = np.zeros(value.values.shape, dtype=bool)
    for kind in "if":  # apart, so that whole numbers stay exact beside fractions
        numbers = [one.values[()] for one in listed if one.values.dtype.kind == kind]
        if numbers:
            own = value.values.dtype if value.values.dtype.kind == "f" else None
            mask = mask | np.isin(value.values, np.array(numbers, own))
    return mask & ~value.missing


def _between(node: Node, columns: TableColumns) -> Values:
    value, low, high = (_value(part, columns) for part in node.parts)
    _refuse_other_units(node, columns)
    above = _compare(">=", value, low, node.parts[1])
    return Truth(above & _compare("<=", value, high, node.parts[2]))


def _refuse_other_units(node: Node, columns: TableColumns) -> None:
    """Refuse ``ra < 30 deg``: an angle with its unit is in arcsec, and the column is not."""
    sides = list(node.parts)
    for i, side in enumerate(sides):
        while side.kind == "negative" or (side.kind, side.value) == ("call", "abs"):
            side = side.parts[0]
        sides[i] = side
    if not any(side.kind == "angle" for side in sides):
        return
    for side in sides:
        unit = columns.column(str(side.value)).unit if side.kind == "column" else ""
        if unit not in ("", "arcsec"):
            hint = "an angle with its unit is compared in arcsec"
            _refuse(side, f"is in {unit}", f"{hint}: write the number of {unit} alone")


def _missing(node: Node, columns: TableColumns) -> Values:
    value = _value(node.parts[0], columns)
    if isinstance(value, Truth):
        return Truth(np.zeros(value.values.shape, dtype=bool))
    return Truth(value.missing)


def _match(node: Node, columns: TableColumns) -> Values:
    value = _value(node.parts[0], columns)
    wanted = _value(node.parts[1], columns)
    if not isinstance(value, Text):
        _refuse(node.parts[0], "is not text", f"'{node.value}' looks into text")
    if not isinstance(wanted, Text) or node.parts[1].kind != "text":
        _refuse(node.parts[1], "is not text in quotes", f'write {node.value} "..."')
    pattern = str(node.parts[1].value)
    words = value.words
    try:
        match node.value:
            case "contains":
                found = pc.match_substring(words, pattern)
            case "like":
                found = pc.match_like(words, pattern)
            case "matches":
                found = pc.match_substring_regex(words, pattern)  # RE2: linear time
            case "starts with":
                found = pc.starts_with(words, pattern)
            case _:
                found = pc.ends_with(words, pattern)
    except pa.ArrowInvalid as error:
        reason = re.sub(r"^Invalid[^:]*: ", "", str(error)).splitlines()[0]
        raise FilterError(
            f"'{pattern[:40]}' is not a regular expression: {reason}", node.parts[1].start
        ) from None
    return Truth(value.of_words(np.asarray(found, dtype=bool), False))


def _arithmetic(node: Node, columns: TableColumns) -> Values:
    left, right = (_floats(part, columns) for part in node.parts)
    return Numbers(np.asarray(_ARITHMETIC[str(node.value)](left, right)))


def _negative(node: Node, columns: TableColumns) -> Values:
    value = _value(node.parts[0], columns)
    if isinstance(value, Numbers) and value.values.dtype.kind == "i":
        return Numbers(-value.values, value.unknown)
    return Numbers(np.asarray(-_floats(node.parts[0], columns)))


def _call(node: Node, columns: TableColumns) -> Values:
    name, given = str(node.value), node.parts
    if name not in FUNCTIONS:
        raise FilterError(
            f"there is no function '{name[:40]}'; the functions are {', '.join(FUNCTIONS)}",
            node.start,
        )
    several = name in ("min", "max")  # one value would read as that of a whole column
    needed = 2 if several else {"cone": 3}.get(name, 1)
    if len(given) < needed or (len(given) > needed and not several):
        noun = "value" if len(given) == 1 else "values"
        raise FilterError(
            f"{name} has {len(given)} {noun} between its parentheses; write {FUNCTIONS[name]}",
            node.start,
        )
    if name == "cone":
        return _cone(node, columns)
    if name == "tag":
        if given[0].kind != "text":
            raise FilterError('write the tag in quotes, for example tag("bent")', given[0].start)
        return Truth(columns.tagged(str(given[0].value), given[0].start))
    if name == "similar":
        return _similar(node, columns)
    if name in ("lower", "upper", "length"):
        return _of_text(node, columns)
    numbers = [_floats(part, columns) for part in given]
    if several:
        smaller = np.minimum if name == "min" else np.maximum
        out = numbers[0]
        for more in numbers[1:]:
            out = smaller(out, more)
        return Numbers(np.asarray(out))
    return Numbers(np.asarray(_NUMERIC[name](numbers[0])))


def _similar(node: Node, columns: TableColumns) -> Values:
    given = node.parts[0]
    if given.kind != "text":
        raise FilterError(
            'write the galaxy in quotes, for example similar("first-12")', given.start
        )
    if columns.similarity is None:
        raise FilterError("similar needs latents; choose an encoder that this data set has been "
                          "encoded with", node.start)  # fmt: skip
    return Numbers(np.asarray(columns.similarity(str(given.value))))


def _cone(node: Node, columns: TableColumns) -> Values:
    ra, dec, radius = (_floats(part, columns) for part in node.parts)
    if np.ndim(radius) == 0 and not radius > 0:
        raise FilterError(f"the radius of a cone is {radius}; expected a positive number",
                          node.parts[2].start)  # fmt: skip
    if np.ndim(dec) == 0 and not -90 <= dec <= 90:
        raise FilterError(f"the declination of a cone is {dec}; expected -90 to 90 degrees",
                          node.parts[1].start)  # fmt: skip
    if np.ndim(ra) == 0 and not 0 <= ra <= 360:
        raise FilterError(f"the right ascension of a cone is {ra}; expected 0 to 360 degrees",
                          node.parts[0].start)  # fmt: skip
    here = [_column(Node("column", name, (), node.start), columns) for name in ("ra", "dec")]
    positions = [p.floats() for p in here if isinstance(p, Numbers)]
    distance = separation_arcsec(positions[0], positions[1], ra, dec)
    return Truth(distance <= radius)


def _of_text(node: Node, columns: TableColumns) -> Values:
    value = _value(node.parts[0], columns)
    if not isinstance(value, Text):
        _refuse(node.parts[0], "is not text", f"{node.value} works on text")
    if node.value == "length":
        lengths = pc.utf8_length(value.words).cast(pa.int64())
        return Numbers(value.of_words(lengths.to_numpy(), 0), value.missing)
    change = pc.utf8_lower if node.value == "lower" else pc.utf8_upper
    changed = pc.dictionary_encode(change(value.words))
    return sorted_text(value.of_words(changed.indices.to_numpy(), -1), changed.dictionary)


def _compare(sign: str, left: Values, right: Values, at: Node) -> np.ndarray:
    compare = _COMPARE[sign]
    if isinstance(left, Truth) or isinstance(right, Truth):
        if not (isinstance(left, Truth) and isinstance(right, Truth) and sign in ("==", "!=")):
            _refuse(at, "cannot be compared here", "yes and no compare by == and != alone")
        return np.asarray(compare(left.values, right.values))
    if isinstance(left, Text) != isinstance(right, Text):
        _refuse(at, "cannot be compared here", "one side is text, the other a number")
    missing = left.missing | right.missing
    if isinstance(left, Text) and isinstance(right, Text):
        answer = _compare_text(sign, left, right)
    elif isinstance(left, Numbers) and isinstance(right, Numbers):
        # Numbers of Python take the precision of the column: 30.1 is in one of float32.
        sides = [v.values if v.values.ndim else v.values.item() for v in (left, right)]
        answer = np.asarray(compare(*sides))
    return np.where(missing, sign == "!=", answer)


def _compare_text(sign: str, left: Text, right: Text) -> np.ndarray:
    if not len(left.words) or not len(right.words):
        return np.asarray(False)  # nothing but missing values
    if np.ndim(right.codes) == 0:
        return left.of_words(_ARROW[sign](left.words, right.words[0]).to_numpy(False), False)
    if np.ndim(left.codes) == 0:
        return right.of_words(_ARROW[sign](left.words[0], right.words).to_numpy(False), False)
    # Two columns: codes into the words of both, in the order of the alphabet.
    words = pc.dictionary_encode(pa.concat_arrays([left.words, right.words]))
    codes = words.indices.to_numpy()
    first, second = codes[: len(left.words)], codes[len(left.words) :]
    sides = [
        sorted_text(side.of_words(own, -1), words.dictionary).codes
        for side, own in ((left, first), (right, second))
    ]
    return np.asarray(_COMPARE[sign](*sides))


def _truth(node: Node, columns: TableColumns) -> np.ndarray:
    value = _value(node, columns)
    if not isinstance(value, Truth):
        _refuse(node, "is a value, not yes or no", "compare it, for example: las > 80")
    return value.values


def _floats(node: Node, columns: TableColumns) -> np.ndarray:
    value = _value(node, columns)
    if not isinstance(value, Numbers):
        _refuse(node, "is not a number", "only numbers can be used here")
    return value.floats()


def _refuse(node: Node, what: str, hint: str) -> NoReturn:
    name = f"'{node.value}'" if node.kind in ("column", "text", "number") else "this"
    raise FilterError(f"{name} {what}; {hint}", node.start)


_RULES: dict[str, Callable[[Node, TableColumns], Values]] = {
    "number": _number,
    "angle": _number,
    "text": _text,
    "truth": lambda node, columns: Truth(np.asarray(node.value)),
    "column": _column,
    "call": _call,
    "compared": _compared,
    "and": _both,
    "or": _both,
    "not": _negated,
    "in": _among,
    "between": _between,
    "missing": _missing,
    "match": _match,
    "arithmetic": _arithmetic,
    "negative": _negative,
}
