/** How points and page look: sizes, colours and the theme. */
import type { Theme } from "./axes.ts";
import type { Camera } from "./camera.ts";
import { colourTable, parseColour, RING_WEIGHT, type Style } from "./painter.ts";
import type { MapData } from "./types.ts";

/** Colours and font of the page around an element. */
export function readTheme(root: HTMLElement): Theme {
  const style = getComputedStyle(root);
  const get = (name: string, other: string): string =>
    style.getPropertyValue(`--st-${name}`).trim() || other;
  const background = get("background-color", "#ffffff");
  const { r, g, b } = parseColour(background);
  return {
    text: get("text-color", "#222222"),
    background,
    border: get("border-color", "#d0d0d0"),
    primary: get("primary-color", "#4f46e5"),
    font: get("font", "sans-serif"),
    dark: 0.3 * r + 0.59 * g + 0.11 * b < 128,
  };
}

/** Points grow as the zoom thins them out, and shrink when there are many. */
export function styleOf(
  data: MapData,
  drawn: number,
  { width, height, scale }: Camera,
  crowding: number,
  hidden: Set<number>,
  { dark }: Theme,
): Style {
  const inView = Math.max(1, drawn / Math.max(1, scale * scale));
  const own = Math.min(8, Math.max(2, 0.42 * Math.sqrt((width * height) / inView)));
  const { size: factor, opacity, missing, overlay, below } = data.marks;
  const size = Math.max(1, own * factor);
  const cell = (width * height * scale * scale) / 65536;
  const full = (crowding * size * size) / Math.max(size * size, cell);
  return {
    size,
    full,
    table: colourTable(
      data.colour.colours,
      (code) =>
        missing === "behind" &&
        (data.colour.kind === "continuous" ? code === 0 : data.colour.names[code] === ""),
      hidden,
      dark ? { r: 104, g: 110, b: 126 } : { r: 184, g: 189, b: 199 },
      Math.max(1, full),
    ),
    gain: 1,
    opacity,
    ring: overlay * RING_WEIGHT,
    below,
  };
}
