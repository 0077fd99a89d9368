// postgres_changes for today's clients as npm has them, unpatched: supabase-js with both forms of frames, and realtime-js alone; what they are sent, filters,
// and a server that goes away; with secure channels and without.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { Scene, all, makers, open, secure, shows, subscribe } from './lib/realtime.mjs';
import { until } from './lib/sangre.mjs';
import { token } from './lib/token.mjs';

let scene;
before(async () => (scene = await Scene.start()));
afterEach(() => scene.clear());
after(() => scene?.end());

for (const [name, make] of Object.entries(makers))
  for (const [mode, options] of Object.entries({ open, secure })) {
    const key = options === secure ? token({ role: 'anon' }) : undefined;

    test(`${name}, ${mode}: changes are typed, told by event, and told when they flow`, async () => {
      await scene.serve(options);
      const { client } = await scene.connect(make, key);
      const { lists: [every, inserts, deletes], system, states } = await subscribe(client, 'room', [all, { ...all, event: 'INSERT' }, { ...all, event: 'DELETE' }]);
      assert.deepEqual(system, [{ extension: 'postgres_changes', status: 'ok', message: 'Subscribed to PostgreSQL', channel: 'room' }]);
      assert.deepEqual(states, ['SUBSCRIBED']);
      await scene.query(`INSERT INTO todos VALUES (1, 'ann', true, 1.50, '2022-10-19 13:50:18.5+02', '{a,NULL}', '{"x": [1]}')`);
      await scene.query('UPDATE todos SET done = NULL WHERE id = 1');
      await scene.query('DELETE FROM todos');
      await shows(every, [['INSERT', 1], ['UPDATE', 1], ['DELETE', 1]]);
      await shows(inserts, [['INSERT', 1]]);
      await shows(deletes, [['DELETE', 1]]);
      const row = { id: 1, owner: 'ann', done: true, price: 1.5, at: '2022-10-19T11:50:18.5+00:00', tags: ['a', null], meta: { x: [1] } };
      assert.deepEqual(every[0].new, row);
      assert.deepEqual([every[1].new, every[1].old], [{ ...row, done: null }, row]);
      assert.deepEqual([every[2].new, every[2].old], [{}, { ...row, done: null }]);
      assert.match(every[0].commit_timestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      assert.deepEqual([every[0].schema, every[0].table, every[0].errors], ['public', 'todos', null]);
    });

    test(`${name}, ${mode}: filters compare by type`, async () => {
      await scene.serve(options);
      const { client } = await scene.connect(make, key);
      const filters = {
        'id=eq.9': [9], 'id=gt.9': [10, 11], 'id=in.(9,11)': [9, 11], 'owner=like.a%': [9], 'owner=neq.ann': [10], 'owner=is.null': [11],
        'price=gte.2,price=lt.10': [9, 10], 'or=(id.eq.9,owner.is.null)': [9, 11], 'owner=not.in.(ann,"x,y")': [10], 'owner=match.^b': [10],
        'done=eq.true': [10], 'owner=isdistinct.ann': [10, 11],
      };
      const entries = Object.keys(filters).map((filter) => ({ ...all, filter }));
      const { lists } = await subscribe(client, 'filters', entries);
      const last = await subscribe(client, 'last', [all]);
      await scene.query("INSERT INTO todos (id, owner, price, done) VALUES (9, 'ann', 2, false), (10, 'bob', 9.99, true), (11, NULL, 10, NULL)");
      await shows(last.lists[0], [['INSERT', 9], ['INSERT', 10], ['INSERT', 11]]);
      await until('the filtered ones', () => lists.flat().length >= Object.values(filters).flat().length);
      assert.deepEqual(Object.fromEntries(Object.keys(filters).map((filter, i) => [filter, lists[i].map((payload) => payload.new.id)])), filters);
    });

    test(`${name}, ${mode}: what is wrong is told`, async () => {
      await scene.serve(options);
      const { client } = await scene.connect(make, key);
      const unknown = await subscribe(client, 'unknown', [{ ...all, filter: 'id=foo.1' }], 'error');
      assert.equal(unknown.system[0].message, 'Error parsing `filter` params: ["foo", "1"]');
      const column = await subscribe(client, 'column', [{ ...all, filter: 'nothing=eq.1' }]);
      await scene.query('INSERT INTO todos (id) VALUES (1)'); // by which the table is known
      await until('the column being missed', () => column.system[1]);
      assert.match(column.system[1].message, /invalid column for filter nothing$/);
      assert.equal(column.lists[0].length, 0);
    });

    // With a slot, what was committed meanwhile comes to whoever is there when the server is.
    test(`${name}, ${mode}: clients come back when the server does`, async () => {
      await scene.serve(options);
      const { client } = await scene.connect(make, key);
      const { lists: [list], system } = await subscribe(client, 'room', [all]);
      await scene.query('INSERT INTO todos (id) VALUES (1)');
      await shows(list, [['INSERT', 1]]);
      const { port } = scene.server;
      await scene.server.stop();
      await scene.serve(options, port);
      await until('the client being back', () => system.length > 1);
      await scene.query('INSERT INTO todos (id) VALUES (2)');
      await shows(list, [['INSERT', 1], ['INSERT', 2]]);
    });
  }
