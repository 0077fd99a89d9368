// The source `supabase` when its feed breaks: what was missed is read, compared, and sent as one frame.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../oracle/random.mjs';
import { both, feedOfTests } from './lib/feed.mjs';
import { Sangre, until } from './lib/sangre.mjs';
import { Socket } from './lib/socket.mjs';

const feed = feedOfTests();

// A websocket is told when views become stale, and when they are fresh again.
async function nextFrame(socket) {
  for (;;) {
    const message = await socket.next();
    if (message.type !== 'stale')
      return message.f ?? assert.fail(JSON.stringify(message));
  }
}

test('what a broken feed missed comes as one frame, without a reset', async () => {
  await feed.query("INSERT INTO notes VALUES (1, 'ann', 'one'), (2, 'bob', 'two'), (3, 'cid', 'three')");
  await feed.serve();
  await feed.start();
  const socket = await Socket.open(`${feed.sangre.ws}/`);
  await socket.subscribe('n', '/notes');
  await socket.quiet();
  const port = feed.proxy.port;
  await feed.broken(() => {
    feed.proxy.port = 1; // nobody is there
    feed.proxy.cut();
  });
  await feed.query("DELETE FROM notes WHERE id = 1; UPDATE notes SET body = 'changed' WHERE id = 2; INSERT INTO notes VALUES (4, 'dee', 'four')");
  feed.proxy.port = port;
  const frame = await nextFrame(socket);
  assert.equal(frame.d.n.length, 3, JSON.stringify(frame));
  await feed.follows('notes');
  // Where nothing was missed, nothing is sent.
  await feed.broken(() => feed.proxy.cut());
  await feed.whole();
  await feed.query("INSERT INTO notes VALUES (5, 'eve', 'five')");
  const next = await nextFrame(socket);
  assert.equal(next.d.n.length, 1, JSON.stringify(next));
  assert.equal(next.p, frame.c);
  await socket.close();
});

test('a feed that falls silent is left for another connection', async () => {
  await feed.serve();
  await feed.start('heartbeat: 500ms');
  feed.proxy.silent = true;
  await until('the silence being noticed', () => /did not answer a heartbeat/.test(feed.sangre.err));
  feed.proxy.silent = false;
  await feed.query("INSERT INTO notes VALUES (1, 'ann', 'one')");
  await feed.follows('notes');
});

test('a server that does not let us read at first is asked again, and so is one that breaks off on the way', async () => {
  await feed.query("INSERT INTO notes SELECT i, 'o', 'b' FROM generate_series(1, 50) i");
  await feed.serve();
  feed.rest.status = 503;
  feed.sangre = await Sangre.start(feed.config('page: 7'), { ready: null });
  await until('the refusal', () => /status 503: as the test wants it/.test(feed.sangre.err));
  let asked = 0;
  feed.rest.status = 0;
  feed.rest.before = () => (++asked === 6 ? feed.proxy.cut() : null);
  await until('the feed being there', async () => (await feed.sangre.get('/_sangre/health').catch(() => null))?.status === 200);
  await feed.follows('notes');
});

for (const [era, [server, protocol]] of both)
  test(`fifty breaks in mid-transaction leave what Postgres has, by ${era}`, async () => {
    const random = new Random(20221019);
    await feed.serve(server);
    await feed.start(`${protocol}\n    gather: 1ms\n    retry_limit: 100ms`);
    const some = (count) => random.between(1, count);
    const statements = [
      () => `INSERT INTO notes SELECT i, 'o' || i, repeat('b', ${some(300)}) FROM generate_series(${some(200)}, ${some(200) + 150}) i ON CONFLICT (id) DO UPDATE SET body = EXCLUDED.body`,
      () => `UPDATE notes SET owner = 'p${some(9)}' WHERE id % ${some(7)} = 0`,
      () => `DELETE FROM notes WHERE id % ${some(9)} = 1`,
      () => `UPDATE notes SET id = id + 1000 WHERE id = (SELECT min(id) FROM notes) AND NOT EXISTS (SELECT FROM notes WHERE id > 900)`,
      () => `INSERT INTO whole SELECT i, 'w' FROM generate_series(${some(50)}, ${some(50) + 50}) i ON CONFLICT (id) DO UPDATE SET body = EXCLUDED.body || 'x'`,
      () => 'UPDATE whole SET id = -id WHERE id = (SELECT max(id) FROM whole)',
      () => 'DELETE FROM whole WHERE id < 0',
    ];
    for (let i = 0; i < 50; i++)
      await feed.broken(async () => {
        if (i % 3) { // else maybe while rows are read
          await feed.whole();
          feed.proxy.cutAfter(some(20_000));
        }
        await feed.query('BEGIN');
        for (let count = some(6); count > 0; count--)
          await feed.query(statements[some(statements.length) - 1]());
        await feed.query("INSERT INTO notes SELECT i, 'last', repeat('x', 300) FROM generate_series(2001, 2100) i ON CONFLICT (id) DO UPDATE SET body = EXCLUDED.body");
        await feed.query('COMMIT');
        if (i % 3 === 0) {
          await until('a connection to cut', () => feed.proxy.pairs.size);
          feed.proxy.cut();
        }
      });
    await feed.whole();
    assert.ok(feed.proxy.cutAmid >= 33, `${feed.proxy.cutAmid} breaks were amid a transaction`);
    await feed.follows('notes');
    await feed.follows('whole');
  });
