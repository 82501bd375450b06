/** Paints with plain loops into a 2D canvas. */
import { opacity, type Painter, type Style, type View } from "./painter.ts";
import type { Points } from "./points.ts";

/** Offsets and weights of the pixels that a point covers. */
interface Stamp {
  dx: Int32Array;
  dy: Int32Array;
  w: Float32Array;
}

/** Places within a pixel that are distinguished, along each axis. */
const PLACES = 4;

/** A disc or ring whose centre lies at (ox, oy) within its pixel. */
function stamp(size: number, ring: boolean, ox: number, oy: number): Stamp {
  const dx: number[] = [];
  const dy: number[] = [];
  const w: number[] = [];
  const r = size / 2;
  const reach = Math.ceil(r + 0.5);
  for (let y = -reach; y <= reach; y++) {
    for (let x = -reach; x <= reach; x++) {
      const d = Math.hypot(x + 0.5 - ox, y + 0.5 - oy);
      let cover = Math.min(1, Math.max(0, r + 0.5 - d));
      if (ring) cover = Math.min(cover, Math.max(0, 1.2 - Math.abs(d - (r - 0.9)) / 1.2));
      if (cover > 0.05) {
        dx.push(x);
        dy.push(y);
        w.push(cover);
      }
    }
  }
  return { dx: Int32Array.from(dx), dy: Int32Array.from(dy), w: Float32Array.from(w) };
}

/** The same for every place within a pixel, row by row. */
function stamps(size: number, ring: boolean): Stamp[] {
  const at = (k: number): number => (k + 0.5) / PLACES;
  return Array.from({ length: PLACES * PLACES }, (_, k) =>
    stamp(size, ring, at(k % PLACES), at(Math.floor(k / PLACES))),
  );
}

const FINE_STEPS = 4096;

export class CpuPainter implements Painter {
  readonly kind = "cpu";
  readonly canvas = document.createElement("canvas");
  private readonly context: CanvasRenderingContext2D;
  private points: Points | null = null;
  /** Of the points that are added now: of dots, or of rings, which there may be none of. */
  private sums = new Float32Array(0);
  private dots = this.sums;
  private rings: Float32Array<ArrayBuffer> | null = null;
  private image: ImageData | null = null;
  private view!: View;
  private style!: Style;
  private ringExtra = 4;
  /** Opacity by weight: below 64 in fine steps, above in coarse ones. */
  private readonly low = new Uint8Array(FINE_STEPS + 1);
  private readonly high = new Uint8Array(FINE_STEPS + 1);

  constructor() {
    // Pixels are written here every frame: the canvas is better off in main memory.
    const context = this.canvas.getContext("2d", { willReadFrequently: true });
    if (!context) throw new Error("this browser cannot draw on a canvas");
    this.context = context;
  }

  load(points: Points): void {
    this.points = points;
  }

  resize(width: number, height: number): void {
    if (this.image && this.canvas.width === width && this.canvas.height === height) return;
    this.canvas.width = Math.max(1, width);
    this.canvas.height = Math.max(1, height);
    this.dots = new Float32Array(4 * this.canvas.width * this.canvas.height);
    this.rings = null;
    this.image = this.context.createImageData(this.canvas.width, this.canvas.height);
  }

  begin(view: View, style: Style): void {
    // Here everything is in pixels of the canvas.
    const ratio = this.canvas.width / view.width;
    this.view = { ...view, sx: view.sx * ratio, sy: view.sy * ratio, tx: view.tx * ratio, ty: view.ty * ratio };
    this.style = { ...style, size: style.size * ratio };
    this.ringExtra = 4 * ratio;
    this.dots.fill(0);
    this.rings?.fill(0);
    for (let i = 0; i <= FINE_STEPS; i++) {
      this.low[i] = Math.round(255 * style.opacity * opacity((64 * i) / FINE_STEPS, style.full));
      this.high[i] = Math.round(255 * style.opacity * opacity(4 * i, style.full));
    }
  }

  add(start: number, end: number, ring: boolean): void {
    const points = this.points;
    if (!points) return;
    if (ring) this.rings ??= new Float32Array(this.dots.length);
    this.sums = (ring && this.rings) || this.dots;
    const size = Math.max(1, Math.round(this.style.size));
    const gain = this.style.gain * (ring ? this.style.ring : 1);
    // Weights are in the table, so that the inner loops only add.
    const table = this.style.table.map((v) => v * gain);
    if (ring || size > 2) {
      // Discs keep their size to the tenth of a pixel, squares are whole.
      const wide = Math.max(2.5, this.style.size) + (ring ? this.ringExtra : 0);
      this.addStamps(points, table, start, end, stamps(wide, ring));
    } else if (points.fine || size === 1) {
      this.addSquares(points, table, start, end, size);
    } else {
      this.addPlain(points, table, start, end);
    }
  }

