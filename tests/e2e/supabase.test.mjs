// Clients of Supabase Realtime as npm has them, unpatched, against `sangre supabase`, which is started by the original's environment variables
// alone: subscribing, filters, a server that goes away, tokens that are refreshed and that expire; with secure channels and without.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { createRequire } from 'node:module';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { Process, freePort, scratch, until } from './lib/sangre.mjs';
import { World } from './lib/world.mjs';

const require = createRequire(import.meta.url);
const SECRET = 'one that nobody guesses';

const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
function token(seconds = 3600, claims = {}) {
  const text = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ iss: 'us', exp: Math.floor(Date.now() / 1000) + seconds, ...claims })}`;
  return `${text}.${createHmac('sha256', SECRET).update(text).digest('base64url')}`;
}

let world, server, clients = [];

class Server {
  static async start(environment = {}, port) {
    const own = new Server();
    own.process = new Process(['supabase'], {
      DB_HOST: world.cluster.folder, DB_PORT: '5432', DB_SSL: 'false', PORT: String(port ?? await freePort()), SLOT_NAME: 'realtime', ...environment,
    });
    own.port = await own.process.listening();
    await own.process.logged(/change stream: streaming/);
    return own;
  }

  get url() {
    return `ws://127.0.0.1:${this.port}/socket`;
  }

  async stop() {
    this.process.child.kill('SIGTERM');
    assert.equal(await this.process.exited, 0, this.process.err.slice(-4000));
  }
}

const open = { SECURE_CHANNELS: 'false' };
const secure = { JWT_SECRET: SECRET, JWT_CLAIM_VALIDATORS: '{"iss":"us"}' };

before(async () => {
  world = await World.start();
  await world.query('CREATE PUBLICATION supabase_realtime FOR ALL TABLES; CREATE TABLE notes (id int PRIMARY KEY, owner text, at timestamp)');
});
afterEach(async () => {
  for (const client of clients.splice(0))
    client.disconnect();
  await server?.stop();
  server = null;
  await until('the slot being free', async () => !(await world.query("SELECT 1 FROM pg_replication_slots WHERE active")).rowCount);
  await world.query("DELETE FROM notes; SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots");
});
after(() => world?.end());

function connect({ RealtimeClient }, apikey, more) {
  const client = new RealtimeClient(server.url, { params: { apikey, vsn: '1.0.0' }, reconnectAfterMs: () => 100, ...more });
  clients.push(client);
  client.connect();
  return client;
}

// The changes of a topic as they come, once it is joined.
async function listen(client, topic, params = {}) {
  const channel = client.channel(topic, params), events = [];
  let joined = 0;
  for (const event of ['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE'])
    channel.on(event, (payload) => events.push(payload));
  channel.subscribe().receive('ok', () => joined++);
  await until(`${topic} being joined`, () => joined);
  return { channel, events, joins: () => joined };
}

const shown = ({ type, record, old_record: old }) => [type, record?.id ?? old?.id];
async function shows({ events }, wanted) {
  await until(() => `${JSON.stringify(wanted)}; it is ${JSON.stringify(events.map(shown))}`, () => events.length >= wanted.length);
  assert.deepEqual(events.map(shown), wanted);
}

for (const version of ['1.3', '1.7']) {
  const library = require(`realtime-js-${version}`);
  for (const [name, environment] of Object.entries({ open, secure })) {
    const apikey = environment === secure ? token() : undefined;

    test(`realtime-js ${version}, ${name}: each topic gets its changes`, async () => {
      server = await Server.start(environment);
      const client = connect(library, apikey);
      const all = await listen(client, 'realtime:*');
      const schema = await listen(client, 'realtime:public');
      const table = await listen(client, 'realtime:public:notes');
      const ann = await listen(client, 'realtime:public:notes:owner=eq.ann');
      const other = await listen(client, 'realtime:public:users');
      await world.query("INSERT INTO notes VALUES (1, 'ann', '2022-10-19 13:50:18'), (2, 'bob', NULL)");
      await world.query("UPDATE notes SET owner = 'ann' WHERE id = 2");
      await world.query('DELETE FROM notes WHERE id = 1');
      await world.query('TRUNCATE notes');
      const wanted = [['INSERT', '1'], ['INSERT', '2'], ['UPDATE', '2'], ['DELETE', '1'], ['TRUNCATE', undefined]];
      for (const topic of [all, schema, table])
        await shows(topic, wanted);
      await shows(ann, [['INSERT', '1'], ['UPDATE', '2']]);
      await shows(other, []);
      assert.deepEqual(table.events[0].record, { at: '2022-10-19T13:50:18Z', id: '1', owner: 'ann' });
      let left = false;
      table.channel.unsubscribe().receive('ok', () => (left = true));
      await until('the channel being left', () => left);
      await world.query('INSERT INTO notes VALUES (3)');
      await shows(all, [...wanted, ['INSERT', '3']]);
      await shows(table, wanted);
    });

    // A client that gets no answer to one closes when the next is due, and comes back.
    test(`realtime-js ${version}, ${name}: heartbeats are answered`, async () => {
      server = await Server.start(environment);
      const client = connect(library, apikey, { heartbeatIntervalMs: 200 });
      let answered = 0;
      client.onMessage(({ topic, event, payload }) => (answered += topic === 'phoenix' && event === 'phx_reply' && payload.status === 'ok'));
      await until('three answers', () => answered >= 3);
    });

    // With a slot, what was committed meanwhile comes to whoever is there when the server is.
    test(`realtime-js ${version}, ${name}: clients come back when the server does`, async () => {
      server = await Server.start(environment);
      const client = connect(library, apikey);
      const notes = await listen(client, 'realtime:public:notes');
      await world.query('INSERT INTO notes VALUES (1)');
      await shows(notes, [['INSERT', '1']]);
      const { port } = server;
      await server.stop();
      await until('the client noticing', () => !client.isConnected());
      server = await Server.start(environment, port);
      await until('the client being back', () => notes.joins() > 1);
      await world.query('INSERT INTO notes VALUES (2)');
      await shows(notes, [['INSERT', '1'], ['INSERT', '2']]);
    });
  }

  test(`realtime-js ${version}: a token that expires ends the channel, a fresh one brings it back`, async () => {
    server = await Server.start(secure);
    const client = connect(library, token());
    const short = token(6), refreshed = await listen(client, 'realtime:public:notes', { user_token: short });
    const expiring = await listen(client, 'realtime:public:users', { user_token: short });
    let errors = 0, wrong = 0;
    expiring.channel.onError(() => errors++);
    refreshed.channel.onError(() => wrong++);
    refreshed.channel.push('access_token', { access_token: token() });
    await until('the token having expired', () => errors);
    await world.query("INSERT INTO notes VALUES (1); UPDATE users SET name = 'x' WHERE id = 1");
    await shows(refreshed, [['INSERT', '1']]);
    assert.deepEqual([expiring.events.length, wrong], [0, 0]);
    client.setAuth(token());
    await until('the channel being joined again', () => expiring.joins() > 1);
    await world.query("UPDATE users SET name = 'y' WHERE id = 1");
    await shows(expiring, [['UPDATE', '1']]);
  });
}

