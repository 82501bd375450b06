export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const grid = parentElement.querySelector('.grid');
  const actions = parentElement.querySelector('.actions');
  const said = parentElement.querySelector('.said');
  const make = (tag, name, text) => {
    const element = document.createElement(tag);
    element.className = name;
    if (text !== undefined) element.textContent = text;
    return element;
  };
  grid.style.gridTemplateColumns = `repeat(auto-fill, minmax(${data.width}px, 1fr))`;
  grid.classList.toggle('strip', data.strip);
  grid.classList.toggle('tiny', data.width < 60);
  grid.setAttribute('aria-label', data.label);
  // What the reader has chosen stays over the pages of a gallery.
  const chosen = grid.chosen || (grid.chosen = new Set());
  const key = (cell) => JSON.stringify(cell.id);
  const boxes = () => [...grid.children];
  const openOf = (box) => box.querySelector('.open');
  // Pictures that did not change are kept, so that a click does not decode all of them again.
  const before = grid.cells || new Map();
  grid.cells = new Map();
  const draw = (cell) => {
    const box = make('div', 'cell' + (cell.focus ? ' focus' : ''));
    box.setAttribute('role', 'listitem');
    box.cell = cell;
    const open = make('button', 'open');
    open.type = 'button';
    open.title = cell.title;
    open.setAttribute('aria-label', 'Open ' + cell.title);
    open.dataset.source = cell.id[1];
    open.onclick = (event) => {
      if (data.actions.length && event.shiftKey) choose(box, true);
      else if (data.actions.length && (event.ctrlKey || event.metaKey)) choose(box, false);
      else setTriggerValue('open', cell.id);
    };
    open.onmousedown = (event) => { if (event.shiftKey) event.preventDefault(); };
    const frame = make('span', 'frame');
    const sheet = data.sheets[cell.sheet];
    const picture = make('span', 'picture');
    const image = make('img', '');
    image.style.width = `${100 * sheet.columns}%`;
    image.style.height = `${100 * sheet.rows}%`;
    image.style.left = `${-100 * (cell.at % sheet.columns)}%`;
    image.style.top = `${-100 * Math.floor(cell.at / sheet.columns)}%`;
    image.src = address(sheet.url);
    image.alt = '';
    picture.append(image);
    frame.append(picture);
    if (cell.bar) {
      const length = make('span', 'length', cell.bar_text);
      const bar = make('span', 'bar');
      bar.style.width = `${100 * cell.bar}%`;
      frame.append(length, bar);
    }
    if (cell.mark) frame.append(make('span', 'mark', cell.mark));
    const caption = make('span', 'caption');
    if (cell.colour) {
      const dot = make('span', 'dot');
      dot.style.background = cell.colour;
      caption.append(dot);
    }
    caption.append(make('span', 'name', cell.name));
    open.append(frame);
    if (data.captions) open.append(caption);
    if (data.captions && cell.note) open.append(make('div', 'note', cell.note));
    box.append(open);
    if (data.actions.length) {
      const button = make('button', 'choose', '✓');
      button.type = 'button';
      button.title = 'Choose (Ctrl or Shift and click)';
      button.setAttribute('aria-label', 'Choose ' + cell.name);
      button.onclick = (event) => choose(box, event.shiftKey);
      box.append(button);
    }
    if (data.collect) {
      const tray = make('button', 'tray' + (cell.in_tray ? ' in' : ''), cell.in_tray ? '✓' : '+');
      tray.type = 'button';
      tray.title = cell.in_tray ? 'Remove from the tray' : 'Add to the tray';
      tray.setAttribute('aria-label', `${tray.title}: ${cell.name}`);
      tray.onclick = () => setTriggerValue('collect', cell.id);
      box.append(tray);
    }
    return box;
  };
  // -- choosing: Ctrl and click, Shift and click, or the keyboard ---------------------------------
  const show = () => {
    for (const box of boxes()) {
      const inside = chosen.has(key(box.cell));
      box.classList.toggle('chosen', inside);
      const button = box.querySelector('.choose');
      if (button) button.setAttribute('aria-pressed', String(inside));
    }
    const n = chosen.size;
    actions.hidden = n === 0;
    const buttons = data.actions.map((action) => {
      const button = make('button', '', action.label);
      button.type = 'button';
      button.disabled = n < action.least || n > action.most;
      button.title = action.title;
      button.onclick = () => {
        setTriggerValue('action', [action.key, ...[...chosen].map((k) => JSON.parse(k))]);
      };
      return button;
    });
    const clear = make('button', '', 'Clear');
    clear.type = 'button';
    clear.onclick = () => { chosen.clear(); show(); focusOn(boxes()[0]); };
    actions.replaceChildren(make('span', '', `${n.toLocaleString('en')} chosen`), ...buttons, clear);
    if (n || said.textContent) said.textContent = `${n} chosen`;
  };
  const put = (box, inside) => {
    if (inside) chosen.add(key(box.cell)); else chosen.delete(key(box.cell));
  };
  const choose = (box, range) => {
    const all = boxes();
    const anchor = all.indexOf(range ? grid.anchor : null);
    if (anchor >= 0) {
      const at = all.indexOf(box);
      for (let i = Math.min(anchor, at); i <= Math.max(anchor, at); i++) put(all[i], true);
    } else {
      put(box, !chosen.has(key(box.cell)));
      grid.anchor = box;
    }
    show();
  };
  // Tab reaches one picture and its buttons; arrows move to the others.
  const reachable = (box) => {
    for (const other of boxes()) {
      for (const part of other.querySelectorAll('button')) part.tabIndex = other === box ? 0 : -1;
    }
    grid.current = key(box.cell);
  };
  const focusOn = (box) => {
    if (box) { reachable(box); openOf(box).focus(); }
  };
  const across = () => {
    const all = boxes();
    const next = all.findIndex((box) => box.offsetTop > all[0].offsetTop);
    return next < 0 ? all.length : next;
  };
  grid.onkeydown = (event) => {
    const all = boxes().filter((box) => box.offsetHeight > 0);  // a strip hides its other rows
    const at = all.indexOf(event.target.closest('.cell'));
    if (at < 0) return;
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -across(), ArrowDown: across(),
      Home: -at, End: all.length - 1 - at }[event.key];
    if (step !== undefined) {
      const to = all[at + step];
      if (to && event.shiftKey && data.actions.length) {
        if (!all.includes(grid.anchor)) grid.anchor = all[at];
        choose(to, true);
      }
      focusOn(to);
    } else if (!data.actions.length) {
      return;
    } else if (event.key === ' ' && event.target.classList.contains('open')) {
      choose(all[at], event.shiftKey);
    } else if (event.key.toLowerCase() === 'a' && (event.ctrlKey || event.metaKey)) {
      for (const box of all) put(box, true);
      show();
    } else if (event.key === 'Escape' && chosen.size) {
      chosen.clear();
      show();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };
  grid.onkeyup = (event) => { if (event.key === ' ') event.preventDefault(); };
  grid.onfocusin = (event) => {
    const box = event.target.closest('.cell');
    if (box && grid.current !== key(box.cell)) reachable(box);
  };

  grid.replaceChildren(...data.cells.map((cell) => {
    const sheet = data.sheets[cell.sheet];
    const same = JSON.stringify([cell, sheet, data.captions, data.collect, data.actions]);
    const box = before.get(same) || draw(cell);
    grid.cells.set(same, box);
    return box;
  }));
  const current = boxes().find((box) => key(box.cell) === grid.current) || boxes()[0];
  if (current) reachable(current);
  show();
}
