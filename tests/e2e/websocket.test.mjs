// Websockets of protocol sangre.v1: one view on its path, many on /, every error's code, sizes on the wire.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { patched } from './lib/document.mjs';
import { Sangre } from './lib/sangre.mjs';
import { Socket } from './lib/socket.mjs';
import { World, atFirst, config, listen, memory } from './lib/world.mjs';

let world, sangre;

before(async () => {
  world = await World.start();
  sangre = await Sangre.start(config, { environment: world.environment, ready: '/followeds' });
});
after(async () => {
  await sangre?.stop();
  await world?.end();
});

const open = (place, options) => Socket.open(sangre.ws + place, options);
const rename = (id, name) => world.query('UPDATE places SET name = $2 WHERE id = $1', [id, name]);

test('a single view: snapshot, then a frame for each commit', async () => {
  const socket = await open('/followeds?user=1');
  const snapshot = await socket.nextOf('snapshot');
  assert.deepEqual(snapshot, { type: 'snapshot', cursor: snapshot.cursor, data: atFirst });
  await world.query('INSERT INTO users_followeds VALUES (1, 4)');
  const first = await socket.nextOf('frame');
  assert.deepEqual(first.d, [{ op: 'add', path: '/followeds/2', value: { id: 4, name: 'dee', places: [] } }]);
  assert.equal(first.p, snapshot.cursor);
  await world.query('DELETE FROM users_followeds WHERE followed_id = 4');
  const second = await socket.nextOf('frame');
  assert.deepEqual(second.d, [{ op: 'remove', path: '/followeds/2' }]);
  assert.equal(second.p, first.c);
  await socket.quiet();
  await socket.close();
});

for (const [codec, place, limit, patches] of [
  ['json-patch', '/followeds?user=1', 149, [{ op: 'replace', path: '/followeds/0/places/0/name', value: 'den' }]],
  ['rows', '/followeds?user=1', 99, [{ at: [0, 2, 0, 1], set: { name: 'den' } }]],
  ['rows', '/places?', 100, [{ at: [1], set: { name: 'den' } }]],
])
  test(`a rename reaches a client of ${codec} on ${place} as one frame with one edit of at most ${limit} bytes`, async () => {
    const socket = await open(`${place}&codec=${codec}`);
    await socket.nextOf('snapshot');
    const before_ = socket.bytesRead;
    await rename(1, 'den');
    const frame = await socket.nextOf('frame');
    const bytes = socket.bytesRead - before_;
    console.log(`${bytes} bytes on the wire: ${JSON.stringify({ f: frame })}`);
    assert.deepEqual(frame.d, patches);
    assert.ok(bytes <= limit, `${bytes} bytes`);
    await socket.quiet();
    await rename(1, 'bar');
    await socket.nextOf('frame');
    await socket.close();
  });

test('codec full sends the document at each change', async () => {
  const socket = await open('/places?codec=full');
  const { data } = await socket.nextOf('snapshot');
  await rename(3, 'ark');
  data[2].name = 'ark';
  assert.deepEqual((await socket.nextOf('frame')).d, data);
  await rename(3, 'zoo');
  await socket.nextOf('frame');
  await socket.close();
});

test('time=1 adds the commit time in milliseconds', async () => {
  const socket = await open('/places?time=1');
  await socket.nextOf('snapshot');
  const start = Date.now();
  await rename(3, 'ark');
  const { t } = await socket.nextOf('frame');
  assert.ok(t >= start - 1000 && t <= Date.now() + 1000, `t is ${t}, now ${start}`);
  await rename(3, 'zoo');
  await socket.nextOf('frame');
  await socket.close();
});

