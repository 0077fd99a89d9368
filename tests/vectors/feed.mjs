// Replays the changes of recordings to our source `supabase`, as the server that sent them: they must leave the rows that they tell of, and in the end those
// that the recorded statements leave in Postgres, and tables may be read again only where the recorded events cannot tell what happened. Prints a line per recording.
//
//   [REPLAY_PATIENCE=MILLISECONDS] node tests/vectors/feed.mjs DIR [NAME…]
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import pg from 'pg';
import { WebSocketServer } from 'ws';
import { Postgrest } from '../e2e/lib/postgrest.mjs';
import { Sangre, until } from '../e2e/lib/sangre.mjs';
import { startCluster } from '../oracle/cluster.mjs';

const [folder, ...names] = process.argv.slice(2);
const patience = Number(process.env.REPLAY_PATIENCE ?? 30_000);
const files = readdirSync(folder).filter((file) => file.endsWith('.jsonl') && (!names.length || names.some((name) => file.includes(name)))).sort();

// ---- What was recorded

function changeOf(line) {
  if (line.dir !== 's2c' || !line.data?.includes('"commit_timestamp"'))
    return null;
  const frame = JSON.parse(line.data);
  const [topic, event, payload] = Array.isArray(frame) ? frame.slice(2) : [frame.topic, frame.event, frame.payload];
  return { conn: line.conn, topic, event, payload };
}

// One copy of each change: of the widest topic, of the connection that saw most of it. None, if nobody saw all of a table.
function changesOf(lines) {
  const groups = new Map(), width = (topic) => (topic === 'realtime:*' ? 0 : topic.split(':').length);
  for (const change of lines.map(changeOf).filter(Boolean)) {
    const key = `${change.conn} ${change.topic}`;
    (groups.get(key) ?? groups.set(key, []).get(key)).push(change);
  }
  const [best] = [...groups.values()].sort((a, b) => width(a[0].topic) - width(b[0].topic) || b.length - a.length);
  return best && !best[0].topic.includes('=eq.') ? best : [];
}

const nameOf = ({ payload: { schema, table } }) => `${schema}.${table}`;

// The rows that events leave, by table and key; or null, if they alone leave the question which row an update had before.
function rowsOf(changes, keys) {
  const tables = {};
  for (const change of changes) {
    const { type, record, old_record: old } = change.payload, name = nameOf(change), rows = (tables[name] ??= {});
    const id = (row) => JSON.stringify(keys[name].map((key) => row[key]));
    if (type === 'TRUNCATE')
      tables[name] = {};
    else if (type === 'DELETE' || type === 'UPDATE' && Object.keys(old).length)
      delete rows[id(old)];
    else if (type === 'UPDATE' && !rows[id(record)])
      return null;
    if (record)
      rows[id(record)] = record;
  }
  return tables;
}

// As far as text and document are the same.
function shows(document, rows, columns) {
  const numbers = new Set(['int2', 'int4', 'int8']), plain = columns.filter(({ type }) => type === 'text' || numbers.has(type));
  const text = (row) => JSON.stringify(plain.map(({ name, type }) => (row[name] === null ? null : numbers.has(type) ? Number(row[name]) : row[name])));
  return JSON.stringify(document.map(text).sort()) === JSON.stringify(Object.values(rows ?? {}).map(text).sort());
}

// ---- The server that sent it

class Server {
  static async start() {
    const own = Object.assign(new Server(), { sockets: new Set() });
    own.server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    own.server.on('connection', (socket) => {
      own.sockets.add(socket);
      socket.on('close', () => own.sockets.delete(socket));
      socket.on('message', (data) => {
        const { topic, ref } = JSON.parse(data);
        socket.send(JSON.stringify({ event: 'phx_reply', payload: { response: {}, status: 'ok' }, ref, topic }));
      });
    });
    await new Promise((resolve) => own.server.on('listening', resolve));
    own.url = `ws://127.0.0.1:${own.server.address().port}/socket`;
    return own;
  }

