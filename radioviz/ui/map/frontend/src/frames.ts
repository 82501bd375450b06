/**
 * When to paint how many points. While the view moves, as many as fit into a frame (the buffers
 * are in random order, so the first k points are a fair sample); when it rests, all of them,
 * spread over frames so that the page stays responsive.
 */
import type { Painter, Style, View } from "./painter.ts";
import type { Group } from "./types.ts";

/** Milliseconds of painting a frame while moving, and while filling in. */
const MOVING_MS = 14;
const FILLING_MS = 24;
const REST_MS = 150;
const LEAST = 20_000;

export interface Scene {
  n: number;
  groups: Group[];
  view: View;
  style: Style;
}

export class Frames {
  /** Frames shown so far, and whether the last one holds every point. */
  shown = 0;
  complete = false;
  private wanted: "no" | "moving" | "full" = "no";
  private cursor = -1;
  private scheduled = 0;
  private rest = 0;
  private urgent = true;
  private readonly budget = { cpu: 400_000, gpu: 1_000_000 };
  private before = 0;

  constructor(
    private readonly painter: () => Painter | null,
    private readonly scene: () => Scene | null,
    private readonly after: () => void,
  ) {}

  /** Paint again; `moving` while more changes are expected at once. */
  draw(moving: boolean): void {
    if (moving) {
      clearTimeout(this.rest);
      this.rest = window.setTimeout(() => !this.complete && this.draw(false), REST_MS);
      this.wanted = "moving";
    } else if (this.wanted !== "moving") {
      this.wanted = "full";
    }
    this.schedule();
  }

  /** Show the first points as soon as they are there, not all at once: for a first look. */
  hurry(): void {
    this.urgent = true;
  }

  stop(): void {
    cancelAnimationFrame(this.scheduled);
    clearTimeout(this.rest);
    this.scheduled = 0;
    this.wanted = "no";
    this.cursor = -1;
  }

  private schedule(): void {
    if (!this.scheduled) this.scheduled = requestAnimationFrame((t) => this.tick(t));
  }

  private tick(time: number): void {
    this.scheduled = 0;
    const painter = this.painter();
    const scene = this.scene();
    if (!painter || !scene) return;
    const before = this.shown;
    if (this.wanted === "moving") {
      this.adapt(painter, time);
      const k = Math.min(scene.n, this.budget[painter.kind]);
      painter.begin(scene.view, { ...scene.style, gain: k ? scene.n / k : 1 });
      this.timed(painter, k, () => this.addShare(painter, scene, k / Math.max(1, scene.n)));
      painter.finish();
      this.cursor = -1;
      this.complete = k === scene.n;
      this.wanted = "no";
      this.shown++;
    } else if (this.wanted === "full" || this.cursor >= 0) {
      if (this.wanted === "full") {
        painter.begin(scene.view, scene.style);
        this.cursor = 0;
        this.wanted = "no";
      }
      const step = Math.ceil((this.budget[painter.kind] * FILLING_MS) / MOVING_MS);
      const end = Math.min(scene.n, this.cursor + step);
      this.timed(painter, end - this.cursor, () => this.addRange(painter, scene, this.cursor, end));
      this.complete = end === scene.n;
      if (this.complete || this.urgent) {
        painter.finish();
        this.urgent = false;
        this.shown++;
      }
      this.cursor = this.complete ? -1 : end;
      if (!this.complete) this.schedule();
    }
    // A canvas that is touched is put on the screen again: only when there is something to see.
    if (this.shown !== before) this.after();
  }

  /** Loops can be timed; how many points fit into a frame follows. */
  private timed(painter: Painter, points: number, work: () => void): void {
    const start = performance.now();
    work();
    const spent = performance.now() - start;
    if (painter.kind === "cpu" && points >= LEAST && spent > 0.5) {
      const fits = (points * MOVING_MS) / spent;
      this.budget.cpu = Math.max(LEAST, 0.7 * this.budget.cpu + 0.3 * fits);
    }
  }

  /** The graphics card works on its own time: it is judged by how fast frames follow. */
  private adapt(painter: Painter, time: number): void {
    const interval = time - this.before;
    this.before = time;
    if (painter.kind !== "gpu" || interval > 1000) return;
    if (interval > 30) this.budget.gpu = Math.max(LEAST, this.budget.gpu * 0.6);
    else if (interval < 20) this.budget.gpu = Math.min(50e6, this.budget.gpu * 1.15);
  }

  private addShare(painter: Painter, scene: Scene, share: number): void {
    scene.groups.forEach((group, g) => {
      const k = Math.ceil((group.end - group.start) * share);
      painter.add(group.start, group.start + k, g > 0);
    });
  }

  private addRange(painter: Painter, scene: Scene, start: number, end: number): void {
    scene.groups.forEach((group, g) => {
      const from = Math.max(start, group.start);
      const to = Math.min(end, group.end);
      if (to > from) painter.add(from, to, g > 0);
    });
  }
}
