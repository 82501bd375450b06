import { Deck, OrthographicView } from "@deck.gl/core";
import { ScatterplotLayer } from "@deck.gl/layers";
import { frames, points } from "./points.js";

let deck;
let after = () => {};
window.open_ = async (n, canvas) => {
  const { x, y, value } = points(n);
  const position = new Float32Array(2 * n);
  const colour = new Uint8Array(4 * n);
  for (let i = 0; i < n; i++) {
    position.set([x[i], y[i]], 2 * i);
    colour.set([255 * value[i], 80, 100, 80], 4 * i);
  }
  const first = new Promise((done) => (after = done));
  deck = new Deck({
    canvas, width: 900, height: 600, useDevicePixels: 1, views: new OrthographicView(),
    viewState: { target: [0, 0, 0], zoom: 8.5 },
    layers: [new ScatterplotLayer({
      id: "points", getRadius: 1, radiusUnits: "pixels", antialiasing: false,
      data: { length: n, attributes: {
        getPosition: { value: position, size: 2 }, getFillColor: { value: colour, size: 4 },
      } },
    })],
    onAfterRender: () => after(),
  });
  await first;
};
window.frames_ = (count) => frames(count, async (i) => {
  const drawn = new Promise((done) => (after = done));
  deck.setProps({ viewState: { target: [0.002 * (i + 1), 0, 0], zoom: 8.5 } });
  await drawn;
}, deck.device.gl);
