// Every kind of mistake in a config: exit code 2, and one line that says where, what, and what was probably meant.
//
// What can be found without a database is found by `check` over the memory source, and by `run` alike before it listens.
import assert from 'node:assert/strict';
import { copyFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { command, scratch, writeConfig } from './lib/sangre.mjs';
import { memory } from './lib/world.mjs';

const plugins = process.env.SANGRE_PLUGIN_DIR;
const notElf = path.join(scratch, 'broken.so');
writeFileSync(notElf, 'this is no library');
const VIEW = 'views: { /a: { from: app.users } }\n';
const SOURCE = `${memory}`; // lines 1 to 8
const TAIL = 9; // the line behind it

// [what, config, line:column (null: any), what the message says]
const mistakes = [
  ['an unknown key', `${SOURCE}veiws: { /a: { from: app.users } }\n`, `${TAIL}:1`, /"veiws"; did you mean "views"\?/],
  ['an unknown key of a view', `${SOURCE}views: { /a: { from: app.users, wher: id > 1 } }\n`, `${TAIL}:33`, /"wher".*did you mean "where"\?/],
  ['an unknown key of the server', `${SOURCE}${VIEW}server: { client_bufer: 1MB }\n`, `${TAIL + 1}:11`, /did you mean "client_buffer"\?/],
  ['an unknown plugin of a source', `sources: { app: { plugin: memroy } }\n${VIEW}`, '1:27', /memroy.*"?memory"?/s],
  ['an unknown plugin of a sink', `${SOURCE}${VIEW}sinks: { web: { plugin: websockt } }\n`, `${TAIL + 1}:25`, /websockt.*"?websocket"?/s],
  ['an unknown operator', `${SOURCE}${VIEW}nodes: { a: { input: app.users, fliter: id > 1 } }\n`, `${TAIL + 1}:33`, /did you mean "filter"\?/],
  ['a plugin of the wrong kind', `${SOURCE}${VIEW}sinks: { web: { plugin: memory } }\n`, `${TAIL + 1}:25`, /"memory" is a source, not a sink/],
  ['an unknown option of a plugin', `${SOURCE}${VIEW}nodes: { a: { input: app.users, lua: "row.x = 1", evry: 3s } }\n`, `${TAIL + 1}:51`, /evry.*"every"/s],
  ['a required option that is missing', `sources: { app: { plugin: memory } }\n${VIEW}`, null, /tables/],
  ['an unknown source', `${SOURCE}views: { /a: { from: ap.users } }\n`, `${TAIL}:22`, /"ap"; did you mean "app"\?/],
  ['an unknown table', `${SOURCE}views: { /a: { from: app.usres } }\n`, `${TAIL}:22`, /usres.*users/s],
  ['an unknown column', `${SOURCE}views: { /a: { from: app.users, columns: [id, nmae] } }\n`, `${TAIL}:47`, /nmae.*"name"/s],
  ['an unknown column of order_by', `${SOURCE}views: { /a: { from: app.users, order_by: nmae desc } }\n`, `${TAIL}:43`, /nmae.*"name"/s],
  ['an unknown column in an expression', `${SOURCE}views: { /a: { from: app.users, where: "nmae = 'x'" } }\n`, `${TAIL}:`, /nmae.*name/s],
  ['an unknown column of get', `${SOURCE}views: { /a: { from: app.users, get: { idd: 1 } } }\n`, `${TAIL}:40`, /idd.*"id"/s],
  ['an unknown column of a link', `${SOURCE}views: { /a: { from: app.users, populate: { x: { from: app.places, via: app.users_places (usr_id -> place_id) } } } }\n`, `${TAIL}:`, /usr_id.*user_id/s],
  ['an unknown column of a join', `${SOURCE}${VIEW}nodes: { a: { inputs: [app.users, app.users_places], join: "id = usr_id" } }\n`, `${TAIL + 1}:`, /usr_id.*user_id/s],
  ['an unknown node', `${SOURCE}nodes: { cheap: { input: app.places, filter: id < 2 } }\nviews: { /a: { from: cheep } }\n`, `${TAIL + 1}:22`, /did you mean "cheap"\?/],
  ['a wrong type of an option', `${SOURCE}${VIEW}server: { connection_limit: many }\n`, `${TAIL + 1}:29`, /connection_limit/],
  ['a wrong type of a parameter', `${SOURCE}views: { /a: { from: app.users, params: { u: itn }, get: { id: $u } } }\n`, `${TAIL}:46`, /itn.*int/s],
  ['a default that does not fit', `${SOURCE}views: { /a: { from: app.users, params: { u: { type: int, default: x } }, get: { id: $u } } }\n`, `${TAIL}:`, /x/],
  ['a parameter of another type than its column', `${SOURCE}views: { /a: { from: app.users, params: { u: text }, get: { id: $u } } }\n`, `${TAIL}:`, /text|int/],
  ['an undeclared parameter', `${SOURCE}views: { /a: { from: app.users, get: { id: $user } } }\n`, `${TAIL}:44`, /\$user is not declared/],
  ['a comparison of different types', `${SOURCE}views: { /a: { from: app.users, where: "id = true" } }\n`, `${TAIL}:`, /integer = boolean|operator/],
  ['a condition that is none', `${SOURCE}views: { /a: { from: app.users, where: "id + 1" } }\n`, `${TAIL}:`, /must be a condition/],
  ['an SQL expression that cannot be read', `${SOURCE}views: { /a: { from: app.users, where: "id > > 1" } }\n`, `${TAIL}:`, /syntax error|">"/],
  ['an SQL function that is not known', `${SOURCE}${VIEW}nodes: { a: { input: app.users, map: { id: id, n: "uper(name)" } } }\n`, `${TAIL + 1}:`, /uper.*upper/s],
  ['a subquery', `${SOURCE}views: { /a: { from: app.users, where: "id IN (SELECT 1)" } }\n`, `${TAIL}:`, /subquer/i],
  ['a cycle', `${SOURCE}${VIEW}nodes:\n  a: { input: b, filter: id > 1 }\n  b: { input: a, filter: id > 2 }\n`, null, /circle: a ← b ← a|circle: b ← a ← b/],
  ['two nodes of one name', `${SOURCE}${VIEW}nodes:\n  a: { input: app.users, filter: id > 1 }\n  a: { input: app.users, filter: id > 2 }\n`, `${TAIL + 3}:3`, /"a" stands here twice/],
  ['two views of one path', `${SOURCE}views:\n  /a: { from: app.users }\n  /a: { from: app.places }\n`, `${TAIL + 2}:3`, /twice/],
  ['a missing variable', 'sources: { app: { plugin: postgres, conninfo: "${SANGRE_NOT_SET}" } }\n' + VIEW, '1:47', /SANGRE_NOT_SET/],
  ['a bad duration', `${SOURCE}${VIEW}nodes: { a: { input: app.users, lua: "row.x = 1", adds: { x: int }, every: 3 parsecs } }\n`, `${TAIL + 1}:76`, /every.*(3s|duration|ms)/s],
  ['a bad size', `${SOURCE}${VIEW}server: { message_limit: 3 elephants }\n`, `${TAIL + 1}:26`, /message_limit/],
  ['a bad address', `${SOURCE}${VIEW}listen: nowhere\n`, `${TAIL + 1}:9`, /HOST:PORT/],
  ['a script that cannot be read', `${SOURCE}nodes: { a: { input: app.users, lua: "row. = 1" } }\nviews: { /a: { from: a } }\n`, `${TAIL}:`, /near/],
  ['a broken library', `${SOURCE}${VIEW}sinks: { web: { plugin: "${notElf}" } }\n`, `${TAIL + 1}:25`, /broken\.so/],
  ['a library that is not there', `${SOURCE}${VIEW}sinks: { web: { plugin: "${scratch}/none.so" } }\n`, `${TAIL + 1}:25`, /none\.so/],
  ['YAML that cannot be read', `${SOURCE}views: { /a: { from: app.users }\n`, null, /./],
  ['no config at all', '', '1:1', /sources/],
];

async function refused(what, file, place, pattern, commands = ['check']) {
  for (const name of commands) {
    const { code, out, err } = await command([name, file]);
    assert.equal(code, 2, `${what} (${name}): exit code ${code}\n${out}${err}`);
    const line = err.trim().split('\n').at(-1);
    const wanted = place ? `${file}:${place}` : `${file}:`;
    assert.ok(line.startsWith(wanted), `${what}: ${wanted} is not where this begins:\n${err}`);
    assert.match(line.slice(file.length), /^:\d+:\d+: ./, what);
    assert.match(err, pattern, what);
    assert.equal(out, '', what);
  }
}

test('a config without mistakes is fine', async () => {
  const file = writeConfig(`${SOURCE}${VIEW}`);
  assert.deepEqual(await command(['check', file]), { code: 0, out: `${file}: no mistakes found\n`, err: '' });
});

for (const [what, text, place, pattern] of mistakes)
  test(`${what} is told with its place`, () => refused(what, writeConfig(text), place, pattern));

test('run and explain refuse as check does', () =>
  refused('an unknown key', writeConfig(`${SOURCE}veiws: {}\n`), `${TAIL}:1`, /did you mean "views"/, ['run', 'explain']));

test('rows that do not fit their table are told when they are read', () =>
  refused('rows', writeConfig('sources:\n  app: { plugin: memory, tables: { t: { columns: { id: int }, key: [id], rows: [[1, 2]] } } }\nviews: { /a: { from: app.t } }\nlisten: 127.0.0.1:0\n'), null, /2 values for 1 column/, ['run']));

test('a foreign library is no plugin', async () => {
  const foreign = path.join(scratch, 'foreign.so');
  // Any shared object will do: the one that the program itself is linked with.
  const { readFileSync } = await import('node:fs');
  const maps = readFileSync('/proc/self/maps', 'utf8');
  copyFileSync(/\/\S*libc\.so\.6/.exec(maps)[0], foreign);
  await refused('a foreign library', writeConfig(`${SOURCE}${VIEW}sinks: { web: { plugin: "${foreign}" } }\n`), `${TAIL + 1}:25`, /foreign\.so/);
});

test('a plugin given by its file is taken', async () => {
  const { readdirSync } = await import('node:fs');
  const name = readdirSync(plugins, { recursive: true }).map(String).find((file) => /websocket[^/]*\.so$/.test(file));
  assert.ok(name, `the websocket sink in ${plugins}`);
  const { code, err } = await command(['check', writeConfig(`${SOURCE}${VIEW}sinks: { web: { plugin: "${path.join(plugins, name)}" } }\n`)]);
  assert.equal(code, 0, err);
});

const luaMistakes = [
  ['an unknown method', 'local db = sangre.source { plugin = "memory", tables = {} }\nlocal t = db:tabel "users"\n', '2:', /did you mean "table"\?/],
  ['a syntax error', 'local x = \n)\n', '2:', /unexpected symbol/],
  ['a missing variable', 'local db = sangre.source { plugin = "postgres", conninfo = sangre.env "SANGRE_NOT_SET" }\n', '1:', /SANGRE_NOT_SET/],
  ['an unknown plugin', 'local db = sangre.source { plugin = "memroy" }\nsangre.view("/a", db:table "users")\n', '1:', /memory/],
  ['a script that never ends', 'while true do end\n', '1:', /too long/],
];
for (const [what, text, place, pattern] of luaMistakes)
  test(`${what} in a Lua config is told with its place`, () => refused(what, writeConfig(text, 'lua'), place, pattern));

test('a file that is not there is named', async () => {
  const { code, err } = await command(['check', path.join(scratch, 'none.yaml')]);
  assert.equal(code, 2, err);
  assert.match(err, /none\.yaml/);
});

test('mistakes on the command line: exit code 2 and the nearest name', async () => {
  for (const [args, pattern] of [[['chekc', 'x'], /did you mean "check"\?/], [['check'], /needs a config/], [['check', '--prot=1', 'x'], /did you mean "--port"\?/], [[], /sangre run CONFIG/]]) {
    const { code, err } = await command(args);
    assert.equal(code, 2, args.join(' '));
    assert.match(err, pattern);
  }
});

test('a database that cannot be reached ends a check, and its password is not shown', async () => {
  const { code, out, err } = await command(['check', writeConfig(`sources: { app: { plugin: postgres, conninfo: "postgresql://u:hunter2@127.0.0.1:1/x" } }\n${VIEW}`)]);
  assert.equal(code, 1, err);
  assert.match(err, /127\.0\.0\.1.*source app/s);
  assert.doesNotMatch(out + err, /hunter2/);
});

test('a password stays hidden in mistakes too', async () => {
  const { code, out, err } = await command(['check', writeConfig(`sources: { app: { plugin: postgres, conninfo: "password=hunter2 nonsense" } }\n${VIEW}`)]);
  assert.notEqual(code, 0);
  assert.doesNotMatch(out + err, /hunter2/);
});

test('the program tells what it knows: plugins, their options, the schema, its version', async () => {
  const listed = await command(['plugins']);
  for (const [kind, name] of [['source', 'postgres'], ['source', 'memory'], ['operator', 'join'], ['operator', 'lua'], ['sink', 'websocket'], ['sink', 'sse'], ['sink', 'http']])
    assert.match(listed.out, new RegExp(`^${kind} +${name} `, 'm'));
  assert.equal(listed.err, '');
  assert.match((await command(['help', 'lua'])).out, /every/);
  const unknown = await command(['help', 'lau']);
  assert.equal(unknown.code, 2);
  assert.match(unknown.err, /did you mean "lua"\?/);
  assert.equal(JSON.parse((await command(['schema'])).out).type, 'object');
  assert.match((await command(['--version'])).out, /^sangre \d+\.\d+\.\d+\n$/);
});
