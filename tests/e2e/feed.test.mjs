// The source `supabase`: a graph whose tables come by a feed and REST. Behind it stand our own sink `supabase` and a stand-in for PostgREST over
// the same Postgres, with a proxy between them whose connections break.
import assert from 'node:assert/strict';
import { renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { Random } from '../oracle/random.mjs';
import { Postgrest } from './lib/postgrest.mjs';
import { Proxy } from './lib/proxy.mjs';
import { Sangre, command, scratch, until, writeConfig } from './lib/sangre.mjs';
import { Socket } from './lib/socket.mjs';
import { secret, token } from './lib/token.mjs';
import { World } from './lib/world.mjs';

let world, serving, proxy, rest, sangre;

before(async () => {
  world = await World.start(['timezone=UTC']);
  await world.query(`
    CREATE TABLE notes (id int PRIMARY KEY, owner text, body text);
    CREATE TABLE whole (id int PRIMARY KEY, body text); ALTER TABLE whole REPLICA IDENTITY FULL;
    CREATE TABLE pairs (a int, "The B" text, v text, PRIMARY KEY (a, "The B"));
    CREATE PUBLICATION supabase_realtime FOR ALL TABLES`);
});
afterEach(async () => {
  for (const one of [sangre, serving])
    if (one && !one.over)
      await one.stop();
  await proxy?.stop();
  await rest?.stop();
  sangre = serving = proxy = rest = null;
  await world.query('TRUNCATE notes, whole, pairs');
});
after(() => world?.end());

// ---- What is fed, and what it is fed from

async function serve({ sink = 'secure: false', ...more } = {}) {
  serving = await Sangre.start(`listen: "127.0.0.1:\${SANGRE_PORT}"
sources: { db: { plugin: postgres, conninfo: "\${DATABASE_URL}", publication: supabase_realtime } }
sinks: { realtime: { plugin: supabase, source: db, ${sink} }, http: { plugin: http } }
`, { environment: world.environment });
  await until(() => `the feed flowing: ${serving.err}`, () => /change stream: streaming/.test(serving.err));
  proxy = await Proxy.start(serving.port);
  rest = await Postgrest.start(world.url, more);
}

const tables = `
      notes: { columns: { id: int, owner: text, body: text }, key: [id] }
      whole: { columns: { id: int, body: text }, key: [id] }
      pairs: { columns: { a: int, "The B": text, v: text }, key: [a, "The B"] }`;
const views = `
  /notes: { from: app.notes, order_by: id }
  /whole: { from: app.whole, order_by: id }
  /pairs: { from: app.pairs, order_by: a }
`;

const config = (options = '', own = tables, shown = views) => `listen: "127.0.0.1:\${SANGRE_PORT}"
sources:
  app:
    plugin: supabase
    url: "ws://127.0.0.1:${proxy?.listening ?? 9}/socket"
    rest: "${rest?.url ?? 'http://127.0.0.1:9'}"
    ${options}
    tables:${own}
sinks: { http: { plugin: http }, websocket: { plugin: websocket } }
views:${shown}`;

const start = async (...more) => (sangre = await Sangre.start(config(...more)));
const strict = { sink: 'secure: false, strict: true' };
// Each era is found by what the server answers, and can be told.
const eras = { 'the server of 2022': [strict, 'protocol: auto'], 'the server of 2022, as told': [{}, 'protocol: v0'], "today's server": [{}, 'protocol: auto'], "today's server, as told": [{}, 'protocol: v2'] };
const both = Object.entries(eras).filter(([name]) => !/as told/.test(name));

const truth = async (table, order = 'id') => (await world.query(`SELECT * FROM ${table} ORDER BY ${order}`)).rows;
const follows = async (table, order) => sangre.shows(`/${table}`, await truth(table, order));

// ---- What changes

for (const [era, [server, protocol]] of Object.entries(eras))
  test(`a graph over the feed of ${era} follows every kind of change`, async () => {
    await world.query("INSERT INTO notes VALUES (1, 'ann', 'one'), (2, 'bob', NULL); INSERT INTO pairs VALUES (1, 'x,\"y', 'v')");
    await serve(server);
    await start(protocol);
    await follows('notes');
    await follows('pairs', 'a');
    await world.query("INSERT INTO notes VALUES (3, 'unchanged_toast', E'a \"quoted\"\\n\\\\ line'), (4, 'ä', '{}')");
    await follows('notes');
    await world.query("UPDATE notes SET owner = NULL WHERE id = 1; UPDATE notes SET body = 'two' WHERE id = 2; DELETE FROM notes WHERE id = 3");
    await world.query("UPDATE pairs SET v = 'w'; INSERT INTO pairs VALUES (2, '', NULL)");
    await follows('notes');
    await follows('pairs', 'a');
    if (server === strict) { // today's does not tell it
      await world.query("TRUNCATE notes; INSERT INTO notes VALUES (9, 'z', 'z')");
      await follows('notes');
    }
    assert.deepEqual(rest.faults, []);
  });

test('what the feed does not tell shows when tables are compared', async () => {
  await world.query("INSERT INTO notes VALUES (1, 'ann', 'one')");
  await serve();
  await start('compare_every: 300ms');
  await follows('notes');
  await world.query('TRUNCATE notes');
  await follows('notes');
});

test('a changed key is found: told by a full old row, or by reading the table again where the feed does not tell it', async () => {
  await world.query("INSERT INTO notes VALUES (1, 'ann', 'one'), (2, 'bob', 'two'); INSERT INTO whole VALUES (1, 'a'), (2, 'b')");
  await serve(strict);
  await start();
  await follows('whole');
  await world.query('UPDATE whole SET id = 7 WHERE id = 1');
  await follows('whole');
  assert.doesNotMatch(sangre.err, /read again/);
  await world.query('UPDATE notes SET id = 8 WHERE id = 2');
  await follows('notes');
  assert.match(sangre.err, /an update may have changed a key/);
});

for (const [era, [server, protocol]] of both)
  test(`values that are stored out of line and did not change stay, by ${era}`, async () => {
    const long = 'x'.repeat(10_000);
    await world.query('ALTER TABLE notes ALTER body SET STORAGE EXTERNAL; ALTER TABLE whole ALTER body SET STORAGE EXTERNAL');
    await world.query("INSERT INTO notes VALUES (1, 'ann', $1)", [long]);
    await serve(server);
    await start(protocol);
    await world.query("UPDATE notes SET owner = 'bob'");
    await follows('notes');
    assert.equal((await sangre.document('/notes'))[0].body, long);
    assert.doesNotMatch(sangre.err, /read again/);
  });

const types = {
  b: ['bool', 'true'], i2: ['int2', '-32768'], i8: ['int8', '9007199254740993'], f4: ['float4', '1.5'], f8: ['float8', '0.1'],
  n: ['numeric', '123456789012345678901234567890.10'], p: ['numeric(12,4)', '12.3'], u: ['uuid', "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'"],
  ts: ['timestamp', "'2022-10-19 13:50:18.123456'"], tz: ['timestamptz', "'2022-10-19 13:50:18.5+02'"], bc: ['timestamp', "'0044-03-15 12:00 BC'"],
  inf: ['timestamptz', "'infinity'"], d: ['date', "'2022-10-19'"], t: ['time', "'13:50:18.25'"], iv: ['interval', "'1 year 2 mons 3 days 04:05:06.7'"],
  j: ['json', `'{"b": 1,  "a":[1,2, null]}'`], jb: ['jsonb', `'{"b": 1.50,  "a":[1,2, null], "s":"\\u00e4"}'`], by: ['bytea', "'\\xdeadbeef00'"],
  ia: ['int[]', "'{{1,2},{3,NULL}}'"], ta: ['text[]', `ARRAY['a','b c','q"uote','com,ma',NULL,'NULL','','back\\slash']`],
  tsa: ['timestamp[]', `'{"2022-10-19 13:50:18"}'`], c: ['char(5)', "'ab'"], ip: ['inet', "'192.168.1.5'"], ca: ['char(3)[]', "'{a,NULL}'"], v: ['varchar(20)', "'varchar'"],
};

for (const [era, [server, protocol]] of both)
  test(`a row that came by the feed of ${era} is the same as one that was read`, async () => {
    const columns = Object.keys(types);
    await world.query(`CREATE TABLE types (id int PRIMARY KEY, ${columns.map((name) => `${name} ${types[name][0]}`).join(', ')})`);
    const insert = (id) => world.query(`INSERT INTO types VALUES (${id}, ${columns.map((name) => types[name][1]).join(', ')})`);
    await insert(1);
    await serve(server);
    await start(protocol, `\n      types: { columns: { id: int, ${columns.map((name) => `${name}: "${types[name][0]}"`).join(', ')} }, key: id }`,
      '\n  /types: { from: app.types, order_by: id }\n');
    await insert(2);
    await until('the second row', async () => (await sangre.document('/types')).length === 2);
    const [read, fed] = await sangre.document('/types');
    assert.deepEqual({ ...fed, id: 1 }, read);
    await world.query('DROP TABLE types');
  });

// ---- Reading tables

test('tables are read in pages, also where the server gives fewer rows than asked for, with changes in between', async () => {
  await world.query("INSERT INTO notes SELECT i, 'o' || i, repeat('b', i % 50) FROM generate_series(1, 500) i");
  await world.query("INSERT INTO pairs SELECT i / 7, 'b\"\\,)' || i % 7, i FROM generate_series(1, 200) i");
  await serve({ most: 40 });
  let asked = 0;
  rest.before = async (url) => {
    if (/^\/rest\/v1\/notes/.test(url) && ++asked % 3 === 0)
      await world.query('DELETE FROM notes WHERE id = $1', [asked]).then(() => world.query("INSERT INTO notes VALUES ($1, 'new', NULL)", [1000 - asked]));
  };
  await start('page: 60');
  await follows('notes');
  await follows('pairs', 'a, "The B"');
  assert.ok(rest.requests.filter((url) => /^\/rest\/v1\/notes/.test(url)).length > 12, rest.requests.join('\n'));
  assert.deepEqual(rest.faults, []);
});

// ---- Breaks

const states = () => [...sangre.err.matchAll(/info +app (connecting|taking a snapshot|streaming)|warn +app (down)/g)].map(([, up, down]) => up ?? down);
const downs = () => states().filter((state) => state === 'down').length;
const whole = () => until(() => `the feed being whole: ${sangre.err.slice(-3000)}`, () => states().at(-1) === 'streaming');
// What `breaks` does to the feed has been noticed when this returns.
async function broken(breaks) {
  const before = downs();
  await breaks();
  await until(() => `the break being noticed: ${sangre.err.slice(-3000)}`, () => downs() > before);
}

// A websocket is told when views become stale, and when they are fresh again.
async function nextFrame(socket) {
  for (;;) {
    const message = await socket.next();
    if (message.type !== 'stale')
      return message.f ?? assert.fail(JSON.stringify(message));
  }
}

test('what a broken feed missed comes as one frame, without a reset', async () => {
  await world.query("INSERT INTO notes VALUES (1, 'ann', 'one'), (2, 'bob', 'two'), (3, 'cid', 'three')");
  await serve();
  await start();
  const socket = await Socket.open(`${sangre.ws}/`);
  await socket.subscribe('n', '/notes');
  await socket.quiet();
  const port = proxy.port;
  await broken(() => {
    proxy.port = 1; // nobody is there
    proxy.cut();
  });
  await world.query("DELETE FROM notes WHERE id = 1; UPDATE notes SET body = 'changed' WHERE id = 2; INSERT INTO notes VALUES (4, 'dee', 'four')");
  proxy.port = port;
  const frame = await nextFrame(socket);
  assert.equal(frame.d.n.length, 3, JSON.stringify(frame));
  await follows('notes');
  // Where nothing was missed, nothing is sent.
  await broken(() => proxy.cut());
  await whole();
  await world.query("INSERT INTO notes VALUES (5, 'eve', 'five')");
  const next = await nextFrame(socket);
  assert.equal(next.d.n.length, 1, JSON.stringify(next));
  assert.equal(next.p, frame.c);
  await socket.close();
});

test('a feed that falls silent is left for another connection', async () => {
  await serve();
  await start('heartbeat: 200ms');
  proxy.silent = true;
  await until('the silence being noticed', () => /did not answer a heartbeat/.test(sangre.err));
  proxy.silent = false;
  await world.query("INSERT INTO notes VALUES (1, 'ann', 'one')");
  await follows('notes');
});

test('a server that does not let us read at first is asked again, and so is one that breaks off on the way', async () => {
  await world.query("INSERT INTO notes SELECT i, 'o', 'b' FROM generate_series(1, 50) i");
  await serve();
  rest.status = 503;
  sangre = await Sangre.start(config('page: 7'), { ready: null });
  await until('the refusal', () => /status 503: as the test wants it/.test(sangre.err));
  let asked = 0;
  rest.status = 0;
  rest.before = () => (++asked === 6 ? proxy.cut() : null);
  await until('the feed being there', async () => (await sangre.get('/_sangre/health').catch(() => null))?.status === 200);
  await follows('notes');
});

for (const [era, [server, protocol]] of both)
  test(`fifty breaks in mid-transaction leave what Postgres has, by ${era}`, async () => {
    const random = new Random(20221019);
    await serve(server);
    await start(`${protocol}\n    gather: 1ms\n    retry_limit: 100ms`);
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
      await broken(async () => {
        if (i % 3) { // else maybe while rows are read
          await whole();
          proxy.cutAfter(some(20_000));
        }
        await world.query('BEGIN');
        for (let count = some(6); count > 0; count--)
          await world.query(statements[some(statements.length) - 1]());
        await world.query("INSERT INTO notes SELECT i, 'last', repeat('x', 300) FROM generate_series(2001, 2100) i ON CONFLICT (id) DO UPDATE SET body = EXCLUDED.body");
        await world.query('COMMIT');
        if (i % 3 === 0) {
          await until('a connection to cut', () => proxy.pairs.size);
          proxy.cut();
        }
      });
    await whole();
    assert.ok(proxy.cutAmid >= 33, `${proxy.cutAmid} breaks were amid a transaction`);
    await follows('notes');
    await follows('whole');
  });

// ---- Tokens

test('a token is taken from its file, and renewed before the feed ends for it', async () => {
  const file = path.join(scratch, 'token');
  const put = (text) => {
    writeFileSync(`${file}.new`, text);
    renameSync(`${file}.new`, file);
    rest.token = text;
  };
  await serve({ sink: `secret: "${secret}"` });
  const seconds = () => Math.floor(Date.now() / 1000), ends = seconds() + 4;
  put(token({ exp: ends }));
  await start(`heartbeat: 100ms\n    token_file: "${file}"`);
  const joined = proxy.accepted;
  put(token({ exp: ends + 3600 }));
  await until('the first token having expired', () => seconds() > ends + 1);
  await world.query("INSERT INTO notes VALUES (1, 'ann', 'one')");
  await follows('notes');
  assert.equal(proxy.accepted, joined, sangre.err);
  // One that nobody renews ends the feed, until somebody does.
  put(token({ exp: seconds() + 2 }));
  await until('the feed ending', () => /the feed ended realtime:public:|status 403/.test(sangre.err));
  put(token({}));
  await world.query("INSERT INTO notes VALUES (2, 'bob', 'two')");
  await follows('notes');
});

// ---- What is said

test('check tells what a feed cannot promise, and whose fault it is that a table cannot be read', async () => {
  await serve({ apikey: 'k' });
  const check = async (...more) => {
    const { code, err, out } = await command(['check', writeConfig(config(...more))], { environment: { SANGRE_PORT: '0' } });
    return [code, err + out];
  };
  let [code, text] = await check('apikey: k');
  assert.equal(code, 0, text);
  assert.match(text, /no positions and no transactions.*next reconnection only, unless compare_every is set/s);
  for (const [options, own, message, wanted = 2] of [
    ['apikey: wrong', tables, /reading public\.\w+.*REST answered with status 401: Invalid API key|status 401: Invalid API key.*reading public\.\w+/s, 1],
    ['apikey: k', '\n      notes: { columns: { id: int, ownr: text }, key: id }', /status 400: column .*ownr.* does not exist/],
    ['apikey: k', '\n      notse: { columns: { id: int }, key: id }', /no table notes is declared; did you mean notse\?/],
    ['apikey: k, token: a, token_file: b', tables, /token or token_file, not both/],
    ['apikey: k', '\n      notes: { columns: { id: int } }', /table notes needs key/],
  ]) {
    [code, text] = await check(options.replaceAll(', ', '\n    '), own, '\n  /notes: { from: app.notes }\n');
    assert.equal(code, wanted, `${options}: ${text}`);
    assert.match(text, message);
  }
  proxy.port = 1;
  [code, text] = await check('apikey: k');
  assert.notEqual(code, 0);
  assert.match(text, /the feed closed the connection/);
});
