// The eventual form: views over the source `supabase`, whose feed is our own sink `supabase` over Postgres, and REST a stand-in over the same.
//
// Between feed and source stands a proxy that breaks connections: at once, amid what a transaction sends, and while tables are read. So
// what is shown at a commit is not known; once it is quiet, everything must be what Postgres answers. Clients stay connected over all of it: their
// patches have to apply, their frames to follow on each other, and no break may reset them.
//
// In half of the rounds the feed tells all there is to tell (v0, full old rows), and what it loses must be found after breaks alone; in the
// others it leaves doubts, and the source reads all tables every second besides.
import { readFileSync } from 'node:fs';
import { Postgrest } from '../e2e/lib/postgrest.mjs';
import { Proxy } from '../e2e/lib/proxy.mjs';
import { Client } from './clients.mjs';
import { canonical, parse } from './json.mjs';
import { options } from './options.mjs';
import { Mismatch, NotStarted, Round, Sangre } from './round.mjs';
import { makeSchema } from './schema.mjs';

const PATIENCE = 60_000;
const pause = () => new Promise((resolve) => setTimeout(resolve, 20));

// Today's protocol takes some values through JSON's numbers, and cannot tell JSON's null from none.
const loose = new Set(['numeric', 'numeric(10,2)', 'float8', 'float4', 'json', 'jsonb']);

export class FeedRound extends Round {
  constructor(...more) {
    super(...more);
    this.odd = false;
    this.breaks = 0;
    this.clear = this.random.chance(0.5);
    this.protocol = this.clear || this.random.chance(0.5) ? 'v0' : 'v2';
  }

  // Without a key, what comes twice could not be told from two rows.
  makeTables() {
    const tables = makeSchema(this.random).filter((table) => table.key.length);
    for (const table of tables) {
      if (this.clear)
        table.identity = 'full';
      if (this.protocol === 'v2')
        table.columns = table.columns.filter((column) => table.key.includes(column.name) || !loose.has(column.type));
    }
    return tables;
  }

  async setUp() {
    await super.setUp();
    await this.reader.query('CREATE PUBLICATION supabase_realtime FOR ALL TABLES');
  }

  async startServer() {
    const server = new Sangre(this.folder, { listen: '127.0.0.1:0',
      sources: { db: { plugin: 'postgres', conninfo: this.cluster.url(this.database), publication: 'supabase_realtime' } },
      sinks: { realtime: { plugin: 'supabase', source: 'db', secure: false }, http: { plugin: 'http' } } }, 'server');
    this.server = server;
    await server.start('/_sangre/health');
    return server.port;
  }

  async prepare(folder) {
    this.folder = folder;
    this.proxy = await Proxy.start(await this.startServer());
    await this.until('the feed to flow', () => /change stream: streaming/.test(readFileSync(this.server.log, 'utf8')), NotStarted);
    this.rest = await Postgrest.start(this.cluster.url(this.database), { most: this.random.pick([Infinity, Infinity, 50]) });
    const types = (table) => Object.fromEntries(table.columns.map(({ name, type }) => [name, type === 'mood' ? 'text' : type]));
    this.config.sources = { app: { plugin: 'supabase', protocol: this.protocol, ...this.random.pick([{ rest: this.rest.url }, { conninfo: this.cluster.url(this.database) }]),
      url: `ws://127.0.0.1:${this.proxy.listening}/${this.protocol === 'v0' ? 'socket' : 'realtime/v1'}`,
      retry_limit: '100ms', gather: this.random.pick(['1ms', '10ms']), page: this.random.pick([3, 20, 1000]), ...(this.clear ? {} : { compare_every: '1s' }),
      tables: Object.fromEntries([['marker', { columns: { id: 'int', n: 'int' }, key: ['id'] }],
        ...this.tables.map((table) => [table.name, { columns: types(table), key: table.key }])]) } };
    await super.prepare(folder);
  }

  async steps() {
    await super.steps();
    await this.server.stop();
  }

  async end() {
    this.server?.child?.kill('SIGKILL');
    await this.proxy?.stop();
    await this.rest?.stop();
  }

  async until(what, condition, Kind = Mismatch) {
    const end = Date.now() + PATIENCE;
    for (let value; !(value = await condition());) {
      for (const program of [this.sangre, this.server])
        if (program?.over)
          throw new Kind(`sangre ended (${program.over}):\n${this.log()}`);
      if (Date.now() > end)
        throw new Kind(`timed out waiting for ${what}:\n${this.log()}`);
      this.check();
      await pause();
    }
  }

  log() {
    return this.server ? `${super.log()}\nthe server of the feed:\n${readFileSync(this.server.log, 'utf8').slice(-2000)}` : super.log();
  }

  // A commit shows in parts, and none is compared.
  async answer() {}

  watch(client) {
    client.commit = this.commit;
  }

  client(base, more) {
    const client = new Client(base, { fail: (text) => this.fail(text), ...more });
    const state = client.state.bind(client);
    client.state = (message, text) => {
      if (message.type === 'reset' && message.reason === 'new_epoch')
        this.fail(`a subscriber was reset: ${text}`);
      state(message, text);
    };
    return client;
  }

  // ---- Breaks

  enough() {
    return this.breaks >= Number(options.breaks);
  }

  async fed(base = `http://127.0.0.1:${this.sangre.port}`) {
    const response = await fetch(`${base}/_sangre/health`);
    return response.status === 200 && !JSON.parse(await response.text()).stale;
  }

  async disturb() {
    if (!this.random.chance(0.3))
      return;
    this.breaks++;
    const kind = this.random.below(9);
    if (kind < 2) // while tables are read, if REST reads them
      this.breakAt(this.random.between(1, 8));
    if (kind < 4)
      return this.proxy.cut();
    if (kind === 4 && !this.clear)
      return this.restart();
    await this.until('the feed to be whole', () => this.fed());
    const { cutAmid, accepted } = this.proxy; // a break while tables are read may come first
    this.proxy.cutAfter(this.random.between(1, 3000));
    await this.until('the feed to be cut', () => this.write().then(() => this.proxy.cutAmid > cutAmid || this.proxy.accepted > accepted));
  }

  // The server of the feed goes for a while. Under v0, which has no word for when changes begin to flow, what is committed between the reading of
  // tables and that shows at the next reading only: not for rounds that have none.
  async restart() {
    await this.server.stop();
    for (let i = this.random.below(4); i > 0; i--)
      await this.write();
    this.proxy.port = await this.startServer();
  }

  breakAt(request) {
    this.rest.before = () => {
      if (--request)
        return;
      this.rest.before = null;
      this.proxy.cut();
    };
  }

  // ---- Quiet

  different(wanted) {
    for (const client of [...this.clients, ...this.singles])
      for (const view of client.views.values()) {
        const shown = view.held && canonical(view.held.document);
        if (shown !== wanted.get(view.id))
          return `${view.id} ${JSON.stringify(view.params)} (${view.codec}):\n  shown:    ${shown}\n  expected: ${wanted.get(view.id)}\n  sql: ${view.sql}`;
      }
    return null;
  }

  async settle() {
    await super.answer(this.commit);
    const wanted = this.expected[this.commit];
    let last;
    await this.until(() => last, async () => !(last = this.different(wanted)) && this.fed()).catch((error) => {
      throw error instanceof Mismatch && last ? new Mismatch(`quiet at commit ${this.commit}, ${last}\n${this.log()}`) : error;
    });
    this.check();
  }
}
