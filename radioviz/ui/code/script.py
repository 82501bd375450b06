"""Python lines from values: calls, assignments and literals that fit into 88 columns."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

WIDTH = 88


class Expression(str):
    """Text that is Python already: a variable or a call."""


def literal(value: Any) -> str:
    """A plain value as Python text, on one line.

    >>> literal({"a": [1.5, "x"], "b": ("first", None)})
    '{"a": [1.5, "x"], "b": ("first", None)}'
    """
    if isinstance(value, Expression):
        return str(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=not value.isprintable())
    if isinstance(value, np.generic):
        return literal(value.item())
    if isinstance(value, tuple):
        inside = ", ".join(map(literal, value))
        return f"({inside},)" if len(value) == 1 else f"({inside})"
    if isinstance(value, list):
        return f"[{', '.join(map(literal, value))}]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{literal(k)}: {literal(v)}" for k, v in value.items()) + "}"
    return repr(value)


def call(function: str, *given: Any, **named: Any) -> Expression:
    """A call; arguments that are None or empty are left out, unless they are zero or False."""
    parts = [_block(value) for value in given]
    parts += [f"{name}={_block(value)}" for name, value in named.items() if _is_given(value)]
    line = f"{function}({', '.join(parts)})"
    if "\n" not in line and len(line) <= WIDTH - 12:
        return Expression(line)
    inside = ",\n".join(_indented(part) for part in parts)
    return Expression(f"{function}(\n{inside},\n)")


def _is_given(value: Any) -> bool:
    return value is not None and not (isinstance(value, str | list | tuple | dict) and not value)


def _block(value: Any) -> str:
    """A literal, over several lines where it is long."""
    line = literal(value)
    if len(line) <= WIDTH - 16 or isinstance(value, Expression):
        return line
    if isinstance(value, Mapping):
        entries = [_indented(f"{literal(k)}: {_block(v)},") for k, v in value.items()]
        return "{\n" + "\n".join(entries) + "\n}"
    if isinstance(value, list | tuple):
        left, right = "[]" if isinstance(value, list) else "()"
        inside = "\n".join(map(_indented, _rows(map(literal, value))))
        return f"{left}\n{inside}\n{right}"
    return line


def _rows(items: Iterable[str]) -> list[str]:
    """Items with commas, as many in a line as fit."""
    lines: list[str] = []
    for item in items:
        if lines and len(lines[-1]) + len(item) + 2 <= WIDTH - 12:
            lines[-1] += f" {item},"
        else:
            lines.append(f"{item},")
    return lines


def _indented(text: str) -> str:
    return "\n".join("    " + line for line in text.split("\n"))


class Script:
    """Lines of a script, under its imports.

    >>> script = Script()
    >>> script.put("found", call("radioviz.find_similar", "first", galaxy="first-0"))
    >>> print(script)
    import radioviz
    <BLANKLINE>
    found = radioviz.find_similar("first", galaxy="first-0")
    """

    def __init__(self) -> None:
        self._imports = {"import radioviz": None}
        self._lines: list[str] = []
        self.files: dict[str, Callable[[], bytes]] = {}
        """Files that the lines read from the current folder, by name."""

    def needs(self, line: str) -> None:
        """Add an import."""
        self._imports[line] = None

    def note(self, text: str) -> None:
        """Add a comment after an empty line."""
        words = " ".join(text.split())
        self._lines += ["", f"# {words}"] if self._lines else [f"# {words}"]

    def put(self, name: str, value: Any) -> None:
        """Assign a value to a variable."""
        self._lines.append(f"{name} = {_block(value)}")

    def line(self, text: str) -> None:
        """Add a line as it is."""
        self._lines.append(text)

    def __str__(self) -> str:
        others = sorted(line for line in self._imports if line != "import radioviz")
        head = [*others, ""] if others else []
        return "\n".join([*head, "import radioviz", "", *self._lines])
