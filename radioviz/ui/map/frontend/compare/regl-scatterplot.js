import createScatterplot from "regl-scatterplot";
import { frames, points } from "./points.js";

let plot;
window.open_ = async (n, canvas) => {
  const { x, y, value } = points(n);
  plot = createScatterplot({
    canvas, width: 900, height: 600, pointSize: 2, opacityBy: "density", colorBy: "valueA",
    pointColor: ["#440154", "#21908c", "#fde725"],
  });
  await plot.draw({ x, y, valueA: value }, { zDataType: "continuous" });
};
window.frames_ = (count) => {
  const gl = plot.get("regl")._gl;
  return frames(count, async (i) => {
    const drawn = new Promise((done) => plot.subscribe("draw", done, 1));
    plot.get("camera").pan([i % 2 ? 0.02 : -0.02, 0]);
    plot.redraw();
    await drawn;
  }, gl);
};
