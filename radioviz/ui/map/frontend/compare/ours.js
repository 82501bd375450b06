// The two painters of this component, without the map about them.
import { CpuPainter } from "../src/cpu.ts";
import { GpuPainter } from "../src/gpu.ts";
import { colourTable } from "../src/painter.ts";
import { Points } from "../src/points.ts";
import { frames, points } from "./points.js";

let painter;
let style;
let n;
const view = (i) => ({ sx: 0.01 + 1e-5 * i, sy: -0.01, tx: 90, ty: 630, width: 900, height: 600 });
const paint = (i) => {
  painter.begin(view(i), style);
  painter.add(0, n, false);
  painter.finish();
};
window.open_ = async (count, canvas) => {
  n = count;
  const { x, y, value } = points(n);
  const coarse = new Uint16Array(2 * n);
  for (let i = 0; i < n; i++) coarse.set([65535 * (x[i] / 3 + 0.5), 65535 * (y[i] / 3 + 0.5)], 2 * i);
  const held = new Points(n, coarse.buffer);
  held.setCodes(Uint8Array.from(value, (v) => 255 * v).buffer);
  painter = window.painter === "gpu" ? new GpuPainter() : new CpuPainter();
  canvas.replaceWith(painter.canvas);
  painter.load(held, "all");
  painter.resize(900, 600);
  const ramp = Array.from({ length: 256 }, (_, i) => "#" + i.toString(16).padStart(2, "0") + "6080");
  style = { size: 2, full: 50, gain: 1, table: colourTable(ramp, () => false, new Set(), { r: 0, g: 0, b: 0 }, 50) };
  paint(0);
};
window.frames_ = (count) => frames(count, paint, window.painter === "gpu" && painter.canvas.getContext("webgl2"));
