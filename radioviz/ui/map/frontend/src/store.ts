/** Binary columns by the hash of their content: fetched once, kept for the life of the page. */
import type { Column } from "./types.ts";

const KEPT_BYTES = 256e6;
const kept = new Map<string, Promise<ArrayBuffer>>();
const sizes = new Map<string, number>();

/** Address of a file that Streamlit serves, wherever the app is mounted. */
export function mediaUrl(path: string): string {
  if (/^[a-z]+:/i.test(path)) return path;
  const script = document.querySelector<HTMLScriptElement>('script[src*="static/js/"]');
  const base = script ? script.src.split("static/js/")[0] : document.baseURI;
  return new URL(path.replace(/^\//, ""), base).href;
}

async function load(column: Column): Promise<ArrayBuffer> {
  // Addresses name their content, so whatever the browser still has of them is right.
  const answer = await fetch(mediaUrl(column.url), { cache: "force-cache" });
  if (!answer.ok || !answer.body) {
    throw new Error(`a column of the map could not be loaded (${answer.status})`);
  }
  const plain = answer.body.pipeThrough(new DecompressionStream("gzip"));
  return new Response(plain).arrayBuffer();
}

/** Content of a column; the least recently used are forgotten beyond 256 MB. */
export function fetchColumn(column: Column): Promise<ArrayBuffer> {
  const known = kept.get(column.hash);
  if (known) {
    kept.delete(column.hash);
    kept.set(column.hash, known);
    return known;
  }
  const coming = load(column);
  kept.set(column.hash, coming);
  coming.then(
    (buffer) => {
      sizes.set(column.hash, buffer.byteLength);
      let total = [...sizes.values()].reduce((a, b) => a + b, 0);
      for (const hash of [...kept.keys()]) {
        if (total <= KEPT_BYTES || hash === column.hash) break;
        total -= sizes.get(hash) ?? 0;
        sizes.delete(hash);
        kept.delete(hash);
      }
    },
    () => kept.delete(column.hash),
  );
  return coming;
}
