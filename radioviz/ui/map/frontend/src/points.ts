/** The points: fixed-point positions, colour codes, selection, and a grid to find them by. */

const CELLS = 256;

export class Points {
  /** Upper and lower halves of 32-bit fixed-point positions, x and y in turn. */
  readonly coarse: Uint16Array;
  fine: Uint16Array | null = null;
  codes: Uint8Array;
  /** 1 where selected; null when nothing is. */
  selected: Uint8Array | null = null;
  private starts: Uint32Array | null = null;
  private byCell: Uint32Array | null = null;
  private counts: Uint32Array | null = null;

  constructor(
    readonly n: number,
    coarse: ArrayBuffer,
  ) {
    this.coarse = new Uint16Array(coarse);
    this.codes = new Uint8Array(n);
    if (this.coarse.length !== 2 * n) throw new Error("the positions of the map are incomplete");
  }

  setCodes(buffer: ArrayBuffer): void {
    if (buffer.byteLength !== this.n) throw new Error("a colour column of the map is incomplete");
    this.codes = new Uint8Array(buffer);
  }

  setSelected(bits: ArrayBuffer | null): void {
    if (!bits) {
      this.selected = null;
      return;
    }
    const packed = new Uint8Array(bits);
    const out = new Uint8Array(this.n);
    for (let i = 0; i < this.n; i++) out[i] = (packed[i >> 3] >> (i & 7)) & 1;
    this.selected = out;
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
    const occupied = this.cellCounts().filter((c) => c > 0).sort();
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
}
