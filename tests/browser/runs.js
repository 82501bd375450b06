// What a page asked of Streamlit's server and what came of it, for actions.settle. The page's own
// mark of a run appears only once the server has begun it, which on a slow machine is late.
(() => {
  const RERUN = 11; // fields of BackMsg; of ClientState; of ForwardMsg
  const FRAGMENT = 5;
  const BY_ITSELF = 6;
  const METADATA = 2;
  const BEGUN = 4;
  const FINISHED = 6;
  const RUN = 6; // of ForwardMsgMetadata; of RunDescriptor
  const FRAGMENTS = 2;
  const FOR_ANOTHER = 2; // of ScriptFinishedStatus

  const runs = { last: 'asked', at: 0, looks: 0, itself: false, drawn: false };
  window.runs = runs;
  const timed = new Set(); // fragments that are drawn every second: nobody waits for those
  let wanted = '';
  let ends = 0; // of runs

  // Fields of a protobuf message: numbers to lists of values, bytes where they have a length.
  function fields(data) {
    const bytes = new Uint8Array(data.buffer ?? data, data.byteOffset ?? 0, data.byteLength);
    const found = new Map();
    let at = 0;
    const number = () => {
      let value = 0;
      for (let by = 1; ; by *= 128) {
        const byte = bytes[at++];
        value += (byte & 127) * by;
        if (byte < 128) return value;
      }
    };
    while (at < bytes.length) {
      const tag = number();
      const kind = tag % 8;
      const put = (value) => {
        const field = (tag - kind) / 8;
        found.set(field, [...(found.get(field) ?? []), value]);
      };
      if (kind === 0) {
        put(number());
      } else {
        const length = kind === 2 ? number() : kind === 1 ? 8 : 4;
        put(bytes.subarray(at, at + length));
        at += length;
      }
    }
    return found;
  }

  // Components draw their new data when the browser finds time, frames after the run has ended.
  function waitUntilDrawn() {
    runs.drawn = false;
    const end = ++ends;
    const idle = () => { if (ends === end) runs.drawn = true; };
    requestIdleCallback(() => requestIdleCallback(idle, { timeout: 2000 }), { timeout: 2000 });
  }

  const text = (bytes) => (bytes ? new TextDecoder().decode(bytes) : '');

  function asked(message) {
    const [rerun] = fields(message).get(RERUN) ?? [];
    if (!rerun) return;
    const state = fields(rerun);
    const fragment = text(state.get(FRAGMENT)?.[0]);
    if (state.get(BY_ITSELF)?.[0]) timed.add(fragment);
    else [runs.last, wanted] = ['asked', fragment];
  }

  function answered(message) {
    const found = fields(message);
    if (found.has(BEGUN)) {
      const [metadata] = found.get(METADATA) ?? [];
      const [run] = (metadata && fields(metadata).get(RUN)) ?? [];
      const drawn = ((run && fields(run).get(FRAGMENTS)) ?? []).map(text);
      runs.itself = drawn.length > 0 && drawn.every((one) => timed.has(one) && one !== wanted);
      if (!runs.itself) runs.last = 'begun';
    } else if (found.has(FINISHED)) {
      if (!runs.itself && runs.last === 'begun') {
        runs.last = found.get(FINISHED)[0] === FOR_ANOTHER ? 'asked' : 'done';
        [runs.at, runs.looks] = [performance.now(), 0];
        if (runs.last === 'done') {
          wanted = '';
          waitUntilDrawn();
        }
      }
      runs.itself = false;
    }
  }

  window.WebSocket = class extends WebSocket {
    constructor(...given) {
      super(...given);
      this.addEventListener('message', (event) => {
        if (event.data instanceof ArrayBuffer) answered(event.data);
      });
    }

    send(data) {
      if (typeof data !== 'string') asked(data);
      super.send(data);
    }
  };
})();
