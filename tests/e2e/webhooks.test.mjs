// Webhooks of the sink supabase against endpoints that fail, are slow, die and come back, and a server that is killed: each transaction comes
// at least once, in the order of commits, by one id however often it comes.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import path from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { Process, Sangre, command, freePort, scratch, until, writeConfig } from './lib/sangre.mjs';
import { Socket } from './lib/socket.mjs';
import { World } from './lib/world.mjs';

let world, server;
const endpoints = new Set();

// Keeps what it was sent. `answer` gives a status, or that and a body, or null: none, the connection ends.
class Endpoint {
  static async start({ answer = () => 200, port, tls } = {}) {
    const endpoint = Object.assign(new Endpoint(), { answer, posts: [] });
    endpoints.add(endpoint);
    const listener = (request, response) => endpoint.take(request, response);
    endpoint.server = tls ? createSecureServer(tls, listener) : createServer(listener);
    endpoint.port = port ?? await freePort();
    await new Promise((resolve) => endpoint.server.listen(endpoint.port, '127.0.0.1', resolve));
    endpoint.url = `${tls ? 'https' : 'http'}://127.0.0.1:${endpoint.port}/hook?token=hidden`;
    return endpoint;
  }

  async take(request, response) {
    let text = '';
    for await (const chunk of request.setEncoding('utf8'))
      text += chunk;
    const post = { method: request.method, path: request.url, headers: request.headers, text, body: JSON.parse(text) };
    this.posts.push(post);
    const [status, reply] = [await this.answer(post, this.posts.length)].flat();
    post.status = status;
    if (status === null)
      request.socket.destroy();
    else
      response.writeHead(status, status === 302 ? { location: `http://127.0.0.1:${this.port}/elsewhere` } : {}).end(reply);
  }

  get taken() {
    return this.posts.filter(({ status }) => status === 200);
  }

  stop() {
    endpoints.delete(this);
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(resolve));
  }
}

const ids = ({ body }) => body.changes.map(({ record, old_record: old }) => Number((record ?? old).id));

// Every insert into `notes` came, the first time in order; what came again came by the same id, and with the same body.
function complete(endpoint, count) {
  const seen = new Map();
  for (const post of endpoint.posts) {
    const first = seen.get(post.headers['webhook-id']);
    if (first)
      assert.equal(post.text, first.text);
    else
      seen.set(post.headers['webhook-id'], post);
  }
  assert.deepEqual([...seen.values()].flatMap(ids), Array.from({ length: count }, (_, i) => i + 1));
}

const arrived = (endpoint, count) => until(() => `${count} in ${JSON.stringify(endpoint.taken.map(ids))} (${server?.err.slice(-2000)})`,
  () => new Set(endpoint.taken.flatMap(ids)).size >= count);

// `sangre supabase`, as the original's container is started.
async function start(webhooks, environment = {}) {
  const file = path.join(scratch, `webhooks${Math.random()}.json`);
  writeFileSync(file, JSON.stringify({ realtime: [{ relation: '*', events: ['*'] }], webhooks }));
  server = new Process(['supabase'], {
    DB_HOST: world.cluster.folder, DB_PORT: '5432', DB_SSL: 'false', PORT: String(await freePort()), SLOT_NAME: 'hooks', SECURE_CHANNELS: 'false',
    EXPOSE_METRICS: 'true', CONFIGURATION_FILE: file, ...environment,
  });
  server.port = await server.listening();
  return streaming();
}

// With options that the environment does not have.
async function configure(options, more = '') {
  server = await Sangre.start(`${more}
listen: "127.0.0.1:\${SANGRE_PORT}"
sources: { db: { plugin: postgres, conninfo: "\${DATABASE_URL}", publication: supabase_realtime, slot: hooks } }
sinks: { realtime: { plugin: supabase, source: db, secure: false, metrics: true, ${options} } }
`, { environment: world.environment, ready: null });
  return streaming();
}

