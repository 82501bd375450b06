export default function (component) {
  const { data, parentElement } = component;
  const find = (name) => parentElement.querySelector(name);
  const [tools, pictures] = [find('.tools'), find('.pictures')];
  const [mode, back, next] = [find('.mode'), find('.back'), find('.next')];
  const [speed, said] = [find('input'), find('output')];
  const make = (tag, name, text) => {
    const element = document.createElement(tag);
    element.className = name;
    if (text !== undefined) element.textContent = text;
    return element;
  };
  // What the reader set stays when the pictures change.
  const own = tools.own || (tools.own = { blink: false, running: false, at: 0, timer: 0 });
  const n = data.images.length;
  pictures.replaceChildren(...data.images.map((item) => {
    const figure = make('figure', '');
    const frame = make('div', 'frame');
    const image = make('img', '');
    image.src = address(item.url);
    image.alt = `${item.name}, ${item.field}`;
    const bar = make('div', 'bar');
    bar.style.width = `${100 * item.bar}%`;
    frame.append(image, bar, make('div', 'length', item.bar_text));
    const caption = make('figcaption', '');
    if (item.colour) {
      const dot = make('span', 'dot');
      dot.style.background = item.colour;
      caption.append(dot);
    }
    caption.append(make('span', 'name', item.name), make('span', '', item.note),
      make('span', '', item.field));
    figure.append(frame, caption);
    return figure;
  }));
  pictures.setAttribute('role', 'group');
  pictures.setAttribute('aria-label',
    'Galaxies. B blinks or stops, left and right arrows step, Escape in a blink shows all.');
  const show = () => {
    own.at = ((own.at % n) + n) % n;
    pictures.classList.toggle('blink', own.blink);
    [...pictures.children].forEach((figure, i) => figure.classList.toggle('shown', i === own.at));
    mode.textContent = own.blink ? 'Side by side' : 'Blink';
    for (const part of [back, next, speed.parentElement]) part.hidden = !own.blink;
    said.textContent = `${Number(speed.value).toFixed(1)} s`;
  };
  const run = (running) => {
    clearInterval(own.timer);
    own.running = running;
    if (running) {
      own.timer = setInterval(() => { own.at += 1; show(); }, 1000 * Number(speed.value));
    }
  };
  const step = (by) => { run(false); own.at += by; show(); };
  const blink = (on) => { own.blink = on; run(on); show(); };
  mode.onclick = () => blink(!own.blink);
  back.onclick = () => step(-1);
  next.onclick = () => step(1);
  speed.oninput = () => { run(own.running); show(); };
  pictures.onkeydown = (event) => {
    if (event.key.toLowerCase() === 'b') own.blink && own.running ? run(false) : blink(true);
    else if (event.key === 'ArrowRight' && own.blink) step(1);
    else if (event.key === 'ArrowLeft' && own.blink) step(-1);
    else if (event.key === 'Escape' && own.blink) blink(false);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  run(own.running);
  show();
  return () => clearInterval(own.timer);
}
