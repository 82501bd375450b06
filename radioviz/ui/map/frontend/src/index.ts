/** What Streamlit calls: the map, and the side channel that answers hovering. */
import css from "./style.css";
import { make } from "./chrome.ts";
import { connect } from "./hover.ts";
import type { Answer, ComponentArgs, MapData } from "./types.ts";
import { MapView } from "./view.ts";

const views = new WeakMap<HTMLElement | ShadowRoot, { view: MapView; calls: number }>();

/** Draw or update a map; called at every rerun whose data changed, and when the theme did. */
export function map(component: ComponentArgs<MapData>): () => void {
  const parent = component.parentElement;
  let mine = views.get(parent);
  if (!mine) {
    parent.append(make("style", "", css));
    views.set(parent, (mine = { view: new MapView(parent), calls: 0 }));
  }
  const { view } = mine;
  const held = mine;
  const call = ++held.calls;
  void view.update(component);
  // Streamlit also cleans up after a call that a later one overtook: the map stays then.
  return () => {
    setTimeout(() => {
      if (call !== held.calls || view.onPage()) return;
      view.dispose();
      if (views.get(parent) === held) views.delete(parent);
    });
  };
}

/** The other half of hovering: an invisible component, in a fragment of its own. */
export function hover(component: ComponentArgs<{ channel: string; answer: Answer | null }>): () => void {
  const { channel, answer } = component.data;
  const server = {
    ask: (question: unknown) => component.setTriggerValue("ask", question),
    report: (seen: unknown) => component.setStateValue("view", seen),
  };
  connect(channel, server, answer);
  return () => connect(channel, null, null);
}
