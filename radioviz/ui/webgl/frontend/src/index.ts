/** What Streamlit calls: the map, and the side channel that answers hovering. */
import css from "./style.css";
import { make } from "./chrome.ts";
import { connect } from "./hover.ts";
import type { Answer, ComponentArgs, MapData } from "./types.ts";
import { MapView } from "./view.ts";

const views = new WeakMap<HTMLElement | ShadowRoot, MapView>();

/** Draw or update a map; called at every rerun whose data changed, and when the theme did. */
export function map(component: ComponentArgs<MapData>): () => void {
  const parent = component.parentElement;
  let view = views.get(parent);
  if (!view) {
    parent.append(make("style", "", css));
    views.set(parent, (view = new MapView(parent)));
  }
  void view.update(component);
  const mine = view;
  return () => {
    mine.dispose();
    views.delete(parent);
  };
}

/** The other half of hovering: a component without looks, in a fragment of its own. */
export function hover(component: ComponentArgs<{ channel: string; answer: Answer | null }>): () => void {
  const { channel, answer } = component.data;
  connect(channel, (question) => component.setTriggerValue("ask", question), answer);
  return () => connect(channel, null, null);
}
