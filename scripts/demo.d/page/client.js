// One view over the websocket protocol sangre.v1, with resuming. What a real client library does, in its shortest form.

import { applyPatch } from './patch.js';

export const bytesOf = (text) => new TextEncoder().encode(text).length;

// `on(event)` is told of everything: { kind: state | snapshot | reset | frame | caught_up | stale | error, … }.
export class View {
  constructor(path, on) {
    this.path = path;
    this.on = on;
    this.document = undefined;
    this.cursor = null;
    this.wanted = false;
    this.delay = 250;
  }

  connect() {
    this.wanted = true;
    this.open();
  }

  disconnect() {
    this.wanted = false;
    clearTimeout(this.timer);
    this.socket?.close(1000);
    this.state('offline');
  }

  state(state) {
    this.on({ kind: 'state', state });
  }

  open() {
    const url = new URL(this.path, location.href);
    url.protocol = url.protocol.replace('http', 'ws');
    url.searchParams.set('time', '1');
    this.resuming = this.cursor !== null;
    if (this.resuming) {
      url.searchParams.set('cursor', this.cursor);
    }
    this.state(this.resuming ? 'resuming' : 'connecting');
    const socket = new WebSocket(url, 'sangre.v1');
    this.socket = socket;
    socket.onmessage = ({ data }) => socket === this.socket && this.receive(data);
    socket.onclose = () => {
      if (socket !== this.socket || !this.wanted) {
        return;
      }
      this.state('waiting');
      this.timer = setTimeout(() => this.open(), this.delay);
      this.delay = Math.min(this.delay * 2, 4000);
    };
  }

  receive(text) {
    const message = JSON.parse(text);
    const bytes = bytesOf(text);
    this.delay = 250;
    if (message.f) {
      this.frame(message.f, bytes);
    } else if (message.type === 'snapshot' || message.type === 'reset') {
      this.document = message.data;
      this.cursor = message.cursor;
      this.resuming = false;
      this.state(message.stale ? 'stale' : 'live');
      this.on({ kind: message.type, bytes, reason: message.reason });
    } else if (message.type === 'caught_up') {
      this.cursor = message.cursor;
      this.resuming = false;
      this.state('live');
      this.on({ kind: 'caught_up', bytes });
    } else if (message.type === 'stale') {
      this.state(message.stale ? 'stale' : 'live');
    } else if (message.type === 'error') {
      this.on({ kind: 'error', text: message.message ?? message.code });
    }
  }

  // Frames follow one another: a gap would be a bug of the server, and is said loudly.
  frame({ p, c, d, t }, bytes) {
    if (p !== this.cursor) {
      this.on({ kind: 'error', text: `a frame follows ${p}, but we are at ${this.cursor}` });
      return;
    }
    this.document = applyPatch(this.document, d);
    this.cursor = c;
    this.on({ kind: 'frame', bytes, patches: d, late: this.resuming, delay: t ? Date.now() - t : null });
  }
}
