// The same clustered points for every candidate, and frames that end when they are really drawn.
export function points(n) {
  let s = 1;
  const random = () => {
    s = (Math.imul(s ^ (s >>> 15), 0x2c1b3c6d) + 0x9e3779b9) | 0;
    return (s >>> 0) / 4294967296;
  };
  const x = new Float32Array(n);
  const y = new Float32Array(n);
  const value = new Float32Array(n);
  for (let i = 0; i < n; i++) {
    const k = (random() * 12) | 0;
    const far = 0.15 + 0.05 * (k % 5);
    const r = Math.sqrt(-2 * Math.log(random() + 1e-9)) * 0.09;
    const t = random() * 6.283;
    x[i] = Math.cos(k * 0.52) * far * 2.5 + r * Math.cos(t);
    y[i] = Math.sin(k * 0.52) * far * 2 + r * Math.sin(t);
    value[i] = random();
  }
  return { x, y, value };
}

/** Draw `count` frames, each waited for; milliseconds of each. */
export async function frames(count, draw, gl) {
  const pixel = new Uint8Array(4);
  const times = [];
  for (let i = 0; i < count; i++) {
    const start = performance.now();
    await draw(i);
    if (gl) gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, pixel);
    times.push(performance.now() - start);
  }
  return times.sort((a, b) => a - b)[count >> 1];
}
