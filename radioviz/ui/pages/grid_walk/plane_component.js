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
    state.until = performance.now() + 60000;
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
