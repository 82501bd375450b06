/**
 * What paints points: every point adds its colour and its weight to the pixels it covers, and
 * only the sums are converted to colour: mean hue, and opacity by the logarithm of the weight.
 * So order does not matter, crowds show their density, and painting can continue over several
 * frames. Overlaid points have sums of their own, which lie above or below those of the others. Two painters do the same sums: the graphics card (gpu.ts) and, where WebGL is
 * emulated in software or missing, plain loops that are ten times faster there (cpu.ts).
 */
import type { Points } from "./points.ts";
import type { Rgb } from "./types.ts";

/** From units of the coarse grid to CSS pixels: `px = x * sx + tx`. */
export interface View {
  sx: number;
  sy: number;
  tx: number;
  ty: number;
  width: number;
  height: number;
}

export interface Style {
  /** Diameter of a point in CSS pixels. */
  size: number;
  /** Weight that is painted opaque. */
  full: number;
  /**
   * Premultiplied colour and weight of code c at 4c, of unselected points at 4 (256 + c), and
   * nothing for points that are not shown, at 4 * 512.
   */
  table: Float32Array;
  /** Multiplies weights when only some of the points are drawn. */
  gain: number;
  /** Multiplies the opacity of all points. */
  opacity: number;
  /** Weight of an overlaid point, and whether all of them lie below the others. */
  ring: number;
  below: boolean;
}

export interface Painter {
  readonly kind: "gpu" | "cpu";
  readonly canvas: HTMLCanvasElement;
  /** Use points, or parts of them that changed. */
  load(points: Points, part: "all" | "fine" | "places"): void;
  resize(width: number, height: number): void;
  begin(view: View, style: Style): void;
  /** Add points [start, end); rings for overlaid groups. */
  add(start: number, end: number, ring: boolean): void;
  /** Show what was added so far. */
  finish(): void;
  dispose(): void;
}

/** Weight of an unselected point when others are selected, where none lie on one another. */
const FAINT = 0.06;
/** Entries of the table of colours: see `Points.places`. */
export const TABLE_ROWS = 3;
/** How much more a ring weighs than a dot, so that one is seen in a crowd. */
export const RING_WEIGHT = 8;
/** Steepness of opacity against weight: with it a faint point alone is still seen. */
export const STEEP = 50;

/** Opacity 0..1 of a summed weight. */
export function opacity(weight: number, full: number): number {
  return Math.min(1, Math.log1p(STEEP * weight) / Math.log1p(STEEP * Math.max(1, full)));
}

export function parseColour(text: string): Rgb {
  const hex = /^#([0-9a-f]{6})/i.exec(text.trim());
  if (hex) {
    const v = parseInt(hex[1], 16);
    return { r: (v >> 16) & 255, g: (v >> 8) & 255, b: v & 255 };
  }
  const parts = text.match(/[\d.]+/g)?.map(Number) ?? [128, 128, 128];
  return { r: parts[0], g: parts[1], b: parts[2] };
}

/** Table of colours and weights for the painters; points of a `vague` code lie behind the others. */
export function colourTable(
  colours: string[],
  vague: (code: number) => boolean,
  hidden: ReadonlySet<number>,
  faint: Rgb,
  full: number,
): Float32Array {
  const table = new Float32Array(4 * 256 * TABLE_ROWS);
  // In a crowd the many unselected would hide the few selected.
  const f = Math.max(0.01, Math.min(FAINT, 2 / full));
  for (let code = 0; code < 256; code++) {
    if (hidden.has(code)) continue;
    const { r, g, b } = parseColour(colours[Math.min(code, colours.length - 1)] ?? "#808080");
    const w = vague(code) ? f : 1;
    table.set([(r / 255) * w, (g / 255) * w, (b / 255) * w, w], 4 * code);
    table.set([(faint.r / 255) * f, (faint.g / 255) * f, (faint.b / 255) * f, f], 4 * (256 + code));
  }
  return table;
}