  send(change) {
    for (const socket of this.sockets)
      socket.send(JSON.stringify({ event: change.event, payload: change.payload, ref: null, topic: `realtime:${change.payload.schema}:${change.payload.table}` }));
  }

  stop() {
    for (const socket of this.sockets)
      socket.terminate();
    return new Promise((resolve) => this.server.close(resolve));
  }
}

// ---- The tables

const stored = new Set(['bit', 'varbit', 'inet', 'cidr', 'macaddr', 'money', 'xml', 'point', 'box', 'polygon', 'int4range', 'tstzrange', 'tsvector', 'tsquery', 'oid', 'timetz']);
const computed = new Set(['bool', 'int2', 'int4', 'int8', 'float4', 'float8', 'numeric', 'text', 'varchar', 'bpchar', 'date', 'time', 'timestamp', 'timestamptz', 'interval', 'uuid', 'json', 'jsonb', 'bytea']);

// Enums and composites are declared as text, domains as what is behind them.
function declared({ type, base, full }) {
  const element = type.replace(/^_/, '');
  if (type !== element)
    return computed.has(element) ? full : 'text';
  return stored.has(base) ? base : computed.has(base) ? (type === base ? full : base) : 'text';
}

async function describe(client, tables) {
  const { rows } = await client.query(`
    SELECT n.nspname || '.' || c.relname AS table, a.attname AS name, t.typname AS type, coalesce(b.typname, t.typname) AS base, format_type(t.oid, a.atttypmod) AS full,
           coalesce(i.indkey::int2[] @> ARRAY[a.attnum], false) AS key
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
      JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_type b ON b.oid = t.typbasetype
      LEFT JOIN pg_index i ON i.indrelid = c.oid AND CASE c.relreplident WHEN 'i' THEN i.indisreplident ELSE i.indisprimary END
    WHERE n.nspname || '.' || c.relname = ANY($1) ORDER BY 1, a.attnum`, [tables]);
  const described = {};
  for (const row of rows)
    (described[row.table] ??= []).push({ ...row, declared: declared(row) });
  return described;
}

function config(server, rest, described) {
  const quoted = JSON.stringify;
  const tables = Object.entries(described).map(([name, columns]) =>
    `      ${quoted(name)}: { columns: { ${columns.map((column) => `${quoted(column.name)}: ${quoted(column.declared)}`).join(', ')} }, key: ${quoted(columns.filter(({ key }) => key).map((column) => column.name))} }`);
  const views = Object.keys(described).map((name, i) => `  /${i}: { from: ${quoted(`db.${name}`)} }`);
  return `listen: "127.0.0.1:\${SANGRE_PORT}"\nsources:\n  db:\n    plugin: supabase\n    url: "${server.url}"\n    rest: "${rest.url}"\n    tables:\n${tables.join('\n')}\nsinks: { http: { plugin: http } }\nviews:\n${views.join('\n')}\n`;
}

const documents = async (sangre, count) => JSON.stringify(await Promise.all(Array.from({ length: count }, (_, i) => sangre.document(`/${i}`))));

// ---- One recording

