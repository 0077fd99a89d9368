// Replays a folder of recordings of a Supabase Realtime server (JSON lines; schema.sql beside them) against our sink, and compares what
// came, byte for byte but for times, tokens and ids. Prints a line per recording; what differs on purpose stands in differences.json.
//
//   node tests/vectors/replay.mjs DIR [NAME…]
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import pg from 'pg';
import WebSocket from 'ws';
import { Sangre, until } from '../e2e/lib/sangre.mjs';
import { startCluster } from '../oracle/cluster.mjs';
import { compare } from './compare.mjs';
import { Scenario } from './scenario.mjs';

const [folder, ...names] = process.argv.slice(2);
if (!folder) {
  console.error('replay: which folder?');
  process.exit(2);
}
const differences = JSON.parse(readFileSync(new URL('differences.json', import.meta.url)));
const files = readdirSync(folder).filter((file) => file.endsWith('.jsonl') && (!names.length || names.some((name) => file.includes(name)))).sort();

function config(env) {
  const secure = env?.SECURE_CHANNELS === 'true';
  const tokens = secure ? `, secret: ${JSON.stringify(env.JWT_SECRET)}, claims: ${env.JWT_CLAIM_VALIDATORS ?? '{}'}` : ', secure: false';
  return `listen: "127.0.0.1:\${SANGRE_PORT}"
server: { origins: ["*"], message_limit: 16MB }
sources: { db: { plugin: postgres, conninfo: "\${DATABASE_URL}", publication: supabase_realtime } }
sinks: { realtime: { plugin: supabase, source: db, strict: true${tokens} }, http: { plugin: http } }
`;
}

class World {
  static async start() {
    const world = new World();
    world.cluster = await startCluster(['max_connections=40', 'timezone=UTC']);
    const connect = async () => {
      const client = new pg.Client({ connectionString: world.cluster.url('postgres') });
      await client.connect();
      return client;
    };
    world.first = await connect();
    world.second = await connect();
    await world.query(readFileSync(path.join(folder, 'schema.sql'), 'utf8'));
    await world.query('create schema replay_marker; create table replay_marker.marker (id serial primary key)');
    return world;
  }

  query(sql) {
    return this.first.query(sql);
  }

  other(sql) {
    return this.second.query(sql);
  }

  // Changes that were committed before this was called have been sent when it returns.
  async marker() {
    const seen = this.markers.length;
    await this.other('insert into replay_marker.marker default values');
    await until('the marker', () => this.markers.length > seen);
  }

  async serve(env, token) {
    this.secret = env?.JWT_SECRET;
    this.sangre = await Sangre.start(config(env), { environment: { DATABASE_URL: this.cluster.url('postgres') }, ready: null });
    this.port = this.sangre.port;
    this.markers = [];
    await until(() => `the stream to flow (${this.sangre.err})`, () => this.watch(token));
  }

  watch(token) {
    return new Promise((resolve) => {
      this.watcher = new WebSocket(`${this.sangre.ws}/socket/websocket?vsn=1.0.0${token ? `&apikey=${token}` : ''}`);
      this.watcher.on('error', () => resolve(false));
      this.watcher.on('open', () => {
        this.watcher.send('{"topic":"realtime:replay_marker","event":"phx_join","payload":{},"ref":"1"}');
        const beat = setInterval(() => this.watcher.send('{"topic":"phoenix","event":"heartbeat","payload":{},"ref":"2"}'), 20_000);
        this.watcher.on('close', () => clearInterval(beat));
      });
      this.watcher.on('message', (data) => {
        if (data.toString().includes('"schema":"replay_marker"'))
          this.markers.push(data.toString());
        else if (data.toString().includes('"ref":"1"'))
          this.flowing().then(resolve);
      });
    });
  }

  // What is inserted before the stream flows is not seen.
  async flowing() {
    for (const end = Date.now() + 60_000; !this.markers.length && Date.now() < end;) {
      await this.other('insert into replay_marker.marker default values');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return this.markers.length > 0;
  }

  async rest() {
    this.watcher?.terminate();
    await this.sangre?.stop();
    this.sangre = null;
  }

  async end() {
    this.sangre?.child.kill('SIGKILL');
    await this.first.end();
    await this.second.end();
    await this.cluster.remove();
  }
}

// Numbers that a sequence gave continue as they did.
async function prepare(world, lines) {
  const tables = await world.query(`select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname not in ('pg_catalog', 'information_schema', 'replay_marker')`);
  await world.query(`truncate ${tables.rows.map(({ name }) => name).join(', ')} restart identity cascade`);
  const ids = lines.filter(({ dir, data }) => dir === 's2c' && /"table":"types"/.test(data)).map(({ data }) => Number(/"id":"(\d+)"/.exec(data)?.[1] ?? Infinity));
  const first = Math.min(...ids);
  if (Number.isFinite(first))
    await world.query(`select setval('public.types_id_seq', ${first}, false)`);
  await world.marker();
}

const { longLived } = await import('./watcher_token.mjs');
const world = await World.start();
let failed = 0, env;
try {
  for (const file of files) {
    const name = path.basename(file, '.jsonl');
    const lines = readFileSync(path.join(folder, file), 'utf8').trim().split('\n').map((line) => JSON.parse(line));
    const wanted = JSON.stringify(lines[0].env ?? null);
    if (wanted !== env || !world.sangre) {
      await world.rest();
      await world.serve(lines[0].env, lines[0].env && longLived(lines[0].env));
      env = wanted;
    }
    await prepare(world, lines);
    const own = differences.filter(({ scenario }) => scenario === name);
    const scenario = new Scenario(lines, world, Object.assign({}, ...own.map(({ substitutes }) => substitutes)));
    await scenario.run();
    const result = compare(scenario, own);
    failed += result.wrong.length > 0;
    console.log(`${result.wrong.length ? 'FAILS ' : result.deliberate.length ? 'passes, but on purpose differs' : 'passes'} ${name} (${result.count} compared)`);
    for (const line of [...result.wrong, ...result.deliberate])
      console.log(`    ${line}`);
  }
  await world.rest();
} finally {
  await world.end();
}
console.log(`${files.length - failed} of ${files.length} recordings pass`);
process.exitCode = failed || !files.length ? 1 : 0;
