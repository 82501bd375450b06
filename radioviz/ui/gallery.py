"""A gallery: many small pictures in one HTML grid; a click opens a galaxy, a plus collects it.

Images are never charts. Text is set by ``textContent``, so that no name or header can be
markup.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from radioviz.ui.image import media
from radioviz.ui.image.display import ScaleBar
from radioviz.ui.image.sprites import Sheet, Tile

PAGE = 60  # pictures at a time

_HTML = '<div class="grid" role="list"></div>'

_CSS = """
.grid { display: grid; gap: 10px 8px; font-family: var(--st-font); color: var(--st-text-color); }
.grid.strip { grid-template-rows: auto; grid-auto-rows: 0; row-gap: 0; overflow: hidden;
  padding: 3px 3px 0; margin: -3px -3px 0; }
.cell { position: relative; min-width: 0; }
.open {
  display: block; width: 100%; padding: 0; border: 0; background: none; cursor: pointer;
  text-align: left; color: inherit; font: inherit; border-radius: 6px;
}
.frame {
  position: relative; display: block; border-radius: 6px; overflow: hidden; background: #000;
  box-shadow: 0 0 0 1px var(--st-border-color-light, rgba(128,128,128,.25));
}
.open:hover .frame, .open:focus-visible .frame { box-shadow: 0 0 0 2px var(--st-primary-color); }
.open:focus-visible { outline: none; }
.focus .frame { box-shadow: 0 0 0 3px #e11d74; }
.picture { position: relative; display: block; width: 100%; aspect-ratio: 1; overflow: hidden; }
img { position: absolute; display: block; max-width: none; image-rendering: auto; }
.bar { position: absolute; left: 6px; bottom: 5px; height: 2px; background: #fff;
  box-shadow: 0 0 2px #000; }
.length { position: absolute; left: 6px; bottom: 9px; font-size: 10px; line-height: 1; color: #fff;
  text-shadow: 0 0 2px #000, 0 0 3px #000; }
.mark { position: absolute; right: 5px; bottom: 5px; font-size: 8px; line-height: 1; color: #fff;
  letter-spacing: .06em; text-shadow: 0 0 2px #000, 0 0 3px #000; }
.caption { display: flex; align-items: center; gap: 4px; margin-top: 4px; font-size: 12px;
  line-height: 1.25; white-space: nowrap; }
.dot { flex: none; width: 8px; height: 8px; border-radius: 50%; }
.name { overflow: hidden; text-overflow: ellipsis; }
.note { font-size: 11px; opacity: .72; white-space: nowrap; overflow: hidden;
  text-overflow: ellipsis; }
.tray {
  position: absolute; top: 4px; right: 4px; width: 22px; height: 22px; padding: 0; border: 0;
  border-radius: 50%; background: rgba(0,0,0,.62); color: #fff; font: 600 15px/22px sans-serif;
  cursor: pointer; opacity: 0; transition: opacity .1s;
}
.cell:hover .tray, .tray:focus-visible, .tray.in { opacity: 1; }
.tray.in { background: var(--st-primary-color); }
.tray:focus-visible { outline: 2px solid #fff; }
@media (hover: none) { .tray { opacity: 1; } }
"""

_JS = (
    media.BASE_JS
    + """
export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const grid = parentElement.querySelector('.grid');
  const make = (tag, name, text) => {
    const element = document.createElement(tag);
    element.className = name;
    if (text !== undefined) element.textContent = text;
    return element;
  };
  grid.style.gridTemplateColumns = `repeat(auto-fill, minmax(${data.width}px, 1fr))`;
  grid.classList.toggle('strip', data.strip);
  grid.setAttribute('aria-label', data.label);
  // Pictures that did not change are kept, so that a click does not decode all of them again.
  const before = grid.cells || new Map();
  grid.cells = new Map();
  const draw = (cell) => {
    const box = make('div', 'cell' + (cell.focus ? ' focus' : ''));
    box.setAttribute('role', 'listitem');
    const open = make('button', 'open');
    open.type = 'button';
    open.title = cell.title;
    open.setAttribute('aria-label', 'Open ' + cell.title);
    open.dataset.source = cell.id[1];
    open.onclick = () => setTriggerValue('open', cell.id);
    const frame = make('span', 'frame');
    const sheet = data.sheets[cell.sheet];
    const picture = make('span', 'picture');
    const image = make('img', '');
    image.style.width = `${100 * sheet.columns}%`;
    image.style.height = `${100 * sheet.rows}%`;
    image.style.left = `${-100 * (cell.at % sheet.columns)}%`;
    image.style.top = `${-100 * Math.floor(cell.at / sheet.columns)}%`;
    image.src = address(sheet.url);
    image.alt = '';
    picture.append(image);
    frame.append(picture);
    if (cell.bar) {
      const length = make('span', 'length', cell.bar_text);
      const bar = make('span', 'bar');
      bar.style.width = `${100 * cell.bar}%`;
      frame.append(length, bar);
    }
    if (cell.mark) frame.append(make('span', 'mark', cell.mark));
    const caption = make('span', 'caption');
    if (cell.colour) {
      const dot = make('span', 'dot');
      dot.style.background = cell.colour;
      caption.append(dot);
    }
    caption.append(make('span', 'name', cell.name));
    open.append(frame);
    if (data.captions) open.append(caption);
    if (data.captions && cell.note) open.append(make('div', 'note', cell.note));
    box.append(open);
    if (data.collect) {
      const tray = make('button', 'tray' + (cell.in_tray ? ' in' : ''), cell.in_tray ? '✓' : '+');
      tray.type = 'button';
      tray.title = cell.in_tray ? 'Take out of the tray' : 'Add to the tray';
      tray.setAttribute('aria-label', `${tray.title}: ${cell.name}`);
      tray.onclick = () => setTriggerValue('collect', cell.id);
      box.append(tray);
    }
    return box;
  };
  grid.replaceChildren(...data.cells.map((cell) => {
    const sheet = data.sheets[cell.sheet];
    const key = JSON.stringify([cell, sheet, data.captions, data.collect]);
    const box = before.get(key) || draw(cell);
    grid.cells.set(key, box);
    return box;
  }));
}
"""
)


@dataclass(frozen=True)
class Cell:
    """One picture: its galaxy, its place on a sheet, and what is written below.

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
) -> None:
    """Draw pictures in a grid.

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
    handlers = {"open": on_open, "collect": on_collect}

    def called(kind: str) -> None:
        value = (st.session_state.get(key) or {}).get(kind)
        handler = handlers[kind]
        if handler is not None and isinstance(value, list | tuple) and len(value) == 2:
            handler((str(value[0]), str(value[1])))

    component = st.components.v2.component("radioviz_gallery", html=_HTML, css=_CSS, js=_JS)
    component(
        key=key,
        data=data,
        on_open_change=lambda: called("open"),
        on_collect_change=lambda: called("collect"),
    )


def with_note(cell: Cell, note: str) -> Cell:
    """The same picture with another second line."""
    return dataclasses.replace(cell, note=note)
