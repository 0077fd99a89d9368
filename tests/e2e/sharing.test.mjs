// Similar queries share what they can: equal nodes are one node, whatever they are called, and explain shows it.
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { after, before, test } from 'node:test';
import { patched } from './lib/document.mjs';
import { Sangre, command, until } from './lib/sangre.mjs';
import { Socket } from './lib/socket.mjs';
import { World, listen, source } from './lib/world.mjs';

const config = `${listen}${source}nodes:
  saved: { inputs: [app.users_places, app.places], join: "place_id = id" }
  kept: { inputs: [app.users_places, app.places], join: "place_id = id" }
  kept_by_bob: { input: kept, filter: "user_id = 2" }
views:
  /saved: { from: saved, params: { user: int }, where: "user_id = $user", order_by: place_id, columns: [place_id, name] }
  /kept: { from: kept, order_by: [user_id, place_id], columns: [user_id, name] }
  /bob: { from: kept_by_bob, order_by: place_id, columns: [name] }
`;
let world, sangre;

before(async () => {
  world = await World.start();
  sangre = await Sangre.start(config, { environment: world.environment, ready: '/kept' });
});
after(async () => {
  await sangre?.stop();
  await world?.end();
});

test('two nodes that say the same are one, before and while it runs', async () => {
  const { code, out, err } = await command(['explain', '--json', sangre.file], { environment: { ...world.environment, SANGRE_PORT: '1' } });
  assert.equal(code, 0, err);
  for (const { graph } of [JSON.parse(out), await sangre.explain()]) {
    assert.equal(graph.filter(({ plugin }) => plugin === 'join').length, 1);
    assert.equal(graph.length, 4, 'two tables, a join, a filter');
  }
});

test('explain is text and DOT too', async () => {
  for (const args of [['explain', sangre.file], ['explain', '--live', `127.0.0.1:${sangre.port}`]]) {
    const environment = { ...world.environment, SANGRE_PORT: '1' };
    const text = await command(args, { environment });
    assert.equal(text.code, 0, text.err);
    assert.match(text.out, /^#\d+ \S+ = join\(#\d+, #\d+\)/m);
    assert.match(text.out, /^\/saved: list of /m);
    const dot = await command([...args, '--dot'], { environment });
    assert.match(dot.out, /^digraph sangre \{[^]*->[^]*\}\n$/);
  }
  const gone = await command(['explain', '--live', '127.0.0.1:1']);
  assert.equal(gone.code, 1);
});

test('explain shows how many subscribe to each view', async () => {
  const subscribers = async () => {
    const { views } = await sangre.explain();
    return Object.fromEntries(views.map(({ name, instances, open, subscribers }) => [name, [instances, open, subscribers]]));
  };
  const sockets = [];
  for (const place of ['/saved?user=2', '/saved?user=2', '/saved?user=3', '/bob'])
    await (sockets[sockets.push(await Socket.open(sangre.ws + place)) - 1]).nextOf('snapshot');
  const { '/saved': saved, '/bob': bob, '/kept': kept } = await subscribers();
  assert.deepEqual(saved.slice(1), [2, 3], 'two instances are open, three subscribe');
  assert.deepEqual(bob.slice(1), [1, 1]);
  assert.deepEqual(kept.slice(1), [0, 0]);
  for (const socket of sockets)
    await socket.close();
  await until('nobody', async () => Object.values(await subscribers()).every(([, open, count]) => open === 0 && count === 0));
});

test('explain --live prints whole answers only', async () => {
  const live = (answer) => new Promise((resolve) => {
    const server = createServer((socket) => socket.on('error', () => {}).once('data', () => socket.end(answer)));
    server.listen(0, '127.0.0.1', async () => {
      const result = await command(['explain', '--live', `127.0.0.1:${server.address().port}`]);
      server.close(() => resolve(result));
    });
  });
  const head = 'HTTP/1.1 200 OK\r\n';
  for (const whole of ['content-length: 5\r\n\r\nhello', 'Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n'])
    assert.deepEqual(await live(head + whole), { code: 0, out: 'hello', err: '' });
  for (const [part, why] of [
    ['content-length: 6\r\n\r\nhello', /cut off/],
    ['content-length: x\r\n\r\nhello', /malformed/],
    ['Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nl', /cut off/],
    ['Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n', /cut off/],
    ['\r\nhello', /length/],
  ]) {
    const { code, out, err } = await live(head + part);
    assert.deepEqual([code, out], [1, ''], part);
    assert.match(err, why, part);
  }
});

test('closing one view leaves the others right', async () => {
  const sockets = {};
  for (const place of ['/saved?user=2', '/saved?user=3', '/kept', '/bob']) {
    const socket = (sockets[place] = await Socket.open(sangre.ws + place));
    socket.document = (await socket.nextOf('snapshot')).data;
  }
  assert.deepEqual(sockets['/bob'].document, [{ name: 'bar' }, { name: 'pub' }]);
  const change = async (sql, ...whose) => {
    await world.query(sql);
    for (const place of whose) {
      sockets[place].document = patched(sockets[place].document, (await sockets[place].nextOf('frame')).d);
      assert.deepEqual(sockets[place].document, await sangre.document(place), place);
    }
    for (const socket of Object.values(sockets))
      await socket.quiet();
  };
  await change("UPDATE places SET name = 'inn' WHERE id = 2", ...Object.keys(sockets));
  await sockets['/kept'].close();
  delete sockets['/kept'];
  await change('DELETE FROM users_places WHERE user_id = 2 AND place_id = 1', '/saved?user=2', '/bob');
  await sockets['/saved?user=2'].close();
  delete sockets['/saved?user=2'];
  // Both sides of the join in one transaction.
  await change("BEGIN; UPDATE places SET name = 'den' WHERE id = 2; INSERT INTO users_places VALUES (3, 3), (2, 3); UPDATE places SET name = 'ark' WHERE id = 3; COMMIT",
    '/saved?user=3', '/bob');
  assert.deepEqual(sockets['/bob'].document, [{ name: 'den' }, { name: 'ark' }]);
  assert.deepEqual(await sangre.document('/kept'), [{ user_id: 2, name: 'den' }, { user_id: 2, name: 'ark' }, { user_id: 3, name: 'den' }, { user_id: 3, name: 'ark' }]);
  for (const socket of Object.values(sockets))
    await socket.close();
});
