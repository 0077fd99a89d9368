// The seed's example as YAML and as Lua: graphs of one shape and, with one seed, the same documents, over memory and over Postgres.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { patched } from './lib/document.mjs';
import { Sangre, command, writeConfig } from './lib/sangre.mjs';
import { Socket } from './lib/socket.mjs';
import { World, atFirst } from './lib/world.mjs';

const EVERY = '300ms';
let world;

before(async () => {
  world = await World.start();
});
after(() => world?.end());

const rows = {
  users: { columns: 'id = "int", name = "text"', yaml: '{ id: int, name: text }', key: ['id'], rows: [[1, 'ann'], [2, 'bob'], [3, 'cid'], [4, 'dee']] },
  places: { columns: 'id = "int", name = "text"', yaml: '{ id: int, name: text }', key: ['id'], rows: [[1, 'bar'], [2, 'pub'], [3, 'zoo']] },
  users_followeds: { columns: 'user_id = "int", followed_id = "int"', yaml: '{ user_id: int, followed_id: int }', key: ['user_id', 'followed_id'], rows: [[1, 2], [1, 3]] },
  users_places: { columns: 'user_id = "int", place_id = "int"', yaml: '{ user_id: int, place_id: int }', key: ['user_id', 'place_id'], rows: [[2, 1], [2, 2], [3, 2]] },
};
const yamlTables = Object.entries(rows).map(([name, t]) => `      ${name}: { columns: ${t.yaml}, key: ${JSON.stringify(t.key)}, rows: ${JSON.stringify(t.rows)} }\n`).join('');
const luaValue = (value) => (Array.isArray(value) ? `{ ${value.map(luaValue).join(', ')} }` : JSON.stringify(value));
// Columns of a Lua table have no order; as lists of one pair each they have.
const luaColumns = (text) => `{ ${text.split(', ').map((pair) => `{ ${pair} }`).join(', ')} }`;
const luaTables = Object.entries(rows).map(([name, t]) => `    ${name} = { columns = ${luaColumns(t.columns)}, key = ${luaValue(t.key)}, rows = ${luaValue(t.rows)} },\n`).join('');

const sources = {
  memory: { yaml: `  app:\n    plugin: memory\n    tables:\n${yamlTables}`, lua: `{ plugin = "memory", tables = {\n${luaTables}  } }` },
  postgres: { yaml: '  app: { plugin: postgres, conninfo: "${DATABASE_URL}" }\n', lua: '{ plugin = "postgres", conninfo = sangre.env "DATABASE_URL" }' },
};

const yaml = (source) => `server: { listen: "127.0.0.1:\${SANGRE_PORT}", seed: 7 }
sources:
${source.yaml}nodes:
  live_places:
    lua: "row.occupation = math.random(0, 4)"
    adds: { occupation: int }
    input: app.places
    every: ${EVERY}
views:
  /followeds:
    from: app.users
    params: { user: { type: int, default: 1 } }
    get: { id: $user }
    populate:
      followeds:
        from: app.users
        via: app.users_followeds (user_id -> followed_id)
        populate:
          places: { from: live_places, via: app.users_places (user_id -> place_id) }
`;
const lua = (source) => `sangre.server { listen = "127.0.0.1:" .. sangre.env "SANGRE_PORT", seed = 7 }
local db = sangre.source ${source.lua}
local places = db:table "places"
  :each(function(p) p.occupation = math.random(0, 4) end, { adds = { occupation = "int" }, every = "${EVERY}" })
sangre.view("/followeds", db:table "users" :get { id = sangre.param("user", 1) }
  :join_many("followed", db:table "users" :join_many("place", places)))
`;
const configs = Object.entries(sources).flatMap(([source, texts]) => [['yaml', source, yaml(texts)], ['lua', source, lua(texts)]]);

// What a graph is, without the names that a config gave: plugins, columns, keys, indexes, and who feeds whom.
function shape(graph) {
  const seen = new Map();
  const of = (id) => {
    if (!seen.has(id)) {
      const { plugin, columns, key, indexes, inputs, every } = graph.find((node) => node.id === id);
      seen.set(id, JSON.stringify({ plugin, columns: columns.map(({ name, type }) => [name, type]), key, indexes: indexes.map((index) => index.columns).sort(), every, inputs: inputs.map(of) }));
    }
    return seen.get(id);
  };
  return graph.map((node) => of(node.id)).sort();
}

const withoutOccupations = (document) => ({
  ...document, followeds: document.followeds.map((person) => ({ ...person, places: person.places.map(({ occupation, ...place }) => place) })),
});

test('YAML and Lua, memory and Postgres: graphs of one shape', async () => {
  const shapes = [];
  for (const [language, source, text] of configs) {
    const { code, out, err } = await command(['explain', '--json', writeConfig(text, language)], { environment: { ...world.environment, SANGRE_PORT: '0' } });
    assert.equal(code, 0, `${language} over ${source}: ${err}`);
    shapes.push(shape(JSON.parse(out).graph));
  }
  for (const [i, other] of shapes.entries())
    assert.deepEqual(other, shapes[0], `${configs[i].slice(0, 2)} is like ${configs[0].slice(0, 2)}`);
  assert.equal(shapes[0].length, 5, 'four tables and one node');
});

// The documents by their tick, which is behind the cursor's ~.
async function watch(language, source, text, ticks) {
  const sangre = await Sangre.start(text, { extension: language, environment: world.environment, ready: '/followeds' });
  const socket = await Socket.open(`${sangre.ws}/followeds?user=1`);
  const documents = new Map();
  const tick = (cursor) => cursor.split('~')[1] ?? '';
  let { cursor, data } = await socket.nextOf('snapshot');
  documents.set(tick(cursor), data);
  while (documents.size < ticks) {
    const frame = await socket.nextOf('frame');
    for (const patch of frame.d)
      assert.match(patch.path, /^\/followeds\/\d+\/places\/\d+\/occupation$/, 'a tick changes occupations alone');
    data = patched(data, frame.d);
    documents.set(tick(frame.c), data);
  }
  await socket.close();
  await sangre.stop();
  return documents;
}

test('one seed gives the same documents at the same ticks, in both languages and over both sources', async () => {
  const runs = [];
  for (const [language, source, text] of configs)
    runs.push(await watch(language, source, text, 12));
  for (const documents of runs)
    for (const document of documents.values()) {
      assert.deepEqual(withoutOccupations(document), atFirst);
      for (const { places } of document.followeds)
        for (const { occupation } of places)
          assert.ok(Number.isInteger(occupation) && occupation >= 0 && occupation <= 4);
      // Bob and Cid share the pub: one row, one occupation.
      assert.deepEqual(document.followeds[0].places[1], document.followeds[1].places[0]);
    }
  assert.ok(new Set([...runs[0].values()].map((document) => JSON.stringify(document))).size > 2, 'occupations change');
  for (const [i, documents] of runs.entries()) {
    const common = [...documents.keys()].filter((tick) => runs[0].has(tick));
    assert.ok(common.length >= 3, `${configs[i].slice(0, 2)}: ticks in common: ${common}; ${[...documents.keys()]} and ${[...runs[0].keys()]}`);
    for (const tick of common)
      assert.deepEqual(documents.get(tick), runs[0].get(tick), `${configs[i].slice(0, 2)} at tick ${tick}`);
  }
});
