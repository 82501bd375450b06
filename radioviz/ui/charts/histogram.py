"""A histogram that is looked through: a click on a bar or a brushed range asks for its galaxies.

Drawn as SVG by a small component of its own. Values never leave the server one by one: the
browser gets counts alone, whatever the size of the catalogue.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import streamlit as st

_HTML = '<div class="histogram"></div>'

_CSS = """
.histogram { font-family: var(--st-font); color: var(--st-text-color); position: relative; }
svg { display: block; width: 100%; height: auto; cursor: crosshair; touch-action: pan-y;
  user-select: none; border-radius: 6px; }
svg:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: 2px; }
text { fill: currentColor; font-size: 12.5px; }
.faint { opacity: .75; }
.tip { position: absolute; pointer-events: none; padding: 5px 8px; border-radius: 6px;
  font-size: 12px; line-height: 1.35; white-space: pre; background: var(--st-background-color);
  color: var(--st-text-color); border: 1px solid var(--st-border-color, rgba(128,128,128,.4));
  box-shadow: 0 2px 8px rgba(0,0,0,.18); display: none; z-index: 5; }
"""

_JS = """
const NS = 'http://www.w3.org/2000/svg';
const W = 900, H = 300, L = 54, R = 14, T = 34, B = 46;
export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const host = parentElement.querySelector('.histogram');
  const bins = data.edges.length - 1;
  const low = data.edges[0], high = data.edges[bins];
  const x = (value) => L + (value - low) / (high - low) * (W - L - R);
  const top = Math.max(1, ...data.series.flatMap((s) => s.counts));
  const floor = H - B;
  const share = (count) => data.log
    ? (count <= 0 ? 0 : Math.log10(count / 0.5) / Math.log10(top * 1.2 / 0.5))
    : count / (top * 1.08);
  const y = (count) => floor - share(count) * (floor - T);
  const make = (tag, attributes, text) => {
    const element = document.createElementNS(NS, tag);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (text !== undefined) element.textContent = text;
    return element;
  };
  const svg = make('svg', { viewBox: `0 0 ${W} ${H}`, tabindex: 0, role: 'application',
    'aria-label': data.label });
  for (const [count, text] of data.y_ticks) {
    if (data.log && count < 1) continue;
    svg.append(make('line', { x1: L, x2: W - R, y1: y(count), y2: y(count),
      stroke: 'currentColor', 'stroke-opacity': .14 }));
    svg.append(make('text', { x: L - 7, y: y(count) + 4, 'text-anchor': 'end', class: 'faint' },
      text));
  }
  const band = make('rect', { y: T - 6, height: floor - T + 6, fill: 'var(--st-primary-color)',
    'fill-opacity': .16, class: 'band' });
  svg.append(band);
  for (const s of data.series) {
    let path = `M${x(data.edges[0])},${floor}`;
    for (let i = 0; i < bins; i++) {
      path += `V${y(s.counts[i]).toFixed(1)}H${x(data.edges[i + 1]).toFixed(1)}`;
    }
    path += `V${floor}`;
    svg.append(make('path', { d: path, fill: s.line ? 'none' : s.colour, 'fill-opacity': .3,
      stroke: s.line ? 'currentColor' : s.colour, 'stroke-width': s.line ? 1.8 : 1.3,
      'stroke-dasharray': s.line ? '5 3' : 'none', 'stroke-linejoin': 'round' }));
  }
  for (const [value, text] of data.x_ticks) {
    svg.append(make('text', { x: x(value), y: floor + 16, 'text-anchor': 'middle',
      class: 'faint' }, text));
  }
  svg.append(make('text', { x: (L + W - R) / 2, y: H - 8, 'text-anchor': 'middle' }, data.title));
  for (const mark of data.marks) {
    if (mark.at < low || mark.at > high) continue;
    const right = x(mark.at) > W * 0.8;
    svg.append(make('line', { x1: x(mark.at), x2: x(mark.at), y1: T - 6, y2: floor,
      stroke: mark.colour || 'currentColor', 'stroke-width': 1.8,
      'stroke-dasharray': mark.dashed ? '3 3' : 'none' }));
    svg.append(make('text', { x: x(mark.at) + (right ? -5 : 5), y: T + 4 + 15 * mark.row,
      'text-anchor': right ? 'end' : 'start', 'font-weight': 600 }, mark.text));
  }
  let at = L;
  for (const s of data.series) {
    svg.append(s.line
      ? make('line', { x1: at, x2: at + 12, y1: 11, y2: 11, stroke: 'currentColor',
        'stroke-width': 2, 'stroke-dasharray': '5 3' })
      : make('rect', { x: at, y: 5, width: 11, height: 11, fill: s.colour, rx: 2 }));
    svg.append(make('text', { x: at + 17, y: 15 }, s.name));
    at += 17 + 6.9 * s.name.length + 18;
  }
  const tip = document.createElement('div');
  tip.className = 'tip';
  host.replaceChildren(svg, tip);
  const show = (a, b) => {
    band.setAttribute('x', x(Math.min(a, b)));
    band.setAttribute('width', Math.max(0, Math.abs(x(b) - x(a))));
  };
  const hide = () => band.setAttribute('width', 0);
  if (data.range) show(data.range[0], data.range[1]); else hide();
  const value = (event) => {
    const box = svg.getBoundingClientRect();
    const px = (event.clientX - box.left) / box.width * W;
    return Math.min(high, Math.max(low, low + (px - L) / (W - L - R) * (high - low)));
  };
  const bin = (v) => Math.min(bins - 1, Math.max(0, Math.floor((v - low) / (high - low) * bins)));
  const send = (a, b) => { host.cursor = undefined; setTriggerValue('range', [a, b]); };
  let start = null;
  svg.onpointerdown = (event) => {
    start = value(event);
    svg.setPointerCapture(event.pointerId);
  };
  svg.onpointermove = (event) => {
    const v = value(event);
    if (start !== null) { show(start, v); tip.style.display = 'none'; return; }
    const i = bin(v);
    const lines = data.series.map((s) => `${s.name}: ${s.counts[i].toLocaleString()}`);
    tip.textContent = [`${data.names[i]} to ${data.names[i + 1]}`, ...lines].join('\\n');
    tip.style.display = 'block';
    const box = host.getBoundingClientRect();
    const left = event.clientX - box.left + 14;
    tip.style.left = `${Math.min(left, box.width - tip.offsetWidth - 4)}px`;
    tip.style.top = `${event.clientY - box.top + 12}px`;
  };
  svg.onpointerleave = () => { tip.style.display = 'none'; };
  svg.onpointerup = (event) => {
    if (start === null) return;
    const end = value(event);
    const moved = Math.abs(x(end) - x(start)) > 5;
    const i = bin(start);
    const range = moved ? [Math.min(start, end), Math.max(start, end)]
      : [data.edges[i], data.edges[i + 1]];
    start = null;
    show(range[0], range[1]);
    send(range[0], range[1]);
  };
  svg.onpointercancel = () => { start = null; };
  svg.onkeydown = (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step !== undefined) {
      const before = host.cursor === undefined ? (step > 0 ? -1 : bins) : host.cursor[1];
      const next = Math.min(bins - 1, Math.max(0, before + step));
      host.cursor = event.shiftKey && host.cursor ? [host.cursor[0], next] : [next, next];
      const [a, b] = [Math.min(...host.cursor), Math.max(...host.cursor)];
      show(data.edges[a], data.edges[b + 1]);
      event.preventDefault();
    } else if (event.key === 'Enter' && host.cursor) {
      const [a, b] = [Math.min(...host.cursor), Math.max(...host.cursor)];
      send(data.edges[a], data.edges[b + 1]);
    } else if (event.key === 'Escape') {
      hide();
      host.cursor = undefined;
      setTriggerValue('range', []);
    }
  };
}
"""


@dataclass(frozen=True, eq=False)
class Series:
    """Counts of one sample; ``line`` draws a dashed outline instead of a filled one."""

    name: str
    counts: np.ndarray
    colour: str = "#888888"
    line: bool = False


@dataclass(frozen=True)
class Mark:
    """A vertical line with a word at a value: a threshold, the galaxy in focus."""

    at: float
    text: str
    colour: str = ""
    dashed: bool = False


@dataclass(frozen=True, eq=False)
class Picture:
    """What :func:`histogram` draws."""

    edges: np.ndarray
    series: Sequence[Series]
    title: str
    label: str
    log: bool = True
    marks: Sequence[Mark] = field(default_factory=tuple)
    range: tuple[float, float] | None = None


def payload(picture: Picture) -> dict[str, Any]:
    """What is sent to the browser; its size depends on the number of bins alone."""
    edges = np.asarray(picture.edges, dtype=np.float64)
    top = max([1, *(int(s.counts.max(initial=0)) for s in picture.series)])
    return {
        "edges": edges.tolist(),
        "names": [f"{e:.4g}" for e in edges],
        "series": [
            {"name": s.name, "counts": s.counts.tolist(), "colour": s.colour, "line": s.line}
            for s in picture.series
        ],
        "title": picture.title,
        "label": picture.label,
        "log": picture.log,
        "x_ticks": [[t, f"{t:g}"] for t in round_numbers(float(edges[0]), float(edges[-1]), 9)],
        "y_ticks": [[t, f"{t:,.0f}"] for t in _count_ticks(top, picture.log)],
        "marks": [
            {"at": m.at, "text": m.text, "colour": m.colour, "dashed": m.dashed, "row": i}
            for i, m in enumerate(picture.marks)
        ],
        "range": list(picture.range) if picture.range else None,
    }


def round_numbers(low: float, high: float, most: int) -> list[float]:
    """At most ``most`` round numbers from ``low`` to ``high``."""
    span = high - low
    if not (np.isfinite(span) and span > 0):
        return [low]
    power = 10.0 ** np.floor(np.log10(span / most))
    step = next(power * f for f in (1, 2, 5, 10, 20) if span / (power * f) <= most)
    first = np.ceil(low / step - 1e-9) * step
    return [float(f"{t:.10g}") for t in np.arange(first, high + step * 1e-6, step)]


def _count_ticks(top: int, log: bool) -> list[float]:
    if log:
        return [10.0**p for p in range(int(np.log10(top)) + 1)]
    return [t for t in round_numbers(0.0, float(top), 5) if t == int(t)]


def histogram(
    picture: Picture, *, key: str, on_range: Callable[[tuple[float, float] | None], None]
) -> None:
    """Draw a histogram.

    Parameters
    ----------
    on_range : callable
        Called before the next run with the range that was clicked or brushed, in values of the
        axis; None when it was cleared (Escape).
    """

    def called() -> None:
        value = (st.session_state.get(key) or {}).get("range")
        if isinstance(value, list | tuple) and len(value) == 2:
            on_range((float(value[0]), float(value[1])))
        elif value is not None:
            on_range(None)

    component = st.components.v2.component("radioviz_histogram", html=_HTML, css=_CSS, js=_JS)
    component(key=key, data=payload(picture), on_range_change=called)


def colours(names: Iterable[str]) -> dict[str, str]:
    """A colour a data set, the same wherever its histogram is drawn."""
    from radioviz.ui.palette import DATA_SET_COLOURS

    return {key: DATA_SET_COLOURS[i % len(DATA_SET_COLOURS)] for i, key in enumerate(names)}
