"""The latent plane in the browser: one picture, dots over it, a click gives a place.

Plotly gives no selection on heatmaps and images, so the plane is a component of our own. What
is large (the picture, the galaxies) is served as files under the hash of its content and
fetched once; a click sends a few numbers.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import streamlit as st

from radioviz.ui.image import media

MOST_POINTS = 5000
GRID_COLOUR = "#9AA0A6"

_HTML = """
<div class="whole">
  <div class="ytitle"><span></span></div>
  <div class="plane" tabindex="0" role="application">
    <img class="images" alt="">
    <img class="tint" alt="">
    <canvas></canvas>
    <svg preserveAspectRatio="none"></svg>
    <div class="mark">SYNTHETIC</div>
    <div class="tip"></div>
  </div>
  <div class="xticks"></div><div class="yticks"></div>
  <div class="xtitle"></div>
</div>
"""

_CSS = """
.whole { position: relative; padding: 6px 8px 46px 56px; font-family: var(--st-font);
  color: var(--st-text-color); font-size: 12.5px; }
.plane { position: relative; width: 100%; cursor: crosshair; background: #000; outline: none;
  box-shadow: 0 0 0 1px var(--st-border-color, #888); }
.plane:focus-visible { box-shadow: 0 0 0 2px var(--st-primary-color); }
.plane img, .plane svg, .plane canvas { position: absolute; inset: 0; width: 100%; height: 100%; }
.plane canvas { pointer-events: none; }
.plane svg { pointer-events: none; overflow: visible; }
.tint { image-rendering: auto; mix-blend-mode: normal; opacity: .62; }
.mark { position: absolute; right: 6px; bottom: 4px; font-size: 11px; letter-spacing: .12em;
  color: #fff; opacity: .85; text-shadow: 0 0 3px #000, 0 0 2px #000; pointer-events: none; }
.tip { position: absolute; display: none; pointer-events: none; z-index: 3; white-space: pre;
  padding: 4px 8px; border-radius: 6px; background: var(--st-background-color);
  color: var(--st-text-color); box-shadow: 0 1px 6px rgba(0,0,0,.45); font-size: 12px;
  line-height: 1.35; }
.ytitle { position: absolute; left: 0; top: 0; bottom: 46px; width: 18px; display: flex;
  align-items: center; justify-content: center; }
.ytitle span { writing-mode: vertical-rl; transform: rotate(180deg); white-space: nowrap; }
.xtitle { position: absolute; bottom: 2px; left: 56px; right: 8px; text-align: center; }
.tick { position: absolute; opacity: .8; white-space: nowrap; font-variant-numeric: tabular-nums; }
.tick.x { transform: translateX(-50%); }
.tick.y { transform: translate(-100%, -50%); }
"""

_JS = (
    media.BASE_JS
    + r"""
const SVG = 'http://www.w3.org/2000/svg';
const files = new Map();
const fetched = (url) => {
  if (!files.has(url)) files.set(url, fetch(address(url)).then((r) => r.json()));
  return files.get(url);
};
export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const root = parentElement.querySelector('.whole');
  const pick = (s) => root.querySelector(s);
  const plane = pick('.plane'), canvas = pick('canvas'), svg = pick('svg'), tip = pick('.tip');
  const state = root.state || (root.state = {});
  state.data = data;
  const [low, high] = data.extent;
  const span = high - low;
  const fx = (a) => (a - low) / span, fy = (b) => (high - b) / span;
  plane.style.aspectRatio = '1';
  plane.setAttribute('aria-label', data.label);
  const show = (img, url) => {
    img.style.display = url ? '' : 'none';
    if (url && img.dataset.url !== url) { img.src = address(url); img.dataset.url = url; }
  };
  show(pick('.images'), data.image);
  show(pick('.tint'), data.tint);
  pick('.ytitle span').textContent = data.titles[1];
  pick('.xtitle').textContent = data.titles[0];
  const make = (tag, name, text) => {
    const e = document.createElement(tag); e.className = name; e.textContent = text; return e;
  };
  pick('.xticks').replaceChildren(...data.ticks.map(([v, text]) => {
    const e = make('div', 'tick x', text);
    e.style.left = `calc(56px + (100% - 64px) * ${fx(v)})`; e.style.bottom = '24px'; return e;
  }));
  pick('.yticks').replaceChildren(...data.ticks.map(([v, text]) => {
    const e = make('div', 'tick y', text);
    e.style.left = '50px'; e.style.top = `calc(6px + (100% - 52px) * ${fy(v)})`; return e;
  }));

  // Contours, the cell looked at, the ends of the path: in thousandths of the plane.
  svg.setAttribute('viewBox', '0 0 1000 1000');
  const put = (tag, attributes) => {
    const e = document.createElementNS(SVG, tag);
    for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v);
    svg.append(e); return e;
  };
  svg.replaceChildren();
  const fixed = { fill: 'none', 'vector-effect': 'non-scaling-stroke' };
  const box = (a, b, size, colour, width) => put('rect', { ...fixed,
    x: 1000 * (fx(a) - size / span / 2), y: 1000 * (fy(b) - size / span / 2),
    width: 1000 * size / span, height: 1000 * size / span, stroke: colour, 'stroke-width': width });
  for (const c of data.contours) {
    put('path', { ...fixed, d: c.path, stroke: '#000', 'stroke-width': 3.2, opacity: .55 });
    put('path', { ...fixed, d: c.path, stroke: c.colour, 'stroke-width': 1.7 });
  }
  for (const c of data.contours) {
    if (!c.at) continue;
    const t = put('text', { x: c.at[0], y: c.at[1], fill: '#fff', stroke: '#000',
      'stroke-width': 5, 'paint-order': 'stroke', 'font-size': 22, 'font-weight': 600,
      'text-anchor': 'middle', 'dominant-baseline': 'middle' });
    t.textContent = c.text;
  }
  const ends = data.ends;
  if (ends[0] && ends[1]) {
    const line = { ...fixed, x1: 1000 * fx(ends[0][0]), y1: 1000 * fy(ends[0][1]),
      x2: 1000 * fx(ends[1][0]), y2: 1000 * fy(ends[1][1]) };
    put('line', { ...line, stroke: '#000', 'stroke-width': 4, opacity: .6 });
    put('line', { ...line, stroke: '#fff', 'stroke-width': 2, 'stroke-dasharray': '7 4' });
  }
  ends.forEach((end, i) => {
    if (!end) return;
    put('circle', { cx: 1000 * fx(end[0]), cy: 1000 * fy(end[1]), r: 14, fill: '#fff',
      stroke: '#000', 'vector-effect': 'non-scaling-stroke' });
    const t = put('text', { x: 1000 * fx(end[0]), y: 1000 * fy(end[1]) + 1, fill: '#000',
      'font-size': 19, 'font-weight': 700, 'text-anchor': 'middle',
      'dominant-baseline': 'central' });
    t.textContent = 'AB'[i];
  });
  // Keys run ahead of the page: until it has caught up, an answer with a place that they have left
  // does not move the marker back.
  const same = (p, q) => p && q && Math.abs(p[0] - q[0]) + Math.abs(p[1] - q[1]) < 1e-6;
  if (state.ahead && (performance.now() > state.until
      || !state.left.some((place) => same(place, data.here)))) state.ahead = null;
  const mark = (place) => {
    svg.querySelectorAll('.here').forEach((e) => e.remove());
    if (!place) return;
    const [a, b] = place;
    const [x, y] = [Math.round(a / data.step) * data.step, Math.round(b / data.step) * data.step];
    const ring = { ...fixed, cx: 1000 * fx(a), cy: 1000 * fy(b), r: 13 };
    const drawn = same([a, b], [x, y])
      ? [box(x, y, data.step, '#000', 4), box(x, y, data.step, '#ff4fa3', 2.4)]
      : [put('circle', { ...ring, stroke: '#000', 'stroke-width': 5 }),
        put('circle', { ...ring, stroke: '#ff4fa3', 'stroke-width': 2.8 })];
    drawn.forEach((e) => e.classList.add('here'));
  };
  mark(state.ahead || data.here);

  const paint = () => {
    const ratio = window.devicePixelRatio || 1;
    const width = plane.clientWidth, height = plane.clientHeight;
    if (!width) return;
    canvas.width = width * ratio; canvas.height = height * ratio;
    const g = canvas.getContext('2d');
    g.setTransform(ratio, 0, 0, ratio, 0, 0);
    g.clearRect(0, 0, width, height);
    const p = state.points;
    if (!p) return;
    const r = p.x.length > 800 ? 1.7 : p.x.length > 200 ? 2.3 : 3;
    for (let i = 0; i < p.x.length; i++) {
      g.beginPath();
      g.arc(fx(p.x[i]) * width, fy(p.y[i]) * height, r, 0, 2 * Math.PI);
      g.lineWidth = 1.2; g.strokeStyle = 'rgba(0,0,0,.7)'; g.stroke();
      g.fillStyle = p.palette[p.c[i]]; g.fill();
    }
    const f = p.focus;
    if (f !== undefined && f >= 0) {
      g.beginPath(); g.arc(fx(p.x[f]) * width, fy(p.y[f]) * height, r + 3, 0, 2 * Math.PI);
      g.lineWidth = 2.4; g.strokeStyle = '#ff4fa3'; g.stroke();
    }
  };
  if (!data.points) { state.points = null; paint(); }
  else fetched(data.points).then((points) => {
    if (state.data !== data) return;
    state.points = points; paint(); root.dataset.points = points.x.length;
  });
  if (!state.observer) {
    state.observer = new ResizeObserver(() => state.paint && state.paint());
    state.observer.observe(plane);
  }
  state.paint = paint;
  paint();

  const under = (event) => {
    const r = plane.getBoundingClientRect();
    const x = event.clientX - r.left, y = event.clientY - r.top;
    let best = -1, gap = 36;
    const p = state.points;
    if (p) for (let i = 0; i < p.x.length; i++) {
      const dx = fx(p.x[i]) * r.width - x, dy = fy(p.y[i]) * r.height - y;
      const d = dx * dx + dy * dy;
      if (d < gap) { gap = d; best = i; }
    }
    const snap = (v) => {
      const n = Math.max(-data.half, Math.min(data.half, Math.round(v / data.step)));
      return +(n * data.step).toFixed(6) + 0;
    };
    const a = snap(low + x / r.width * span), b = snap(high - y / r.height * span);
    return { x, y, a, b, index: best, width: r.width };
  };
  const number = (v) => (v < 0 ? '\u2212' : '') + Math.abs(v).toFixed(data.digits);
  plane.onpointermove = (event) => {
    const at = under(event);
    tip.textContent = at.index >= 0 ? state.points.t[at.index]
      : `${data.short[0]} = ${number(at.a)}, ${data.short[1]} = ${number(at.b)}`;
    tip.style.display = 'block';
    tip.style.top = `${at.y + 16}px`;
    const late = at.x > at.width * .62;
    tip.style.left = late ? '' : `${at.x + 12}px`;
    tip.style.right = late ? `${at.width - at.x + 8}px` : '';
    plane.style.cursor = at.index >= 0 ? 'pointer' : 'crosshair';
  };
  plane.onpointerleave = () => { tip.style.display = 'none'; };
  const goTo = (place) => {
    const from = state.ahead || data.here;
    state.left = [...(state.ahead ? state.left : []), ...(from ? [from] : [])];
    state.ahead = place;
    state.until = performance.now() + 10000;
    mark(place);
  };
  plane.onclick = (event) => {
    const at = under(event);
    plane.focus({ preventScroll: true });
    clearTimeout(state.timer);
    if (at.index >= 0 && !event.altKey) {
      state.ahead = null;
      setTriggerValue('pick',
        { kind: 'galaxy', index: at.index, seen: data.digest, add: event.shiftKey });
    } else {
      goTo([at.a, at.b]);
      setTriggerValue('pick', { kind: 'cell', a: at.a, b: at.b, add: event.shiftKey });
    }
  };
  const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
  plane.onkeydown = (event) => {
    const move = arrows[event.key];
    const from = state.ahead || data.here;
    if (!move || !from) return;
    event.preventDefault();
    const to = from.map((v, i) =>
      Math.max(-data.half, Math.min(data.half, Math.round(v / data.step) + move[i])));
    goTo(to.map((v) => +(v * data.step).toFixed(6) + 0));
    clearTimeout(state.timer);
    // A held key is one step of the page, not one for every repeat. What is sent while the page
    // runs can get lost, so it is sent until the page has answered.
    const send = () => {
      if (!state.ahead || performance.now() > state.until) return;
      const [a, b] = state.ahead;
      setTriggerValue('pick', { kind: 'cell', a, b, add: false });
      state.timer = setTimeout(send, 2500);
    };
    state.timer = setTimeout(send, 120);
  };
  root.dataset.state = 'drawn';
}
"""
)


@dataclass(frozen=True, eq=False)
class Dots:
    """Real galaxies on a plane.

    Attributes
    ----------
    pairs : list of (str, str)
        ``(data set, source_id)``.
    places : numpy.ndarray
        Shape ``(n, 2)``, in the plane's coordinates.
    codes : numpy.ndarray
        Index into ``palette``, shape ``(n,)``.
    palette : list of str
        ``#rrggbb``.
    text : list of str
        Shown on hovering.
    """

    pairs: list[tuple[str, str]]
    places: np.ndarray
    codes: np.ndarray
    palette: list[str]
    text: list[str]

    def __len__(self) -> int:
        return len(self.pairs)


@dataclass(frozen=True)
class Contour:
    """One level: ``segments`` ``(s, 2, 2)`` in the plane's coordinates, a label, a colour."""

    segments: np.ndarray = field(repr=False)
    text: str
    colour: str


@dataclass(frozen=True)
class Picked:
    """What the reader clicked: a place ``(a, b)``, or a galaxy; ``add`` with Shift held."""

    place: tuple[float, float] | None
    galaxy: tuple[str, str] | None
    add: bool


@cache
def _component() -> Any:
    return st.components.v2.component("radioviz_plane", html=_HTML, css=_CSS, js=_JS)


def draw(
    image: bytes,
    *,
    key: str,
    reach: float,
    step: float,
    side: int,
    titles: tuple[str, str],
    label: str,
    here: tuple[float, float] | None,
    ends: Sequence[tuple[float, float] | None] = (None, None),
    dots: Dots | None = None,
    focus: tuple[str, str] | None = None,
    contours: Sequence[Contour] = (),
    tint: bytes | None = None,
    on_pick: Callable[[Picked], None],
) -> None:
    """Draw the plane.

    Parameters
    ----------
    image : bytes
        PNG of ``side`` by ``side`` cells, highest ``b`` on top.
    reach, step : float
        Coordinates go from ``-reach`` to ``reach``; a cell is ``step`` wide, centred on them.
    here : tuple or None
        The place looked at.
    ends : sequence
        Start and end of a path.
    tint : bytes or None
        PNG that is laid over the picture, half transparent.
    on_pick : callable
        Called before the next run with what was clicked, or moved to with the arrow keys.
    """
    half = side // 2
    edge = half * step + step / 2
    digest, url = "", None
    if dots is not None and len(dots):
        payload = _dots_file(dots, focus)
        digest = hashlib.sha256(payload).hexdigest()[:32]
        url = media.serve(payload, "application/json", digest, f"plane-dots-{key}")
    st.session_state[f"{key}:dots"] = (digest, dots.pairs if dots is not None else [])
    digits = max(0, min(4, len(f"{step:.4f}".rstrip("0").split(".")[1])))
    every = max(1, round(half / 5))
    ticks = [(n * step, _number(n * step)) for n in range(-half, half + 1) if n % every == 0]
    data = {
        "image": _served(image, key, "image"),
        "tint": _served(tint, key, "tint") if tint else None,
        "extent": [-edge, edge],
        "half": half,
        "step": step,
        "digits": digits,
        "ticks": ticks,
        "titles": list(titles),
        "short": [t.split(" ")[0] for t in titles],
        "label": label,
        "here": list(here) if here else None,
        "ends": [list(e) if e else None for e in ends],
        "points": url,
        "digest": digest,
        "contours": _contours(contours, edge),
    }

    def picked() -> None:
        value = (st.session_state.get(key) or {}).get("pick")
        event = read_event(value, *st.session_state.get(f"{key}:dots", ("", [])))
        if event is not None:
            on_pick(event)

    _component()(key=key, data=data, on_pick_change=picked)


def read_event(value: Any, digest: str, pairs: Sequence[tuple[str, str]]) -> Picked | None:
    """What a message of the browser means; None for one that means nothing (any more)."""
    if not isinstance(value, Mapping):
        return None
    add = value.get("add") is True
    if value.get("kind") == "galaxy":
        index = value.get("index")
        if value.get("seen") != digest or not isinstance(index, int | float):
            return None
        at = int(index)
        return Picked(None, pairs[at], add) if 0 <= at < len(pairs) else None
    try:
        place = float(value["a"]), float(value["b"])
    except (KeyError, TypeError, ValueError):
        return None
    return Picked(place, None, add) if np.isfinite(place).all() else None


def _number(value: float) -> str:
    return f"{value:.4g}".replace("-", "−")


def _served(payload: bytes, key: str, part: str) -> str:
    digest = hashlib.sha256(payload).hexdigest()[:32]
    return media.serve(payload, "image/png", digest, f"plane-{part}-{key}")


def _dots_file(dots: Dots, focus: tuple[str, str] | None) -> bytes:
    at = dots.pairs.index(focus) if focus in dots.pairs else -1
    content = {
        "x": np.round(dots.places[:, 0].astype(float), 4).tolist(),
        "y": np.round(dots.places[:, 1].astype(float), 4).tolist(),
        "c": dots.codes.tolist(),
        "t": dots.text,
        "palette": dots.palette,
        "focus": at,
    }
    return json.dumps(content, separators=(",", ":")).encode()


def _contours(contours: Sequence[Contour], edge: float) -> list[dict[str, Any]]:
    """Levels as SVG paths in thousandths of the plane, each with a place for its label.

    A label goes where it is farthest from the labels before it and from the edge.
    """
    out: list[dict[str, Any]] = []
    taken = np.zeros((0, 2))
    for contour in contours:
        x = (contour.segments[..., 0] + edge) / (2 * edge) * 1000
        y = (edge - contour.segments[..., 1]) / (2 * edge) * 1000
        path = "".join(
            f"M{x[i, 0]:.1f} {y[i, 0]:.1f}L{x[i, 1]:.1f} {y[i, 1]:.1f}" for i in range(len(x))
        )
        middles = np.stack([x.mean(axis=1), y.mean(axis=1)], axis=1)
        at = None
        if len(middles):
            gap = np.minimum(middles, 1000 - middles).min(axis=1) * 4
            if len(taken):
                away = np.linalg.norm(middles[:, None] - taken, axis=2).min(axis=1)
                gap = np.minimum(gap, away)
            best = middles[int(gap.argmax())]
            taken = np.vstack([taken, best])
            at = [round(float(v), 1) for v in best]
        out.append({"path": path, "text": contour.text, "colour": contour.colour, "at": at})
    return out
