// Clients of the product as a user would write them: documents kept up to date by applying what comes over the wire.
import WebSocket from 'ws';
import jsonpatch from 'fast-json-patch';
import { parse } from './json.mjs';
import { applyRows, unwrapRows } from './rows.mjs';

const plain = (text) => String(text).replace(/^#/, '');

function takeDocument(codec, data) {
  return codec === 'rows' ? unwrapRows(data) : { document: data };
}

function applyPatches(codec, held, patches) {
  if (codec === 'full')
    return { document: patches };
  if (codec === 'rows')
    return applyRows(held, patches);
  return { document: jsonpatch.applyPatch({ root: held.document }, patches.map((p) => ({ ...p, path: `/root${p.path}`, ...(p.from === undefined ? {} : { from: `/root${p.from}` }) })), true).newDocument.root };
}

// One connection to `/` (many views) or to one view's path. `changed` is called after each message that moved a document.
export class Client {
  constructor(base, { single = null, fail, changed = () => {} }) {
    Object.assign(this, { base, single, fail, changed, views: new Map(), cursor: null, pongs: [], waiting: [] });
  }

  // views: [{ id, path, params, codec }]; held documents and cursors of an earlier connection are resumed.
  async open(views) {
    for (const view of views)
      if (!this.views.has(view.id))
        this.views.set(view.id, { ...view, held: null, cursor: null, synced: false });
    for (const view of this.views.values())
      view.synced = false;
    this.cursor = null;
    const url = this.single ? this.singleUrl() : `${this.base}/`;
    this.socket = new WebSocket(url, { perMessageDeflate: false });
    this.closed = new Promise((resolve) => this.socket.on('close', (code) => resolve(code)));
    this.socket.on('message', (data) => this.message(data.toString()));
    await new Promise((resolve, reject) => { this.socket.on('open', resolve); this.socket.on('error', reject); });
    for (const view of this.views.values())
      if (!this.single)
        this.send({ type: 'subscribe', id: view.id, view: view.path, params: view.params, codec: view.codec, ...(view.cursor ? { cursor: view.cursor } : {}) });
    await this.until(() => [...this.views.values()].every((view) => view.synced));
  }

  singleUrl() {
    const [view] = this.views.values();
    const query = Object.entries(view.params).filter(([, value]) => value !== null).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
    query.push(`codec=${view.codec}`);
    if (view.cursor)
      query.push(`cursor=${encodeURIComponent(view.cursor)}`);
    return `${this.base}${view.path}?${query.join('&')}`;
  }

  send(message) {
    this.socket.send(JSON.stringify(message));
  }

  ping() {
    return new Promise((resolve) => { this.pongs.push(resolve); this.send({ type: 'ping' }); });
  }

  async close() {
    this.socket.terminate();
    await this.closed;
  }

  async until(condition, what = 'the views to be in step', seconds = 30) {
    if (condition())
      return;
    await new Promise((resolve) => {
      const timer = setTimeout(() => { this.fail(`timed out waiting for ${what}; last message: ${this.last}`); resolve(); }, seconds * 1000);
      this.waiting.push(() => condition() && (clearTimeout(timer), resolve(), true));
    });
  }

  message(text) {
    this.last = text;
    const message = parse(text);
    if (message.f)
      this.frame(message.f, text);
    else if (message.type === 'pong')
      this.pongs.shift()?.();
    else if (message.type === 'error')
      this.fail(`error from the server: ${text}`);
    else if (message.type !== 'stale')
      this.state(message, text);
    this.waiting = this.waiting.filter((check) => !check());
  }

  view(id) {
    return this.single ? this.views.values().next().value : this.views.get(plain(id));
  }

  state(message, text) {
    const view = this.view(message.id);
    if (!view)
      return this.fail(`a state for no view of ours: ${text}`);
    if (message.type === 'snapshot' || message.type === 'reset')
      view.held = takeDocument(view.codec, message.data);
    view.cursor = message.cursor;
    view.synced = true;
    this.cursor ??= message.cursor;
    this.changed(this);
  }

  frame(frame, text) {
    const parts = this.single ? [[this.views.values().next().value, frame.d]] : Object.entries(frame.d).map(([id, patches]) => [this.views.get(id), patches]);
    if (this.single && frame.p !== parts[0][0].cursor)
      this.fail(`frame does not follow on ${parts[0][0].cursor}: ${text}`);
    for (const [view, patches] of parts) {
      try {
        view.held = applyPatches(view.codec, view.held, patches);
      } catch (error) {
        this.fail(`patches do not apply to ${view.id} (${view.codec}): ${error.message.split('\n')[0]}\n${text}\nheld: ${JSON.stringify(view.held?.document)}`);
      }
      view.cursor = frame.c;
    }
    this.changed(this);
  }
}