// `began`: what is to be ended, whatever happens.
async function replay(client, other, rest, lines, changes, substitutes, began) {
  const described = await describe(client, [...new Set(changes.map(nameOf))]);
  for (const [name, columns] of Object.entries(described)) {
    // The recorded server left types out that it did not know.
    const records = changes.filter((change) => nameOf(change) === name && change.payload.record).map(({ payload }) => payload.record);
    described[name] = columns.filter((column) => records.every((record) => column.name in record));
    if (!columns.some(({ key }) => key))
      delete described[name]; // no source can follow it
  }
  const told = changes.filter((change) => described[nameOf(change)]), count = Object.keys(described).length;
  const server = await Server.start();
  began.push(() => server.stop());
  const text = config(server, rest, described);
  const sangre = await Sangre.start(text);
  began.push(() => sangre.child.kill('SIGKILL'));
  for (const { sql, error } of lines.filter(({ dir }) => dir === 'sql'))
    await (substitutes[sql] ? other.query(substitutes[sql]) : client.query(sql)).catch((failure) => assert.ok(error, `${sql}: ${failure.message}`));
  const keys = Object.fromEntries(Object.entries(described).map(([name, columns]) => [name, columns.filter(({ key }) => key).map((column) => column.name)]));
  const doubt = rowsOf(told, keys) === null;
  // Most recordings clean up in the end: what was there before is looked at first.
  const full = told.findLastIndex(({ payload }) => payload.record) + 1;
  for (const change of told.slice(0, full))
    server.send(change);
  const between = rowsOf(told.slice(0, full), keys);
  for (const [i, name] of Object.keys(between ? described : {}).entries())
    await until(() => `${name} being ${JSON.stringify(between[name])}: ${sangre.err.slice(-2000)}`, async () => shows(await sangre.document(`/${i}`), between[name], described[name]), patience);
  for (const change of told.slice(full))
    server.send(change);
  const fresh = await Sangre.start(text);
  began.push(() => fresh.child.kill('SIGKILL'));
  const wanted = await documents(fresh, count);
  let seen;
  await until(() => `${wanted}\nit is\n${seen}\n${sangre.err.slice(-2000)}`, async () => (seen = await documents(sangre, count)) === wanted, patience);
  if (doubt)
    await until('tables being read again', () => /read again/.test(sangre.err), patience);
  assert.equal(/read again/.test(sangre.err), doubt, `${doubt ? 'a doubt was' : 'no doubt was'} to be expected: ${sangre.err.slice(-2000)}`);
  await sangre.stop();
  await fresh.stop();
  return `${told.length} changes${doubt ? ', one of which leaves a doubt' : ''}`;
}

async function prepare(client, lines) {
  const { rows } = await client.query("SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')");
  await client.query(`TRUNCATE ${rows.map(({ name }) => name).join(', ')} RESTART IDENTITY CASCADE`);
  const ids = lines.map(changeOf).filter((change) => change?.payload.table === 'types').map(({ payload }) => Number(payload.record?.id ?? Infinity));
  if (Number.isFinite(Math.min(...ids)))
    await client.query("SELECT setval('public.types_id_seq', $1, false)", [Math.min(...ids)]);
}

const cluster = await startCluster(['timezone=UTC']);
const [client, other] = [1, 2].map(() => new pg.Client({ connectionString: cluster.url('postgres') }));
const differences = JSON.parse(readFileSync(new URL('differences.json', import.meta.url)));
let failed = 0, count = 0, rest;
try {
  await client.connect();
  await other.connect();
  await client.query(readFileSync(path.join(folder, 'schema.sql'), 'utf8'));
  rest = await Postgrest.start(cluster.url('postgres'));
  for (const file of files) {
    const name = path.basename(file, '.jsonl');
    const lines = readFileSync(path.join(folder, file), 'utf8').trim().split('\n').map((line) => JSON.parse(line));
    const changes = changesOf(lines);
    if (!changes.length)
      continue;
    count++;
    const began = [];
    try {
      const substitutes = Object.assign({}, ...differences.filter(({ scenario }) => scenario === name).map((entry) => entry.substitutes));
      await client.query('ROLLBACK');
      await prepare(client, lines);
      console.log(`passes ${name}, told to our source (${await replay(client, other, rest, lines, changes, substitutes, began)})`);
    } catch (error) {
      failed++;
      console.log(`FAILS  ${name}, told to our source: ${error.message}`);
    }
    for (const end of began.reverse())
      await end();
  }
} finally {
  await client.end();
  await other.end();
  await rest?.stop();
  await cluster.remove();
}
console.log(`${count - failed} of ${count} recordings with changes pass, told to our source`);
process.exitCode = failed ? 1 : 0;
