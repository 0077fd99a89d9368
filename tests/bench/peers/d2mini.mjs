// The followeds query in d2mini, for scripts/bench's `peers`: what engine.c does with our engine.
//
//     node --expose-gc d2mini.mjs USERS UPDATES RESULT
//
// Each table is an input; who asks is one too, as a view's parameter is. Every update is a run of the graph. Writes the flat result before
// and after to RESULT.before and RESULT.after; prints `name value` lines.
import { readFileSync, writeFileSync } from 'node:fs';
import { D2, MultiSet, join, map, output } from '@electric-sql/d2mini';

const [users, updatesFile, result] = [Number(process.argv[2]), process.argv[3], process.argv[4]];
const updates = readFileSync(updatesFile, 'utf8').trimEnd().split('\n').map((line) => line.split('\t'));

const graph = new D2();
const inputs = {};
for (const name of ['demand', 'users', 'places', 'follows', 'visits']) inputs[name] = graph.newInput();
const names = new Map(), places = new Map(); // as shown: of followeds, and of places by `followed<TAB>place`
let changes = 0;

// A rename comes as two changes, in any order.
function show(shown, key, name, weight) {
    changes++;
    if (weight > 0) shown.set(key, name);
    else if (shown.get(key) === name) shown.delete(key);
}

const followeds = inputs.demand.pipe(
    join(inputs.follows),
    map(([user, [, followed]]) => [followed, user]),
);
followeds.pipe(
    join(inputs.users),
    output((rows) => rows.getInner().forEach(([[id, [, user]], weight]) => show(names, id, user.name, weight))),
);
followeds.pipe(
    join(inputs.visits),
    map(([followed, [, place]]) => [place, followed]),
    join(inputs.places),
    output((rows) => rows.getInner().forEach(([[id, [followed, place]], weight]) => show(places, `${followed}\t${id}`, place.name, weight))),
);
graph.finalize();

function fill() {
    const rows = { demand: [[[1, 1], 1]], users: [], places: [], follows: [], visits: [] };
    for (let id = 1; id <= users; id++) rows.users.push([[id, { id, name: `user ${id}` }], 1]);
    for (let id = 1; id <= 20000; id++) rows.places.push([[id, { id, name: `place ${id}` }], 1]);
    for (let followed = 2; followed <= 1001; followed++) rows.follows.push([[1, followed], 1]);
    for (let user = 2; user <= users - 99; user++)
        for (let k = 0; k < 10; k++) rows.follows.push([[user, ((user * 7919 + k * 9973) % users) + 1], 1]);
    for (let user = 1; user <= users; user++)
        for (let k = 0; k < 5; k++)
            rows.visits.push([[user, ((user * 31 + k * 3001) % (user >= 2 && user <= 1001 ? 15000 : 20000)) + 1], 1]);
    const byId = new Map(rows.places.map(([[id, row]]) => [id, row]));
    for (const name in inputs) inputs[name].sendData(new MultiSet(rows[name]));
    graph.run();
    return byId;
}

// Lines `followed<TAB>name<TAB>place<TAB>name`, in order.
function writeResult(path) {
    const rows = [...places].map(([key, name]) => [...key.split('\t').map(Number), name]);
    rows.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
    writeFileSync(path, rows.map(([followed, place, name]) => `${followed}\t${names.get(followed)}\t${place}\t${name}\n`).join(''));
}

const residentMb = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) / 1024;
const say = (name, value) => console.log(`${name} ${typeof value === 'number' && value % 1 ? value.toFixed(3) : value}`);

const begin = performance.now();
const byId = fill();
say('load_s', (performance.now() - begin) / 1000);
globalThis.gc?.(); // what loading leaves behind is not held against it
say('loaded_mb', residentMb());
writeResult(`${result}.before`);

changes = 0;
const times = new Float64Array(updates.length);
const cpu = process.cpuUsage(), start = performance.now();
let last = start;
updates.forEach(([id, name], i) => {
    id = Number(id);
    const old = byId.get(id), row = { id, name };
    byId.set(id, row);
    inputs.places.sendData(new MultiSet([[[id, old], -1], [[id, row], 1]]));
    graph.run();
    const now = performance.now();
    times[i] = (now - last) * 1000;
    last = now;
});
const { user, system } = process.cpuUsage(cpu);
times.sort();
say('change_us', (user + system) / updates.length);
say('wall_us', ((last - start) * 1000) / updates.length);
say('p50_us', times[updates.length >> 1]);
say('p99_us', times[Math.floor(updates.length * 0.99)]);
say('changes', changes);
globalThis.gc?.();
say('memory_mb', residentMb());
writeResult(`${result}.after`);
