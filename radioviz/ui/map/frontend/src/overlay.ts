/** What lies over the points: the outline being drawn, rings, lines of equal density, names. */
import type { View } from "./painter.ts";
import type { MapData } from "./types.ts";

/** Width of a letter and height of a line of the names, in pixels, to keep them apart. */
const LETTER = 7.5;
const LINE = 16;

export function svg<K extends keyof SVGElementTagNameMap>(
  tag: K,
  attributes: Record<string, string>,
): SVGElementTagNameMap[K] {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

export class Overlay {
  readonly root = svg("svg", { class: "rv-over", "aria-hidden": "true" });
  private readonly outline = svg("path", { class: "rv-outline" });
  private readonly lines = svg("path", { class: "rv-density", "vector-effect": "non-scaling-stroke" });
  private readonly names = svg("g", { class: "rv-names" });
  private readonly rings = {
    focus: svg("circle", { class: "rv-focus", r: "10" }),
    hover: svg("circle", { class: "rv-hover", r: "7" }),
  };
  private labels: { element: SVGTextElement; x: number; y: number; half: number }[] = [];

  constructor() {
    this.root.append(this.lines, this.names, this.outline, this.rings.focus, this.rings.hover);
  }

  describe(data: MapData): void {
    const paths = data.contours.map((line) => {
      const corners: string[] = [];
      for (let i = 0; i < line.length; i += 2) corners.push(`${line[i]} ${line[i + 1]}`);
      return `M${corners.join("L")}`;
    });
    this.lines.setAttribute("d", paths.join(""));
    this.labels = data.names.map(({ text, x, y }) => {
      const element = svg("text", {});
      element.textContent = text;
      return { element, x, y, half: (text.length * LETTER) / 2 };
    });
    this.names.replaceChildren(...this.labels.map((label) => label.element));
  }

  /** Move lines and names with the points; of names that would overlap, the first is shown. */
  move({ sx, sy, tx, ty, width }: View): void {
    this.lines.setAttribute("transform", `matrix(${sx} 0 0 ${sy} ${tx} ${ty})`);
    const taken: { x: number; y: number; half: number }[] = [];
    for (const { element, x, y, half } of this.labels) {
      const at = { x: x * sx + tx, y: y * sy + ty, half };
      // Names of places in view stay in view as a whole.
      if (at.x >= 0 && at.x <= width) at.x = Math.min(Math.max(at.x, half), Math.max(half, width - half));
      const free = taken.every(
        (other) => Math.abs(other.x - at.x) > other.half + half || Math.abs(other.y - at.y) > LINE,
      );
      element.style.display = free ? "" : "none";
      if (!free) continue;
      taken.push(at);
      element.setAttribute("x", at.x.toFixed(1));
      element.setAttribute("y", at.y.toFixed(1));
    }
  }

  /** The lasso or box in pixels; null for none. */
  setOutline(path: [number, number][] | null): void {
    const corners = (path ?? []).map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`);
    this.outline.setAttribute("d", corners.length > 1 ? `M${corners.join("L")}Z` : "");
  }

  setRing(which: "focus" | "hover", at: [number, number] | null): void {
    const ring = this.rings[which];
    ring.style.display = at ? "" : "none";
    if (!at) return;
    ring.setAttribute("cx", at[0].toFixed(1));
    ring.setAttribute("cy", at[1].toFixed(1));
  }
}
