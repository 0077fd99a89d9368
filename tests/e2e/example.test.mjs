// The seed's example as YAML and as Lua: graphs of one shape and, with one seed, the same documents, over memory and over Postgres.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { patched } from './lib/document.mjs';
import { Sangre, command, writeConfig } from './lib/sangre.mjs';
import { Socket } from './lib/socket.mjs';
import { World, atFirst } from './lib/world.mjs';

const EVERY = '250ms';
let world;

before(async () => {
  world = await World.start();
});
after(() => world?.end());

const tables = {
  users: { key: ['id'], rows: [{ id: 1, name: 'ann' }, { id: 2, name: 'bob' }, { id: 3, name: 'cid' }, { id: 4, name: 'dee' }] },
  places: { key: ['id'], rows: [{ id: 1, name: 'bar' }, { id: 2, name: 'pub' }, { id: 3, name: 'zoo' }] },
  users_followeds: { key: ['user_id', 'followed_id'], rows: [{ user_id: 1, followed_id: 2 }, { user_id: 1, followed_id: 3 }] },
  users_places: { key: ['user_id', 'place_id'], rows: [{ user_id: 2, place_id: 1 }, { user_id: 2, place_id: 2 }, { user_id: 3, place_id: 2 }] },
};
for (const table of Object.values(tables))
  table.columns = Object.fromEntries(Object.entries(table.rows[0]).map(([name, value]) => [name, typeof value === 'number' ? 'int' : 'text']));
const yamlTables = Object.entries(tables).map(([name, table]) => `      ${name}: ${JSON.stringify(table)}\n`).join('');
function luaValue(value) {
  if (typeof value !== 'object')
    return JSON.stringify(value);
  const items = Array.isArray(value) ? value.map(luaValue) : Object.entries(value).map(([name, item]) => `${name} = ${luaValue(item)}`);
  return `{ ${items.join(', ')} }`;
}

const sources = {
  memory: { yaml: `  app:\n    plugin: memory\n    tables:\n${yamlTables}`, lua: `{ plugin = "memory", tables = ${luaValue(tables)} }` },
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

// What a graph is, without the names that a config gave: plugins, columns (whose order a Lua table doesn't have), keys, indexes, and who
// feeds whom.
function shape(graph) {
  const seen = new Map();
  const of = (id) => {
    if (!seen.has(id)) {
      const { plugin, columns, key, indexes, inputs, every } = graph.find((node) => node.id === id);
      seen.set(id, JSON.stringify({ plugin, columns: columns.map(({ name, type }) => `${name} ${type}`).sort(), key: [...key].sort(), indexes: indexes.map((index) => [...index.columns].sort().join()).sort(), every, inputs: inputs.map(of) }));
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

// Adds the documents by their tick, which is behind the cursor's ~, until it has been enough.
async function watch(text, language, documents, enough) {
  const sangre = await Sangre.start(text, { extension: language, environment: world.environment, ready: '/followeds' });
  const socket = await Socket.open(`${sangre.ws}/followeds?user=1`);
  const tick = (cursor) => cursor.split('~')[1] ?? '';
  let { cursor, data } = await socket.nextOf('snapshot');
  documents.set(tick(cursor), data);
  while (!enough()) {
    const frame = await socket.nextOf('frame');
    for (const patch of frame.d)
      assert.match(patch.path, /^\/followeds\/\d+\/places\/\d+\/occupation$/, 'a tick changes occupations alone');
    data = patched(data, frame.d);
    documents.set(tick(frame.c), data);
  }
  await socket.close();
  await sangre.stop();
}

test('one seed gives the same documents at the same ticks, in both languages and over both sources', async () => {
  const runs = configs.map(() => new Map());
  // They tick on side by side, so that whoever was late to look comes to ticks that the others have seen too.
  const common = () => [...runs[0].keys()].filter((tick) => runs.every((documents) => documents.has(tick)));
  await Promise.all(configs.map(([language, , text], i) => watch(text, language, runs[i], () => common().length >= 5)));
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
  for (const [i, documents] of runs.entries())
    for (const tick of common())
      assert.deepEqual(documents.get(tick), runs[0].get(tick), `${configs[i].slice(0, 2)} at tick ${tick}`);
});
