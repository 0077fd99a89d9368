// The source `supabase`: a graph whose tables come by a feed and REST.
import assert from 'node:assert/strict';
import { renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { both, eras, feedOfTests, tables } from './lib/feed.mjs';
import { command, scratch, until, writeConfig } from './lib/sangre.mjs';
import { secret, token } from './lib/token.mjs';

const feed = feedOfTests();
const [strict] = eras['the server of 2022'];

// ---- What changes

for (const [era, [server, protocol]] of Object.entries(eras))
  test(`a graph over the feed of ${era} follows every kind of change`, async () => {
    await feed.query("INSERT INTO notes VALUES (1, 'ann', 'one'), (2, 'bob', NULL); INSERT INTO pairs VALUES (1, 'x,\"y', 'v')");
    await feed.serve(server);
    await feed.start(protocol);
    await feed.follows('notes');
    await feed.follows('pairs', 'a');
    await feed.query("INSERT INTO notes VALUES (3, 'unchanged_toast', E'a \"quoted\"\\n\\\\ line'), (4, 'ä', '{}')");
    await feed.follows('notes');
    await feed.query("UPDATE notes SET owner = NULL WHERE id = 1; UPDATE notes SET body = 'two' WHERE id = 2; DELETE FROM notes WHERE id = 3");
    await feed.query("UPDATE pairs SET v = 'w'; INSERT INTO pairs VALUES (2, '', NULL)");
    await feed.follows('notes');
    await feed.follows('pairs', 'a');
    if (server === strict) { // today's does not tell it
      await feed.query("TRUNCATE notes; INSERT INTO notes VALUES (9, 'z', 'z')");
      await feed.follows('notes');
    }
    assert.deepEqual(feed.rest.faults, []);
  });

test('what the feed does not tell shows when tables are compared', async () => {
  await feed.query("INSERT INTO notes VALUES (1, 'ann', 'one')");
  await feed.serve();
  await feed.start('compare_every: 300ms');
  await feed.follows('notes');
  await feed.query('TRUNCATE notes');
  await feed.follows('notes');
});

test('a changed key is found: told by a full old row, or by reading the table again where the feed does not tell it', async () => {
  await feed.query("INSERT INTO notes VALUES (1, 'ann', 'one'), (2, 'bob', 'two'); INSERT INTO whole VALUES (1, 'a'), (2, 'b')");
  await feed.serve(strict);
  await feed.start();
  await feed.follows('whole');
  await feed.query('UPDATE whole SET id = 7 WHERE id = 1');
  await feed.follows('whole');
  assert.doesNotMatch(feed.sangre.err, /read again/);
  await feed.query('UPDATE notes SET id = 8 WHERE id = 2');
  await feed.follows('notes');
  await feed.sangre.logged(/an update may have changed a key/);
});

for (const [era, [server, protocol]] of both)
  test(`values that are stored out of line and did not change stay, by ${era}`, async () => {
    const long = 'x'.repeat(10_000);
    await feed.query('ALTER TABLE notes ALTER body SET STORAGE EXTERNAL; ALTER TABLE whole ALTER body SET STORAGE EXTERNAL');
    await feed.query("INSERT INTO notes VALUES (1, 'ann', $1)", [long]);
    await feed.serve(server);
    await feed.start(protocol);
    await feed.query("UPDATE notes SET owner = 'bob'");
    await feed.follows('notes');
    assert.equal((await feed.sangre.document('/notes'))[0].body, long);
    assert.doesNotMatch(feed.sangre.err, /read again/);
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
    await feed.query(`CREATE TABLE types (id int PRIMARY KEY, ${columns.map((name) => `${name} ${types[name][0]}`).join(', ')})`);
    const insert = (id) => feed.query(`INSERT INTO types VALUES (${id}, ${columns.map((name) => types[name][1]).join(', ')})`);
    await insert(1);
    await feed.serve(server);
    await feed.start(protocol, `\n      types: { columns: { id: int, ${columns.map((name) => `${name}: "${types[name][0]}"`).join(', ')} }, key: id }`,
      '\n  /types: { from: app.types, order_by: id }\n');
    await insert(2);
    await until('the second row', async () => (await feed.sangre.document('/types')).length === 2);
    const [read, fed] = await feed.sangre.document('/types');
    assert.deepEqual({ ...fed, id: 1 }, read);
    await feed.query('DROP TABLE types');
  });

// ---- Reading tables

test('tables are read in pages, also where the server gives fewer rows than asked for, with changes in between', async () => {
  await feed.query("INSERT INTO notes SELECT i, 'o' || i, repeat('b', i % 50) FROM generate_series(1, 500) i");
  await feed.query("INSERT INTO pairs SELECT i / 7, 'b\"\\,)' || i % 7, i FROM generate_series(1, 200) i");
  await feed.serve({ most: 40 });
  let asked = 0;
  feed.rest.before = async (url) => {
    if (/^\/rest\/v1\/notes/.test(url) && ++asked % 3 === 0)
      await feed.query('DELETE FROM notes WHERE id = $1', [asked]).then(() => feed.query("INSERT INTO notes VALUES ($1, 'new', NULL)", [1000 - asked]));
  };
  await feed.start('page: 60');
  await feed.follows('notes');
  await feed.follows('pairs', 'a, "The B"');
  assert.ok(feed.rest.requests.filter((url) => /^\/rest\/v1\/notes/.test(url)).length > 12, feed.rest.requests.join('\n'));
  assert.deepEqual(feed.rest.faults, []);
});

test('tables are read by a connection to Postgres, if one is given, exactly and in one snapshot', async () => {
  const columns = Object.keys(types);
  await feed.query(`CREATE TABLE types (id int PRIMARY KEY, ${columns.map((name) => `${name} ${types[name][0]}`).join(', ')})`);
  await feed.query(`INSERT INTO types VALUES (1, ${columns.map((name) => types[name][1]).join(', ')}); INSERT INTO types VALUES (2)`);
  await feed.query("INSERT INTO notes SELECT i, 'o' || i, 'b' FROM generate_series(1, 3000) i; INSERT INTO pairs VALUES (1, 'x,\"y', 'v')");
  await feed.serve(strict);
  const own = `${tables}\n      types: { columns: { id: int, ${columns.map((name) => `${name}: "${types[name][0]}"`).join(', ')} }, key: id }`;
  const shown = '\n  /notes: { from: app.notes, order_by: id }\n  /pairs: { from: app.pairs }\n  /types: { from: app.types, order_by: id }\n';
  await feed.start(`conninfo: "${feed.world.url}"`, own, shown);
  await feed.follows('notes');
  await feed.follows('pairs', 'a');
  const byConnection = await feed.sangre.document('/types');
  await feed.query('UPDATE notes SET id = 5000 WHERE id = 17'); // which the feed does not tell whole
  await feed.follows('notes');
  assert.deepEqual(feed.rest.requests, []);
  await feed.sangre.stop();
  await feed.start('', own, shown);
  assert.deepEqual(await feed.sangre.document('/types'), byConnection);
  await feed.query('DROP TABLE types');
});

// ---- Tokens

test('a token is taken from its file, and renewed before the feed ends for it', async () => {
  const file = path.join(scratch, 'token');
  const put = (text) => {
    writeFileSync(`${file}.new`, text);
    renameSync(`${file}.new`, file);
    feed.rest.token = text;
  };
  await feed.serve({ sink: `secret: "${secret}"` });
  const seconds = () => Math.floor(Date.now() / 1000), ends = seconds() + 15; // time enough to start on a slow machine
  put(token({ exp: ends }));
  await feed.start(`heartbeat: 1s\n    token_file: "${file}"`);
  const joined = feed.proxy.accepted;
  put(token({ exp: ends + 3600 }));
  await until('the first token having expired', () => seconds() > ends + 1);
  await feed.query("INSERT INTO notes VALUES (1, 'ann', 'one')");
  await feed.follows('notes');
  assert.equal(feed.proxy.accepted, joined, feed.sangre.err);
  // One that nobody renews ends the feed, until somebody does.
  put(token({ exp: seconds() + 2 }));
  await until('the feed ending', () => /the feed ended realtime:public:|status 403/.test(feed.sangre.err));
  put(token({}));
  await feed.query("INSERT INTO notes VALUES (2, 'bob', 'two')");
  await feed.follows('notes');
});

// ---- What is said

test('check tells what a feed cannot promise, and whose fault it is that a table cannot be read', async () => {
  await feed.serve({ apikey: 'k' });
  const check = async (...more) => {
    const { code, err, out } = await command(['check', writeConfig(feed.config(...more))], { environment: { SANGRE_PORT: '0' } });
    return [code, err + out];
  };
  let [code, text] = await check('apikey: k');
  assert.equal(code, 0, text);
  assert.match(text, /no positions and no transactions.*next reconnection only, unless compare_every is set/s);
  for (const [options, own, message, wanted = 2] of [
    ['apikey: wrong', tables, /reading public\.\w+.*REST answered with status 401: Invalid API key|status 401: Invalid API key.*reading public\.\w+/s, 1],
    ['apikey: k', '\n      notes: { columns: { id: int, ownr: text }, key: id }', /status 400: column .*ownr.* does not exist/],
    ['apikey: k', '\n      notse: { columns: { id: int }, key: id }', /no table notes is declared; did you mean notse\?/],
    [`conninfo: "${feed.world.url}"`, '\n      notes: { columns: { id: int, ownr: text }, key: id }', /Postgres: .*column "ownr" does not exist/],
    [`conninfo: "${feed.world.url.replace('postgres@', 'nobody@')}"`, tables, /role "nobody" does not exist/, 1],
    ['apikey: k, token: a, token_file: b', tables, /token or token_file, not both/],
    ['apikey: k', '\n      notes: { columns: { id: int } }', /table notes needs key/],
  ]) {
    [code, text] = await check(options.replaceAll(', ', '\n    '), own, '\n  /notes: { from: app.notes }\n');
    assert.equal(code, wanted, `${options}: ${text}`);
    assert.match(text, message);
  }
  feed.proxy.port = 1;
  [code, text] = await check('apikey: k');
  assert.notEqual(code, 0);
  assert.match(text, /the feed closed the connection/);
});
