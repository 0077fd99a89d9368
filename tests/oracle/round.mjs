// A round: a database, a config, the program and its clients, transactions, and what clients hold against what Postgres answers.
import { spawn } from 'node:child_process';
import { createWriteStream, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import pg from 'pg';
import { Client } from './clients.mjs';
import { canonical, parse } from './json.mjs';
import { options } from './options.mjs';
import { makeRelations, makeValues, makeView } from './queries.mjs';
import { Random } from './random.mjs';
import { createSql, fillSql, makeSchema, statementSql } from './schema.mjs';

export class Mismatch extends Error {}

export class NotStarted extends Error {}

// The product, started as a user would.
export class Sangre {
  constructor(folder, config, name = 'sangre') {
    this.file = path.join(folder, `${name}.yaml`);
    this.log = path.join(folder, `${name}.log`);
    writeFileSync(this.file, JSON.stringify(config, null, 1));
  }

  // `ready`: what answers with 200 once it is.
  async start(ready = '/marker') {
    const args = ['run', ...(options.plugins ? ['--plugin-dir', options.plugins] : []), this.file];
    this.child = spawn(options.sangre, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    writeFileSync(this.log, '');
    const log = createWriteStream(this.log);
    this.child.stdout.pipe(log, { end: false });
    this.child.stderr.pipe(log, { end: false });
    this.exited = new Promise((resolve) => this.child.on('exit', (code, signal) => { this.over = `exit ${code ?? signal}`; resolve(this.over); }));
    for (;;) {
      if (this.over)
        throw new NotStarted(`sangre ended at start (${this.over}):\n${readFileSync(this.log, 'utf8')}`);
      this.port ??= /listening on \S+ port (\d+)/.exec(readFileSync(this.log, 'utf8'))?.[1];
      const response = this.port && await fetch(`http://127.0.0.1:${this.port}${ready}`).catch(() => null);
      if (response?.status === 200)
        return;
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }

  async stop() {
    if (!this.over)
      this.child.kill('SIGTERM');
    const outcome = await this.exited;
    const log = readFileSync(this.log, 'utf8');
    // The leak sanitizer's own tracer crashes once in a thousand times; it has no verdict then.
    const undecided = outcome === 'exit 1' && log.includes('LeakSanitizer has encountered a fatal error');
    if (outcome !== 'exit 0' && !undecided)
      throw new Mismatch(`sangre ended with ${outcome}:\n${log.slice(-6000)}`);
  }
}

const settings = "SET datestyle TO ISO; SET intervalstyle TO postgres; SET extra_float_digits TO 3; SET bytea_output TO hex; SET timezone TO 'UTC'; SET jit TO off";

export class Round {
  constructor(seed, cluster) {
    this.seed = seed;
    this.random = new Random(seed);
    this.cluster = cluster;
    this.expected = []; // commit → instance id → canonical document
    this.shown = new Map(); // commit → [{ client, documents }] that wait for what is expected
    this.problem = null;
    this.odd = true; // some databases have settings of their own
  }

  fail(text) {
    this.problem ??= text;
  }

  check() {
    if (this.problem)
      throw new Mismatch(this.problem);
  }

  async connect() {
    const client = new pg.Client({ connectionString: this.cluster.url(this.database) });
    client.on('error', () => {});
    await client.connect();
    await client.query(settings);
    return client;
  }

  makeTables() {
    return makeSchema(this.random);
  }

  async setUp() {
    const { random } = this;
    this.database = `oracle_${this.seed}`;
    const admin = new pg.Client({ connectionString: this.cluster.url('postgres') });
    await admin.connect();
    await admin.query(`CREATE DATABASE ${this.database}`);
    if (this.odd && random.chance(0.3))
      await admin.query(`ALTER DATABASE ${this.database} SET extra_float_digits TO 0; ALTER DATABASE ${this.database} SET datestyle TO 'German'; ALTER DATABASE ${this.database} SET timezone TO 'Asia/Tokyo'; ALTER DATABASE ${this.database} SET bytea_output TO escape; ALTER DATABASE ${this.database} SET intervalstyle TO iso_8601`);
    await admin.end();
    this.writers = [await this.connect(), await this.connect()];
    this.reader = await this.connect();
    this.tables = this.makeTables();
    await this.reader.query(createSql(this.tables));
    for (const sql of fillSql(random, this.tables))
      await this.reader.query(sql).catch(() => {});
    this.makeConfig();
  }

  makeConfig() {
    const { random } = this;
    const { relations, nodes } = makeRelations(random, this.tables);
    this.views = Array.from({ length: random.between(2, 5) }, (_, i) => makeView(random, `/v${i}`, relations));
    this.instances = [{ id: 'marker', path: '/marker', params: {}, sql: "SELECT (SELECT json_build_object('n', n) FROM marker WHERE id = 1)::text AS document" }];
    for (const view of this.views)
      for (let i = random.between(1, 3); i > 0; i--) {
        const values = makeValues(random, view);
        this.instances.push({ id: `${view.path}#${this.instances.length}`, path: view.path, params: values.client, sql: view.sql(values.sql) });
      }
    this.config = {
      sources: { app: { plugin: 'postgres', conninfo: this.cluster.url(this.database) } },
      nodes,
      views: { '/marker': { from: 'app.marker', get: { id: 1 }, columns: ['n'] }, ...Object.fromEntries(this.views.map((view) => [view.path, view.config])) },
    };
  }

  // What Postgres answers now; one statement, so one snapshot.
  async answer(commit) {
    const parts = this.instances.map((instance, i) => `(${instance.sql}) AS d${i}`);
    const { rows: [row] } = await this.reader.query(`SELECT ${parts.join(',\n')}`);
    this.expected[commit] = new Map(this.instances.map((instance, i) => [instance.id, row[`d${i}`] === null ? 'null' : canonical(parse(row[`d${i}`]))]));
    for (const documents of this.shown.get(commit) ?? [])
      this.compare(commit, documents);
    this.shown.delete(commit);
  }

  compare(commit, documents) {
    for (const [id, text] of documents) {
      const wanted = this.expected[commit].get(id);
      if (text !== wanted) {
        const instance = this.instances.find((i) => i.id === id);
        this.fail(`commit ${commit}, ${id} ${JSON.stringify(instance.params)}:\n  shown:    ${text}\n  expected: ${wanted}\n  sql: ${instance.sql}`);
      }
    }
  }

  // A client with the marker among its views moved: its documents are those of the commit that the marker names.
  watch(client) {
    const views = [...client.views.values()];
    if (!views.every((view) => view.synced && view.held))
      return;
    const commit = Number(client.views.get('marker').held.document.n.slice(1));
    const documents = views.map((view) => [view.id, canonical(view.held.document)]);
    client.commit = commit;
    if (this.expected[commit])
      this.compare(commit, documents);
    else if (this.shown.has(commit))
      this.shown.get(commit).push(documents);
    else
      this.shown.set(commit, [documents]);
  }

  codec() {
    return this.random.pick(['json-patch', 'json-patch', 'rows', 'full']);
  }

  client(base, more) {
    return new Client(base, { fail: (text) => this.fail(text), ...more });
  }

  async openClients(base) {
    const many = (instances) => [instances[0], ...this.random.shuffle(instances.slice(1))].map((i) => ({ ...i, codec: this.codec() }));
    this.clients = [this.client(base, { changed: (c) => this.watch(c) }), this.client(base, { changed: (c) => this.watch(c) })];
    await this.clients[0].open(many(this.instances));
    await this.clients[1].open(many([this.instances[0], ...this.random.some(this.instances.slice(1))]));
    this.singles = [];
    for (const instance of this.random.some(this.instances.slice(1), 0.4)) {
      if (Object.values(instance.params).includes(null))
        continue; // a query string cannot say null
      const client = this.client(base, { single: true });
      await client.open([{ ...instance, codec: this.codec() }]);
      this.singles.push(client);
    }
  }

  async transaction(writer, last, alone) {
    const { random } = this;
    await writer.query('BEGIN; SET LOCAL lock_timeout TO 200');
    for (let i = random.pick([1, 1, 2, 3, 8]); i > 0; i--) {
      await writer.query('SAVEPOINT s');
      const sql = statementSql(random, this.tables, alone);
      await writer.query(sql).then(() => { if (random.chance(0.1)) return writer.query('ROLLBACK TO s'); }, () => writer.query('ROLLBACK TO s'));
      last.push(sql);
    }
  }

  async finish(writer) {
    if (this.random.chance(0.08)) {
      await writer.query('ROLLBACK');
      return;
    }
    this.commit++;
    await writer.query(`UPDATE marker SET n = ${this.commit} WHERE id = 1`);
    await writer.query('COMMIT');
    await this.answer(this.commit);
    this.check();
  }

  // One transaction, or two that overlap.
  async write() {
    const [a, b] = this.writers;
    const alone = this.random.chance(0.7);
    await this.transaction(a, this.statements, alone);
    if (!alone)
      await this.transaction(b, this.statements, alone).then(() => this.finish(a)).then(() => this.finish(b));
    else
      await this.finish(a);
  }

  // Waits for the program itself to be at the last commit; what clients lack then is on its way to them or lost.
  async applied(base) {
    const end = Date.now() + 30000;
    for (;;) {
      const response = await fetch(`${base.replace('ws', 'http')}/marker`).catch((error) => { throw new Mismatch(`no answer from /marker: ${error.message}`); });
      const text = await response.text();
      if (response.status === 200 && JSON.parse(text).n === this.commit)
        return;
      if (Date.now() > end)
        throw new Mismatch(`timed out waiting for the program to show commit ${this.commit}; last answer: ${text}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  async settle(base) {
    await this.applied(base);
    for (const client of this.clients) {
      await client.until(() => client.commit === this.commit, `commit ${this.commit} (at ${client.commit})`, 30);
      this.check();
    }
    for (const client of this.singles) {
      await client.ping();
      const [view] = client.views.values();
      this.compare(this.commit, [[view.id, canonical(view.held.document)]]);
    }
    const instance = this.random.pick(this.instances);
    if (!Object.values(instance.params).includes(null)) {
      const query = new URLSearchParams(instance.params).toString();
      const response = await fetch(`${base.replace('ws', 'http')}${instance.path}${query ? `?${query}` : ''}`);
      this.compare(this.commit, [[instance.id, canonical(parse(await response.text()))]]);
    }
    this.check();
  }

  async dropAndResume() {
    const client = this.random.pick([...this.clients, ...this.singles]);
    await client.close();
    for (let i = this.random.pick([0, 1, 2, 3, 5]); i > 0; i--)
      await this.write();
    await client.open([]);
    this.check();
  }

  // What a form of the oracle does besides: before the program starts, before a transaction, until when, and after the end.
  async prepare(folder) {
    this.sangre = new Sangre(folder, { listen: '127.0.0.1:0', ...this.config });
  }

  async disturb() {}

  enough() {
    return true;
  }

  async end() {}

  log() {
    return this.sangre ? readFileSync(this.sangre.log, 'utf8').slice(-6000) : '';
  }

  async steps() {
    const step = (name, promise) => { this.step = name; return promise; };
    await step('start', this.sangre.start());
    const base = `ws://127.0.0.1:${this.sangre.port}`;
    await step('connect', this.openClients(base));
    for (let i = 0; i < Number(options.transactions) || !this.enough(); i++) {
      await step('disturb', this.disturb());
      await step('write', this.write());
      if (this.random.chance(0.15))
        await step('drop and resume', this.dropAndResume());
      if (this.random.chance(0.2))
        await step('settle', this.settle(base));
      if (this.sangre.over)
        throw new Mismatch(`sangre ended (${this.sangre.over}):\n${this.log()}`);
    }
    await step('settle', this.settle(base));
    for (const client of [...this.clients, ...this.singles])
      await step('close', client.close());
    await step('stop', this.sangre.stop());
  }

  // What waits for an answer that never comes is not to wait for ever.
  async within(seconds, promise) {
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => {
        const Kind = this.step === 'start' ? NotStarted : Mismatch;
        reject(new Kind(`the round hangs at step "${this.step}", commit ${this.commit}:\n${this.log()}`));
      }, seconds * 1000);
    });
    return Promise.race([promise, late]).finally(() => clearTimeout(timer));
  }

  // A connection that breaks may be told before the program's end, which is what broke it.
  async explained(error) {
    if (error instanceof Mismatch || error instanceof NotStarted || this.step === 'start')
      return error;
    let timer;
    const patience = new Promise((resolve) => { timer = setTimeout(resolve, 10_000); });
    await Promise.race([this.sangre.exited, patience]).finally(() => clearTimeout(timer));
    return this.sangre.over
      ? new Mismatch(`sangre ended (${this.sangre.over}), ${error.message}:\n${this.log()}`)
      : error;
  }

  async run(folder) {
    await this.setUp();
    this.commit = 0;
    this.statements = [];
    await this.answer(0);
    this.step = 'start';
    try {
      await this.within(300, this.prepare(folder).then(() => this.steps()));
    } catch (error) {
      throw await this.explained(error);
    } finally {
      this.sangre?.child?.kill('SIGKILL');
      await this.end();
      for (const client of [...this.writers, this.reader])
        await Promise.race([client.end().catch(() => {}), new Promise((resolve) => setTimeout(resolve, 2000))]);
    }
  }
}
