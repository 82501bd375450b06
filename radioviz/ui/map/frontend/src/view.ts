/** One map on the page: data in, painted points and events out. */
import { drawAxes, MARGINS, type Theme } from "./axes.ts";
import { Camera, toData } from "./camera.ts";
import { Chrome, type Tool } from "./chrome.ts";
import { CpuPainter } from "./cpu.ts";
import { Frames } from "./frames.ts";
import { Gestures } from "./gestures.ts";
import { GpuPainter, hasHardware } from "./gpu.ts";
import { Hover } from "./hover.ts";
import { box, outline, type Point } from "./lasso.ts";
import { colourTable, parseColour, type Painter, type Style } from "./painter.ts";
import { Points } from "./points.ts";
import { fetchColumn } from "./store.ts";
import type { ComponentArgs, MapData, MapEvent } from "./types.ts";

const PICK_PX = 9;
const RESTORE_MS = 2500;
const OUTLINE_MS = 2500;
const SHARP_POINTS = 50_000;

export class MapView {
  private readonly chrome: Chrome;
  private readonly camera: Camera;
  private readonly gestures: Gestures;
  private readonly frames: Frames;
  private readonly resizes: ResizeObserver;
  private readonly sheet = document.createElement("canvas");
  private hover: Hover | null = null;
  private painter: Painter | null = null;
  private points: Points | null = null;
  private data: MapData | null = null;
  private args: ComponentArgs<MapData> | null = null;
  private loaded = { coarse: "", fine: "", codes: "", selected: "", colour: "" };
  private hidden = new Set<number>();
  private tool: Tool = "lasso";
  private theme!: Theme;
  private path: Point[] | null = null;
  private hovered = -1;
  private pointer: Point = [0, 0];
  private crowding = 0;
  private version = 0;
  private events = 0;
  private readonly tab = Math.random().toString(36).slice(2, 10);
  private restoring = 0;
  private trouble = "";

  constructor(private readonly parent: HTMLElement | ShadowRoot) {
    this.chrome = new Chrome((what) => this.act(what));
    this.camera = new Camera(
      this.chrome.area,
      (event) => this.gestures.pans(event),
      () => this.moved(),
    );
    this.gestures = new Gestures(this.chrome.root, this.chrome.area, {
      tool: () => this.tool,
      select: (kind, path, add) => this.select(kind, path, add),
      click: (at, add) => this.click(at, add),
      clear: () => this.act("clear"),
      hover: (at) => this.point(at),
      outline: (path) => {
        this.path = path;
        this.drawOver();
      },
      key: (name) => this.key(name),
    });
    this.frames = new Frames(
      () => this.painter,
      () => this.scene(),
      () => this.painted(),
    );
    this.resizes = new ResizeObserver(() => this.resize());
    this.chrome.root.dataset.state = "loading";
    parent.append(this.chrome.root);
    this.resizes.observe(this.chrome.area);
    this.chrome.setTool(this.tool);
  }

  onPage(): boolean {
    return this.chrome.root.isConnected;
  }

  dispose(): void {
    this.version++;
    this.frames.stop();
    this.gestures.dispose();
    this.hover?.dispose();
    this.resizes.disconnect();
    this.painter?.dispose();
    this.chrome.root.remove();
  }

  /** Use what the server sent; only columns whose content changed are fetched. */
  async update(args: ComponentArgs<MapData>): Promise<void> {
    const version = ++this.version;
    this.args = args;
    const data = args.data;
    if (!this.chrome.root.isConnected) this.parent.append(this.chrome.root);
    this.chrome.root.style.height = data.height;
    if (!this.points && data.n) this.chrome.say("Loading the map \u2026");
    try {
      const [coarse, codes, selected] = await Promise.all([
        fetchColumn(data.coarse),
        fetchColumn(data.codes),
        data.selected ? fetchColumn(data.selected) : null,
      ]);
      if (version !== this.version) return;
      this.take(data, coarse, codes, selected);
    } catch (error) {
      if (version !== this.version) return;
      this.chrome.root.dataset.state = "failed";
      this.chrome.say(`The map cannot be drawn: ${(error as Error).message}. Reload the page.`);
      console.error(error);
    }
  }

