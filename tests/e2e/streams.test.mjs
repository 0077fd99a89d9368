// Change streams through a sink that writes down what it gets: equal to what the server's own test_decoding says of the same log; whole after
// breaks, kills and restarts; bounded behind a slow sink; and with a name for each gap.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Random } from '../oracle/random.mjs';
import { Recorder } from './lib/recorder.mjs';
import { Sangre, command, until, writeConfig } from './lib/sangre.mjs';
import { World } from './lib/world.mjs';

let world;

before(async () => {
  world = await World.start(['max_wal_senders=20']);
  await world.query('CREATE TABLE marks (id int PRIMARY KEY); CREATE PUBLICATION everything FOR ALL TABLES');
});
after(() => world?.end());

let marks = 0;
async function mark(recorder) {
  const id = ++marks;
  await world.query('INSERT INTO marks VALUES ($1)', [id]);
  await recorder.marked(id);
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
  await world.query(tables);
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
