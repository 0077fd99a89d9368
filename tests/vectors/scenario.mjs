// One recording on its way through the sink: what the client sent and the database committed is done again in order, what the server
// answered is collected. The order on each connection is exact, between connections it is not.
import { connect as connectSocket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import WebSocket from 'ws';
import { moveTokens } from './tokens.mjs';

const PATIENCE = 20_000; // until an answer counts as missing
const GAP = 1_500; // pauses of the recording that are longer have a meaning

const isChange = (text) => text.includes('"commit_timestamp"');

class Connection {
  constructor(url) {
    this.received = [];
    this.expected = [];
    this.closed = null;
    this.ws = new WebSocket(url, { perMessageDeflate: false, skipUTF8Validation: true });
    this.opened = new Promise((resolve) => {
      this.ws.on('open', () => resolve(true));
      this.ws.on('unexpected-response', (_, response) => (this.refused = response.statusCode, this.ws.terminate(), resolve(false)));
      this.ws.on('error', () => resolve(false));
    });
    this.ws.on('message', (data) => this.received.push(data.toString()));
    this.ws.on('pong', (data) => this.received.push(`pong ${data}`));
    this.ws.on('close', (code) => (this.closed = code));
  }

  send(line, move) {
    if (this.ws.readyState !== WebSocket.OPEN)
      return;
    const [, code, reason] = /^(\d+) ?(.*)$/.exec(line.data) ?? [];
    if (line.op === 'text')
      this.ws.send(move(line.data));
    else if (line.op === 'binary')
      this.ws.send(Buffer.from(line.data, 'base64'), { binary: true });
    else if (line.op === 'ping')
      this.ws.ping(line.data);
    else
      this.ws.close(code && Number(code), reason);
  }

  // What a recording tells in words.
  act(note) {
    const beat = (ref, payload = {}) => JSON.stringify({ topic: 'phoenix', event: 'heartbeat', payload, ref });
    if (/1,000,000-byte/.test(note)) {
      this.ws.send(beat('1', { x: 'x'.repeat(1_000_000) }));
      this.ws.send(beat('2', { x: 'x'.repeat(10_000_000) }));
    } else if (/3 fragments/.test(note)) {
      const text = beat('1');
      this.ws.send(text.slice(0, 5), { fin: false });
      this.ws.send(text.slice(5, 20), { fin: false });
      this.ws.send(text.slice(20), { fin: true });
    } else if (/invalid UTF-8/.test(note)) {
      this.ws.send(Buffer.from([0xff, 0xfe]), { binary: false });
    } else if (/unmasked/.test(note)) {
      this.ws.send('{}', { mask: false });
    }
  }
}

// The status and the body of a raw request.
export function exchange(port, text) {
  return new Promise((resolve) => {
    let answer = '';
    const socket = connectSocket(port, '127.0.0.1', () => socket.write(text, 'latin1'));
    const finish = () => (socket.destroy(), resolve(parseAnswer(answer)));
    socket.setTimeout(PATIENCE, finish);
    socket.on('error', finish).on('close', finish);
    socket.setEncoding('latin1').on('data', (data) => {
      answer += data;
      const end = answer.indexOf('\r\n\r\n');
      const length = Number(/content-length: (\d+)/i.exec(answer)?.[1] ?? 0);
      if (end >= 0 && (/^HEAD/.test(text) || answer.length >= end + 4 + length))
        finish();
    });
  });
}

export function parseAnswer(text) {
  return { status: Number(/^HTTP\/1.1 (\d+)/.exec(text)?.[1] ?? 0), body: text.split('\r\n\r\n').slice(1).join('\r\n\r\n') };
}

async function until(condition) {
  for (const end = Date.now() + PATIENCE; !condition() && Date.now() < end;)
    await sleep(5);
}

export class Scenario {
  // `world`: { port, secret, query(sql), other(sql), marker() }
  constructor(lines, world, substitutes) {
    Object.assign(this, { lines, world, substitutes, connections: new Map(), exchanges: [] });
    const dated = lines.map((line) => ({ line, date: /date(?:: |","|\\",\\")([^"\r\\]+GMT)/.exec(JSON.stringify(line.headers ?? line.response ?? ''))?.[1] })).find(({ date }) => date);
    this.began = dated ? Date.parse(dated.date) - dated.line.t_ms : NaN; // up to a second early, as dates have no fractions
    this.seconds = dated ? Math.floor((Date.now() - this.began) / 1000) : 0;
    this.move = (text) => moveTokens(text, world.secret, (expiry) => this.moved(expiry));
  }

  // We are faster than the recording was, but what had expired by then has to have expired.
  moved(expiry) {
    const expired = expiry * 1000 <= this.began + this.at + 1000;
    return expired ? Math.min(expiry + this.seconds, Math.floor(Date.now() / 1000)) : expiry + this.seconds;
  }

  // All that should have come by now; `changes`: those too.
  settled(changes) {
    return until(() => [...this.connections.values()].every(({ expected, received, closed, ends }) => {
      const needed = changes ? expected.length : 1 + expected.findLastIndex((text) => !isChange(text));
      return (received.length >= needed || closed !== null) && (!ends || closed !== null);
    }));
  }

  async step(line) {
    this.at = line.t_ms;
    const connection = this.connections.get(line.conn);
    switch (line.dir) {
    case 'connect': {
      const url = new URL(this.move(line.url));
      url.port = this.world.port;
      this.connections.set(line.conn, new Connection(url));
      return this.connections.get(line.conn).opened;
    }
    case 'c2s': return connection.send(line, this.move);
    case 's2c': return void connection.expected.push(line.op === 'pong' ? `pong ${line.data}` : line.data);
    case 'closed': return void (connection.ends = line.code);
    case 'note': return connection?.act(line.note);
    case 'sql': return this.sql(line.sql);
    case 'http': return void this.exchanges.push({ name: line.case, theirs: parseAnswer(line.response), ours: await exchange(this.world.port, this.move(line.request)) });
    }
  }

  // A statement may have failed in the recording too: then it fails here.
  async sql(text) {
    const other = this.substitutes?.[text];
    await (other ? this.world.other(other) : this.world.query(text)).catch(() => {});
  }

  async run() {
    let last = 0;
    for (const line of this.lines) {
      if (line.dir === 'pgoutput')
        break;
      if (!['s2c', 'closed', 'open', 'meta'].includes(line.dir)) {
        if (line.t_ms - last > GAP)
          await sleep(line.t_ms - last);
        else
          await this.settled(line.dir !== 'sql');
        last = line.t_ms;
      }
      await this.step(line);
    }
    await this.settled(true);
    await this.world.marker();
    await this.settled(true);
    for (const connection of this.connections.values()) {
      connection.closedBefore = connection.closed;
      connection.endedEarly = connection.closed !== null;
      connection.ws.terminate();
    }
  }
}
