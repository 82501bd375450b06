// Remembers the last workspaces in this browser, so that the next visit can continue one. This one
// may still be empty, so the ones before it are kept, too; the server knows which are in use.
const KEY = 'radioviz.workspaces';
const KEPT = 8;

export default function (component) {
  const { data, setStateValue } = component;
  let before = [];
  try {
    before = JSON.parse(localStorage.getItem(KEY) || '[]').filter((id) => id !== data.identifier);
    const order = [data.identifier, data.last, ...before].filter((id) => id);
    localStorage.setItem(KEY, JSON.stringify([...new Set(order)].slice(0, KEPT)));
  } catch {
    return; // storage is off in this browser
  }
  // The page is drawn again with it, which only an empty workspace needs.
  if (data.empty && before.join() !== data.recent.join()) setStateValue('recent', before);
}
