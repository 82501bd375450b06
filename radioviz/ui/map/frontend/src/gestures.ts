/** Pointer and keys: lasso, box, click, hover; panning and zooming are the camera's. */
import { box, type Point } from "./lasso.ts";
import type { Tool } from "./chrome.ts";

const CLICK_PX = 4;

export interface Hooks {
  tool(): Tool;
  /** A closed outline in pixels. */
  select(kind: "lasso" | "box", path: Point[], add: boolean): void;
  click(at: Point, add: boolean): void;
  clear(): void;
  hover(at: Point | null): void;
  /** The outline while it is drawn; null when it ends. */
  outline(path: Point[] | null): void;
  key(name: string, shift: boolean): boolean;
}

export class Gestures {
  space = false;
  private path: Point[] | null = null;
  private start: Point | null = null;
  private kind: "lasso" | "box" | "none" = "none";
  private add = false;
  private readonly pointers = new Set<number>();
  private readonly undo: (() => void)[] = [];

  constructor(
    private readonly root: HTMLElement,
    private readonly area: HTMLElement,
    private readonly hooks: Hooks,
  ) {
    this.on(area, "pointerdown", (e) => this.down(e as PointerEvent));
    this.on(area, "pointermove", (e) => this.move(e as PointerEvent));
    this.on(area, "pointerup", (e) => this.up(e as PointerEvent));
    this.on(area, "pointercancel", (e) => this.cancel(e as PointerEvent));
    this.on(area, "pointerleave", () => this.hooks.hover(null));
    this.on(area, "dblclick", () => this.hooks.clear());
    this.on(root, "keydown", (e) => this.keydown(e as KeyboardEvent));
    this.on(root, "keyup", (e) => (e as KeyboardEvent).key === " " && (this.space = false));
    this.on(root, "blur", () => (this.space = false));
  }

  private on(target: HTMLElement, name: string, act: (event: Event) => void): void {
    target.addEventListener(name, act);
    this.undo.push(() => target.removeEventListener(name, act));
  }

  dispose(): void {
    for (const undo of this.undo) undo();
  }

  /** Whether a press moves the map instead of drawing. */
  pans(event: MouseEvent | TouchEvent): boolean {
    if ("touches" in event) return event.touches.length > 1 || this.hooks.tool() === "pan";
    if (event.button === 1) return true;
    return event.button === 0 && !event.shiftKey && (this.hooks.tool() === "pan" || this.space);
  }

  private at(event: PointerEvent): Point {
    const frame = this.area.getBoundingClientRect();
    return [event.clientX - frame.left, event.clientY - frame.top];
  }

  private down(event: PointerEvent): void {
    this.root.focus({ preventScroll: true });
    this.pointers.add(event.pointerId);
    if (this.pointers.size > 1 || event.button !== 0) {
      this.stop();
      return;
    }
    const tool = this.hooks.tool();
    this.start = this.at(event);
    this.add = event.shiftKey;
    // Shift draws even while panning is chosen.
    this.kind = tool === "pan" ? (event.shiftKey ? "lasso" : "none") : this.space ? "none" : tool;
    this.path = this.kind === "none" ? null : [this.start];
    if (this.path) this.area.setPointerCapture(event.pointerId);
    this.hooks.hover(null);
  }

  private move(event: PointerEvent): void {
    const here = this.at(event);
    if (!this.start) {
      if (event.pointerType !== "touch" && event.buttons === 0) this.hooks.hover(here);
      return;
    }
    if (!this.path) return;
    const events = event.getCoalescedEvents?.() ?? [];
    for (const each of events.length ? events : [event]) {
      const p = this.at(each);
      const last = this.path[this.path.length - 1];
      if (Math.hypot(p[0] - last[0], p[1] - last[1]) >= 1.5) this.path.push(p);
    }
    this.hooks.outline(this.kind === "box" ? box(this.start, here) : this.path);
  }

  private up(event: PointerEvent): void {
    this.pointers.delete(event.pointerId);
    const { start, path, kind, add } = this;
    const here = this.at(event);
    this.stop();
    if (!start) return;
    const far = Math.hypot(here[0] - start[0], here[1] - start[1]) > CLICK_PX;
    if (path && kind === "box" && far) this.hooks.select("box", box(start, here), add);
    else if (path && kind === "lasso" && path.length > 3) this.hooks.select("lasso", path, add);
    else if (!far && event.button === 0) this.hooks.click(here, add);
  }

  private cancel(event: PointerEvent): void {
    this.pointers.delete(event.pointerId);
    this.stop();
  }

  private stop(): void {
    this.start = null;
    this.path = null;
    this.hooks.outline(null);
  }

  private keydown(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    // A space or Enter on a button presses the button.
    if (event.key === "Enter" && event.composedPath()[0] !== this.root) return;
    if (event.key === " ") {
      if (event.composedPath()[0] !== this.root) return;
      this.space = true;
      event.preventDefault();
      return;
    }
    if (event.key === "Escape" && this.path) {
      this.stop();
    } else if (!this.hooks.key(event.key, event.shiftKey)) {
      return;
    }
    // Streamlit has keys of its own (c, r), which are not meant here.
    event.preventDefault();
    event.stopPropagation();
  }
}
