// Completes names, functions and words in the filter's text box, and says what a name under the
// pointer or the cursor means. The box itself is Streamlit's: without this script it works as ever.
const BOX = '.st-key-filter_text textarea';
const LIST = 'radioviz-completion';
const MOST = 40;
const STYLE = `
  #${LIST} {
    margin: 0; padding: 4px; overflow: auto; box-sizing: border-box; font-size: 0.85rem;
    border: 1px solid color-mix(in srgb, currentColor 35%, transparent); border-radius: 6px;
    box-shadow: 0 4px 14px rgb(0 0 0 / 25%);
  }
  #${LIST} [role="option"] { padding: 4px 8px; border-radius: 4px; cursor: pointer; }
  #${LIST} [role="option"]:hover { background: color-mix(in srgb, currentColor 8%, transparent); }
  #${LIST} [aria-selected="true"] {
    background: color-mix(in srgb, currentColor 16%, transparent);
    outline: 1px solid currentColor; outline-offset: -1px;
  }
`;
const TOKEN = /"(?:\\.|[^"\\])*"?|'(?:\\.|[^'\\])*'?|`[^`]*`?|[\p{L}_][\p{L}\p{N}_]*(?:[:.][\p{L}_][\p{L}\p{N}_]*)*|\d[\w.]*|\s+|./gsu;
const OPERATORS = new Set(['==', '=', '!', '<', '>', '(', ',', 'in', 'not', 'contains', 'like',
  'matches', 'starts', 'ends', 'with']);

// -- what the text means at a place ---------------------------------------------------------------

export function tokens(text) {
  return [...text.matchAll(TOKEN)].map((m) => ({ text: m[0], start: m.index, end: m.index + m[0].length }));
}

const isName = (token) => /^[\p{L}_`]/u.test(token.text);
const isText = (token) => /^["']/.test(token.text);
const plain = (token) => token.text.replace(/`/g, '');

// The token that ends at or spans the cursor; an empty one between two others.
export function tokenAt(text, caret) {
  const found = tokens(text).find((t) => t.start < caret && caret <= t.end);
  const closed = found && isText(found) && found.end === caret && found.text.length > 1
    && found.text.endsWith(found.text[0]);
  if (!found || closed || !(isName(found) || isText(found))) return { text: '', start: caret, end: caret };
  return found;
}

// Words that text at this place is compared with: of a column, or the tags.
function wordsBefore(text, at, known) {
  const before = tokens(text.slice(0, at)).filter((t) => t.text.trim());
  while (before.length) {
    const last = before.pop();
    if (last.text === '(' && before.length && before[before.length - 1].text.toLowerCase() === 'tag') return known.tags;
    if (isText(last) || OPERATORS.has(last.text.toLowerCase())) continue;
    const column = known.columns.find((c) => c.name === plain(last));
    return column ? column.words : [];
  }
  return [];
}

const literal = (word) => `"${word.replace(/\\/g, '\\\\').replace(/"/g, '\\"')}"`;