test('one transaction is one frame for all views of a connection', async () => {
  const socket = await open('/');
  await socket.subscribe('f', '/followeds', { params: { user: 1 } });
  await socket.subscribe(7, '/places');
  const { cursor } = await socket.subscribe('u', '/users', { codec: 'rows' });
  await world.query("BEGIN; UPDATE places SET name = 'inn' WHERE id = 2; UPDATE users SET name = 'Bob' WHERE id = 2; COMMIT");
  const frame = await socket.nextOf('frame');
  assert.equal(frame.p, cursor);
  assert.deepEqual(Object.keys(frame.d).sort(), ['7', 'f', 'u']);
  assert.deepEqual(frame.d[7], [{ op: 'replace', path: '/1/name', value: 'inn' }]);
  assert.deepEqual(frame.d.u, [{ at: [2], set: { name: 'Bob' } }]);
  const wanted = structuredClone(atFirst);
  wanted.followeds[0].name = 'Bob';
  wanted.followeds[0].places[1].name = wanted.followeds[1].places[0].name = 'inn';
  assert.deepEqual(patched(atFirst, frame.d.f), wanted);
  await world.query("BEGIN; UPDATE places SET name = 'pub' WHERE id = 2; UPDATE users SET name = 'bob' WHERE id = 2; COMMIT");
  assert.equal((await socket.nextOf('frame')).p, frame.c);
  await socket.quiet();
  await socket.close();
});

test('what is unsubscribed is silent, and its id is free again', async () => {
  const socket = await open('/');
  await socket.subscribe('a', '/places');
  await socket.subscribe('b', '/places');
  socket.send({ type: 'unsubscribe', id: 'a' });
  await socket.quiet();
  await rename(3, 'ark');
  const frame = await socket.nextOf('frame');
  assert.deepEqual(Object.keys(frame.d), ['b']);
  assert.equal((await socket.subscribe('a', '/places')).type, 'snapshot');
  await rename(3, 'zoo');
  assert.deepEqual(Object.keys((await socket.nextOf('frame')).d).sort(), ['a', 'b']);
  await socket.close();
});

test('a cursor resumes: one composed frame with exactly the rest, then caught_up', async () => {
  const first = await open('/');
  let { cursor, data } = await first.subscribe('p', '/places');
  await rename(1, 'x');
  const seen = await first.nextOf('frame');
  data = patched(data, seen.d.p);
  cursor = seen.c;
  await first.close();
  await rename(1, 'y');
  await rename(1, 'bar');
  await rename(2, 'inn');
  await sangre.shows('/places', [{ id: 1, name: 'bar' }, { id: 2, name: 'inn' }, { id: 3, name: 'zoo' }]);
  const second = await open('/');
  second.send({ type: 'subscribe', id: 'p', view: '/places', cursor });
  const frame = await second.nextOf('frame');
  assert.equal(frame.p, cursor);
  assert.equal(frame.d.p.length, 2);
  data = patched(data, frame.d.p);
  assert.deepEqual(data, await sangre.document('/places'));
  assert.deepEqual(await second.next(), { type: 'caught_up', id: 'p', cursor: frame.c });
  await second.close();
  const third = await open(`/places?cursor=${encodeURIComponent(frame.c)}`);
  assert.equal((await third.nextOf('caught_up')).cursor, frame.c);
  await rename(2, 'pub');
  assert.equal((await third.nextOf('frame')).p, frame.c);
  await third.close();
});

