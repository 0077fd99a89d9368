// A websocket client that keeps what came in order, with its bytes.
import assert from 'node:assert/strict';
import WebSocket from 'ws';
import { PATIENCE } from './sangre.mjs';

export class Socket {
  static async open(url, { protocols = [], ...options } = {}) {
    const socket = new Socket(url, protocols, options);
    await new Promise((resolve, reject) => {
      socket.ws.on('open', resolve);
      socket.ws.on('error', reject);
    });
    return socket;
  }

  constructor(url, protocols, options) {
    this.messages = [];
    this.waiting = null;
    this.ws = new WebSocket(url, protocols, { perMessageDeflate: false, ...options });
    this.closed = new Promise((resolve) => this.ws.on('close', (code) => resolve(code)));
    this.closed.then(() => (this.over = true)).then(() => this.waiting?.());
    this.ws.on('message', (data) => {
      this.messages.push(data.toString());
      this.waiting?.();
    });
  }

  send(message) {
    this.ws.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  // The next message as text. The messages are taken in order: one too many fails the one who wants the next.
  async nextText() {
    const end = Date.now() + PATIENCE;
    while (!this.messages.length) {
      assert.ok(!this.over, 'the connection was closed while a message was waited for');
      assert.ok(Date.now() < end, 'no message came');
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, end - Date.now() + 1);
        this.waiting = () => (clearTimeout(timer), resolve());
      });
    }
    return this.messages.shift();
  }

  async next() {
    return JSON.parse(await this.nextText());
  }

  async nextOf(type) {
    const message = await this.next();
    assert.equal(message.f ? 'frame' : message.type, type, JSON.stringify(message));
    return message.f ?? message;
  }

  // Nothing but the answer is on its way.
  async quiet() {
    this.send({ type: 'ping' });
    assert.deepEqual(await this.next(), { type: 'pong' });
  }

  async subscribe(id, view, more = {}) {
    this.send({ type: 'subscribe', id, view, ...more });
    const message = await this.next();
    assert.equal(message.id, id, JSON.stringify(message));
    return message;
  }

  get bytesRead() {
    return this.ws._socket.bytesRead;
  }

  async close() {
    this.ws.close();
    return this.closed;
  }
}
