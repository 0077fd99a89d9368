// The proof of concept's own table source against our sink: rows fetched once, then changed by what realtime-js hands over, found by deep
// equality with the old record, which is why its tables have REPLICA IDENTITY FULL.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { Sangre, until } from './lib/sangre.mjs';
import { World, listen, source } from './lib/world.mjs';

const require = createRequire(import.meta.url);
const { RealtimeClient, Transformers } = require('realtime-js-1.7');

let world, sangre;
const clients = [];
before(async () => {
  world = await World.start();
  await world.query('CREATE PUBLICATION sangre FOR ALL TABLES; ALTER TABLE users REPLICA IDENTITY FULL; ALTER TABLE users_places REPLICA IDENTITY FULL');
  sangre = await Sangre.start(`${listen}${source}
sinks:
  http: { plugin: http }
  realtime: { plugin: supabase, source: app, secure: false }
`, { environment: world.environment });
});
after(async () => {
  clients.forEach((client) => client.disconnect());
  await sangre?.stop();
  await world?.end();
});

class TableSource {
  constructor(table) {
    this.rows = null;
    const client = new RealtimeClient(`${sangre.ws}/socket`, { params: { vsn: '1.0.0' } });
    clients.push(client);
    client.connect();
    const channel = client.channel(`realtime:public:${table}`);
    const converted = (payload, member) => Transformers.convertChangeData(payload.columns, payload[member]);
    channel.on('INSERT', (payload) => this.rows.push(converted(payload, 'record')));
    channel.on('UPDATE', (payload) => (this.rows[this.find(converted(payload, 'old_record'))] = converted(payload, 'record')));
    channel.on('DELETE', (payload) => this.rows.splice(this.find(converted(payload, 'old_record')), 1));
    this.joined = new Promise((resolve) => channel.subscribe().receive('ok', resolve));
    this.table = table;
  }

  find(old) {
    const found = this.rows.findIndex((row) => isDeepStrictEqual(row, old));
    assert.ok(found >= 0, `no row ${JSON.stringify(old)} among ${JSON.stringify(this.rows)}`);
    return found;
  }

  async fetch() {
    await this.joined;
    this.rows = await this.now();
  }

  async now() {
    return (await world.query(`SELECT * FROM ${this.table}`)).rows.map((row) => ({ ...row }));
  }

  async agrees() {
    const sorted = (rows) => rows.map((row) => JSON.stringify(row, Object.keys(row).sort())).sort();
    const wanted = sorted(await this.now());
    await until(() => `${wanted}; it is ${sorted(this.rows)}`, () => isDeepStrictEqual(sorted(this.rows), wanted));
  }
}

test('initial fetch, insert, update, delete', async () => {
  await sangre.logged(/change stream: streaming/);
  const users = new TableSource('users'), places = new TableSource('users_places');
  await users.fetch();
  await places.fetch();
  await world.query("INSERT INTO users VALUES (10, 'joe'), (11, 'kim')");
  await users.agrees();
  await world.query("UPDATE users SET name = upper(name) WHERE id >= 3; UPDATE users SET id = 12 WHERE id = 10");
  await users.agrees();
  await world.query('INSERT INTO users_places VALUES (11, 3); DELETE FROM users_places WHERE user_id = 2; DELETE FROM users WHERE id = 12');
  await users.agrees();
  await places.agrees();
});