test('one cursor resumes all views of a connection', async () => {
  const places = { '/places': null, '/users': null };
  const subscribe = (socket, view, cursor) => socket.send({ type: 'subscribe', id: view, view, cursor });
  const apply = (frame) => {
    for (const [view, patches] of Object.entries(frame.d))
      places[view] = patched(places[view], patches);
  };
  let socket = await open('/');
  subscribe(socket, '/places');
  const first = await socket.nextOf('snapshot');
  places['/places'] = first.data;
  await rename(1, 'den');
  let frame = await socket.nextOf('frame');
  apply(frame);
  // /users has not changed for long; its snapshot must not take the connection's cursor back.
  subscribe(socket, '/users');
  const second = await socket.nextOf('snapshot');
  places['/users'] = second.data;
  await socket.close();
  await world.query("BEGIN; UPDATE users SET name = 'eva' WHERE id = 4; INSERT INTO places VALUES (9, 'spa'); COMMIT");
  await sangre.shows('/users', [...second.data.slice(0, 3), { id: 4, name: 'eva' }]);
  socket = await open('/');
  for (const view of ['/places', '/users'])
    subscribe(socket, view, second.cursor);
  for (let i = 0; i < 2; i++) {
    frame = await socket.nextOf('frame');
    assert.equal(Object.values(frame.d)[0].length, 1, 'the rest and nothing else');
    apply(frame);
    await socket.nextOf('caught_up');
  }
  for (const view of ['/places', '/users'])
    assert.deepEqual(places[view], await sangre.document(view));
  await world.query("BEGIN; UPDATE users SET name = 'dee' WHERE id = 4; DELETE FROM places WHERE id = 9; UPDATE places SET name = 'bar' WHERE id = 1; COMMIT");
  apply(await socket.nextOf('frame'));
  for (const view of ['/places', '/users'])
    assert.deepEqual(places[view], await sangre.document(view));
  await socket.close();
});

test('a cursor of another life is a named reset with a snapshot', async () => {
  const socket = await open('/');
  const reset = await socket.subscribe('p', '/places', { cursor: 'nonsense' });
  assert.equal(reset.type, 'reset');
  assert.match(reset.reason, /^[a-z_]+$/);
  assert.deepEqual(reset.data, await sangre.document('/places'));
  await socket.close();
});

const mistakes = [
  ['{"type":', 'bad_json'],
  ['{"type":"ping","type":"ping"}', 'bad_json'],
  ['', 'bad_json'],
  ['[]', 'bad_message'],
  ['{}', 'bad_message'],
  [{ type: 5 }, 'bad_message'],
  [{ type: 'subscrib', id: 1, view: '/places' }, 'unknown_type'],
  [{ type: 'subscribe', view: '/places' }, 'bad_message'],
  [{ type: 'subscribe', id: {}, view: '/places' }, 'bad_message'],
  [{ type: 'subscribe', id: 'x'.repeat(1000), view: '/places' }, 'bad_message'],
  [{ type: 'subscribe', id: 1 }, 'bad_message', 1],
  [{ type: 'subscribe', id: 1, view: '/places', params: [] }, 'bad_message', 1],
  [{ type: 'subscribe', id: 1, view: '/places', cursor: 5 }, 'bad_message', 1],
  [{ type: 'subscribe', id: 1, view: '/places', codec: {} }, 'bad_message', 1],
  [{ type: 'subscribe', id: 1, view: '/place' }, 'unknown_view', 1, /did you mean \/places\?/],
  [{ type: 'subscribe', id: 1, view: '/places', codec: 'xml' }, 'unknown_codec', 1],
  [{ type: 'subscribe', id: 1, view: '/places', params: { user: 1 } }, 'bad_parameter', 1],
  [{ type: 'subscribe', id: 1, view: '/followeds', params: { user: 'ann' } }, 'bad_parameter', 1],
  [{ type: 'subscribe', id: 1, view: '/followeds', params: { user: 1.5 } }, 'bad_parameter', 1],
  [{ type: 'subscribe', id: 1, view: '/followeds', params: { user: [1] } }, 'bad_parameter', 1],
  [{ type: 'subscribe', id: 1, view: '/person' }, 'bad_parameter', 1, /missing/],
  [{ type: 'unsubscribe', id: 'nobody' }, 'unknown_id', 'nobody'],
  [{ type: 'subscribe', id: 'there', view: '/places' }, 'duplicate_id', 'there'],
];

