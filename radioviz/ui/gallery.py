"""A gallery: many small pictures in one HTML grid; a click opens a galaxy, a plus collects it.

Images are never charts. Text is set by ``textContent``, so that no name or header can be
markup.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from radioviz.ui.browser_component import register_component
from radioviz.ui.image import media
from radioviz.ui.image.display import ScaleBar
from radioviz.ui.image.sprites import Sheet, Tile

PAGE = 60  # pictures at a time


@dataclass(frozen=True)
class Cell:
    """One picture: its galaxy, its place on a sheet, and its caption.

    ``note`` is a second line, ``colour`` (``#rrggbb``) a dot before the name, ``mark`` a word
    on the picture itself.
    """

    pair: tuple[str, str]
    tile: Tile
    name: str
    note: str = ""
    colour: str = ""
    bar: ScaleBar | None = None
    mark: str = ""

    @property
    def picture(self) -> bytes:
        """PNG of this picture alone."""
        return self.tile.png


Handler = Callable[[tuple[str, str]], None]


@dataclass(frozen=True)
class Action:
    """A button for the galaxies that the reader has chosen in a gallery."""

    # label, title: on the button, and more about it
    label: str
    # Called with the chosen galaxies before the next run.
    run: Callable[[list[tuple[str, str]]], None]
    title: str = ""
    # least, most: how many it is for
    least: int = 1
    most: int = 1_000_000


def gallery(
    cells: Sequence[Cell],
    *,
    key: str,
    label: str = "Galaxies",
    width: int = 104,
    captions: bool = True,
    strip: bool = False,
    in_tray: Callable[[tuple[str, str]], bool] = lambda pair: False,
    focus: tuple[str, str] | None = None,
    on_open: Handler,
    on_collect: Handler | None = None,
    actions: Mapping[str, Action] | None = None,
) -> None:
    """Draw pictures in a grid.

    A click opens a picture. With ``actions``, Ctrl and click (or Space) chooses it, Shift and
    click (or Shift and an arrow) all from the last chosen one, Ctrl+A the page, Escape none.

    Parameters
    ----------
    key : str
        Unique on the page; also the CSS class ``st-key-<key>``.
    width : int
        Smallest width of a picture in CSS pixels; they grow to fill the row.
    captions : bool
        False leaves the text below the pictures to the tooltip.
    strip : bool
        True keeps to one row: what does not fit the width is not shown.
    in_tray : callable
        Whether a galaxy is in the tray already.
    on_open, on_collect : callable
        Called with the galaxy before the next run, when its picture or its plus was
        clicked. Without ``on_collect`` there is no plus.
    actions : mapping, optional
        What can be done with chosen pictures, by name.
    """
    sheets: dict[str, Sheet] = {cell.tile.sheet.digest: cell.tile.sheet for cell in cells}
    numbers = {digest: i for i, digest in enumerate(sheets)}
    data: dict[str, Any] = {
        "sheets": [
            {
                "url": media.serve(s.payload, "image/png", digest, f"gallery-{key}-{i}"),
                "columns": s.columns,
                "rows": s.rows,
            }
            for i, (digest, s) in enumerate(sheets.items())
        ],
        "width": width,
        "label": label,
        "captions": captions,
        "strip": strip,
        "collect": on_collect is not None,
        "actions": [
            {"key": k, "label": a.label, "title": a.title, "least": a.least, "most": a.most}
            for k, a in (actions or {}).items()
        ],
        "cells": [
            {
                "id": list(cell.pair),
                "sheet": numbers[cell.tile.sheet.digest],
                "at": cell.tile.index,
                "name": cell.name,
                "note": cell.note,
                "title": " · ".join(part for part in (cell.name, cell.note) if part),
                "colour": cell.colour,
                "bar": cell.bar.fraction if cell.bar else 0,
                "bar_text": cell.bar.text if cell.bar else "",
                "mark": cell.mark,
                "in_tray": in_tray(cell.pair),
                "focus": cell.pair == focus,
            }
            for cell in cells
        ],
    }

    def call(handler: Handler | None, kind: str) -> None:
        value = (st.session_state.get(key) or {}).get(kind)
        if handler is not None and isinstance(value, list | tuple) and len(value) == 2:
            handler((str(value[0]), str(value[1])))

    def act() -> None:
        value = (st.session_state.get(key) or {}).get("action")
        if isinstance(value, list | tuple) and len(value) > 1 and value[0] in (actions or {}):
            pairs = [(str(p[0]), str(p[1])) for p in value[1:] if len(p) == 2]
            (actions or {})[value[0]].run(pairs)

    register_component("radioviz_gallery", __file__)(
        key=key,
        data=data,
        on_open_change=lambda: call(on_open, "open"),
        on_collect_change=lambda: call(on_collect, "collect"),
        on_action_change=act,
    )


def with_note(cell: Cell, note: str) -> Cell:
    """The same picture with another second line."""
    return dataclasses.replace(cell, note=note)
