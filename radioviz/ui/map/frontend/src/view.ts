/** One map on the page: data in, painted points and events out. */
import { drawAxes, MARGINS, type Theme } from "./axes.ts";
import { areaOnGrid, Camera, padded, toData } from "./camera.ts";
import { Chrome, toggled, type Act, type Tool } from "./chrome.ts";
import { Frames } from "./frames.ts";
import { Gestures } from "./gestures.ts";
import { Hover } from "./hover.ts";
import { press } from "./keys.ts";
import { box, outline, type Point } from "./lasso.ts";
import type { Painter, Style } from "./painter.ts";
import { Painting } from "./painting.ts";
import { Points } from "./points.ts";
import { fetchColumn } from "./store.ts";
import { readTheme, styleOf } from "./style.ts";
import type { ComponentArgs, MapData, MapEvent } from "./types.ts";

const PICK_PX = 9;
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
  private painting: Painting | null = null;
  private points: Points | null = null;
  private data: MapData | null = null;
  private args: ComponentArgs<MapData> | null = null;
  private loaded = { coarse: "", fine: "", codes: "", selected: "", shown: "", colour: "" };
  private hidden = new Set<number>();
  private tool: Tool = "lasso";
  private theme!: Theme;
  private path: Point[] | null = null;
  private hovered = -1;
  private pointer: Point = [0, 0];
  /** Whether the keys, not the pointer, went to the point that is looked at. */
  private keyboard = false;
  private readonly keyed = {
    act: (what: Act) => this.act(what),
    selectView: (add: boolean) => this.selectView(add),
    step: (direction: [number, number]) => this.step(direction),
    pan: (dx: number, dy: number) => this.camera.panBy(dx, dy),
    choose: (add: boolean) =>
      this.hovered >= 0 && this.send({ kind: "click", add, index: this.hovered }),
  };
  private crowding = 0;
  private version = 0;
  private events = 0;
  private readonly tab = Math.random().toString(36).slice(2, 10);
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
      key: (name, shift) => press(name, shift, this.keyed),
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

  private get painter(): Painter | null {
    return this.painting?.painter ?? null;
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
    this.painting?.dispose();
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
      const [coarse, codes, selected, shown] = await Promise.all([
        fetchColumn(data.coarse),
        fetchColumn(data.codes),
        data.selected ? fetchColumn(data.selected) : null,
        data.shown ? fetchColumn(data.shown) : null,
      ]);
      if (version !== this.version) return;
      this.take(data, coarse, codes, selected, shown);
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
    shown: ArrayBuffer | null,
  ): void {
    const loaded = this.loaded;
    this.data = data;
    this.theme = readTheme(this.chrome.root);
    this.painting ??= new Painting(data.renderer, this.chrome.root, this.chrome.area, {
      lost: () => this.lost(),
      restored: () => this.describe(),
      replaced: () => this.replaced(),
      draw: () => this.frames.draw(false),
    });
    const { painter } = this.painting;
    const fresh = loaded.coarse !== data.coarse.hash || !this.points;
    const masks = { selected: data.selected?.hash ?? "", shown: data.shown?.hash ?? "" };
    const recoloured = loaded.codes !== data.codes.hash;
    if (fresh || !this.points) this.points = new Points(data.n, coarse);
    if (fresh || recoloured || loaded.selected !== masks.selected || loaded.shown !== masks.shown) {
      this.points.set(codes, selected, shown);
      if (fresh || loaded.shown !== masks.shown) this.crowding = this.points.crowding();
      painter.load(this.points, fresh ? "all" : "places");
    }
    if (fresh) {
      this.camera.setExtent(data.extent);
      this.camera.reset();
      this.frames.stop();
      this.frames.hurry();
      loaded.fine = "";
    }
    Object.assign(loaded, masks, { coarse: data.coarse.hash, codes: data.codes.hash });
    const { title, kind } = data.colour;
    const colour = `${title}|${kind === "categories" ? data.colour.names.join("|") : ""}`;
    if (colour !== loaded.colour) this.hidden.clear();
    loaded.colour = colour;
    this.hover ??= new Hover(data.channel, (answer) => {
      if (answer.index === this.hovered) {
        if (this.keyboard) this.chrome.announce(answer.text.split("\n").join(", "));
        this.chrome.showTip(this.pointer[0] + MARGINS.left, this.pointer[1] + MARGINS.top, answer);
      }
    });
    this.describe();
    this.path = null;
    this.resize();
    if (fresh && data.area) this.camera.show(areaOnGrid(data.bounds, data.area));
    this.frames.draw(false);
  }

  private describe(): void {
    const { data, points } = this;
    if (!data || !points) return;
    this.chrome.describe(data, this.trouble ? [this.trouble] : []);
    this.chrome.over.describe(data);
    this.chrome.setLegend(data, points.tally, this.hidden, (code, alone) => this.toggle(code, alone));
    this.chrome.setBar(data);
    this.chrome.say(data.n ? "" : "No point of this map has a position.");
  }

  private lost(): void {
    this.frames.stop();
    this.chrome.root.dataset.state = "lost";
    this.chrome.say("The graphics card dropped the map; restoring it \u2026");
  }

  private replaced(): void {
    this.trouble = "The graphics card dropped the map: drawn without it.";
    if (this.points) this.painter?.load(this.points, "all");
    this.describe();
    this.resize();
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

  private scene(): { n: number; groups: MapData["groups"]; view: ReturnType<Camera["view"]>; style: Style } | null {
    if (!this.data || !this.points) return null;
    const style = styleOf(this.data, this.points.tally.total, this.camera, this.crowding, this.hidden, this.theme);
    return { n: this.data.n, groups: this.data.groups, view: this.camera.view(), style };
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
      const { coarse, codes, selected, shown } = this.loaded;
      root.dataset.drawn = [coarse, codes, selected, shown].join(":");
      this.reportView();
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
    const view = this.camera.view();
    const { sx, sy, tx, ty } = view;
    const at = (x: number, y: number): Point => [x * sx + tx, y * sy + ty];
    const { hovered } = this;
    chrome.over.move(view);
    chrome.over.setOutline(this.path);
    chrome.over.setRing("focus", data.focus && at(...data.focus));
    chrome.over.setRing(
      "hover",
      points && hovered >= 0 ? at(points.x(hovered), points.y(hovered)) : null,
    );
  }

  /** The nearest galaxy from the one that the keys are at, in a direction of the screen. */
  private step(direction: [number, number]): void {
    const { points, data } = this;
    if (!points || !data) return;
    const { width, height } = this.camera;
    const { sx, sy, tx, ty } = this.camera.view();
    const centre: Point = [width / 2, height / 2];
    const from: Point | null =
      this.hovered >= 0 ? [points.x(this.hovered), points.y(this.hovered)] : data.focus;
    const found = from
      ? points.toward(from, direction, [sx, sy], (i) => this.skips(i))
      : this.pick(centre, Math.max(width, height));
    if (found < 0) {
      this.chrome.announce("no galaxy in this direction");
      return;
    }
    const at: Point = [points.x(found) * sx + tx, points.y(found) * sy + ty];
    if (at[0] < 0 || at[1] < 0 || at[0] > width || at[1] > height) {
      this.camera.panBy(centre[0] - at[0], centre[1] - at[1]);
      at[0] = centre[0];
      at[1] = centre[1];
    }
    this.keyboard = true;
    this.pointer = at;
    this.lookAt(found);
  }

  private reportView(): void {
    if (!this.data) return;
    const { sx, sy, tx, ty, width, height } = this.camera.view();
    const [x0, y0] = toData(this.data.bounds, -tx / sx, (height - ty) / sy);
    const [x1, y1] = toData(this.data.bounds, (width - tx) / sx, -ty / sy);
    const area = [x0, x1, y0, y1].map((v) => Number(v.toPrecision(8)));
    this.hover?.report({ area: area as MapData["bounds"], hidden: [...this.hidden], seen: this.loaded.coarse });
  }

  private pick([px, py]: Point, radius = PICK_PX): number {
    const { points } = this;
    if (!points) return -1;
    const { sx, sy, tx, ty } = this.camera.view();
    return points.nearest((px - tx) / sx, (py - ty) / sy, radius / sx, radius / -sy, (i) => this.skips(i));
  }

  private skips(i: number): boolean {
    return !this.points?.isShown(i) || this.hidden.has(this.points.codes[i]);
  }

  private point(at: Point | null): void {
    if (!at && this.keyboard) return; // the pointer has not been there
    this.keyboard = false;
    const found = at ? this.pick(at) : -1;
    if (at) this.pointer = at;
    this.lookAt(found);
  }

  /** Ring, text and picture of a point; negative: of none. */
  private lookAt(found: number): void {
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
    this.hidden = toggled(this.hidden, code, alone ? this.data.colour.names.length : 0);
    this.describe();
    this.frames.draw(false);
  }

  private act(what: Act): void {
    if (what === "in" || what === "out") this.camera.zoomBy(what === "in" ? 1.5 : 1 / 1.5);
    else if (what === "reset") this.camera.reset();
    else if (what === "selection") {
      const box = this.points?.selectedExtent();
      if (box) this.camera.show(padded(box));
    } else if (what === "clear") {
      this.clearOutline();
      this.send({ kind: "cleared", add: false });
    } else this.chrome.setTool((this.tool = what));
  }
}