  private take(
    data: MapData,
    coarse: ArrayBuffer,
    codes: ArrayBuffer,
    selected: ArrayBuffer | null,
  ): void {
    const loaded = this.loaded;
    this.data = data;
    this.theme = this.readTheme();
    if (!this.painter) this.choosePainter(data.renderer);
    const painter = this.painter as Painter | null;
    if (!painter) throw new Error("this browser has neither WebGL nor a canvas");
    if (loaded.coarse !== data.coarse.hash || !this.points) {
      this.points = new Points(data.n, coarse);
      this.points.setCodes(codes);
      this.points.setSelected(selected);
      this.crowding = this.points.crowding();
      this.camera.setExtent(data.extent);
      this.camera.reset();
      this.frames.stop();
      this.frames.hurry();
      loaded.fine = "";
      painter.load(this.points, "all");
    } else {
      if (loaded.codes !== data.codes.hash) {
        this.points.setCodes(codes);
        painter.load(this.points, "codes");
      }
      if (loaded.selected !== (data.selected?.hash ?? "")) {
        this.points.setSelected(selected);
        painter.load(this.points, "selected");
      }
    }
    loaded.coarse = data.coarse.hash;
    loaded.codes = data.codes.hash;
    loaded.selected = data.selected?.hash ?? "";
    const { title, kind } = data.colour;
    const colour = `${title}|${kind === "categories" ? data.colour.names.join("|") : ""}`;
    if (colour !== loaded.colour) this.hidden.clear();
    loaded.colour = colour;
    this.hover ??= new Hover(data.channel, (answer) => {
      if (answer.index === this.hovered) {
        this.chrome.showTip(this.pointer[0] + MARGINS.left, this.pointer[1] + MARGINS.top, answer);
      }
    });
    this.describe();
    this.path = null;
    this.resize();
    this.frames.draw(false);
  }

  private describe(): void {
    const data = this.data;
    if (!data) return;
    this.chrome.describe(data, this.trouble ? [this.trouble] : []);
    this.chrome.setLegend(data, this.hidden, (code, alone) => this.toggle(code, alone));
    this.chrome.setBar(data);
    this.chrome.say(data.n ? "" : "No point of this map has a position.");
  }

  private choosePainter(renderer: MapData["renderer"]): void {
    if (renderer === "gpu" || (renderer === "auto" && hasHardware())) {
      try {
        this.painter = this.watched(new GpuPainter());
      } catch (error) {
        console.warn("RadioViz map: drawn without the graphics card:", error);
      }
    }
    this.painter ??= new CpuPainter();
    // What loops painted is copied into the canvas of the axes; WebGL shows itself.
    if (this.painter.kind === "gpu") this.chrome.area.prepend(this.painter.canvas);
    this.chrome.root.dataset.renderer = this.painter.kind;
  }

  /** A lost context is restored if the browser can, replaced by loops on the CPU otherwise. */
  private watched(painter: GpuPainter): GpuPainter {
    painter.canvas.addEventListener("webglcontextlost", (event) => {
      event.preventDefault();
      if (this.painter !== painter) return;
      this.frames.stop();
      this.chrome.root.dataset.state = "lost";
      this.chrome.say("The graphics card dropped the map; restoring it \u2026");
      this.restoring = window.setTimeout(() => this.replace(painter), RESTORE_MS);
    });
    painter.canvas.addEventListener("webglcontextrestored", () => {
      if (this.painter !== painter) return;
      clearTimeout(this.restoring);
      try {
        painter.start();
        this.describe();
        this.frames.draw(false);
      } catch {
        this.replace(painter);
      }
    });
    return painter;
  }

  private replace(lost: Painter): void {
    this.painter = new CpuPainter();
    lost.canvas.remove();
    this.chrome.root.dataset.renderer = this.painter.kind;
    this.trouble = "The graphics card dropped the map: drawn without it.";
    if (this.points) this.painter.load(this.points, "all");
    this.describe();
    this.resize();
    this.frames.draw(false);
  }

