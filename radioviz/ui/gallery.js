export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const grid = parentElement.querySelector('.grid');
  const make = (tag, name, text) => {
    const element = document.createElement(tag);
    element.className = name;
    if (text !== undefined) element.textContent = text;
    return element;
  };
  grid.style.gridTemplateColumns = `repeat(auto-fill, minmax(${data.width}px, 1fr))`;
  grid.classList.toggle('strip', data.strip);
  grid.setAttribute('aria-label', data.label);
  // Pictures that did not change are kept, so that a click does not decode all of them again.
  const before = grid.cells || new Map();
  grid.cells = new Map();
  const draw = (cell) => {
    const box = make('div', 'cell' + (cell.focus ? ' focus' : ''));
    box.setAttribute('role', 'listitem');
    const open = make('button', 'open');
    open.type = 'button';
    open.title = cell.title;
    open.setAttribute('aria-label', 'Open ' + cell.title);
    open.dataset.source = cell.id[1];
    open.onclick = () => setTriggerValue('open', cell.id);
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
  grid.replaceChildren(...data.cells.map((cell) => {
    const sheet = data.sheets[cell.sheet];
    const key = JSON.stringify([cell, sheet, data.captions, data.collect]);
    const box = before.get(key) || draw(cell);
    grid.cells.set(key, box);
    return box;
  }));
}
