/** What paints a map: the graphics card, or loops on the CPU where there is none or it fails. */
import { CpuPainter } from "./cpu.ts";
import { GpuPainter, hasHardware } from "./gpu.ts";
import type { Painter } from "./painter.ts";
import type { MapData } from "./types.ts";

const RESTORE_MS = 2500;

/** What the map does about a context of WebGL that the browser took away. */
export interface Losses {
  lost(): void;
  restored(): void;
  replaced(): void;
  draw(): void;
}

export class Painting {
  painter: Painter;
  private restoring = 0;

  constructor(
    renderer: MapData["renderer"],
    private readonly root: HTMLElement,
    area: HTMLElement,
    private readonly on: Losses,
  ) {
    this.painter = this.chosen(renderer);
    // What loops painted is copied into the canvas of the axes; WebGL shows itself.
    if (this.painter.kind === "gpu") area.prepend(this.painter.canvas);
    root.dataset.renderer = this.painter.kind;
  }

  dispose(): void {
    this.painter.dispose();
  }

  private chosen(renderer: MapData["renderer"]): Painter {
    if (renderer === "gpu" || (renderer === "auto" && hasHardware())) {
      try {
        return this.watched(new GpuPainter());
      } catch (error) {
        console.warn("RadioViz map: drawn without the graphics card:", error);
      }
    }
    return new CpuPainter();
  }

  /** A lost context is restored if the browser can, replaced by loops on the CPU otherwise. */
  private watched(painter: GpuPainter): GpuPainter {
    painter.canvas.addEventListener("webglcontextlost", (event) => {
      event.preventDefault();
      if (this.painter !== painter) return;
      this.on.lost();
      this.restoring = window.setTimeout(() => this.replace(painter), RESTORE_MS);
    });
    painter.canvas.addEventListener("webglcontextrestored", () => {
      if (this.painter !== painter) return;
      clearTimeout(this.restoring);
      try {
        painter.start();
        this.on.restored();
        this.on.draw();
      } catch {
        this.replace(painter);
      }
    });
    return painter;
  }

  private replace(lost: Painter): void {
    this.painter = new CpuPainter();
    lost.canvas.remove();
    this.root.dataset.renderer = this.painter.kind;
    this.on.replaced();
    this.on.draw();
  }
}
