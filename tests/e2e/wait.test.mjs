// Reading one's own writes: a client that knows its commit's position, or another one's cursor, is told when it has been sent all of it.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Sangre } from './lib/sangre.mjs';
import { Socket } from './lib/socket.mjs';
import { World, config } from './lib/world.mjs';

let world, sangre;

before(async () => {
  world = await World.start();
  sangre = await Sangre.start(`server: { wait_timeout: 1h }\n${config}`, { environment: world.environment, ready: '/followeds' });
});
after(async () => {
  await sangre?.stop();
  await world?.end();
});

const position = async () => (await world.query('SELECT pg_current_wal_insert_lsn() AS lsn')).rows[0].lsn;

// Everything before the answer to the wait.
async function framesBefore(socket, id) {
  for (const frames = []; ;) {
    const message = await socket.next();
    if (message.type === 'caught_up' && message.id === id)
      return { frames, answer: message };
    assert.ok(message.f, JSON.stringify(message));
    frames.push(message.f);
  }
}

test('whoever waits for the position behind its commits has seen all of them when told so, again and again', async () => {
  const socket = await Socket.open(`${sangre.ws}/`);
  await socket.subscribe('p', '/places');
  for (let i = 0; i < 50; i++) {
    await world.query('UPDATE places SET name = $1 WHERE id = 1', [`bar${i}`]);
    const lsn = await position();
    socket.send({ type: 'wait', id: i, lsn });
    const { frames, answer } = await framesBefore(socket, i);
    assert.equal(answer.wait, lsn);
    assert.deepEqual(frames.at(-1)?.d.p, [{ op: 'replace', path: '/0/name', value: `bar${i}` }], `write ${i}`);
  }
  await socket.close();
});

test('a position behind commits that concern nobody is reached too', async () => {
  const socket = await Socket.open(`${sangre.ws}/places`);
  await socket.nextOf('snapshot');
  await world.query('CREATE TABLE unseen AS SELECT generate_series(1, 1000) AS n');
  socket.send({ type: 'wait', id: 'w', lsn: await position(), source: 'app' });
  assert.equal((await framesBefore(socket, 'w')).frames.length, 0);
  await socket.close();
});

test("another client's cursor can be waited for, and names what was sent", async () => {
  const writer = await Socket.open(`${sangre.ws}/places`);
  const reader = await Socket.open(`${sangre.ws}/`);
  await writer.nextOf('snapshot');
  await reader.subscribe('u', '/users');
  await world.query("BEGIN; UPDATE places SET name = 'pub!' WHERE id = 2; UPDATE users SET name = 'bob!' WHERE id = 2; COMMIT");
  const { c } = await writer.nextOf('frame');
  reader.send({ type: 'wait', id: 1, cursor: c });
  const { frames } = await framesBefore(reader, 1);
  assert.equal(frames.at(-1).c, c);
  const document = await sangre.get('/places');
  reader.send({ type: 'wait', id: 2, cursor: document.headers.get('sangre-cursor') });
  await framesBefore(reader, 2);
  await writer.close();
  await reader.close();
});

test('what is malformed, of another epoch or of no source has its code; what does not come has an end', async () => {
  const impatient = await Sangre.start(`server: { wait_timeout: 500ms }\n${config}`, { environment: world.environment, ready: '/followeds' });
  const socket = await Socket.open(`${impatient.ws}/`);
  const { cursor } = await socket.subscribe('p', '/places');
  const ahead = `${cursor.slice(0, 6)}zzzzzzz`;
  for (const [wait, code] of [
    [{ cursor: 'nonsense!' }, 'bad_cursor'], [{ cursor: `${cursor}.1.2` }, 'bad_cursor'],
    [{ cursor: `${cursor.slice(0, 6)}zzzzzzzzzzzzzzzzzzzz` }, 'bad_cursor'],
    [{ cursor: 'zzzzzzzz.1' }, 'other_epoch'],
    [{ lsn: '0/' }, 'bad_position'], [{ lsn: '/1' }, 'bad_position'], [{ lsn: '0/1/2' }, 'bad_position'],
    [{ lsn: '100000000/0' }, 'bad_position'], [{ lsn: 'zz' }, 'bad_position'],
    [{ lsn: '0/1', source: 'nowhere' }, 'unknown_source'],
    [{ cursor: ahead }, 'timeout'], [{ lsn: 'FFFFFFFF/0' }, 'timeout'],
  ]) {
    socket.send({ type: 'wait', id: 'w', ...wait });
    const message = await socket.next();
    assert.deepEqual([message.type, message.id, message.code], ['error', 'w', code], JSON.stringify({ wait, message }));
  }
  await socket.quiet();
  await socket.close();
  await impatient.stop();
});
