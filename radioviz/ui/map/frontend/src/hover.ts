/** What is under the pointer: requested from the server one point at a time and remembered. */
import type { Answer, Seen } from "./types.ts";

const ASK_MS = 45;
const REPORT_MS = 600;
const KEPT = 2000;

interface Server {
  ask(question: { index: number; seen: string }): void;
  report(seen: Seen): void;
}

interface Channel {
  server: Server | null;
  answered: ((a: Answer) => void) | null;
}

const channels = new Map<string, Channel>();

function channel(name: string): Channel {
  let there = channels.get(name);
  if (!there) channels.set(name, (there = { server: null, answered: null }));
  return there;
}

/** The side that talks to the server. */
export function connect(name: string, server: Server | null, answer: Answer | null): void {
  const there = channel(name);
  there.server = server;
  if (answer) there.answered?.(answer);
}

export class Hover {
  private readonly known = new Map<string, Answer>();
  private timer = 0;
  private reporting = 0;
  private reported = "";
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
    this.timer = window.setTimeout(() => channel(this.name).server?.ask({ index, seen }), ASK_MS);
  }

  /** Send the server what is in view, once it rests; nothing when that was sent before. */
  report(seen: Seen): void {
    clearTimeout(this.reporting);
    const text = JSON.stringify(seen);
    if (!this.reported) this.reported = text; // as the server sent it
    if (text === this.reported) return;
    this.reporting = window.setTimeout(() => {
      this.reported = text;
      channel(this.name).server?.report(seen);
    }, REPORT_MS);
  }

  dispose(): void {
    clearTimeout(this.timer);
    clearTimeout(this.reporting);
    channel(this.name).answered = null;
  }
}
