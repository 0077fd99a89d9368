// One client of the followeds query (user 1) over one PEER, for scripts/bench's `peers`: every peer is driven and timed alike.
//
//     node client.mjs PEER DATABASE FOLDER SAMPLES COMMITS
//
// PEER.mjs opens the view: starts its server, if it has one, and keeps what the query answers in this process. DATABASE is a connection
// URL of a database with the data set; FOLDER is for whatever is written. The view is compared with Postgres' own answer before and after
// anything is timed. Prints `name value` lines:
//
//   start_s                     from nothing to the first result
//   memory_mb                   of the server's processes then (proportional set size: shared pages count once), and memory_after_mb
//   latency_p50_us, _p99_us     commit acknowledged to the view showing it, one commit at a time, SAMPLES of them
//   bytes                       received per commit while doing that, messages' payloads; frames_each
//   sustained_s                 COMMITS of pgbench (4 connections) and one more until the view shows that one; commit_s is pgbench's own part
//   frames, changes             new states that the view took on in that time, and changes of rows that made them up
import { spawn } from 'node:child_process';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import pg from 'pg';

const [peer, database, folder, samples, commits] = process.argv.slice(2);
const QUERY = `SELECT f.id AS followed, f.name AS followed_name, p.id AS place, p.name AS place_name
  FROM users_followeds uf JOIN users f ON f.id = uf.followed_id JOIN users_places up ON up.user_id = f.id
  JOIN places p ON p.id = up.place_id WHERE uf.user_id = 1`;
const PATIENCE_MS = 120000;

const say = (name, value) => console.log(name, Number.isInteger(value) ? value : value.toFixed(3));
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const connection = new pg.Client({ connectionString: database });

// ---- What the view shows ----

let view, woken = () => {};
const received = { bytes: 0, frames: 0, changes: 0 };

async function until(condition, what) {
    const end = performance.now() + PATIENCE_MS;
    while (!condition()) {
        const left = end - performance.now();
        if (left <= 0) throw new Error(`${peer}: ${what} did not come`);
        let timer;
        await new Promise((resolve) => {
            woken = resolve;
            timer = setTimeout(resolve, left);
        });
        clearTimeout(timer);
    }
    return performance.now();
}

async function checkView(when) {
    const { rows } = await connection.query({ text: `${QUERY} ORDER BY 1, 3`, rowMode: 'array' });
    const expected = rows.map((row) => row.join('\t')), shown = view.rows().map((row) => row.join('\t'));
    const at = expected.findIndex((line, i) => line !== shown[i]);
    if (at >= 0 || expected.length !== shown.length || !expected.length)
        throw new Error(`${peer}, ${when}: ${shown.length} rows for ${expected.length}; '${shown[at]}' for '${expected[at]}'`);
    return rows;
}

// ---- Figures ----

// Proportional set size of a process and its descendants, in MB.
function memory(root) {
    const parents = new Map();
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
        try {
            const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
            parents.set(Number(pid), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
        } catch {} // it ended meanwhile
    }
    const within = (pid) => pid === root || (parents.has(pid) && within(parents.get(pid)));
    let kb = 0;
    for (const pid of parents.keys())
        if (within(pid)) kb += Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))[1]);
    return kb / 1024;
}

const quantile = (sorted, q) => sorted[Math.round((sorted.length - 1) * q)];

async function latency(places) {
    const times = [], warmup = 5, before = {};
    for (let i = -warmup; i < samples; i++) {
        await sleep(5 + Math.random() * 20); // so as not to keep time with anything that polls
        if (i === 0) Object.assign(before, received);
        const place = places[Math.floor(Math.random() * places.length)], name = `latency ${i}`;
        let acknowledged;
        const commit = connection.query('UPDATE places SET name = $1 WHERE id = $2', [name, place])
            .then(() => (acknowledged = performance.now()));
        const shown = await until(() => view.name(place) === name, `'${name}'`);
        await commit;
        if (i >= 0) times.push((shown - acknowledged) * 1000);
    }
    times.sort((a, b) => a - b);
    say('latency_p50_us', quantile(times, 0.5));
    say('latency_p99_us', quantile(times, 0.99));
    say('bytes', (received.bytes - before.bytes) / samples);
    say('frames_each', (received.frames - before.frames) / samples);
}

function pgbench() {
    const script = `${folder}/affecting.sql`;
    writeFileSync(script, '\\set u random(2, 900)\n\\set k random(0, 4)\n\\set p (:u * 31 + :k * 3001) % 15000 + 1\n\\set r random(1, 1000000000)\n' +
        "UPDATE places SET name = 'renamed ' || :r::text WHERE id = :p;\n");
    return new Promise((resolve, reject) => {
        const child = spawn(process.env.PGBENCH, ['-n', '-c4', '-j1', `-t${commits / 4}`, '-M', 'prepared', '-f', script, database], { stdio: ['ignore', 'ignore', 'pipe'] });
        let fault = '';
        child.stderr.on('data', (data) => (fault += data));
        child.on('exit', (code) => (code === 0 ? resolve() : reject(new Error(`pgbench: ${fault}`))));
    });
}

async function sustained(places) {
    const before = { ...received }, start = performance.now();
    await pgbench();
    const committed = performance.now();
    await connection.query('UPDATE places SET name = $1 WHERE id = $2', ['the marker', places[0]]);
    const seconds = (await until(() => view.name(places[0]) === 'the marker', 'the marker') - start) / 1000;
    say('commit_s', (committed - start) / 1000);
    say('sustained_s', seconds);
    const after = view.settle ? view.settle() ?? received : received;
    say('frames', after.frames - before.frames);
    say('changes', after.changes - before.changes);
    say('frame_us', seconds * 1e6 / (after.frames - before.frames));
    say('delivered_us', seconds * 1e6 / (after.changes - before.changes));
}

async function run() {
    const { open } = await import(`./${peer}.mjs`);
    await connection.connect();
    const begin = performance.now();
    view = await open({ database, folder, query: QUERY, received, changed: () => woken() });
    say('start_s', (performance.now() - begin) / 1000);
    if (view.process) say('memory_mb', memory(view.process));
    const places = [...new Set((await checkView('at the start')).map((row) => row[2]))];
    await latency(places);
    await sustained(places);
    if (view.process) say('memory_after_mb', memory(view.process));
    await checkView('at the end');
}

setTimeout(() => {
    console.error(`${peer} is not through after five minutes`);
    process.exit(1);
}, 300000).unref();
let status = 0;
await run().catch((error) => {
    console.error(error);
    status = 1;
});
await view?.close();
await connection.end();
process.exit(status);