async function streaming() {
  await server.logged(/change stream: streaming/);
  return server;
}

async function gauge(pattern) {
  const text = await (await fetch(`http://127.0.0.1:${server.port}/metrics`)).text();
  return Number(new RegExp(`^${pattern} (\\S+)$`, 'm').exec(text)?.[1] ?? 0);
}
const metric = (name) => gauge(`sangre_sink_counts\\{sink="realtime",counter="${name}"\\}`);

const hook = (endpoint, relation = 'public:notes', event = 'INSERT') => ({ event, relation, config: { endpoint: endpoint.url } });
// Behind this position of the log is the last transaction.
let begins;
async function query(sql) {
  begins = (await world.query('SELECT pg_current_wal_insert_lsn() AS lsn')).rows[0].lsn;
  await world.query(sql);
}
const insert = (id, text = 'x') => query(`INSERT INTO notes VALUES (${id}, '${text}')`);
async function inserts(from, to) {
  for (let id = from; id <= to; id++)
    await insert(id);
}
const told = async () => (await world.query(`SELECT confirmed_flush_lsn > '${begins}' AS told FROM pg_replication_slots`)).rows[0].told;
const acknowledged = () => until('the slot being told', told);

before(async () => {
  world = await World.start();
  await world.query('CREATE PUBLICATION supabase_realtime FOR ALL TABLES; CREATE TABLE notes (id int PRIMARY KEY, text text)');
});
afterEach(async () => {
  for (const endpoint of endpoints)
    await endpoint.stop();
  if (server && !server.over) {
    server.child.kill('SIGTERM');
    assert.equal(await server.exited, 0, server.err.slice(-4000));
  }
  server = null;
  await until('the slot being free', async () => !(await world.query('SELECT 1 FROM pg_replication_slots WHERE active')).rowCount);
  await world.query('DELETE FROM notes; SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots');
});
after(() => world?.end());

test('each matching webhook gets one POST a transaction, with all of it, and the headers it was told', async () => {
  const notes = await Endpoint.start(), all = await Endpoint.start(), users = await Endpoint.start();
  await start([hook(notes), { config: { endpoint: all.url } }, hook(users, 'public:users', 'DELETE')],
    { WEBHOOK_HEADERS: 'Authorization=Bearer a=b:x-from=realtime' });
  await world.query("BEGIN; INSERT INTO notes VALUES (1, 'é\"'); UPDATE users SET name = 'eve' WHERE id = 1; COMMIT");
  await world.query("UPDATE users SET name = 'ann' WHERE id = 1");
  await until('the POSTs', () => notes.taken.length === 1 && all.taken.length === 2);
  const [post] = notes.posts, { changes, commit_timestamp: time } = post.body;
  assert.equal(post.text, all.posts[0].text);
  assert.deepEqual([post.method, post.path], ['POST', '/hook?token=hidden']);
  assert.equal(post.headers.authorization, 'Bearer a=b');
  assert.equal(post.headers['x-from'], 'realtime');
  assert.equal(post.headers['content-type'], 'application/json');
  assert.notEqual(post.headers['webhook-id'], all.posts[0].headers['webhook-id']);
  assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  const text = { flags: [], name: 'text', type: 'text', type_modifier: 4294967295 };
  const id = { flags: ['key'], name: 'id', type: 'int4', type_modifier: 4294967295 };
  assert.equal(JSON.stringify(changes), JSON.stringify([
    { columns: [id, text], commit_timestamp: time, errors: null, record: { id: '1', text: 'é"' }, schema: 'public', table: 'notes', type: 'INSERT' },
    {
      columns: [id, { ...text, name: 'name' }], commit_timestamp: time, errors: null, old_record: {}, record: { id: '1', name: 'eve' },
      schema: 'public', table: 'users', type: 'UPDATE',
    },
  ]));
  assert.deepEqual([notes.posts.length, users.posts.length], [1, 0]);
  assert.doesNotMatch(server.err, /Bearer|hidden/);
});

