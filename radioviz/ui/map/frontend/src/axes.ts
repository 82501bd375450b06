/** Grid, numbers and titles under the points. */
import { tickIncrement, ticks } from "d3-array";
import { toData } from "./camera.ts";
import type { View } from "./painter.ts";
import type { MapData } from "./types.ts";

export const MARGINS = { left: 48, right: 8, top: 8, bottom: 40 };

export interface Theme {
  text: string;
  background: string;
  border: string;
  primary: string;
  font: string;
  dark: boolean;
}

function label(value: number, step: number): string {
  if (Math.abs(value) < Math.abs(step) * 1e-6) return "0";
  const digits = Math.max(0, -Math.floor(Math.log10(Math.abs(step))));
  const size = Math.abs(value);
  if (size >= 1e5 || digits > 6) return value.toPrecision(Math.max(2, Math.ceil(Math.log10(size / step)) + 1));
  return value.toFixed(digits).replace("-", "\u2212");
}

/** Round numbers between two, with their labels. */
export function spread(low: number, high: number, count: number): [number, string][] {
  if (!(high > low)) return [];
  const increment = tickIncrement(low, high, count);
  const step = increment < 0 ? -1 / increment : increment;
  return ticks(low, high, count).map((v) => [v, label(v, step)]);
}

/**
 * Draw what is under the points, and the points themselves where `painted` holds them: on a
 * sheet in main memory, which is then put into one opaque canvas as a whole. Where WebGL is
 * emulated so is, often, the putting together of the page: layers that can be seen through, and
 * canvases that live in main memory, then cost a tenth of a second a frame.
 */
export function drawAxes(
  canvas: HTMLCanvasElement,
  sheet: HTMLCanvasElement,
  view: View,
  data: MapData,
  theme: Theme,
  painted: HTMLCanvasElement | null,
): void {
  const ratio = Math.min(2, window.devicePixelRatio || 1);
  const width = view.width + MARGINS.left + MARGINS.right;
  const height = view.height + MARGINS.top + MARGINS.bottom;
  for (const each of [sheet, canvas]) {
    const wide = Math.round(width * ratio);
    const high = Math.round(height * ratio);
    if (each.width !== wide || each.height !== high) {
      each.width = wide;
      each.height = high;
    }
  }
  const c = sheet.getContext("2d", { alpha: false, willReadFrequently: true });
  const screen = canvas.getContext("2d", { alpha: false });
  if (!c || !screen) return;
  c.setTransform(ratio, 0, 0, ratio, 0, 0);
  c.fillStyle = theme.background;
  c.fillRect(0, 0, width, height);
  c.translate(MARGINS.left, MARGINS.top);
  c.strokeStyle = theme.border;
  c.fillStyle = theme.text;
  c.globalAlpha = 0.75;
  c.lineWidth = 1;
  c.font = `11px ${theme.font}`;
  const [x0, x1, y0, y1] = data.bounds;
  const [left, bottom] = toData(data.bounds, -view.tx / view.sx, (view.height - view.ty) / view.sy);
  const [right, top] = toData(data.bounds, (view.width - view.tx) / view.sx, -view.ty / view.sy);
  c.beginPath();
  c.textAlign = "center";
  c.textBaseline = "top";
  for (const [value, text] of spread(left, right, Math.max(2, view.width / 110))) {
    const x = Math.round(((value - x0) / (x1 - x0)) * 65536 * view.sx + view.tx) + 0.5;
    c.moveTo(x, 0);
    c.lineTo(x, view.height);
    c.fillText(text, x, view.height + 5);
  }
  c.textAlign = "right";
  c.textBaseline = "middle";
  for (const [value, text] of spread(bottom, top, Math.max(2, view.height / 80))) {
    const y = Math.round(((value - y0) / (y1 - y0)) * 65536 * view.sy + view.ty) + 0.5;
    c.moveTo(0, y);
    c.lineTo(view.width, y);
    c.fillText(text, -6, y);
  }
  c.globalAlpha = theme.dark ? 0.45 : 0.7;
  c.stroke();
  c.globalAlpha = 0.9;
  c.font = `13px ${theme.font}`;
  c.textAlign = "center";
  c.textBaseline = "bottom";
  c.fillText(data.titles.x, view.width / 2, view.height + MARGINS.bottom - 4);
  c.save();
  c.translate(-MARGINS.left + 4, view.height / 2);
  c.rotate(-Math.PI / 2);
  c.textBaseline = "top";
  c.fillText(data.titles.y, 0, 0);
  c.restore();
  c.globalAlpha = 1;
  if (painted) c.drawImage(painted, 0, 0, view.width, view.height);
  screen.putImageData(c.getImageData(0, 0, sheet.width, sheet.height), 0, 0);
}
