// A graph over the source `supabase`: behind it stand our own sink `supabase` and a stand-in for PostgREST over the same Postgres, with a proxy
// between source and sink whose connections break.
import { after, afterEach, before } from 'node:test';
import { Postgrest } from './postgrest.mjs';
import { Proxy } from './proxy.mjs';
import { Sangre, until } from './sangre.mjs';
import { World } from './world.mjs';

export const tables = `
      notes: { columns: { id: int, owner: text, body: text }, key: [id] }
      whole: { columns: { id: int, body: text }, key: [id] }
      pairs: { columns: { a: int, "The B": text, v: text }, key: [a, "The B"] }`;
const views = `
  /notes: { from: app.notes, order_by: id }
  /whole: { from: app.whole, order_by: id }
  /pairs: { from: app.pairs, order_by: a }
`;

const strict = { sink: 'secure: false, strict: true' };
// Each era is found by what the server answers, and can be told.
export const eras = {
  'the server of 2022': [strict, 'protocol: auto'], 'the server of 2022, as told': [{}, 'protocol: v0'],
  "today's server": [{}, 'protocol: auto'], "today's server, as told": [{}, 'protocol: v2'],
};
export const both = Object.entries(eras).filter(([name]) => !/as told/.test(name));

// What a test has at hand; set up and torn down by `world`.
export class Feed {
  async serve({ sink = 'secure: false', ...more } = {}) {
    this.serving = await Sangre.start(`listen: "127.0.0.1:\${SANGRE_PORT}"
sources: { db: { plugin: postgres, conninfo: "\${DATABASE_URL}", publication: supabase_realtime } }
sinks: { realtime: { plugin: supabase, source: db, ${sink} }, http: { plugin: http } }
`, { environment: this.world.environment });
    await until(() => `the feed flowing: ${this.serving.err}`, () => /change stream: streaming/.test(this.serving.err));
    this.proxy = await Proxy.start(this.serving.port);
    this.rest = await Postgrest.start(this.world.url, more);
  }

  config(options = '', own = tables, shown = views) {
    return `listen: "127.0.0.1:\${SANGRE_PORT}"
sources:
  app:
    plugin: supabase
    url: "ws://127.0.0.1:${this.proxy?.listening ?? 9}/socket"
    ${/conninfo/.test(options) ? '' : `rest: "${this.rest?.url ?? 'http://127.0.0.1:9'}"`}
    ${options}
    tables:${own}
sinks: { http: { plugin: http }, websocket: { plugin: websocket } }
views:${shown}`;
  }

  async start(...more) {
    this.sangre = await Sangre.start(this.config(...more));
    return this.sangre;
  }

  query(sql, values) {
    return this.world.query(sql, values);
  }

  async follows(table, order = 'id') {
    await this.sangre.shows(`/${table}`, (await this.query(`SELECT * FROM ${table} ORDER BY ${order}`)).rows);
  }

  get states() {
    return [...this.sangre.err.matchAll(/info +app (connecting|taking a snapshot|streaming)|warn +app (down)/g)].map(([, up, down]) => up ?? down);
  }

  whole() {
    return until(() => `the feed being whole: ${this.sangre.err.slice(-3000)}`, () => this.states.at(-1) === 'streaming');
  }

  // What `breaks` does to the feed has been noticed when this returns.
  async broken(breaks) {
    const downs = () => this.states.filter((state) => state === 'down').length, had = downs();
    await breaks();
    await until(() => `the break being noticed: ${this.sangre.err.slice(-3000)}`, () => downs() > had);
  }

  async tidy() {
    for (const one of [this.sangre, this.serving])
      if (one && !one.over)
        await one.stop();
    await this.proxy?.stop();
    await this.rest?.stop();
    this.sangre = this.serving = this.proxy = this.rest = null;
  }
}

// One for the tests of a file.
export function feedOfTests() {
  const feed = new Feed();
  before(async () => {
    feed.world = await World.start(['timezone=UTC']);
    await feed.query(`
      CREATE TABLE notes (id int PRIMARY KEY, owner text, body text);
      CREATE TABLE whole (id int PRIMARY KEY, body text); ALTER TABLE whole REPLICA IDENTITY FULL;
      CREATE TABLE pairs (a int, "The B" text, v text, PRIMARY KEY (a, "The B"));
      CREATE PUBLICATION supabase_realtime FOR ALL TABLES`);
  });
  afterEach(async () => {
    await feed.tidy();
    await feed.query('TRUNCATE notes, whole, pairs');
  });
  after(() => feed.world?.end());
  return feed;
}
