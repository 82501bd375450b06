/** What the keys do on a map. */
import type { Act } from "./chrome.ts";

export interface Keyed {
  act(what: Act): void;
  /** Select all that is in view. */
  selectView(add: boolean): void;
  /** Go to the nearest galaxy in a direction of the screen. */
  step(direction: [number, number]): void;
  pan(dx: number, dy: number): void;
  /** Choose the galaxy that the arrow keys went to. */
  choose(add: boolean): void;
}

const TOOLS: Record<string, Act> = {
  l: "lasso",
  b: "box",
  p: "pan",
  r: "reset",
  z: "selection",
  "+": "in",
  "=": "in",
  "-": "out",
  Escape: "clear",
};
const ARROWS: Record<string, [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};
const PAN_PX = 60;

/** Do what a key means; whether it means anything. */
export function press(name: string, shift: boolean, map: Keyed): boolean {
  if (Object.hasOwn(TOOLS, name)) map.act(TOOLS[name]);
  else if (Object.hasOwn(ARROWS, name)) {
    const [dx, dy] = ARROWS[name];
    if (shift) map.pan(-PAN_PX * dx, -PAN_PX * dy);
    else map.step([dx, dy]);
  } else if (name === "Enter") map.choose(shift);
  else if (name === "a" || name === "A") map.selectView(name === "A");
  else return false;
  return true;
}