// ---- How it is started

const refused = async (environment) => {
  const own = new Process(['supabase'], { DB_HOST: '/nowhere', ...environment });
  return [await own.exited, own.err];
};

test('it does not start without a secret, nor with what it does not do', async () => {
  for (const [environment, message] of [
    [{}, /JWT_SECRET is not set/],
    [{ ...open, REPLICATION_MODE: 'RLS' }, /REPLICATION_MODE RLS is not supported/],
    [{ ...open, PORT: 'http' }, /PORT is no whole number/],
    [{ ...open, PUBLICATIONS: 'mine' }, /PUBLICATIONS is no list of names/],
    [{ ...open, DB_IP_VERSION: '5' }, /neither IPv4 nor IPv6/],
    [{ JWT_SECRET: 'x', JWT_CLAIM_VALIDATORS: '[]' }, /claims: expected an object/],
  ]) {
    const [code, text] = await refused(environment);
    assert.equal(code, 2, `${JSON.stringify(environment)}: ${text}`);
    assert.match(text, message);
  }
});

test('secrets come from files too, the configuration file limits what is fed, and metrics are told when asked for', async () => {
  const secret = path.join(scratch, 'secret'), configuration = path.join(scratch, 'configuration.json');
  writeFileSync(secret, `${SECRET}\n`);
  writeFileSync(configuration, '{"realtime":[{"relation":"public:notes","events":["INSERT"]}]}');
  server = await Server.start({ JWT_SECRET_FILE: secret, DB_PASSWORD_FILE: secret, CONFIGURATION_FILE: configuration, EXPOSE_METRICS: 'true', PUBLICATIONS: '["supabase_realtime"]' });
  const client = connect(require('realtime-js-1.7'), token());
  const all = await listen(client, 'realtime:*'), notes = await listen(client, 'realtime:public:notes');
  await world.query('INSERT INTO notes VALUES (1); DELETE FROM notes; INSERT INTO notes VALUES (2)');
  await shows(notes, [['INSERT', '1'], ['INSERT', '2']]);
  await shows(all, []);
  const metrics = await fetch(`http://127.0.0.1:${server.port}/metrics`);
  assert.equal(metrics.status, 200);
  assert.match(await metrics.text(), /^# TYPE sangre_/m);
});

test('when the slot is lost, clients are closed so that they notice, and come back', async () => {
  server = await Server.start(open);
  const client = connect(require('realtime-js-1.7'));
  const notes = await listen(client, 'realtime:public:notes');
  let closed = 0;
  client.onClose(({ code }) => (closed = code));
  server.process.child.kill('SIGSTOP'); // so that it does not come back to the slot before it is gone
  await world.query('SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots');
  await until('the slot being free', async () => !(await world.query('SELECT 1 FROM pg_replication_slots WHERE active')).rowCount);
  await world.query("INSERT INTO notes VALUES (1); SELECT pg_drop_replication_slot('realtime')");
  server.process.child.kill('SIGCONT');
  await until('the client being closed', () => closed);
  assert.equal(closed, 1012);
  await until('the client being back', () => notes.joins() > 1);
  await world.query('INSERT INTO notes VALUES (2)');
  await shows(notes, [['INSERT', '2']]);
});
