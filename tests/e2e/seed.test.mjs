// The seed's own endpoints: /ws/VIEW, /ws/VIEW-diffed and /ws/VIEW-diffed-N.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { patched } from './lib/document.mjs';
import { Sangre } from './lib/sangre.mjs';
import { Socket } from './lib/socket.mjs';
import { World, atFirst, config } from './lib/world.mjs';

let world, sangre, started;

before(async () => {
  world = await World.start();
  started = Math.floor(Date.now() / 1000);
  sangre = await Sangre.start(config, { environment: world.environment, ready: '/followeds' });
});
after(async () => {
  await sangre?.stop();
  await world?.end();
});

const open = (place) => Socket.open(sangre.ws + place);
const rename = (id, name) => world.query('UPDATE places SET name = $2 WHERE id = $1', [id, name]);
const named = (name) => {
  const document = structuredClone(atFirst);
  document.followeds[0].places[0].name = name;
  return document;
};
const stale = { id: 9, name: 'old', followeds: [{ id: 5, name: 'gone', places: [] }] };

test('/ws/VIEW sends the whole document at each change', async () => {
  const socket = await open('/ws/followeds?user=1');
  assert.deepEqual(await socket.next(), atFirst);
  await rename(1, 'den');
  assert.deepEqual(await socket.next(), named('den'));
  await rename(1, 'bar');
  assert.deepEqual(await socket.next(), atFirst);
  await socket.close();
});

test('/ws/VIEW-diffed begins with an add of every member, then counts by one', async () => {
  const socket = await open('/ws/followeds-diffed');
  const first = await socket.next();
  assert.deepEqual(Object.keys(first), ['revision', 'from', 'diffs']);
  assert.equal(first.from, 0);
  assert.deepEqual(first.diffs.map((diff) => [diff.op, diff.path]), [['add', '/id'], ['add', '/name'], ['add', '/followeds']]);
  assert.deepEqual(patched({}, first.diffs), atFirst);
  assert.deepEqual(patched(stale, first.diffs), atFirst);
  const second = Math.floor(first.revision / 2 ** 20);
  assert.ok(second >= started && second <= Date.now() / 1000 + 1, `revision ${first.revision} names second ${second}`);
  for (const [i, name] of ['den', 'bar'].entries()) {
    await rename(1, name);
    assert.deepEqual(await socket.next(), {
      revision: first.revision + i + 1, from: first.revision + i,
      diffs: [{ op: 'replace', path: '/followeds/0/places/0/name', value: name }],
    });
  }
  await socket.close();
});

test('/ws/VIEW-diffed-N gives the composed diff from N', async () => {
  const away = await open('/ws/followeds-diffed');
  const { revision } = await away.next();
  await away.close();
  const witness = await open('/ws/followeds-diffed');
  await witness.next();
  for (const name of ['a', 'b', 'c']) {
    await rename(1, name);
    await witness.next();
  }
  const back = await open(`/ws/followeds-diffed-${revision}`);
  assert.deepEqual(await back.next(), {
    revision: revision + 3, from: revision, diffs: [{ op: 'replace', path: '/followeds/0/places/0/name', value: 'c' }],
  });
  const nothing = await open(`/ws/followeds-diffed-${revision + 3}`);
  assert.deepEqual(await nothing.next(), { revision: revision + 3, from: revision + 3, diffs: [] });
  await rename(1, 'bar');
  for (const socket of [witness, back, nothing])
    assert.deepEqual(await socket.next(), {
      revision: revision + 4, from: revision + 3, diffs: [{ op: 'replace', path: '/followeds/0/places/0/name', value: 'bar' }],
    });
  for (const socket of [witness, back, nothing])
    await socket.close();
});

test('an unknown N is told back with an add of every member: never silence', async () => {
  for (const n of [0, 1, 12345, 2 ** 53 - 1]) {
    const socket = await open(`/ws/followeds-diffed-${n}`);
    const first = await socket.next();
    assert.equal(first.from, n);
    assert.deepEqual(patched({}, first.diffs), atFirst);
    assert.deepEqual(patched(stale, first.diffs), atFirst);
    await rename(1, `n${n % 1000}`);
    assert.equal((await socket.next()).from, first.revision);
    await rename(1, 'bar');
    await socket.next();
    await socket.close();
  }
});

test('a list, and nothing, are replaced whole', async () => {
  for (const [place, document] of [['/ws/places-diffed', [{ id: 1, name: 'bar' }, { id: 2, name: 'pub' }, { id: 3, name: 'zoo' }]], ['/ws/followeds-diffed-7?user=99', null]]) {
    const socket = await open(place);
    assert.deepEqual((await socket.next()).diffs, [{ op: 'replace', path: '', value: document }]);
    await socket.close();
  }
});

test('revisions are counted for each instance by itself', async () => {
  const one = await open('/ws/followeds-diffed?user=1'), other = await open('/ws/followeds-diffed?user=4');
  await one.next();
  const before_ = (await other.next()).revision;
  await rename(1, 'x');
  await one.next();
  await world.query("UPDATE users SET name = 'Dee' WHERE id = 4");
  assert.equal((await other.next()).revision, before_ + 1);
  await rename(1, 'bar');
  await one.next();
  for (const socket of [one, other])
    await socket.close();
});

test('an unknown view is told, then the connection is closed', async () => {
  for (const place of ['/ws/followed', '/ws/folloeds-diffed', '/ws/-diffed-3']) {
    const socket = await open(place);
    assert.equal((await socket.nextOf('error')).code, 'unknown_view');
    assert.equal(await socket.closed, 1008);
  }
});
