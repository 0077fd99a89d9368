// Today's clients of Supabase Realtime, as npm has them, and what they hear of a table's changes.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import WebSocket from 'ws';
import { Sangre, until } from './sangre.mjs';
import { secret } from './token.mjs';
import { World, listen } from './world.mjs';

const require = createRequire(import.meta.url);

export const config = (options) => `${listen}
sources:
  db: { plugin: postgres, conninfo: "\${DATABASE_URL}", publication: supabase_realtime, slot: changes }
sinks:
  realtime: { plugin: supabase, source: db, ${options} }
`;
export const open = 'secure: false';
export const secure = `secret: "${secret}"`;
export const all = { event: '*', table: 'todos' };

// A client that comes back at once, whatever it is made of. It beats seldom: one that got no answer in time goes, and misses what comes meanwhile.
const soon = { transport: WebSocket, reconnectAfterMs: () => 100 };
const supabase = (library) => (server, key, accessToken) => require(library).createClient(server.url, key, {
  realtime: soon, auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false }, ...accessToken && { accessToken },
});
export const makers = {
  'supabase-js 2.90': supabase('supabase-js-2.90'),
  'supabase-js 2.119': supabase('supabase-js-2.119'),
  'realtime-js 2.119': (server, key, accessToken) =>
    new (require('realtime-js-2.119').RealtimeClient)(`${server.ws}/realtime/v1`, { ...soon, params: { apikey: key }, ...accessToken && { accessToken } }),
};

// A database, the server of a test, and its clients.
export class Scene {
  static async start() {
    const scene = Object.assign(new Scene(), { world: await World.start(), ends: [] });
    await scene.world.query(`CREATE PUBLICATION supabase_realtime FOR ALL TABLES;
      CREATE TABLE todos (id bigint PRIMARY KEY, owner text, done boolean, price numeric, at timestamptz, tags text[], meta jsonb);
      ALTER TABLE todos REPLICA IDENTITY FULL;
      CREATE TABLE notes (id int PRIMARY KEY, text text)`);
    return scene;
  }

  query(...what) {
    return this.world.query(...what);
  }

  async serve(options, port, more = '') {
    this.server = await Sangre.start(config(options) + more, { environment: { ...this.world.environment, ...port && { SANGRE_PORT: String(port) } }, ready: null });
    await this.server.logged(/change stream: streaming/);
    return this.server;
  }

  // `token`: what it has besides its key; authenticate() changes that.
  async connect(make, key = 'anybody', token) {
    const client = make(this.server, key, token && (async () => token)), realtime = client.realtime ?? client;
    this.ends.push(async () => {
      await client.removeAllChannels();
      realtime.disconnect();
    });
    if (token)
      await realtime.setAuth();
    return { client, authenticate: async (fresh) => {
      token = fresh;
      await realtime.setAuth();
    } };
  }

  // After a test.
  async clear() {
    await Promise.all(this.ends.splice(0).map((end) => end()));
    await this.server?.stop();
    this.server = null;
    await until('the slot being free', async () => !(await this.query('SELECT 1 FROM pg_replication_slots WHERE active')).rowCount);
    await this.query('DELETE FROM todos; DELETE FROM notes; SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots');
  }

  async end() {
    await this.world.end();
  }
}

// A channel that asks for changes, and what it hears: a list for each entry.
export function listenTo(client, name, entries) {
  const channel = client.channel(name), heard = { channel, lists: entries.map(() => []), states: [], system: [] };
  entries.forEach((entry, i) => channel.on('postgres_changes', { schema: 'public', ...entry }, (payload) => heard.lists[i].push(payload)));
  channel.on('system', {}, (payload) => heard.system.push(payload));
  channel.subscribe((state, error) => heard.states.push(error ? `${state} ${error.message}` : state));
  return heard;
}

// The same, once it is told whether changes flow.
export async function subscribe(client, name, entries, wanted = 'ok') {
  const heard = listenTo(client, name, entries);
  await until(() => `${name} with system ${wanted}: ${JSON.stringify([heard.states, heard.system])}`,
    () => heard.system.some(({ extension, status }) => extension === 'postgres_changes' && status === wanted));
  return heard;
}

export const shown = ({ eventType, new: row, old }) => [eventType, row?.id ?? old?.id];
export async function shows(list, wanted) {
  await until(() => `${JSON.stringify(wanted)}; it is ${JSON.stringify(list.map(shown))}`, () => list.length >= wanted.length);
  assert.deepEqual(list.map(shown), wanted);
}