test('what fails is tried again, in order, and acknowledged when it is answered', async () => {
  const answers = [null, 500, 302, 429, 404]; // the first by itself: libcurl retries at once what ends a connection that it uses again
  let looked;
  const looking = new Promise((resolve) => (looked = resolve));
  const endpoint = await Endpoint.start({ answer: async (post, n) => {
    if (n === 2)
      await looking;
    return n <= answers.length ? answers[n - 1] : 200;
  } });
  await start([hook(endpoint)]);
  const client = await Socket.open(`ws://127.0.0.1:${server.port}/socket/websocket?vsn=1.0.0`);
  client.send({ topic: 'realtime:public', event: 'phx_join', payload: {}, ref: '1' });
  await client.next();
  await inserts(1, 3);
  for (let id = 1; id <= 3; id++)
    assert.equal((await client.next()).payload.record.id, String(id)); // clients do not wait
  await until('the first failing', () => endpoint.posts.length > 1);
  assert.equal(await told(), false);
  looked();
  await arrived(endpoint, 3);
  await acknowledged();
  complete(endpoint, 3);
  assert.deepEqual(endpoint.posts.map(({ status }) => status), [...answers, 200, 200, 200]);
  assert.ok(endpoint.posts.every((post) => post.path.startsWith('/hook')));
  assert.equal(await metric('webhook_posts'), 3);
  assert.equal(await metric('webhook_failures'), answers.length);
  await client.close();
});

test('what an endpoint refuses for itself is left, loudly', async () => {
  const endpoint = await Endpoint.start({ answer: (post) => (ids(post)[0] === 2 ? 422 : 200) });
  await start([hook(endpoint)]);
  await inserts(1, 3);
  await until('the third', () => endpoint.taken.length === 2);
  await acknowledged();
  complete(endpoint, 3);
  assert.equal(endpoint.posts.length, 3);
  await server.logged(/refused with 422 and is not tried again/);
  assert.equal(await metric('webhook_refused'), 1);
});

test('an endpoint that dies gets the rest when it is back, and others are not held up', async () => {
  let dying = await Endpoint.start();
  const other = await Endpoint.start();
  await start([hook(dying), hook(other)]);
  await insert(1);
  await arrived(dying, 1);
  const { port, posts } = dying;
  await dying.stop();
  await inserts(2, 5);
  await arrived(other, 5);
  await until('the failure', () => /webhooks to http:\/\/127\.0\.0\.1:\d+: the one of .* failed/.test(server.err));
  dying = Object.assign(await Endpoint.start({ port }), { posts });
  await arrived(dying, 5);
  await acknowledged();
  complete(dying, 5);
  complete(other, 5);
});

test('after a kill, what was not answered comes again by the same id', async () => {
  const endpoint = await Endpoint.start(), other = await Endpoint.start();
  const webhooks = [hook(endpoint), hook(other)];
  await start(webhooks);
  for (let round = 0; round < 3; round++) {
    // The endpoint falls silent: it takes some, and is held in the midst of one.
    let waits, silent = false;
    endpoint.answer = (post) => (ids(post)[0] % 5 < 3 ? 200 : new Promise((resolve) => (silent = true, waits = () => resolve(200))));
    await inserts(round * 5 + 1, round * 5 + 5);
    await until('the endpoint waiting', () => silent);
    await arrived(other, round * 5 + 5);
    server.child.kill('SIGKILL');
    await server.exited;
    waits();
    endpoint.answer = () => 200;
    await start(webhooks);
    await arrived(endpoint, round * 5 + 5);
  }
  await acknowledged();
  complete(endpoint, 15);
  complete(other, 15);
  assert.ok(endpoint.posts.length > 15);
});

