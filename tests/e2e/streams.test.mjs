// Change streams through a sink that writes down what it gets: equal to what the server's own test_decoding says of the same log; whole after
// breaks, kills and restarts; bounded behind a slow sink; and with a name for each gap.
import assert from 'node:assert/strict';
import { appendFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { Random } from '../oracle/random.mjs';
import { Recorder } from './lib/recorder.mjs';
import { Sangre, command, scratch, until, writeConfig } from './lib/sangre.mjs';
import { World } from './lib/world.mjs';

let world;

before(async () => {
  world = await World.start(['max_wal_senders=20']);
  await world.query('CREATE TABLE marks (id int PRIMARY KEY); CREATE PUBLICATION everything FOR ALL TABLES');
  await world.query(tables);
});
after(() => world?.end());

let marks = 0;
async function mark(recorder) {
  const id = ++marks;
  await world.query('INSERT INTO marks VALUES ($1)', [id]);
  await recorder.marked(id);
}

// After a gap, when the first marks may be in it.
async function markAgain(recorder) {
  const before = marks;
  await until('a new mark', async () => {
    await world.query('INSERT INTO marks VALUES ($1)', [++marks]);
    return recorder.lines().some((line) => line.kind === 'I' && line.table === 'marks' && Number(line.new[0]) > before);
  });
}

async function start(t, recorder) {
  const sangre = await Sangre.start(recorder.config, { environment: world.environment });
  t.after(() => sangre.child.kill('SIGKILL'));
  return sangre;
}
const value = async (sql, ...values) => Object.values((await world.query(sql, values)).rows[0] ?? {})[0];
const everything = 'publication: everything';

// ---- The same as test_decoding says ----

const display = { int4: 'integer', int8: 'bigint', bool: 'boolean', timestamptz: 'timestamp with time zone', varchar: 'character varying' };
const bare = new Set(['int4', 'int8', 'numeric', 'float8']);

const typeName = (type) => (type.startsWith('_') ? `${typeName(type.slice(1))}[]` : display[type] ?? type);

function shown([name, type], field) {
  const label = `${/^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name}"`}[${typeName(type)}]`;
  if (field === null)
    return `${label}:null`;
  if (field.unchanged)
    return `${label}:unchanged-toast-datum`;
  if (type === 'bool')
    return `${label}:${field === 't'}`;
  return `${label}:${bare.has(type) ? field : `'${field.replaceAll('\'', '\'\'')}'`}`;
}

const tuple = (columns, fields, all) =>
  columns.map((column, i) => (fields[i] === null && !all ? null : shown(column, fields[i]))).filter(Boolean).join(' ');

// A transaction in test_decoding's words. One TRUNCATE there is one change a table here.
function worded(transaction, relations) {
  const lines = [`BEGIN ${transaction.xid}`];
  for (const change of transaction.changes) {
    const { table, columns } = relations[change.relation];
    const words = { I: 'INSERT', U: 'UPDATE', D: 'DELETE', T: 'TRUNCATE' }[change.kind];
    let text = '';
    if (change.kind === 'T')
      text = [change.restart && 'restart_seqs', change.cascade && 'cascade'].filter(Boolean).join(' ') || '(no-flags)';
    else if (change.kind === 'D')
      text = change.old ? tuple(columns, change.old) : '(no-tuple-data)';
    else
      text = (change.old ? `old-key: ${tuple(columns, change.old)} new-tuple: ` : '') + tuple(columns, change.new, true);
    lines.push(`table ${table}: ${words}: ${text}`);
  }
  return [...lines, `COMMIT ${transaction.xid}`];
}

function split(line) {
  const truncate = /^table (.*): TRUNCATE: (.*)$/.exec(line);
  return truncate ? truncate[1].split(', ').map((table) => `table ${table}: TRUNCATE: ${truncate[2]}`) : [line];
}

async function reference(slot) {
  const { rows } = await world.query(`SELECT data FROM pg_logical_slot_get_changes('${slot}', NULL, NULL)`);
  return rows.map(({ data }) => data).flatMap(split);
}

// Transactions without changes of a published table do not appear.
function withoutEmpty(lines) {
  return lines.filter((line, i) => !(line.startsWith('BEGIN') && lines[i + 1]?.startsWith('COMMIT')) && !(line.startsWith('COMMIT') && lines[i - 1]?.startsWith('BEGIN')));
}

const tables = `
  CREATE TABLE plain (id int PRIMARY KEY, name text, price numeric(10,2), flag bool, big text, at timestamptz, list int[]);
  ALTER TABLE plain ALTER big SET STORAGE EXTERNAL;
  CREATE TABLE whole (id bigint PRIMARY KEY, "Odd name" varchar, big text);
  ALTER TABLE whole REPLICA IDENTITY FULL;
  ALTER TABLE whole ALTER big SET STORAGE EXTERNAL;
  CREATE TYPE mood AS ENUM ('sad', 'it''s ok');
  CREATE TABLE indexed (a int NOT NULL, b text NOT NULL, feeling mood, UNIQUE (b, a));
  ALTER TABLE indexed REPLICA IDENTITY USING INDEX indexed_b_a_key;
  CREATE TABLE child (id int PRIMARY KEY REFERENCES plain ON DELETE CASCADE ON UPDATE CASCADE);
  CREATE TABLE unkeyed (note text);
`;

class Writer {
  constructor(seed) {
    this.random = new Random(seed);
    this.columns = 0;
  }

  pick(list) {
    return this.random.pick(list);
  }

  id() {
    return 1 + this.random.below(30);
  }

  statement() {
    const id = this.id();
    return this.pick([
      () => `INSERT INTO plain VALUES (${id}, 'n${id}', ${id}.5, ${this.pick(['true', 'NULL', 'false'])}, repeat('x', ${this.pick([0, 10, 6000])}), '2024-01-02 03:04:05.678+00', '{1,NULL,${id}}') ON CONFLICT DO NOTHING`,
      () => `INSERT INTO whole VALUES (${id}, 'it''s ${id}', repeat('y', ${this.pick([0, 10, 6000])})) ON CONFLICT DO NOTHING`,
      () => `INSERT INTO indexed VALUES (${id}, 'b${id}', ${this.pick(['NULL', '\'sad\'', '\'it\'\'s ok\''])}) ON CONFLICT DO NOTHING`,
      () => `INSERT INTO child SELECT id FROM plain WHERE id = ${id} ON CONFLICT DO NOTHING`,
      () => `INSERT INTO unkeyed VALUES ('${id}')`,
      () => `UPDATE plain SET name = name || '!', flag = NOT flag WHERE id = ${id}`,
      () => `UPDATE plain SET id = id + 100, price = NULL WHERE id = ${id} AND NOT EXISTS (SELECT 1 FROM plain WHERE id = ${id + 100})`,
      () => `UPDATE whole SET "Odd name" = NULL WHERE id < ${id}`,
      () => `UPDATE whole SET big = big || 'z' WHERE id = ${id}`,
      () => `UPDATE indexed SET feeling = 'sad' WHERE a = ${id}`,
      () => `UPDATE indexed SET b = b || '_' WHERE a = ${id}`,
      () => `DELETE FROM plain WHERE id IN (${id}, ${id + 100})`,
      () => `DELETE FROM whole WHERE id = ${id}`,
      () => `DELETE FROM indexed WHERE a = ${id}`,
      () => `SAVEPOINT s; INSERT INTO unkeyed VALUES ('undone'); ROLLBACK TO s`,
      () => (this.random.below(10) ? 'SELECT 1' : this.pick(['TRUNCATE plain CASCADE', 'TRUNCATE indexed, whole RESTART IDENTITY', 'TRUNCATE unkeyed'])),
      () => (this.random.below(10) ? 'SELECT 1' : this.ddl()),
    ])();
  }

  ddl() {
    const n = ++this.columns;
    return this.pick([
      `ALTER TABLE whole ADD c${n} int DEFAULT ${n}`,
      `ALTER TABLE unkeyed ADD c${n} text`,
      `CREATE TABLE made${n} (id int PRIMARY KEY, feeling mood); INSERT INTO made${n} VALUES (${n}, 'sad')`,
      `CREATE TYPE kind${n} AS ENUM ('k'); CREATE TABLE typed${n} (k kind${n}, ks kind${n}[]); INSERT INTO typed${n} VALUES ('k', '{k,k}')`,
    ]);
  }

  async transaction(query) {
    await query('BEGIN');
    for (let i = 1 + this.random.below(6); i > 0; i--)
      await query(this.statement());
    await query(this.random.below(8) ? 'COMMIT' : 'ROLLBACK');
  }
}

const seed = Number(process.env.SANGRE_SEED ?? Date.now() % 1e9);
test(`random transactions, DDL among them, arrive as test_decoding has them (seed ${seed})`, async (t) => {
  await world.query('SELECT pg_create_logical_replication_slot(\'reference\', \'test_decoding\')');
  const recorder = new Recorder({ source: everything });
  const sangre = await start(t, recorder);
  await recorder.flowing();
  await reference('reference'); // what came before
  const writer = new Writer(seed);
  for (let i = 0; i < 150; i++)
    await writer.transaction((sql) => world.query(sql));
  await mark(recorder);
  const relations = recorder.relations();
  const transactions = recorder.transactions();
  const got = transactions.flatMap((transaction) => worded(transaction, relations));
  const expected = withoutEmpty(await reference('reference'));
  for (let i = 0; i < Math.max(got.length, expected.length); i++)
    assert.equal(got[i]?.slice(0, 500), expected[i]?.slice(0, 500), `line ${i}`);
  assert.equal(got.join('\n'), expected.join('\n'));
  assert.ok(got.some((line) => line.includes('unchanged-toast-datum')) || transactions.length < 20);
  const identities = Object.fromEntries(Object.values(relations).map(({ table, identity }) => [table, identity]));
  assert.deepEqual([identities['public.plain'], identities['public.whole'], identities['public.indexed']], ['d', 'f', 'i']);
  const [plain] = Object.values(relations).filter(({ table }) => table === 'public.plain');
  assert.deepEqual(plain.columns.slice(0, 3), [['id', 'int4', -1, true], ['name', 'text', -1, false], ['price', 'numeric', 655366, false]]);
  for (const [i, transaction] of transactions.entries())
    assert.ok(i === 0 || lsn(transaction.commit_lsn) >= lsn(transactions[i - 1].end_lsn));
  await sangre.stop();
  await world.query('SELECT pg_drop_replication_slot(\'reference\')');
});

function lsn(text) {
  const [high, low] = text.split('/');
  return BigInt(`0x${high}`) * 0x100000000n + BigInt(`0x${low}`);
}

// ---- Breaks, kills, restarts ----

const active = (slot) => value(`SELECT active_pid FROM pg_replication_slots WHERE slot_name = '${slot}' AND active`);
const dropped = (slot) => until(`slot ${slot} being dropped`, () => world.query(`SELECT pg_drop_replication_slot('${slot}')`).then(() => true, () => false));

test('kill -9 and restart with a permanent slot: nothing is lost, and only what was not acknowledged comes twice', async (t) => {
  await world.query('CREATE TABLE counted (n int PRIMARY KEY)');
  const recorder = new Recorder({ source: `${everything}, slot: killed` });
  const numbers = () => recorder.lines().filter((line) => line.table === 'counted' && line.kind === 'I').map((line) => Number(line.new[0]));
  let written = 0;
  let writing = true;
  t.after(() => (writing = false)); // or what comes next gets these too
  const random = new Random(seed);
  let sangre = await start(t, recorder);
  await recorder.flowing();
  const writer = (async () => {
    while (writing)
      await world.query('INSERT INTO counted VALUES ($1)', [++written]);
  })();
  for (let kills = 0; kills < 4; kills++) {
    const enough = numbers().length + 50 + random.below(150);
    await until('more being recorded', () => numbers().length >= enough);
    sangre.child.kill('SIGKILL');
    await sangre.exited;
    appendFileSync(recorder.file, '{"kind":"I","ta'); // as a kill in the middle of a write leaves it
    sangre = await start(t, recorder);
  }
  writing = false;
  await writer;
  await mark(recorder);
  const seen = numbers();
  let most = 0;
  let repeats = 0;
  for (const [i, n] of seen.entries()) {
    const again = n <= most && n !== seen[i - 1] + 1;
    repeats += again;
    assert.ok(n === seen[i - 1] + 1 || again || i === 0, `${n} follows ${seen[i - 1]}`);
    most = Math.max(most, n);
  }
  assert.deepEqual([most, new Set(seen).size], [written, written]);
  assert.ok(repeats <= 4, `${repeats} times something came again, after 4 kills`);
  assert.ok(!recorder.states().some((state) => state.startsWith('gap')));
  await sangre.stop();
  await dropped('killed');
});

test('a stream that breaks in the middle of a transaction goes on where it was: each change once, no gap', async (t) => {
  await world.query('CREATE TABLE big (n int PRIMARY KEY, filler text)');
  const recorder = new Recorder({ source: `${everything}, slot: broken`, options: 'delay: 1ms', server: 'stream_buffer: 128KB' });
  const sangre = await start(t, recorder);
  await recorder.flowing();
  await world.query('INSERT INTO big SELECT n, repeat(\'f\', 50) FROM generate_series(1, 60000) n');
  for (let breaks = 1; breaks <= 3; breaks++) {
    await until('more pieces', () => recorder.lines().filter((line) => line.xid).length >= breaks * 20);
    const pid = await until('the walsender', () => active('broken'));
    await world.query('SELECT pg_terminate_backend($1)', [pid]);
    await recorder.flowing(breaks + 1);
  }
  await mark(recorder);
  const [transaction] = recorder.transactions();
  assert.deepEqual(transaction.changes.map((change) => Number(change.new[0])), Array.from({ length: 60000 }, (_, i) => i + 1));
  assert.ok(transaction.pieces > 60);
  assert.deepEqual(recorder.states().filter((state) => state !== 'down'), ['flowing', 'flowing', 'flowing', 'flowing']);
  const { streams: [stream] } = await sangre.explain();
  assert.equal(stream.changes, 60001);
  await until('all being acknowledged', async () => lsn(await value('SELECT confirmed_flush_lsn FROM pg_replication_slots WHERE slot_name = \'broken\'')) >= lsn(transaction.end_lsn));
  await sangre.stop();
  await dropped('broken');
});

test('what a sink has not handled is not acknowledged, and comes after a restart', async (t) => {
  await world.query('CREATE TABLE waiting (n int PRIMARY KEY)');
  const held = new Recorder({ source: `${everything}, slot: waited`, options: 'delay: 1h' });
  const sangre = await start(t, held);
  await held.flowing();
  for (let n = 1; n <= 3; n++)
    await world.query('INSERT INTO waiting VALUES ($1)', [n]);
  const stream = await until('all three being passed on', async () => {
    const { streams: [of] } = await sangre.explain();
    return of.transactions === 3 && of.acknowledged > 0 && of;
  });
  const [first] = held.transactions();
  assert.ok(BigInt(stream.acknowledged) >= lsn(first.end_lsn));
  assert.equal(held.transactions().length, 1);
  const confirmed = async () => lsn(await value('SELECT confirmed_flush_lsn FROM pg_replication_slots WHERE slot_name = \'waited\''));
  await until('the first one being acknowledged', async () => await confirmed() >= lsn(first.end_lsn));
  sangre.child.kill('SIGKILL');
  await sangre.exited;
  const second = new Recorder({ source: `${everything}, slot: waited` });
  const again = await start(t, second);
  await mark(second);
  assert.deepEqual(second.lines().filter((line) => line.table === 'waiting' && line.kind).map((line) => line.new[0]), ['2', '3']);
  assert.ok(BigInt(stream.acknowledged) < lsn(second.transactions()[0].commit_lsn), 'the log behind the first one may count, the next one does not');
  await again.stop();
  await dropped('waited');
});

test('300,000 rows in one transaction behind a slow sink: bounded, and the source waits in the middle of it', async (t) => {
  await world.query('CREATE TABLE huge (id bigint PRIMARY KEY, name text, details text)');
  const gate = path.join(scratch, 'gate');
  const recorder = new Recorder({ source: everything, options: `keep: true, brief: true, gate: "${gate}"`, server: 'stream_buffer: 1MB' });
  const sangre = await start(t, recorder);
  await recorder.flowing();
  await world.query('INSERT INTO huge SELECT g, \'n\' || g, repeat(\'x\', 64) FROM generate_series(1, 300000) g');
  const pieces = () => recorder.lines().filter((line) => line.xid !== undefined);
  let most = 0;
  const look = async () => {
    const { streams: [stream] } = await sangre.explain();
    most = Math.max(most, stream.bytes);
    return stream;
  };
  const paused = await until('the source being paused', async () => (await look()).paused);
  assert.ok(paused && !pieces().some((piece) => piece.last), 'in the middle of the transaction');
  assert.equal((await look()).transactions, 0);
  writeFileSync(gate, '');
  await until(() => `the last piece (${pieces().length} so far)`, async () => {
    await look();
    return pieces().some((piece) => piece.last);
  }, 120_000);
  const all = pieces();
  assert.equal(all.reduce((sum, piece) => sum + piece.count, 0), 300000);
  assert.deepEqual([all.filter((piece) => piece.first).length, all.filter((piece) => piece.last).length], [1, 1]);
  assert.ok(all.length > 300, `${all.length} pieces`);
  assert.ok(most <= (1 << 20) + (128 << 10), `${most} bytes were on their way`);
  t.diagnostic(`at most ${most} bytes on their way; peak memory ${sangre.peak()} kB`);
  await sangre.stop();
});

// ---- Gaps ----

test('a temporary slot whose connection breaks: a gap, by name', async (t) => {
  const recorder = new Recorder({ source: everything });
  const sangre = await start(t, recorder);
  await recorder.flowing();
  await mark(recorder);
  await world.query('SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE temporary');
  await recorder.flowing(2);
  await mark(recorder);
  assert.deepEqual(recorder.states().filter((state) => state !== 'down'), ['flowing', 'gap temporary_slot']);
  await sangre.stop();
});

// Breaks the connection and does the last of `statements`, which needs the slot to be free, before it is there again; until the sink was told this gap.
async function meddle(recorder, slot, gap, ...statements) {
  await until(`gap ${gap} (${recorder.states()})`, async () => {
    await world.query(`SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = '${slot}' AND active`);
    for (const sql of statements)
      await world.query(sql).catch(() => {});
    return recorder.states().includes(`gap ${gap}`);
  });
}

test('a permanent slot that is dropped or moved meanwhile: gaps, by name', async (t) => {
  const recorder = new Recorder({ source: `${everything}, slot: meddled` });
  const sangre = await start(t, recorder);
  await recorder.flowing();
  await mark(recorder);
  await meddle(recorder, 'meddled', 'slot_lost', 'SELECT pg_drop_replication_slot(\'meddled\')');
  await markAgain(recorder);
  await meddle(recorder, 'meddled', 'slot_ahead', 'INSERT INTO unkeyed VALUES (\'unseen\')', 'SELECT pg_replication_slot_advance(\'meddled\', pg_current_wal_lsn())');
  await markAgain(recorder);
  await sangre.stop();
  await dropped('meddled');
});

test('a publication that is dropped, and made again: the slot cannot get past that, so a gap, by name', async (t) => {
  await world.query('CREATE PUBLICATION passing FOR TABLE marks');
  const recorder = new Recorder({ source: 'publication: passing, slot: unpublished' });
  const sangre = await start(t, recorder);
  await recorder.flowing();
  await mark(recorder);
  await world.query('DROP PUBLICATION passing');
  await world.query('INSERT INTO marks VALUES ($1)', [++marks]);
  await sangre.logged(/there is no publication passing/);
  await world.query('CREATE PUBLICATION passing FOR TABLE marks');
  await until('the gap', () => recorder.states().includes('gap publication_lost'));
  await markAgain(recorder);
  await sangre.stop();
  await dropped('unpublished');
});

test('a slot that lags past its limit is dropped, and the stream begins anew with a gap', async (t) => {
  const recorder = new Recorder({ source: `${everything}, slot: lagging, slot_lag_limit: 4MB`, options: 'mute: true, brief: true' });
  const sangre = await start(t, recorder);
  await recorder.flowing();
  // What is acknowledged stays before a transaction that the sink has not handled; without one it follows the log also within what is still being written.
  await world.query('INSERT INTO marks VALUES ($1)', [++marks]);
  await until('the mark', () => recorder.lines().some(({ last }) => last));
  await world.query('CREATE TABLE noise AS SELECT repeat(\'n\', 1000) FROM generate_series(1, 6000)');
  await until('the gap', () => recorder.states().includes('gap slot_lag'));
  await sangre.logged(/lags \d+ bytes behind, which is over slot_lag_limit/);
  const lag = await value('SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::int FROM pg_replication_slots WHERE slot_name = \'lagging\'');
  assert.ok(lag < 4 << 20, `the slot still keeps ${lag} bytes`);
  await sangre.stop();
  await dropped('lagging');
});

// ---- Configs ----

test('a stream and views of one source: each has its own connection', async (t) => {
  const recorder = new Recorder({ source: everything, views: 'views: { /places: { from: app.places, order_by: id } }' });
  const sangre = await start(t, recorder);
  await recorder.flowing();
  await world.query('INSERT INTO places VALUES (77, \'new\')');
  await until('the view', async () => (await sangre.document('/places')).some(({ id }) => id === 77));
  await mark(recorder);
  assert.ok(recorder.lines().some((line) => line.table === 'places' && line.new?.[0] === '77'));
  await sangre.stop();
});

test('check and explain say what the stream is, what to warn of, and what is missing', async () => {
  await world.query('CREATE TABLE secret (id int PRIMARY KEY); ALTER TABLE secret ENABLE ROW LEVEL SECURITY');
  const { environment } = world;
  const said = async (recorder, verb = 'check') => {
    const { code, out, err } = await command([verb, writeConfig(recorder.config)], { environment: { ...environment, SANGRE_PORT: '1' } });
    return { code, text: out + err };
  };
  const warned = await said(new Recorder({ source: everything }));
  assert.match(warned.text, /public\.secret has row level security/);
  assert.match(warned.text, /public\.unkeyed has no replica identity/);
  assert.match(warned.text, /no mistakes found/);
  const known = await said(new Recorder({ source: `${everything}, bypass_rls: acknowledged` }));
  assert.doesNotMatch(known.text, /row level security/);
  const missing = await said(new Recorder({ source: 'publication: [everything, absent]' }));
  assert.notEqual(missing.code, 0);
  assert.match(missing.text, /there is no publication absent.*CREATE PUBLICATION absent/);
  const explained = await said(new Recorder({ source: everything }), 'explain');
  assert.match(explained.text, /change stream of app, for recorder/);
  const { config } = new Recorder({ source: everything });
  const unknown = await said({ config: config.replace('source: app', 'source: ap') });
  assert.match(unknown.text, /:7:\d+: unknown source "ap"; did you mean "app"\?/);
});

test('the memory source: what grows and what files replay, and no row of the snapshot', async (t) => {
  const file = writeConfig('{"op":"insert","row":{"id":7,"name":"Eve"}}\n{"op":"update","row":{"id":8},"old":{"id":7}}\n{"op":"commit"}\n{"op":"truncate"}\n', 'jsonl');
  const recorder = new Recorder();
  recorder.config = recorder.config.replace('{ plugin: postgres, conninfo: "${DATABASE_URL}" }', `
    plugin: memory
    tables:
      people: { columns: { id: int, name: text }, key: [id], rows: [[1, Ann]], file: "${file}" }
      ticks: { columns: { n: int }, grow: { every: 10ms, count: 2, row: { n: "{n}" } } }`);
  const sangre = await start(t, recorder);
  await until('four transactions', () => recorder.transactions().length === 4);
  const changes = recorder.transactions().map((transaction) => transaction.changes.map(({ kind, table, old, new: row }) => [kind, table, old, row]));
  assert.deepEqual(changes, [
    [['I', 'people', null, ['7', 'Eve']], ['U', 'people', ['7', null], ['8', { unchanged: true }]]],
    [['T', 'people', null, null]],
    [['I', 'ticks', null, ['1']]],
    [['I', 'ticks', null, ['2']]],
  ]);
  await sangre.stop();
});
