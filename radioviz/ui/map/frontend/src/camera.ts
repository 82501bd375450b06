/** Pan and zoom (d3-zoom), and from data to pixels and back. */
import { select, type Selection } from "d3-selection";
import { zoom, zoomIdentity, zoomTransform, type D3ZoomEvent, type ZoomBehavior } from "d3-zoom";
import type { View } from "./painter.ts";
import type { MapData } from "./types.ts";

const MARGIN = 0.04;
const MOST_ZOOM = 1e6;
/** Pixels a unit of the coarse grid from which its halves are distinguished. */
const NEEDS_FINE = 0.4;

export class Camera {
  private readonly zoom: ZoomBehavior<HTMLElement, unknown>;
  private readonly target: Selection<HTMLElement, unknown, null, undefined>;
  private extent: MapData["extent"] = [0, 1, 0, 1];
  width = 1;
  height = 1;

  constructor(
    private readonly element: HTMLElement,
    pans: (event: MouseEvent | TouchEvent) => boolean,
    moved: () => void,
  ) {
    this.target = select(element);
    this.zoom = zoom<HTMLElement, unknown>()
      .scaleExtent([0.5, MOST_ZOOM])
      .touchable(true)
      .filter((event: MouseEvent | TouchEvent) => event.type === "wheel" || pans(event))
      .extent(() => [
        [0, 0],
        [this.width, this.height],
      ])
      .on("zoom", (_event: D3ZoomEvent<HTMLElement, unknown>) => moved());
    this.target.call(this.zoom).on("dblclick.zoom", null);
  }

  setExtent(extent: MapData["extent"]): void {
    this.extent = extent;
  }

  resize(width: number, height: number): void {
    this.width = Math.max(1, width);
    this.height = Math.max(1, height);
  }

  /** From the coarse grid to pixels. North is up, so sy is negative. */
  view(): View {
    const { k, x, y } = zoomTransform(this.element);
    const [x0, x1, y0, y1] = this.extent.map((v) => v * 65536);
    const usableX = this.width * (1 - 2 * MARGIN);
    const usableY = this.height * (1 - 2 * MARGIN);
    const sx = usableX / Math.max(x1 - x0, 1e-6);
    const sy = -usableY / Math.max(y1 - y0, 1e-6);
    const tx = this.width / 2 - (sx * (x0 + x1)) / 2;
    const ty = this.height / 2 - (sy * (y0 + y1)) / 2;
    return {
      sx: sx * k,
      sy: sy * k,
      tx: tx * k + x,
      ty: ty * k + y,
      width: this.width,
      height: this.height,
    };
  }

  get scale(): number {
    return zoomTransform(this.element).k;
  }

  get needsFine(): boolean {
    return this.view().sx > NEEDS_FINE;
  }

  reset(): void {
    this.target.call(this.zoom.transform, zoomIdentity);
  }

  /** Show a part of the coarse grid, [x0, x1, y0, y1], as large as fits. */
  show([x0, x1, y0, y1]: [number, number, number, number]): void {
    const { k, x, y } = zoomTransform(this.element);
    const now = this.view();
    const [sx, sy] = [now.sx / k, now.sy / k];
    const [tx, ty] = [(now.tx - x) / k, (now.ty - y) / k];
    const wide = Math.max(1e-9, sx * (x1 - x0));
    const high = Math.max(1e-9, -sy * (y1 - y0));
    const scale = Math.min(MOST_ZOOM, this.width / wide, this.height / high);
    const cx = (sx * (x0 + x1)) / 2 + tx;
    const cy = (sy * (y0 + y1)) / 2 + ty;
    this.target.call(
      this.zoom.transform,
      zoomIdentity.translate(this.width / 2 - scale * cx, this.height / 2 - scale * cy).scale(scale),
    );
  }

  zoomBy(factor: number): void {
    this.target.call(this.zoom.scaleBy, factor);
  }

  panBy(dx: number, dy: number): void {
    const k = this.scale;
    this.target.call(this.zoom.translateBy, dx / k, dy / k);
  }
}

/** Place on the coarse grid of data coordinates. */
export function toGrid(bounds: MapData["bounds"], x: number, y: number): [number, number] {
  const [x0, x1, y0, y1] = bounds;
  return [((x - x0) / (x1 - x0)) * 65536, ((y - y0) / (y1 - y0)) * 65536];
}

/** Data coordinates of a place on the coarse grid. */
export function toData(bounds: MapData["bounds"], x: number, y: number): [number, number] {
  const [x0, x1, y0, y1] = bounds;
  return [x0 + (x / 65536) * (x1 - x0), y0 + (y / 65536) * (y1 - y0)];
}

/** A tenth more on each side, and a little where all lies in one place. */
export function padded([x0, x1, y0, y1]: [number, number, number, number]): [number, number, number, number] {
  const dx = Math.max(1, 0.1 * (x1 - x0));
  const dy = Math.max(1, 0.1 * (y1 - y0));
  return [x0 - dx, x1 + dx, y0 - dy, y1 + dy];
}

/** An area of the data, x0 to x1 and y0 to y1, on the grid. */
export function areaOnGrid(
  bounds: MapData["bounds"],
  [x0, x1, y0, y1]: [number, number, number, number],
): [number, number, number, number] {
  const [left, bottom] = toGrid(bounds, x0, y0);
  const [right, top] = toGrid(bounds, x1, y1);
  return [left, right, bottom, top];
}