  /** Two by two pixels, coarse positions: the common case of many points. */
  private addPlain(points: Points, table: Float32Array, start: number, end: number): void {
    const { sx, sy, tx, ty } = this.view;
    const q = points.coarse;
    const places = points.places;
    const sums = this.sums;
    const right = this.canvas.width - 1;
    const bottom = this.canvas.height - 1;
    const row = 4 * this.canvas.width;
    const ox = tx + 0.5 * sx - 0.5;
    const oy = ty + 0.5 * sy - 0.5;
    for (let i = start, j = 2 * start; i < end; i++, j += 2) {
      const t = places[i] << 2;
      const w = table[t + 3];
      if (!w) continue;
      const px = q[j] * sx + ox;
      const py = q[j + 1] * sy + oy;
      if (px < 0 || py < 0 || px >= right || py >= bottom) continue;
      let o = (py | 0) * row + ((px | 0) << 2);
      const r = table[t];
      const g = table[t + 1];
      const b = table[t + 2];
      sums[o] += r;
      sums[o + 1] += g;
      sums[o + 2] += b;
      sums[o + 3] += w;
      sums[o + 4] += r;
      sums[o + 5] += g;
      sums[o + 6] += b;
      sums[o + 7] += w;
      o += row;
      sums[o] += r;
      sums[o + 1] += g;
      sums[o + 2] += b;
      sums[o + 3] += w;
      sums[o + 4] += r;
      sums[o + 5] += g;
      sums[o + 6] += b;
      sums[o + 7] += w;
    }
  }

  private addSquares(
    points: Points,
    table: Float32Array,
    start: number,
    end: number,
    size: number,
  ): void {
    const { sx, sy, tx, ty } = this.view;
    const q = points.coarse;
    const fine = points.fine;
    const places = points.places;
    const sums = this.sums;
    const right = this.canvas.width - size + 1;
    const bottom = this.canvas.height - size + 1;
    const row = 4 * this.canvas.width;
    const half = (size - 1) / 2;
    for (let i = start, j = 2 * start; i < end; i++, j += 2) {
      const t = places[i] << 2;
      if (!table[t + 3]) continue;
      const px = (q[j] + (fine ? fine[j] / 65536 : 0.5)) * sx + tx - half;
      const py = (q[j + 1] + (fine ? fine[j + 1] / 65536 : 0.5)) * sy + ty - half;
      if (px < 0 || py < 0 || px >= right || py >= bottom) continue;
      const o = (py | 0) * row + ((px | 0) << 2);
      for (let y = 0; y < size; y++) {
        for (let x = 0; x < size; x++) {
          const k = o + y * row + (x << 2);
          sums[k] += table[t];
          sums[k + 1] += table[t + 1];
          sums[k + 2] += table[t + 2];
          sums[k + 3] += table[t + 3];
        }
      }
    }
  }

  private addStamps(
    points: Points,
    table: Float32Array,
    start: number,
    end: number,
    shapes: Stamp[],
  ): void {
    const { sx, sy, tx, ty } = this.view;
    const { width, height } = this.canvas;
    const q = points.coarse;
    const fine = points.fine;
    const sums = this.sums;
    const reach = shapes[0].dx.reduce((a, b) => Math.max(a, b), 0) + 1;
    for (let i = start, j = 2 * start; i < end; i++, j += 2) {
      const t = points.places[i] << 2;
      if (!table[t + 3]) continue;
      const px = (q[j] + (fine ? fine[j] / 65536 : 0.5)) * sx + tx;
      const py = (q[j + 1] + (fine ? fine[j + 1] / 65536 : 0.5)) * sy + ty;
      if (px < -reach || py < -reach || px >= width + reach || py >= height + reach) continue;
      const cx = Math.floor(px);
      const cy = Math.floor(py);
      const { dx, dy, w } =
        shapes[((py - cy) * PLACES | 0) * PLACES + ((px - cx) * PLACES | 0)];
      for (let k = 0; k < dx.length; k++) {
        const x = cx + dx[k];
        const y = cy + dy[k];
        if (x < 0 || y < 0 || x >= width || y >= height) continue;
        const o = (y * width + x) << 2;
        sums[o] += table[t] * w[k];
        sums[o + 1] += table[t + 1] * w[k];
        sums[o + 2] += table[t + 2] * w[k];
        sums[o + 3] += table[t + 3] * w[k];
      }
    }
  }

  finish(): void {
    if (!this.image) return;
    const { dots, rings, low, high } = this;
    const below = this.style.below && rings !== null;
    const sums = below ? rings : dots;
    const out = this.image.data;
    for (let o = 0; o < sums.length; o += 4) {
      const w = sums[o + 3];
      if (w <= 0) {
        out[o + 3] = 0;
        continue;
      }
      const k = 255 / w;
      out[o] = sums[o] * k;
      out[o + 1] = sums[o + 1] * k;
      out[o + 2] = sums[o + 2] * k;
      out[o + 3] =
        w < 64 ? low[(w * (FINE_STEPS / 64)) | 0] : high[Math.min(FINE_STEPS, (w / 4) | 0)];
    }
    if (rings) this.cover(below ? dots : rings);
    this.context.putImageData(this.image, 0, 0);
  }

  /** Lay sums over the picture. */
  private cover(sums: Float32Array): void {
    const { low, high } = this;
    const out = (this.image as ImageData).data;
    for (let o = 0; o < sums.length; o += 4) {
      const w = sums[o + 3];
      if (w <= 0) continue;
      const above =
        (w < 64 ? low[(w * (FINE_STEPS / 64)) | 0] : high[Math.min(FINE_STEPS, (w / 4) | 0)]) / 255;
      const through = (1 - above) * (out[o + 3] / 255);
      const whole = above + through;
      if (whole <= 0) continue;
      for (let c = o; c < o + 3; c++) {
        out[c] = ((255 * sums[c] * above) / w + out[c] * through) / whole;
      }
      out[o + 3] = 255 * whole;
    }
  }

  dispose(): void {
    this.canvas.remove();
    this.points = null;
    this.sums = this.dots = new Float32Array(0);
    this.rings = null;
  }
}
