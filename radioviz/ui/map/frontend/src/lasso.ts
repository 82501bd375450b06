/** Outlines drawn by hand. */

export type Point = [number, number];

/** Fewest corners that stay within `tolerance` of a path (Ramer 1972, Douglas & Peucker 1973). */
export function simplify(path: Point[], tolerance: number): Point[] {
  if (path.length < 3) return path;
  const keep = new Uint8Array(path.length);
  keep[0] = keep[path.length - 1] = 1;
  const todo: [number, number][] = [[0, path.length - 1]];
  for (let part = todo.pop(); part; part = todo.pop()) {
    const [a, b] = part;
    const [ax, ay] = path[a];
    const dx = path[b][0] - ax;
    const dy = path[b][1] - ay;
    const length = Math.hypot(dx, dy);
    let most = tolerance;
    let at = -1;
    for (let i = a + 1; i < b; i++) {
      const px = path[i][0] - ax;
      const py = path[i][1] - ay;
      const d = length ? Math.abs(px * dy - py * dx) / length : Math.hypot(px, py);
      if (d > most) {
        most = d;
        at = i;
      }
    }
    if (at > 0) {
      keep[at] = 1;
      todo.push([a, at], [at, b]);
    }
  }
  return path.filter((_, i) => keep[i]);
}

/** Corners to send: as few as look the same, never more than `most`. */
export function outline(path: Point[], most = 400): Point[] {
  let tolerance = 0.5;
  let few = simplify(path, tolerance);
  while (few.length > most) few = simplify(path, (tolerance *= 2));
  return few;
}

export function box([ax, ay]: Point, [bx, by]: Point): Point[] {
  return [
    [ax, ay],
    [bx, ay],
    [bx, by],
    [ax, by],
  ];
}
