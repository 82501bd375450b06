/** What is under the pointer: requested from the server one point at a time and remembered. */
import type { Answer } from "./types.ts";

const ASK_MS = 45;
const KEPT = 2000;

type Ask = (question: { index: number; seen: string }) => void;

const channels = new Map<string, { ask: Ask | null; answered: ((a: Answer) => void) | null }>();

function channel(name: string): { ask: Ask | null; answered: ((a: Answer) => void) | null } {
  let there = channels.get(name);
  if (!there) channels.set(name, (there = { ask: null, answered: null }));
  return there;
}

/** The side that talks to the server. */
export function connect(name: string, ask: Ask | null, answer: Answer | null): void {
  const there = channel(name);
  there.ask = ask;
  if (answer) there.answered?.(answer);
}

export class Hover {
  private readonly known = new Map<string, Answer>();
  private timer = 0;
  private wanted = "";

  constructor(
    private readonly name: string,
    private readonly show: (answer: Answer) => void,
  ) {
    channel(name).answered = (answer) => {
      const key = `${answer.seen}:${answer.index}`;
      if (this.known.size >= KEPT) this.known.clear();
      this.known.set(key, answer);
      if (key === this.wanted) this.show(answer);
    };
  }

  /** Want to know of a point (negative: of none). */
  want(index: number, seen: string): void {
    const key = index < 0 ? "" : `${seen}:${index}`;
    if (key === this.wanted && key) return;
    this.wanted = key;
    clearTimeout(this.timer);
    if (!key) return;
    const known = this.known.get(key);
    if (known) {
      this.show(known);
      return;
    }
    this.timer = window.setTimeout(() => channel(this.name).ask?.({ index, seen }), ASK_MS);
  }

  dispose(): void {
    clearTimeout(this.timer);
    channel(this.name).answered = null;
  }
}
