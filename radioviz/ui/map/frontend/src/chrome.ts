/** What is around the points: tools, legend, colour bar, notes, tooltip. All text is plain text. */
import type { Answer, MapData } from "./types.ts";
import { spread } from "./axes.ts";
import { Overlay, svg } from "./overlay.ts";
import type { Tally } from "./points.ts";
import { mediaUrl } from "./store.ts";

export type Tool = "lasso" | "box" | "pan";
/** What the toolbar and the keys do. */
export type Act = Tool | "in" | "out" | "reset" | "selection" | "clear";

export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className = "",
  text = "",
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text) element.textContent = text;
  return element;
}

/** Both ends of a long name, so that names that begin alike differ. */
export function shorten(name: string, most = 30): string {
  return name.length <= most ? name : `${name.slice(0, most - 13)}\u2026${name.slice(-12)}`;
}

// Outlines on a 24-unit square, drawn for this map.
const ICONS: Record<string, string> = {
  lasso: "M12 4c5 0 9 2.3 9 5.5S17 15 12 15c-1.6 0-3-.2-4.300-.6M3.800 12C3.300 11.200 3 10.400 3 9.500 3 6.300 7 4 12 4M7.500 14.500a2.200 2.200 0 1 1-3.600-1.800M6 16c0 2-.5 3.500-2 4.500",
  box: "M4 8V4h4M16 4h4v4M20 16v4h-4M8 20H4v-4M11 4h2M11 20h2M4 11v2M20 11v2",
  pan: "M12 3v18M3 12h18M12 3 9.500 5.500M12 3l2.500 2.500M12 21l-2.500-2.500M12 21l2.500-2.500M3 12l2.500-2.500M3 12l2.500 2.500M21 12l-2.500-2.500M21 12l-2.500 2.500",
  in: "M12 6v12M6 12h12",
  out: "M6 12h12",
  reset: "M4 11 12 4l8 7M6.500 9.500V20h11V9.500",
  selection: "M10 4a6 6 0 1 0 0 12 6 6 0 1 0 0-12M14.500 14.500 20 20M10 7.500v5M7.500 10h5",
  clear: "M6 6l12 12M18 6 6 18",
};

function icon(name: string): SVGSVGElement {
  const drawing = svg("svg", { viewBox: "0 0 24 24", "aria-hidden": "true" });
  drawing.append(svg("path", { d: ICONS[name] }));
  return drawing;
}

export class Chrome {
  readonly root = make("div", "rv-map");
  readonly plot = make("div", "rv-plot");
  readonly under = make("canvas");
  readonly area = make("div", "rv-points");
  readonly over = new Overlay();
  private readonly legend = make("div", "rv-legend");
  private readonly bar = make("div", "rv-bar");
  private readonly note = make("div", "rv-note");
  private readonly tip = make("div", "rv-tip");
  private readonly notes = make("div", "rv-notes");
  private readonly live = make("div", "rv-hidden");
  private readonly tools = new Map<string, HTMLButtonElement>();

  constructor(act: (what: Act) => void) {
    this.root.tabIndex = 0;
    this.root.setAttribute("role", "application");
    this.live.setAttribute("aria-live", "polite");
    this.note.setAttribute("role", "status");
    this.tip.hidden = true;
    const head = make("div", "rv-head");
    const tools = make("div", "rv-tools");
    tools.setAttribute("role", "toolbar");
    const titles = {
      lasso: "Lasso (l); Shift adds",
      box: "Box (b), all in view (a); Shift adds",
      pan: "Pan (p, or hold Space)",
      in: "Zoom in (+)",
      out: "Zoom out (\u2212)",
      reset: "Whole map (r)",
      selection: "Zoom to the selection (z)",
      clear: "Clear the selection (Esc)",
    };
    for (const [name, title] of Object.entries(titles)) {
      const button = make("button");
      button.type = "button";
      button.title = title;
      button.setAttribute("aria-label", title);
      button.dataset.tool = name;
      button.append(icon(name));
      button.addEventListener("click", () => act(name as Act));
      this.tools.set(name, button);
      tools.append(button);
    }
    head.append(this.legend, tools);
    this.area.append(this.over.root, this.note);
    this.plot.append(this.under, this.area, this.tip);
    this.root.append(head, this.plot, this.bar, this.notes, this.live);
  }

  setTool(tool: Tool): void {
    for (const name of ["lasso", "box", "pan"]) {
      this.tools.get(name)?.setAttribute("aria-pressed", String(name === tool));
    }
    this.area.classList.toggle("pan", tool === "pan");
  }

  say(text: string): void {
    this.note.textContent = text;
  }