test('each mistake has its code, and the connection goes on', async () => {
  const socket = await open('/');
  await socket.subscribe('there', '/places');
  for (const [message, code, id, pattern] of mistakes) {
    socket.send(message);
    const error = await socket.nextOf('error');
    const what = `${JSON.stringify(message).slice(0, 100)}: ${JSON.stringify(error)}`;
    assert.equal(error.code, code, what);
    assert.equal(error.id, id, what);
    assert.match(error.message, pattern ?? /./, what);
    await socket.quiet();
  }
  await rename(3, 'ark');
  assert.deepEqual(Object.keys((await socket.nextOf('frame')).d), ['there']);
  await rename(3, 'zoo');
  await socket.nextOf('frame');
  await socket.close();
});

test('a null parameter is null, not an error', async () => {
  const socket = await open('/');
  assert.equal((await socket.subscribe(1, '/followeds', { params: { user: null } })).data, null);
  await socket.close();
});

test('binary messages are refused, the connection goes on', async () => {
  const socket = await open('/');
  socket.ws.send(Buffer.from('{"type":"ping"}'), { binary: true });
  assert.equal((await socket.nextOf('error')).code, 'bad_message');
  await socket.quiet();
  await socket.close();
});

test('mistakes on a single view: told; what cannot be opened is closed', async () => {
  const socket = await open('/places');
  await socket.nextOf('snapshot');
  for (const [message, code] of [['{', 'bad_json'], [{ type: 'x' }, 'unknown_type'], [{ type: 'subscribe', id: 1, view: '/places' }, 'bad_message']]) {
    socket.send(message);
    assert.equal((await socket.nextOf('error')).code, code);
    await socket.quiet();
  }
  await socket.close();
  for (const [place, code] of [['/place', 'unknown_view'], ['/places?x=1', 'bad_parameter'], ['/followeds?user=x', 'bad_parameter'], ['/places?codec=xml', 'unknown_codec']]) {
    const refused = await open(place);
    assert.equal((await refused.nextOf('error')).code, code);
    assert.equal(await refused.closed, 1008);
  }
});

test('an oversized message closes with 1009, other clients notice nothing', async () => {
  const other = await open('/places');
  await other.nextOf('snapshot');
  for (const options of [{}, { fragments: true }]) {
    const socket = await open('/');
    const message = JSON.stringify({ type: 'ping', more: 'x'.repeat(100_000) });
    if (options.fragments)
      for (let at = 0; at < message.length; at += 10_000)
        socket.ws.send(message.slice(at, at + 10_000), { fin: at + 10_000 >= message.length });
    else
      socket.send(message);
    assert.equal(await socket.closed, 1009);
  }
  await other.quiet();
  await other.close();
});

test('a message just below the limit is taken', async () => {
  const socket = await open('/');
  socket.send({ type: 'ping', more: 'x'.repeat(60_000) });
  assert.deepEqual(await socket.next(), { type: 'pong' });
  await socket.close();
});

test('the subprotocol sangre.v1 is chosen when it is offered', async () => {
  const socket = await open('/', { protocols: ['sangre.v1'] });
  assert.equal(socket.ws.protocol, 'sangre.v1');
  await socket.quiet();
  await socket.close();
});

test('the page of another origin is refused', async () => {
  await assert.rejects(open('/', { origin: 'http://evil.example' }), /403/);
  const socket = await open('/', { origin: sangre.url });
  await socket.quiet();
  await socket.close();
});

test('a connection has as many views as it may, and no more', async () => {
  const small = await Sangre.start(`${listen}${memory}views: { /users: { from: app.users } }\nsinks: { web: { plugin: websocket, subscriptions: 2 }, get: { plugin: http } }\n`, { ready: '/users' });
  const socket = await Socket.open(`${small.ws}/`);
  for (const id of [1, 2])
    await socket.subscribe(id, '/users');
  assert.equal((await socket.subscribe(3, '/users')).code, 'too_many');
  socket.send({ type: 'unsubscribe', id: 1 });
  assert.equal((await socket.subscribe(3, '/users')).type, 'snapshot');
  await socket.close();
  await small.stop();
});
