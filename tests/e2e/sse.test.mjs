// A view as an event stream, with npm's EventSource: what a browser does.
import assert from 'node:assert/strict';
import { connect, createServer } from 'node:net';
import { after, before, test } from 'node:test';
import EventSource from 'eventsource';
import { patched } from './lib/document.mjs';
import { PATIENCE, Sangre } from './lib/sangre.mjs';
import { World, atFirst, config } from './lib/world.mjs';

let world, sangre;

before(async () => {
  world = await World.start();
  sangre = await Sangre.start(config, { environment: world.environment, ready: '/followeds' });
});
after(async () => {
  await sangre?.stop();
  await world?.end();
});

class Stream {
  constructor(url, headers) {
    this.events = [];
    this.source = new EventSource(url, { headers });
    for (const type of ['snapshot', 'frame', 'reset', 'stale', 'caught_up', 'error'])
      this.source.addEventListener(type, (event) => {
        this.events.push({ type, id: event.lastEventId, data: event.data && JSON.parse(event.data), status: event.status });
        this.waiting?.();
      });
  }

  async next(type) {
    const event = await this.any();
    assert.equal(event.type, type, JSON.stringify(event));
    return event;
  }

  async nextButErrors(type) {
    for (;;) {
      const event = await this.any();
      if (event.type === 'error')
        continue;
      assert.equal(event.type, type, JSON.stringify(event));
      return event;
    }
  }

  async any() {
    const end = Date.now() + PATIENCE;
    while (!this.events.length) {
      assert.ok(Date.now() < end, 'no event came');
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, end - Date.now() + 1);
        this.waiting = () => (clearTimeout(timer), resolve());
      });
    }
    return this.events.shift();
  }

  close() {
    this.source.close();
  }
}

// A network between client and server that can be cut.
class Line {
  static async to(port) {
    const line = new Line();
    line.sockets = new Set();
    line.server = createServer((near) => {
      if (line.cut)
        return near.destroy();
      const far = connect(port, '127.0.0.1');
      for (const [one, other] of [[near, far], [far, near]]) {
        line.sockets.add(one);
        one.pipe(other);
        one.on('error', () => other.destroy());
        one.on('close', () => (line.sockets.delete(one), other.destroy()));
      }
    });
    await new Promise((resolve) => line.server.listen(0, '127.0.0.1', resolve));
    line.url = `http://127.0.0.1:${line.server.address().port}`;
    return line;
  }

  break() {
    this.cut = true;
    for (const socket of this.sockets)
      socket.destroy();
  }

  mend() {
    this.cut = false;
  }

  close() {
    this.break();
    this.server.close();
  }
}

const rename = (id, name) => world.query('UPDATE places SET name = $2 WHERE id = $1', [id, name]);

test('a stream begins with a snapshot and goes on with frames', async () => {
  const stream = new Stream(`${sangre.url}/followeds?user=1`);
  const snapshot = await stream.next('snapshot');
  assert.deepEqual(snapshot.data, atFirst);
  assert.match(snapshot.id, /^\S+$/);
  await rename(1, 'den');
  const frame = await stream.next('frame');
  assert.deepEqual(frame.data, [{ op: 'replace', path: '/followeds/0/places/0/name', value: 'den' }]);
  assert.notEqual(frame.id, snapshot.id);
  await rename(1, 'bar');
  assert.deepEqual((await stream.next('frame')).data, [{ op: 'replace', path: '/followeds/0/places/0/name', value: 'bar' }]);
  stream.close();
});

test('an EventSource that was away gets exactly the rest, in one frame', async () => {
  const line = await Line.to(sangre.port);
  const stream = new Stream(`${line.url}/followeds?user=1`);
  let document = (await stream.next('snapshot')).data;
  await rename(2, 'one');
  document = patched(document, (await stream.next('frame')).data);
  line.break();
  await stream.next('error');
  await rename(2, 'two');
  await rename(2, 'three');
  await world.query('DELETE FROM users_places WHERE user_id = 2 AND place_id = 1; INSERT INTO users_followeds VALUES (1, 4)');
  const wanted = {
    id: 1, name: 'ann', followeds: [
      { id: 2, name: 'bob', places: [{ id: 2, name: 'three' }] },
      { id: 3, name: 'cid', places: [{ id: 2, name: 'three' }] },
      { id: 4, name: 'dee', places: [] },
    ],
  };
  await sangre.shows('/followeds?user=1', wanted);
  line.mend();
  const event = await stream.nextButErrors('frame'); // attempts while the line was cut
  assert.deepEqual(patched(document, event.data), wanted);
  const caughtUp = await stream.next('caught_up');
  assert.equal(caughtUp.id, event.id);
  await rename(2, 'pub');
  document = patched(wanted, (await stream.next('frame')).data);
  await sangre.shows('/followeds?user=1', document);
  stream.close();
  line.close();
});

test('nothing missed is nothing sent: caught_up alone', async () => {
  const first = await sangre.get('/followeds?user=1');
  const stream = new Stream(`${sangre.url}/followeds?user=1`, { 'Last-Event-ID': first.headers.get('sangre-cursor') });
  await stream.next('caught_up');
  stream.close();
});

test('the cursor may stand in the query, for a first connection', async () => {
  const cursor = (await sangre.get('/places')).headers.get('sangre-cursor');
  await rename(3, 'ark');
  await sangre.shows('/places', [{ id: 1, name: 'bar' }, { id: 2, name: 'pub' }, { id: 3, name: 'ark' }]);
  const stream = new Stream(`${sangre.url}/places?cursor=${encodeURIComponent(cursor)}`);
  assert.deepEqual((await stream.next('frame')).data, [{ op: 'replace', path: '/2/name', value: 'ark' }]);
  await stream.next('caught_up');
  stream.close();
});

test('an unknown cursor is a named reset with the whole document', async () => {
  const stream = new Stream(`${sangre.url}/places`, { 'Last-Event-ID': 'from.another.life' });
  const reset = await stream.next('reset');
  assert.match(reset.data.reason, /^[a-z_]+$/);
  assert.deepEqual(reset.data.data, await sangre.document('/places'));
  stream.close();
});

test('other codecs flow too', async () => {
  const stream = new Stream(`${sangre.url}/places?codec=full`);
  await stream.next('snapshot');
  await rename(3, 'zoo');
  assert.deepEqual((await stream.next('frame')).data, await sangre.document('/places'));
  stream.close();
});

test('an unknown view or bad parameter is a plain HTTP answer, which an EventSource does not retry', async () => {
  for (const [place, status] of [['/folloeds', 404], ['/followeds?user=x', 400]]) {
    const response = await sangre.get(place, { accept: 'text/event-stream' });
    assert.equal(response.status, status);
    assert.ok((await response.json()).error.code);
    const stream = new Stream(sangre.url + place);
    assert.equal((await stream.next('error')).status, status);
    assert.equal(stream.source.readyState, EventSource.CLOSED);
  }
});

test('the page of another origin is refused, the own one is not', async () => {
  const stream = { accept: 'text/event-stream' };
  assert.equal((await sangre.get('/places', { ...stream, origin: 'http://evil.example' })).status, 403);
  const own = await sangre.get('/places', { ...stream, origin: sangre.url });
  assert.equal(own.status, 200);
  await own.body.cancel();
});