test('a dead endpoint is parked, so that clients go on, and takes part again once it answers', async () => {
  let dead = true;
  const endpoint = await Endpoint.start({ answer: () => (dead ? 503 : 200) }), other = await Endpoint.start();
  await configure(`webhooks: ${JSON.stringify([hook(endpoint), hook(other)])}, webhook_backlog: 64KB, webhook_stall: 500ms`);
  const client = await Socket.open(`ws://127.0.0.1:${server.port}/socket/websocket?vsn=1.0.0`);
  client.send({ topic: 'realtime:public', event: 'phx_join', payload: {}, ref: '1' });
  await client.next();
  const large = 'x'.repeat(10000);
  for (let id = 1; id <= 20; id++)
    await insert(id, large);
  for (let id = 1; id <= 20; id++)
    assert.equal((await client.next()).payload.record.id, String(id));
  await arrived(other, 20);
  await acknowledged();
  await server.logged(/parked, as the stream waited for it/);
  assert.equal(await metric('webhook_parked'), 1);
  const missed = await metric('webhook_missed');
  assert.ok(missed > 0);
  dead = false;
  await until('the endpoint taking part again', () => /not parked any more/.test(server.err));
  await insert(21);
  await until('the POST', () => endpoint.taken.some((post) => ids(post)[0] === 21));
  assert.equal(Number(endpoint.taken.at(-1).headers['webhook-missed']), 20 + 1 - endpoint.taken.length);
  assert.equal(await metric('webhook_missed'), 20 + 1 - endpoint.taken.length);
  assert.equal(await metric('webhook_parked'), 0);
  complete(other, 21);
  await client.close();
});

// Log of which nothing is ever sent.
const foreign = (megabytes) => world.query(`SELECT pg_logical_emit_message(false, 'foreign', repeat('x', 1000000)) FROM generate_series(1, ${megabytes})`);

test('a dead endpoint is parked before it costs the slot, also when nothing else commits', async () => {
  const dead = await Endpoint.start({ answer: () => 503 });
  await start([hook(dead)], { MAX_REPLICATION_LAG_MB: '12' });
  await insert(1);
  await until('the POST', () => dead.posts.length > 0);
  for (let round = 0; round < 4; round++) { // 32 MB
    await foreign(8);
    if (!round)
      await server.logged(/parked, as it is further behind than webhook_lag/);
    await query("SELECT pg_logical_emit_message(false, 'foreign', 'x')");
    await acknowledged();
  }
  assert.doesNotMatch(server.err, /slot_lag/);
  assert.equal(await metric('webhook_parked'), 1);
});

test('a dead endpoint is parked for its lag while the stream waits for it and the source is paused', async () => {
  const dead = await Endpoint.start({ answer: () => 503 });
  await configure(`webhooks: ${JSON.stringify([hook(dead)])}, webhook_backlog: 64KB, webhook_stall: 0s, webhook_patience: 0s, webhook_lag: 8MB`,
    'server: { stream_buffer: 256KB }');
  const client = await Socket.open(`ws://127.0.0.1:${server.port}/socket/websocket?vsn=1.0.0`);
  client.send({ topic: 'realtime:public', event: 'phx_join', payload: {}, ref: '1' });
  await client.next();
  for (let id = 1; id <= 80; id++)
    await insert(id, 'x'.repeat(10000));
  await until('the source being paused', async () => await gauge('sangre_stream_bytes\\{source="db"\\}') >= 256 << 10);
  await foreign(12);
  await server.logged(/parked, as it is further behind than webhook_lag/);
  for (let id = 1; id <= 80; id++)
    assert.equal((await client.next()).payload.record.id, String(id));
  await acknowledged();
  await client.close();
});

test('a large transaction comes in parts, to an endpoint slower than the database', async () => {
  const endpoint = await Endpoint.start({ answer: () => new Promise((resolve) => setImmediate(resolve, 200)) });
  await configure(`webhooks: ${JSON.stringify([hook(endpoint)])}, webhook_body: 64KB, webhook_backlog: 128KB, webhook_stall: 0s`);
  await query("INSERT INTO notes SELECT i, repeat('x', 100) FROM generate_series(1, 5000) i");
  await arrived(endpoint, 5000);
  await acknowledged();
  complete(endpoint, 5000);
  assert.deepEqual(endpoint.posts.map(({ headers }) => Number(headers['webhook-part'])), endpoint.posts.map((_, i) => i + 1));
});