  describe(data: MapData, extra: string[]): void {
    this.root.style.height = data.height;
    this.root.setAttribute("aria-label", data.description);
    this.announce(data.selected ? `${data.selected.count.toLocaleString("en")} points selected` : "");
    const zoom = this.tools.get("selection");
    if (zoom) zoom.disabled = !data.selected?.count;
    this.notes.textContent = [...data.notes, ...extra].join(" ");
  }

  /** Have a screen reader say something. */
  announce(text: string): void {
    this.live.textContent = text;
  }

  setLegend(
    data: MapData,
    tally: Tally,
    hidden: ReadonlySet<number>,
    toggle: (code: number, alone: boolean) => void,
  ): void {
    this.legend.replaceChildren();
    const count = (code: number): HTMLElement => {
      const all = tally.shown[code].toLocaleString("en");
      const chosen = tally.selected[code].toLocaleString("en");
      const text = make("span", "rv-count", data.selected ? `${chosen} / ${all}` : all);
      if (data.selected) text.title = `${chosen} of ${all} are selected`;
      return text;
    };
    if (data.colour.kind === "categories") {
      const { names, colours, unknown, rings } = data.colour;
      names.forEach((name, code) => {
        const button = make("button");
        button.type = "button";
        button.setAttribute("aria-pressed", String(!hidden.has(code)));
        button.title = `${name || unknown}. Click: hide or show; double-click: this one alone`;
        const dot = make("span", "rv-dot");
        if (rings[code]) {
          dot.classList.add("rv-ring");
          dot.style.color = colours[code];
        } else dot.style.background = colours[code];
        button.append(dot, make("span", "", shorten(name) || unknown));
        button.append(count(code));
        button.addEventListener("click", (e) => e.detail < 2 && toggle(code, false));
        button.addEventListener("dblclick", () => toggle(code, true));
        this.legend.append(button);
      });
    } else if (tally.shown[0]) {
      const item = make("span", "rv-item");
      const dot = make("span", "rv-dot");
      dot.style.cssText = `display:inline-block;margin-right:5px;background:${data.colour.colours[0]}`;
      item.append(dot, `${data.colour.unknown} `, count(0));
      this.legend.append(item);
    }
    data.shapes.forEach((name, g) => {
      const item = make("span", "rv-item");
      const dot = make("span", g ? "rv-dot rv-ring" : "rv-dot");
      dot.style.cssText = "display:inline-block;margin-right:5px;";
      if (!g) dot.style.background = "currentColor";
      item.append(dot, name);
      this.legend.append(item);
    });
  }

  setBar(data: MapData): void {
    this.bar.replaceChildren();
    this.bar.hidden = data.colour.kind !== "continuous" || !data.colour.known;
    if (data.colour.kind !== "continuous") return;
    const ramp = make("div", "rv-ramp");
    const shown = data.colour.colours.slice(1).filter((_, i, all) => i % 8 === 0 || i === all.length - 1);
    ramp.style.background = `linear-gradient(to top, ${shown.join(",")})`;
    const ticks = make("div", "rv-ticks");
    const { low, high } = data.colour;
    const places: [number, string][] = data.colour.ticks.length
      ? data.colour.ticks
      : spread(low, high, 6).map(([v, text]) => [(v - low) / (high - low), text]);
    for (const [place, text] of places) {
      const tick = make("span", "", text);
      tick.style.bottom = `${100 * place}%`;
      ticks.append(tick);
    }
    this.bar.append(ramp, ticks, make("div", "rv-bartitle", data.colour.title));
  }

  showTip(x: number, y: number, answer: Answer): void {
    if (!answer.text && !answer.image) return this.hideTip();
    this.tip.replaceChildren();
    answer.text.split("\n").forEach((line, i) => {
      const row = make("div");
      row.append(i ? line : make("b", "", line));
      this.tip.append(row);
    });
    if (answer.image) {
      const image = make("img");
      image.alt = "";
      image.src = answer.image.startsWith("data:") ? answer.image : mediaUrl(answer.image);
      this.tip.append(image);
    }
    this.tip.hidden = false;
    const { offsetWidth: w, offsetHeight: h } = this.tip;
    const { clientWidth: W, clientHeight: H } = this.plot;
    this.tip.style.left = `${x + 16 + w > W ? Math.max(0, x - w - 12) : x + 16}px`;
    this.tip.style.top = `${Math.max(0, Math.min(y + 12, H - h - 2))}px`;
  }

  hideTip(): void {
    this.tip.hidden = true;
  }
}

/** Hidden categories after a click in the legend; alone: all of ``count`` but this one, or none. */
export function toggled(hidden: Set<number>, code: number, count: number): Set<number> {
  const out = new Set(hidden);
  if (count) {
    const others = Array.from({ length: count }, (_, i) => i).filter((c) => c !== code);
    return new Set(!hidden.has(code) && others.every((c) => hidden.has(c)) ? [] : others);
  }
  if (!out.delete(code)) out.add(code);
  return out;
}
