/** The points: fixed-point positions, how each is drawn, and a grid to find them by. */

const CELLS = 256;
/** Row of the table of colours of points that are not selected, and of those that are not shown. */
const OTHER = 256;
const ABSENT = 512;
/** What a step by an arrow key goes at least, in pixels. */
const LEAST_STEP = 4;

/** How many points have each colour code: of those shown, and of those that are selected, too. */
export interface Tally {
  shown: Uint32Array;
  selected: Uint32Array;
  total: number;
}

function bit(bits: Uint8Array, i: number): boolean {
  return ((bits[i >> 3] >> (i & 7)) & 1) === 1;
}

export class Points {
  /** Upper and lower halves of 32-bit fixed-point positions, x and y in turn. */
  readonly coarse: Uint16Array;
  fine: Uint16Array | null = null;
  codes: Uint8Array;
  /** Row of each point in the table of colours. */
  readonly places: Uint16Array;
  tally: Tally = { shown: new Uint32Array(256), selected: new Uint32Array(256), total: 0 };
  private selected: Uint8Array | null = null;
  private shown: Uint8Array | null = null;
  private starts: Uint32Array | null = null;
  private byCell: Uint32Array | null = null;
  private counts: Uint32Array | null = null;

  constructor(
    readonly n: number,
    coarse: ArrayBuffer,
  ) {
    this.coarse = new Uint16Array(coarse);
    this.codes = new Uint8Array(n);
    this.places = new Uint16Array(n);
    if (this.coarse.length !== 2 * n) throw new Error("the positions of the map are incomplete");
  }

  /** Colour codes, one byte a point; what is selected and what is shown, one bit a point. */
  set(codes: ArrayBuffer, selected: ArrayBuffer | null, shown: ArrayBuffer | null): void {
    if (codes.byteLength !== this.n) throw new Error("a colour column of the map is incomplete");
    for (const bits of [selected, shown]) {
      if (bits && 8 * bits.byteLength < this.n) throw new Error("a mask of the map is incomplete");
    }
    this.codes = new Uint8Array(codes);
    this.selected = selected && new Uint8Array(selected);
    this.shown = shown && new Uint8Array(shown);
    const of = { shown: new Uint32Array(256), selected: new Uint32Array(256), total: 0 };
    for (let i = 0; i < this.n; i++) {
      const code = this.codes[i];
      if (this.shown && !bit(this.shown, i)) {
        this.places[i] = ABSENT;
        continue;
      }
      of.shown[code]++;
      of.total++;
      if (this.selected && !bit(this.selected, i)) {
        this.places[i] = OTHER + code;
      } else {
        this.places[i] = code;
        if (this.selected) of.selected[code]++;
      }
    }
    this.tally = of;
  }

  /** Whether a point is drawn, unless its category is hidden. */
  isShown(i: number): boolean {
    return this.places[i] < ABSENT;
  }

  /** Extent of the selected points, [x0, x1, y0, y1] in units of the coarse grid; null for none. */
  selectedExtent(): [number, number, number, number] | null {
    if (!this.selected) return null;
    const box: [number, number, number, number] = [Infinity, -Infinity, Infinity, -Infinity];
    for (let i = 0; i < this.n; i++) {
      if (this.places[i] >= OTHER) continue;
      const x = this.x(i);
      const y = this.y(i);
      if (x < box[0]) box[0] = x;
      if (x > box[1]) box[1] = x;
      if (y < box[2]) box[2] = y;
      if (y > box[3]) box[3] = y;
    }
    return box[0] <= box[1] ? box : null;
  }

  /** Position of a point in units of the coarse grid (0..65536). */
  x(i: number): number {
    return this.coarse[2 * i] + (this.fine ? this.fine[2 * i] / 65536 : 0.5);
  }

  y(i: number): number {
    return this.coarse[2 * i + 1] + (this.fine ? this.fine[2 * i + 1] / 65536 : 0.5);
  }

  private cellCounts(): Uint32Array {
    if (this.counts) return this.counts;
    const counts = new Uint32Array(CELLS * CELLS);
    const q = this.coarse;
    for (let j = 0; j < q.length; j += 2) counts[((q[j + 1] >> 8) << 8) | (q[j] >> 8)]++;
    return (this.counts = counts);
  }

  /**
   * How many points the crowded cells hold (99th percentile of the occupied ones): with the
   * area of a cell on screen this says how many points lie on one another.
   */
  crowding(): number {
    const counts = new Uint32Array(CELLS * CELLS);
    const q = this.coarse;
    for (let i = 0, j = 0; i < this.n; i++, j += 2) {
      if (this.places[i] < ABSENT) counts[((q[j + 1] >> 8) << 8) | (q[j] >> 8)]++;
    }
    const occupied = counts.filter((c) => c > 0).sort();
    return occupied.length ? occupied[Math.floor(0.99 * (occupied.length - 1))] : 0;
  }

  private index(): { starts: Uint32Array; byCell: Uint32Array } {
    if (this.starts && this.byCell) return { starts: this.starts, byCell: this.byCell };
    const counts = this.cellCounts();
    const starts = new Uint32Array(CELLS * CELLS + 1);
    for (let c = 0; c < counts.length; c++) starts[c + 1] = starts[c] + counts[c];
    const next = starts.slice(0, -1);
    const byCell = new Uint32Array(this.n);
    const q = this.coarse;
    for (let i = 0, j = 0; i < this.n; i++, j += 2) {
      byCell[next[((q[j + 1] >> 8) << 8) | (q[j] >> 8)]++] = i;
    }
    this.starts = starts;
    this.byCell = byCell;
    return { starts, byCell };
  }

  /**
   * The point nearest to (x, y), both in units of the coarse grid, within a radius of rx and
   * ry such units (a circle on screen); -1 for none. Points that `skip` says yes to are not seen.
   */
  nearest(x: number, y: number, rx: number, ry: number, skip: (i: number) => boolean): number {
    if (!this.n) return -1;
    const { starts, byCell } = this.index();
    const cell = (v: number): number => Math.min(CELLS - 1, Math.max(0, Math.floor(v / 256)));
    let best = -1;
    let least = 1;
    for (let cy = cell(y - ry); cy <= cell(y + ry); cy++) {
      const first = starts[cy * CELLS + cell(x - rx)];
      const last = starts[cy * CELLS + cell(x + rx) + 1];
      for (let k = first; k < last; k++) {
        const i = byCell[k];
        const dx = (this.x(i) - x) / rx;
        const dy = (this.y(i) - y) / ry;
        const d = dx * dx + dy * dy;
        if (d < least && !skip(i)) {
          least = d;
          best = i;
        }
      }
    }
    return best;
  }

  /**
   * The nearest point in a direction on the screen, within 45 degrees of it; -1 for none. (x, y)
   * in units of the coarse grid, (dx, dy) one of the four directions in pixels, (sx, sy) pixels a
   * unit. Points nearer than a few pixels are passed: zooming in parts them.
   */
  toward(
    [x, y]: [number, number],
    [dx, dy]: [number, number],
    [sx, sy]: [number, number],
    skip: (i: number) => boolean,
  ): number {
    let best = -1;
    let least = Infinity;
    for (let i = 0; i < this.n; i++) {
      const px = (this.x(i) - x) * sx;
      const py = (this.y(i) - y) * sy;
      const along = px * dx + py * dy;
      const aside = Math.abs(px * dy - py * dx);
      if (along < LEAST_STEP || aside > along) continue;
      const d = along * along + 4 * aside * aside; // straight ahead counts as nearer
      if (d < least && !skip(i)) {
        least = d;
        best = i;
      }
    }
    return best;
  }
}