  private readTheme(): Theme {
    const style = getComputedStyle(this.chrome.root);
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

  private resize(): void {
    const { clientWidth: width, clientHeight: height } = this.chrome.area;
    if (!width || !height || !this.painter) return;
    this.camera.resize(width, height);
    // Loops pay for every pixel: sharp on dense screens only while there are not too many points.
    const dense = this.painter.kind === "gpu" || (this.data?.n ?? 0) <= SHARP_POINTS;
    const ratio = dense ? Math.min(2, window.devicePixelRatio || 1) : 1;
    this.painter.resize(Math.round(width * ratio), Math.round(height * ratio));
    this.frames.draw(false);
  }

  /** Points grow as the zoom thins them out, and shrink when there are many. */
  private style(): Style {
    const data = this.data as MapData;
    const { width, height, scale } = this.camera;
    const inView = Math.max(1, data.n / Math.max(1, scale * scale));
    const own = Math.min(8, Math.max(2, 0.42 * Math.sqrt((width * height) / inView)));
    const { size: factor, opacity, overlay } = data.marks;
    const size = Math.max(1, own * factor);
    const cell = (width * height * scale * scale) / 65536;
    const { dark } = this.theme;
    const full = (this.crowding * size * size) / Math.max(size * size, cell);
    return {
      size,
      full,
      table: colourTable(
        data.colour.colours,
        (code) =>
          data.colour.kind === "continuous" ? code === 0 : data.colour.names[code] === "",
        this.hidden,
        dark ? { r: 104, g: 110, b: 126 } : { r: 184, g: 189, b: 199 },
        Math.max(1, full),
      ),
      gain: 1,
      opacity,
      overlay,
    };
  }

  private scene(): { n: number; groups: MapData["groups"]; view: ReturnType<Camera["view"]>; style: Style } | null {
    if (!this.data || !this.points) return null;
    return { n: this.data.n, groups: this.data.groups, view: this.camera.view(), style: this.style() };
  }

  private painted(): void {
    const root = this.chrome.root;
    const canvas = this.painter?.kind === "cpu" ? this.painter.canvas : null;
    if (this.data) drawAxes(this.chrome.under, this.sheet, this.camera.view(), this.data, this.theme, canvas);
    this.drawOver();
    root.dataset.frames = String(this.frames.shown);
    root.dataset.points = String(this.data?.n ?? 0);
    if (this.frames.complete) {
      root.dataset.state = "drawn";
      root.dataset.drawn = `${this.loaded.coarse}:${this.loaded.codes}:${this.loaded.selected}`;
    }
  }

  private moved(): void {
    if (!this.data) return;
    this.chrome.root.dataset.state = "moving";
    this.chrome.hideTip();
    this.hovered = -1;
    this.path = null; // its corners are pixels of the view before
    this.frames.draw(true);
    if (this.camera.needsFine && this.loaded.fine !== this.data.fine.hash) void this.refine();
  }

  /** Fetch the lower halves of the positions for a deep zoom. */
  private async refine(): Promise<void> {
    const { data, points } = this;
    if (!data || !points) return;
    this.loaded.fine = data.fine.hash;
    try {
      const fine = new Uint16Array(await fetchColumn(data.fine));
      if (this.points !== points || fine.length !== 2 * points.n) return;
      points.fine = fine;
      this.painter?.load(points, "fine");
      this.frames.draw(false);
    } catch (error) {
      this.loaded.fine = "";
      console.error(error);
    }
  }

  private drawOver(): void {
    const { data, points, chrome } = this;
    if (!data) return;
    const { sx, sy, tx, ty } = this.camera.view();
    const at = (x: number, y: number): Point => [x * sx + tx, y * sy + ty];
    const { hovered } = this;
    chrome.setOutline(this.path);
    chrome.setRing("focus", data.focus && at(...data.focus));
    chrome.setRing(
      "hover",
      points && hovered >= 0 ? at(points.x(hovered), points.y(hovered)) : null,
    );
  }

  private pick([px, py]: Point): number {
    const { points } = this;
    if (!points) return -1;
    const { sx, sy, tx, ty } = this.camera.view();
    const skip = (i: number): boolean => this.hidden.has(points.codes[i]);
    return points.nearest((px - tx) / sx, (py - ty) / sy, PICK_PX / sx, PICK_PX / -sy, skip);
  }

  private point(at: Point | null): void {
    const found = at ? this.pick(at) : -1;
    if (at) this.pointer = at;
    if (found === this.hovered) return;
    this.hovered = found;
    this.chrome.hideTip();
    this.chrome.area.style.cursor = found >= 0 ? "pointer" : "";
    if (this.data?.hover) this.hover?.want(found, this.loaded.coarse);
    this.drawOver();
  }

  private select(kind: "lasso" | "box", path: Point[], add: boolean): void {
    if (!this.data) return;
    const { sx, sy, tx, ty } = this.camera.view();
    const bounds = this.data.bounds;
    const corners = outline(path).map(([x, y]) => toData(bounds, (x - tx) / sx, (y - ty) / sy));
    // The outline stays until the server's answer is drawn; nothing in it may need no answer.
    this.path = path;
    this.drawOver();
    setTimeout(() => this.path === path && this.clearOutline(), OUTLINE_MS);
    this.send({ kind, add, polygon: corners.flat() });
  }

  private clearOutline(): void {
    this.path = null;
    this.drawOver();
  }

  private selectView(add: boolean): void {
    const { width, height } = this.camera;
    this.select("box", box([0, 0], [width, height]), add);
  }

  private click(at: Point, add: boolean): void {
    const index = this.pick(at);
    if (index >= 0) this.send({ kind: "click", add, index });
  }

  private send(event: Pick<MapEvent, "kind" | "add"> & Partial<MapEvent>): void {
    const stamp = `${this.tab}-${++this.events}`;
    const full: MapEvent = {
      ...event,
      stamp,
      seen: this.loaded.coarse,
      hidden: this.data?.colour.kind === "categories" ? [...this.hidden] : [],
    };
    this.args?.setStateValue("event", full);
  }

  private toggle(code: number, alone: boolean): void {
    if (this.data?.colour.kind !== "categories") return;
    const all = this.data.colour.names.map((_, i) => i);
    if (alone) {
      const others = all.filter((c) => c !== code);
      const already = !this.hidden.has(code) && others.every((c) => this.hidden.has(c));
      this.hidden = new Set(already ? [] : others);
    } else if (!this.hidden.delete(code)) {
      this.hidden.add(code);
    }
    this.describe();
    this.frames.draw(false);
  }

  private act(what: Tool | "in" | "out" | "reset" | "clear"): void {
    if (what === "in" || what === "out") this.camera.zoomBy(what === "in" ? 1.5 : 1 / 1.5);
    else if (what === "reset") this.camera.reset();
    else if (what === "clear") {
      this.clearOutline();
      this.send({ kind: "cleared", add: false });
    }
    else this.chrome.setTool((this.tool = what));
  }

  private key(name: string): boolean {
    const actions: Record<string, () => void> = {
      l: () => this.act("lasso"),
      b: () => this.act("box"),
      p: () => this.act("pan"),
      r: () => this.act("reset"),
      // Without a pointer: zoom in with keys, then select all that is in view.
      a: () => this.selectView(false),
      A: () => this.selectView(true),
      "+": () => this.act("in"),
      "=": () => this.act("in"),
      "-": () => this.act("out"),
      Escape: () => this.act("clear"),
      ArrowLeft: () => this.camera.panBy(60, 0),
      ArrowRight: () => this.camera.panBy(-60, 0),
      ArrowUp: () => this.camera.panBy(0, 60),
      ArrowDown: () => this.camera.panBy(0, -60),
    };
    const action = Object.hasOwn(actions, name) ? actions[name] : null;
    action?.();
    return action !== null;
  }
}
