// Files whose download has begun: it begins by itself only once, also if the page draws this again.
const begun = (window.radiovizExports ??= new Set());

const sizeText = (bytes) => (bytes < 1e6
  ? `${Math.max(1, Math.round(bytes / 1e3))} kB` : `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`);

const draw = (file) => {
  const make = (tag, name, text) => {
    const element = document.createElement(tag);
    element.className = name;
    element.textContent = text ?? '';
    return element;
  };
  const box = make('div', 'row');
  box.setAttribute('role', 'group');
  box.setAttribute('aria-label', file.name);
  const name = make('span', 'name', file.name);
  name.title = file.name;
  const said = make('span', 'said');
  said.setAttribute('role', 'status');
  const bar = make('progress', '');
  bar.setAttribute('aria-label', `Writing ${file.name}`);
  const save = make('a', 'save');
  save.href = address(file.address);
  save.download = file.name;
  save.hidden = true;
  const close = make('button', 'close', 'Cancel');
  close.type = 'button';
  close.setAttribute('aria-label', `Cancel ${file.name}`);
  box.append(name, said, bar, save, close);

  let over = false;
  const say = (text) => { if (said.textContent !== text) said.textContent = text; };
  const remove = () => { over = true; box.remove(); };
  close.onclick = () => {
    fetch(address(file.address), { method: 'DELETE' }).catch(() => {});
    remove();
  };
  const ended = (text) => {
    bar.hidden = save.hidden = true;
    close.textContent = 'Close';
    close.setAttribute('aria-label', `Close the message about ${file.name}`);
    say(text);
  };
  const show = (now) => {
    bar.hidden = now.state === 'ready' || now.state === 'failed';
    if (now.state === 'failed') {
      ended(now.text);
    } else if (now.state === 'ready') {
      save.hidden = false;
      save.textContent = `Save it (${sizeText(now.size)})`;
      say('Ready.');
      if (!begun.has(file.address)) {
        begun.add(file.address);
        // A link that is on no page: a click on the page would close the popover with the buttons.
        save.cloneNode().click();
      }
    } else if (now.state === 'waiting') {
      bar.removeAttribute('value');
      say(now.text || 'Waiting …');
    } else if (now.state === 'writing') {
      if (now.share) bar.value = now.share;
      say('Writing …');
    }
    return now.state;
  };
  const follow = async () => {
    let state = '';
    while (!over && box.isConnected) {
      try {
        const answer = await fetch(address(`${file.address}/state`), { cache: 'no-store' });
        state = show(await answer.json());
        if (state === 'sent' || (state === 'gone' && begun.has(file.address))) {
          ended('Sent to the browser.');
          setTimeout(remove, 4000);
          return;
        }
        if (state === 'gone') {
          ended('No longer on the server. Export it again.');
          return;
        }
      } catch {
        say('No connection to the server.');
      }
      await new Promise((done) => setTimeout(done, state === 'failed' ? 5000 : 300));
    }
  };
  return { box, follow };
};

export default function (component) {
  const { data, parentElement } = component;
  const list = parentElement.querySelector('.files');
  list.rows ??= new Map();
  for (const file of data.files) {
    if (list.rows.has(file.address)) continue;
    const row = draw(file);
    list.rows.set(file.address, row);
    list.append(row.box);
    row.follow();
  }
  // Above everything, wherever the page draws it, also when the sidebar is closed.
  if (list.showPopover && !list.matches(':popover-open')) {
    list.popover = 'manual';
    list.showPopover();
  }
}