test('an answer counts by its status, however much stands in it', async () => {
  const bodies = ['x'.repeat(3 << 20), 'short'];
  const endpoint = await Endpoint.start({ answer: (post, n) => [200, bodies[n - 1]] });
  await start([hook(endpoint)]);
  await inserts(1, 2);
  await arrived(endpoint, 2);
  await acknowledged();
  assert.equal(endpoint.posts.length, 2);
});

test('https is verified, by the certificates that are configured', async () => {
  const key = path.join(scratch, 'hook.key'), cert = path.join(scratch, 'hook.pem');
  const made = spawnSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', key,
    '-out', cert, '-days', '2', '-subj', '/CN=hook', '-addext', 'subjectAltName=IP:127.0.0.1']);
  assert.equal(made.status, 0, String(made.stderr));
  const endpoint = await Endpoint.start({ tls: { key: readFileSync(key), cert: readFileSync(cert) } });
  await configure(`webhooks: ${JSON.stringify([hook(endpoint)])}`);
  await insert(1);
  await until('the certificate being refused', () => /failed, .*certificate/.test(server.err));
  assert.equal(endpoint.posts.length, 0);
  server.child.kill('SIGTERM');
  await server.exited;
  await configure(`webhooks: ${JSON.stringify([hook(endpoint)])}, webhook_ca_file: "${cert}"`);
  await arrived(endpoint, 1);
  complete(endpoint, 1);
});

test('mistakes are told with their place, in the config and in the configuration file', async () => {
  const file = path.join(scratch, 'wrong.json');
  writeFileSync(file, '{"realtime": [],\n "webhooks": [\n  {"event": "MOVE", "config": {"endpoint": "http://a/"}}]}');
  const config = (options) => writeConfig(`sources: { db: { plugin: memory, tables: { t: { columns: { id: int }, key: [id] } } } }
sinks:
  realtime:
    plugin: supabase
    source: db
    secure: false
    ${options}
`);
  for (const [options, wanted] of [
    [`configuration_file: ${file}`, `.yaml:7:25: configuration_file: ${file}:3:13: webhooks[0].event: expected one of INSERT`],
    ['webhooks:\n      - { config: { endpoint: "http://a/" } }\n      - { config: { endpoint: a } }', '.yaml:9:31: webhooks[1].config.endpoint: expected'],
    ['webhook_headers: { a: "b\\r\\nc: d" }', '.yaml:7:22: webhook_headers: the value of a'],
    ['realtime: [{ relation: a, events: [MOVE] }]', '.yaml:7:16: realtime[0]: an event is none of'],
    ['rows: { public.t: "id = $claims.sub" }', '.yaml:7:11: rows: it asks for claims of tokens'],
  ]) {
    const { code, err, out } = await command(['check', config(options)]);
    assert.equal(code, 2, err + out);
    assert.ok((err + out).includes(wanted), `${wanted} in ${err}${out}`);
  }
  for (const [environment, wanted] of [
    [{ CONFIGURATION_FILE: file }, `${file}:3:13: webhooks[0].event`],
    [{ WEBHOOK_HEADERS: 'a' }, 'WEBHOOK_HEADERS is no list of headers'],
    [{ WEBHOOK_HEADERS: 'a b=c' }, 'webhook_headers: a name is no header'],
  ]) {
    const { code, err } = await command(['supabase'], { environment: { DB_HOST: '/nowhere', SECURE_CHANNELS: 'false', ...environment } });
    assert.equal(code, 2, err);
    assert.ok(err.includes(wanted), `${wanted} in ${err}`);
  }
});