// What could stand at the cursor, the likeliest first: {insert, name, about}.
export function options(text, caret, known) {
  const token = tokenAt(text, caret);
  if (isText(token)) {
    const typed = token.text.slice(1, caret - token.start).toLowerCase();
    return wordsBefore(text, token.start, known)
      .filter((w) => w.toLowerCase().includes(typed))
      .slice(0, MOST)
      .map((w) => ({ insert: literal(w), name: w, about: '' }));
  }
  const typed = token.text.slice(0, caret - token.start).replace(/`/g, '').toLowerCase();
  const rank = (o) => {
    const name = o.name.toLowerCase();
    if (name.startsWith(typed)) return 0;
    if (name.includes(typed)) return 1;
    return typed.length > 2 && o.about.toLowerCase().includes(typed) ? 2 : 3;
  };
  const all = [
    ...known.columns.map((c) => ({ insert: c.insert, name: c.name, about: c.about })),
    ...known.functions.map((f) => ({ insert: `${f.name}(`, name: `${f.name}(`, about: f.about })),
    ...known.words.map((w) => ({ insert: w, name: w, about: '' })),
  ];
  const ranked = all.map((o, i) => [rank(o), i, o]).filter(([r]) => r < 3);
  ranked.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  return ranked.slice(0, MOST).map((r) => r[2]);
}

// A name and its meaning; empty where there is nothing to say.
export function meaning(text, at, known) {
  const token = tokens(text).find((t) => t.start <= at && at < t.end) || tokenAt(text, at);
  const name = plain(token);
  const column = known.columns.find((c) => c.name === name);
  if (column) return `${name}: ${column.about}`;
  const named = known.functions.find((f) => f.name === name.toLowerCase());
  return named ? named.about : '';
}

// -- the list below the box -----------------------------------------------------------------------

class Completion {
  constructor() {
    this.known = { columns: [], functions: [], words: [], tags: [] };
    this.shown = [];
    this.active = 0;
    this.list = document.createElement('div');
    this.list.id = LIST;
    this.list.popover = 'manual';
    this.list.setAttribute('role', 'listbox');
    this.list.tabIndex = 0; // it scrolls; while it is open, the keys of the box move in it
    this.list.setAttribute('aria-label', 'What can stand here');
    const style = document.createElement('style');
    style.textContent = STYLE;
    document.body.append(style, this.list);
    const on = (kind, handle) => document.addEventListener(kind, (event) => {
      if (event.target instanceof Element && event.target.matches(BOX)) handle(event);
    }, true);
    on('input', (event) => this.update(event.target, false));
    on('keydown', (event) => this.pressed(event));
    on('focusin', (event) => this.prepare(event.target));
    on('focusout', () => this.close());
    on('click', (event) => { this.close(); this.explain(event.target, event.target.selectionStart); });
    on('keyup', (event) => this.explain(event.target, event.target.selectionStart));
    on('mousemove', (event) => this.hovered(event));
  }

  prepare(box) {
    box.setAttribute('aria-autocomplete', 'list');
    box.setAttribute('aria-controls', LIST);
    box.spellcheck = false;
  }

  hovered(event) {
    const place = document.caretPositionFromPoint?.(event.clientX, event.clientY);
    if (!place || place.offsetNode !== event.target) return;
    const said = meaning(event.target.value, place.offset, this.known);
    if (said) this.say(said);
    event.target.title = said;
  }

  explain(box, at) {
    this.say(meaning(box.value, at, this.known));
  }

  say(text) {
    if (this.hint) this.hint.textContent = text || this.hint.dataset.usual;
  }

  update(box, forced) {
    const caret = box.selectionStart;
    const token = tokenAt(box.value, caret);
    const found = options(box.value, caret, this.known);
    const done = found.length === 1 && found[0].insert === token.text;
    if (caret !== box.selectionEnd || !found.length || done || (!forced && !token.text)) {
      this.close();
      return;
    }
    this.shown = found;
    this.active = 0;
    this.box = box;
    this.draw();
  }

  draw() {
    const { box, list } = this;
    list.replaceChildren(...this.shown.map((option, i) => {
      const line = document.createElement('div');
      line.id = `${LIST}-${i}`;
      line.setAttribute('role', 'option');
      line.setAttribute('aria-selected', String(i === this.active));
      const name = document.createElement('b');
      name.textContent = option.name;
      line.append(name);
      if (option.about) line.append(` ${option.about}`);
      line.onmousedown = (event) => { event.preventDefault(); this.choose(i); };
      return line;
    }));
    const page = getComputedStyle(document.querySelector('.stApp') || document.body);
    const place = box.getBoundingClientRect();
    const width = Math.min(Math.max(place.width, 340), window.innerWidth - place.left - 8);
    Object.assign(list.style, {
      inset: 'auto', left: `${place.left}px`, top: `${place.bottom + 2}px`, width: `${width}px`,
      background: page.backgroundColor, color: page.color,
      maxHeight: `${Math.min(320, Math.max(120, window.innerHeight - place.bottom - 12))}px`,
    });
    list.showPopover();
    box.setAttribute('aria-activedescendant', `${LIST}-${this.active}`);
    list.children[this.active].scrollIntoView({ block: 'nearest' });
  }

  close() {
    if (!this.list.matches(':popover-open')) return;
    this.list.hidePopover();
    this.box?.removeAttribute('aria-activedescendant');
  }

  choose(i) {
    const { box } = this;
    const token = tokenAt(box.value, box.selectionStart);
    box.setSelectionRange(token.start, token.end);
    document.execCommand('insertText', false, this.shown[i].insert);
    this.close();
    this.explain(box, box.selectionStart);
  }

  pressed(event) {
    const open = this.list.matches(':popover-open');
    const plainKey = !(event.ctrlKey || event.metaKey || event.altKey || event.shiftKey);
    if (event.key === ' ' && event.ctrlKey) this.update(event.target, true);
    else if (!open || !plainKey || event.isComposing) return;
    else if (event.key === 'Escape') this.close();
    else if (event.key === 'Enter') this.choose(this.active);
    else if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      const step = event.key === 'ArrowDown' ? 1 : -1;
      this.active = (this.active + step + this.shown.length) % this.shown.length;
      this.draw();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }
}

export default function (component) {
  const { data, parentElement } = component;
  const completion = (document.radiovizCompletion ||= new Completion());
  completion.hint = parentElement.querySelector('.hint');
  if (completion.source !== data.names) {
    completion.source = data.names;
    fetch(address(data.names)).then((answer) => answer.json()).then((known) => {
      completion.known = known;
    }).catch(() => { completion.source = ''; });
  }
  return () => completion.close();
}
