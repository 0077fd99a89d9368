// postgres_changes and tokens, for today's clients as npm has them: tokens that are refreshed and that expire, and rows that only some may see.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import pg from 'pg';
import { after, afterEach, before, test } from 'node:test';
import { Scene, all, config, listenTo, makers, open, secure, shown, shows, subscribe } from './lib/realtime.mjs';
import { Sangre, command, scratch, until, writeConfig } from './lib/sangre.mjs';
import { Key, inAnHour, token } from './lib/token.mjs';
import { listen, memory } from './lib/world.mjs';

let scene;
before(async () => (scene = await Scene.start()));
afterEach(() => scene.clear());
after(() => scene?.end());

const require = createRequire(import.meta.url);
const rows = `${secure}, rows: { public.todos: owner = $claims.sub }`;

// All at once, as it takes its time.
test('a token that expires ends the channel, a fresh one keeps it', async () => {
  await scene.serve(secure);
  await Promise.all(Object.entries(makers).map(async ([name, make]) => {
    const short = token({ exp: inAnHour() - 3600 + 15, sub: name });
    const expiring = await subscribe((await scene.connect(make, token({}), short)).client, `expiring ${name}`, [all]);
    const { client, authenticate } = await scene.connect(make, token({}), short);
    const refreshed = await subscribe(client, `refreshed ${name}`, [all]);
    await authenticate(token({ sub: `fresh ${name}` }));
    await until(`${name}: the channel being closed`, () => expiring.states.includes('CLOSED'));
    assert.deepEqual(expiring.system.at(-1), { extension: 'system', status: 'error', message: 'Token has expired', channel: `expiring ${name}` });
    await scene.query('INSERT INTO todos (id, owner) VALUES ((SELECT count(*) FROM todos), $1)', [name]);
    await until(`${name}: its row`, () => refreshed.lists[0].some((payload) => payload.new.owner === name));
    assert.deepEqual(refreshed.states, ['SUBSCRIBED']);
    assert.ok(!expiring.lists[0].some((payload) => payload.new.owner === name));
  }));
});

for (const [name, make] of Object.entries(makers)) {
  test(`${name}: a bad token is refused, and a bad refresh closes the channel`, async () => {
    await scene.serve(secure);
    const { client, authenticate } = await scene.connect(make, token({}), token({ sub: 'ann' }));
    const room = await subscribe(client, 'room', [all]);
    await authenticate(token({}, { by: 'another' }));
    await until('the channel being closed', () => room.states.includes('CLOSED'));
    assert.equal(room.system.at(-1).extension, 'system');
    const { states } = listenTo(client, 'refused', [all]);
    await until(() => `being refused ${JSON.stringify(states)}`, () => states.some((state) => /^CHANNEL_ERROR .*InvalidJWTToken: /.test(state)));
  });

  test(`${name}: rows go to whom the token names, and a refreshed one counts at once`, async () => {
    await scene.serve(rows);
    const join = async (...claims) => {
      const { client, authenticate } = await scene.connect(make, token({ role: 'anon' }), ...claims.map((some) => token(some)));
      const { lists: [todos, notes], system } = await subscribe(client, 'room', [all, { event: '*', table: 'notes' }]);
      return { authenticate, todos, notes, system };
    };
    const ann = await join({ sub: 'ann' }), bob = await join({ sub: 'bob' }), people = [ann, bob, await join()];
    const settled = async (id) => {
      await scene.query('INSERT INTO notes VALUES ($1)', [id]);
      for (const { notes } of people)
        await until(`note ${id}`, () => notes.some((payload) => payload.new.id === id));
    };
    await scene.query("INSERT INTO todos (id, owner) VALUES (1, 'ann'), (2, 'bob'), (3, NULL)");
    await scene.query("UPDATE todos SET owner = 'bob' WHERE id = 1");
    await scene.query('DELETE FROM todos WHERE id IN (1, 3)');
    await settled(1);
    assert.deepEqual(people.map(({ todos }) => todos.map(shown)), [[['INSERT', 1]], [['INSERT', 2], ['UPDATE', 1], ['DELETE', 1]], []]);
    await ann.authenticate(token({ sub: 'bob' }));
    await until('the token being taken', () => ann.system.length > 1);
    await scene.query("INSERT INTO todos (id, owner) VALUES (4, 'ann'), (5, 'bob')");
    await settled(2);
    assert.deepEqual(ann.todos.map(shown), [['INSERT', 1], ['INSERT', 5]]);
  });
}

test("the config's own keys count in place of a secret", async () => {
  const key = new Key('one'), file = path.join(scratch, 'changes.jwks');
  writeFileSync(file, JSON.stringify({ keys: [key.jwk] }));
  await scene.serve(`auth: true, rows: { public.todos: owner = $claims.sub }`, 0, `auth: { keys: [{ jwks: "${file}" }] }\n`);
  const make = makers['supabase-js 2.119'];
  const { client } = await scene.connect(make, key.token({ role: 'anon' }), key.token({ sub: 'ann' }));
  const { lists: [list] } = await subscribe(client, 'room', [all]);
  await scene.query("INSERT INTO todos (id, owner) VALUES (1, 'bob'), (2, 'ann')");
  await shows(list, [['INSERT', 2]]);
  const response = await fetch(`${scene.server.url}/realtime/v1/api/broadcast`, { method: 'POST', headers: { apikey: token({}) }, body: '{"messages":[]}' });
  assert.equal(response.status, 401);
});

test('realtime-js 1.7: rows are kept from topics of the first era too', async () => {
  const { RealtimeClient } = require('realtime-js-1.7');
  await scene.serve(rows);
  const hear = async (sub) => {
    const client = new RealtimeClient(`${scene.server.ws}/socket`, { params: { apikey: token({ sub }), vsn: '1.0.0' } });
    scene.ends.push(async () => client.disconnect());
    client.connect();
    const channel = client.channel('realtime:*'), list = [];
    let joined = false;
    channel.on('INSERT', (payload) => list.push([payload.table, payload.record.id]));
    channel.subscribe().receive('ok', () => (joined = true));
    await until('being joined', () => joined);
    return list;
  };
  const ann = await hear('ann'), bob = await hear('bob');
  await scene.query("INSERT INTO todos (id, owner) VALUES (1, 'ann'), (2, 'bob'); INSERT INTO notes VALUES (1)");
  await until('the note', () => ann.length > 1 && bob.length > 1);
  assert.deepEqual([ann, bob], [[['todos', '1'], ['notes', '1']], [['todos', '2'], ['notes', '1']]]);
});

test('what rows cannot mean is told with its place', async () => {
  for (const [options, message] of [
    [`${secure}, rows: { public.todos: owner }`, /config\d*\.yaml:6:\d+: rows: of public\.todos, /],
    [`${open}, rows: { public.todos: owner = $claims.sub }`, /config\d*\.yaml:6:\d+: rows: .*"secure" is false/],
  ]) {
    const error = await Sangre.start(config(options), { environment: scene.world.environment, ready: null }).then(() => null, (why) => why);
    assert.match(String(error?.message), message);
  }
});

// Runs it to its end, which comes by itself.
async function refused(options) {
  const run = await command(['run', writeConfig(config(options))], { environment: { ...scene.world.environment, SANGRE_PORT: '0' } });
  assert.notEqual(run.code, 0, run.err);
  return run.err;
}

const ordersOnly = `${secure}, rows: { public.orders: owner = $claims.sub }`;

async function withOrders(work) {
  await scene.query(`CREATE TABLE orders (id int, owner text) PARTITION BY LIST (id); ALTER TABLE orders REPLICA IDENTITY FULL;
    CREATE TABLE orders_1 PARTITION OF orders FOR VALUES IN (1, 2); ALTER TABLE orders_1 REPLICA IDENTITY FULL`);
  try {
    await work();
  } finally {
    await scene.query('DROP TABLE orders; ALTER PUBLICATION supabase_realtime SET (publish_via_partition_root = false)');
  }
}

const aName = 'supabase-js 2.119';
async function listener(sub) {
  const { client } = await scene.connect(makers[aName], token({}), token({ sub }));
  const { lists: [list] } = await subscribe(client, 'room', [{ event: '*', table: '*' }]);
  return list;
}
const told = (list) => list.map((payload) => [payload.table, payload.new.id]);

test('a rule whose table is not there, or whose rows come by the names of partitions, keeps the server from starting', () => withOrders(async () => {
  assert.match(await refused(`${secure}, rows: { public.todoz: owner = $claims.sub }`), /there is no table public\.todoz, whose rows a sink is to limit/);
  const long = 'o'.repeat(63); // which are all that a table's name may have
  await scene.query(`CREATE TABLE ${long} (owner text)`);
  assert.match(await refused(`${secure}, rows: { public.${long}x: owner = $claims.sub }`), /there is no table public\.o+x, whose rows a sink is to limit/);
  const checked = await command(['check', writeConfig(config(`${secure}, rows: { public.${long}x: owner = $claims.sub }`))], { environment: { ...scene.world.environment, SANGRE_PORT: '0' } });
  assert.match(checked.out + checked.err, /there is no table public\.o+x/);
  await scene.query(`DROP TABLE ${long}`);
  const error = await Sangre.start(`${listen}${memory}sinks: { realtime: { plugin: supabase, source: app, ${secure}, rows: { userz: id = $claims.sub } } }\n`, { ready: '/' }).then(() => null, (why) => why);
  assert.match(String(error?.message), /no table userz is declared; did you mean users\?/);
  const named = /a sink limits the rows of public\.orders, which is partitioned, and publication supabase_realtime names the partitions in its place\. Run: ALTER PUBLICATION/;
  assert.match(await refused(ordersOnly), named);
  const { code, out, err } = await command(['check', writeConfig(config(ordersOnly))], { environment: { ...scene.world.environment, SANGRE_PORT: '0' } });
  assert.notEqual(code, 0);
  assert.match(out + err, named);
  await scene.query('ALTER PUBLICATION supabase_realtime SET (publish_via_partition_root = true)');
  assert.match(await refused(`${secure}, rows: { public.orders_1: owner = $claims.sub }`), /the rows of public\.orders_1, which come by the name of public\.orders that/);
}));

test('rows of a partitioned table go to whom its rule names', () => withOrders(async () => {
  await scene.query('ALTER PUBLICATION supabase_realtime SET (publish_via_partition_root = true)');
  await scene.serve(ordersOnly);
  const ann = await listener('ann'), bob = await listener('bob');
  await scene.query(`INSERT INTO orders VALUES (1, 'ann'), (2, 'bob'); CREATE TABLE orders_2 PARTITION OF orders FOR VALUES IN (3);
    ALTER TABLE orders_2 REPLICA IDENTITY FULL; INSERT INTO orders VALUES (3, 'bob'); INSERT INTO notes VALUES (1)`);
  await until(() => `the note ${JSON.stringify([told(ann), told(bob)])} ${scene.server.err.slice(-3000)}`, () => [ann, bob].every((list) => list.some(({ table }) => table === 'notes')));
  assert.deepEqual([ann, bob].map(told), [[['orders', 1], ['notes', 1]], [['orders', 2], ['orders', 3], ['notes', 1]]]);
}));

test('rows that begin to come by another name than the one of their rule stop the stream, and nobody is sent them', () => withOrders(async () => {
  await scene.query('ALTER PUBLICATION supabase_realtime SET (publish_via_partition_root = true)');
  await scene.serve(`${secure}, rows: { public.orders: owner = $claims.sub, public.todos: owner = $claims.sub }`);
  const ann = await listener('ann');
  await scene.query("CREATE TABLE fresh (id int PRIMARY KEY); INSERT INTO fresh VALUES (1); INSERT INTO orders VALUES (1, 'ann')"); // a table of its own is nothing
  await until('its row', () => ann.length === 2);
  await scene.query('ALTER PUBLICATION supabase_realtime SET (publish_via_partition_root = false)');
  await scene.query("INSERT INTO orders VALUES (1, 'bob')");
  await scene.server.logged(/down.*publication supabase_realtime names the partitions in its place/);
  await scene.query('ALTER PUBLICATION supabase_realtime SET (publish_via_partition_root = true)');
  await scene.server.logged(/may have been missed .*\(limited_rows\)/); // for the log tells of the name it had
  await until('flowing again', async () => {
    await scene.query('INSERT INTO notes SELECT coalesce(max(id), 0) + 1 FROM notes');
    return ann.some(({ table }) => table === 'notes');
  });
  await scene.query("ALTER TABLE todos RENAME TO todont; INSERT INTO todont (id, owner) VALUES (1, 'bob')");
  await scene.server.logged(/down.*there is no table public\.todos/);
  await scene.query('ALTER TABLE todont RENAME TO todos; DROP TABLE fresh');
  assert.deepEqual(told(ann).filter(([table]) => table !== 'notes'), [['fresh', 1], ['orders', 1]]);
}));

test('rows of a table that becomes a partition of one that is known are sent to nobody by its name', async () => {
  await scene.query(`ALTER PUBLICATION supabase_realtime SET (publish_via_partition_root = true);
    CREATE TABLE orders (id int, owner text); ALTER TABLE orders REPLICA IDENTITY FULL;
    CREATE TABLE more (id int, owner text) PARTITION BY LIST (id); ALTER TABLE more REPLICA IDENTITY FULL;
    CREATE TABLE more_1 PARTITION OF more FOR VALUES IN (1)`);
  try {
    await scene.serve(ordersOnly);
    const ann = await listener('ann');
    await scene.query("INSERT INTO more VALUES (1, 'bob'); INSERT INTO orders VALUES (2, 'ann')");
    await until('their rows', () => ann.length === 2);
    await scene.query("ALTER TABLE more ATTACH PARTITION orders FOR VALUES IN (2); INSERT INTO orders VALUES (2, 'bob')");
    await scene.server.logged(/down.*the rows of public\.orders, which come by the name of public\.more that/);
    await scene.query('ALTER TABLE more DETACH PARTITION orders');
    await scene.server.logged(/may have been missed .*\(limited_rows\)/);
    await until('flowing again', async () => {
      await scene.query("INSERT INTO orders VALUES (3, 'ann')");
      return told(ann).at(-1)[1] === 3;
    });
    assert.deepEqual(told(ann).filter(([, id]) => id < 3), [['more', 1], ['orders', 2]]);
  } finally {
    await scene.query('DROP TABLE IF EXISTS more, orders; ALTER PUBLICATION supabase_realtime SET (publish_via_partition_root = false)');
  }
});

test('rows of a table that becomes a child of one with a rule are sent to nobody, until it has one too', async () => {
  await scene.query(`CREATE TABLE orders (id int, owner text); CREATE TABLE child (id int, owner text);
    ALTER TABLE orders REPLICA IDENTITY FULL; ALTER TABLE child REPLICA IDENTITY FULL`);
  try {
    await scene.serve(ordersOnly);
    const ann = await listener('ann');
    await scene.query("INSERT INTO child VALUES (1, 'bob')");
    await until('its row', () => ann.length === 1);
    await scene.query("ALTER TABLE child INHERIT orders; INSERT INTO child VALUES (2, 'bob')");
    await scene.server.logged(/down.*the rows of public\.orders, but those in public\.child, which inherits it, come by that name; limit that table's too/);
    assert.deepEqual(told(ann), [['child', 1]]);
    await scene.clear();
    await scene.serve(`${secure}, rows: { public.orders: owner = $claims.sub, public.child: owner = $claims.sub }`);
    const bob = await listener('bob');
    await scene.query("INSERT INTO child VALUES (3, 'ann'), (4, 'bob'); INSERT INTO orders VALUES (5, 'ann'), (6, 'bob')");
    await until('his rows', () => bob.length === 2);
    assert.deepEqual(told(bob), [['child', 4], ['orders', 6]]);
  } finally {
    await scene.query('DROP TABLE IF EXISTS child, orders');
  }
});

test('rows of a table that has lost its name, with its rule, to another one are sent to nobody by its new one', async () => {
  await scene.query('CREATE TABLE orders (id int, owner text); ALTER TABLE orders REPLICA IDENTITY FULL');
  try {
    await scene.serve(ordersOnly);
    const ann = await listener('ann');
    await scene.query("INSERT INTO orders VALUES (1, 'bob'), (2, 'ann')");
    await until('its row', () => ann.length === 1);
    await scene.query(`BEGIN; ALTER TABLE orders RENAME TO former; CREATE TABLE orders (id int, owner text); INSERT INTO former VALUES (3, 'bob'); COMMIT`);
    await scene.server.logged(/down.*rows of a table whose rows a sink limits come by the name of public\.former/);
    await scene.server.logged(/may have been missed .*\(limited_rows\)/);
    await until('flowing again', async () => {
      await scene.query("INSERT INTO orders VALUES (4, 'bob'), (5, 'ann')");
      return told(ann).at(-1)[1] === 5;
    });
    assert.deepEqual(told(ann).filter(([, id]) => id < 5), [['orders', 2]]);
  } finally {
    await scene.query('DROP TABLE IF EXISTS former, orders');
  }
});

test('a table that somebody has locked holds up no rows of others, and a look that waits is told of', async () => {
  const locker = new pg.Client({ connectionString: scene.world.url });
  try {
    await locker.connect();
    await scene.serve(rows);
    const ann = await listener('ann');
    await locker.query('BEGIN; LOCK TABLE todos IN ACCESS EXCLUSIVE MODE');
    await scene.query('CREATE TABLE fresh (id int PRIMARY KEY); INSERT INTO fresh VALUES (1)');
    await until('its row', () => ann.length === 1);
    await locker.query('ROLLBACK; BEGIN; LOCK TABLE pg_inherits IN ACCESS EXCLUSIVE MODE');
    await scene.query('INSERT INTO notes VALUES (1)');
    await scene.server.logged(/warn .*the stream waits for a look at the tables whose rows sinks limit: it takes long/);
    await locker.query('ROLLBACK');
    await until('the row behind it', () => ann.length === 2);
    assert.deepEqual(told(ann), [['fresh', 1], ['notes', 1]]);
  } finally {
    await locker.end();
    await scene.query('DROP TABLE IF EXISTS fresh');
  }
});

test('rows of a table that nobody can know any more are sent to nobody, those of one that was known are', async () => {
  await scene.query('CREATE TABLE brief (id int PRIMARY KEY)');
  await scene.serve(rows);
  const ann = await listener('ann');
  await scene.query('BEGIN; INSERT INTO brief VALUES (1); DROP TABLE brief; COMMIT; INSERT INTO notes VALUES (1)');
  await until('their rows', () => ann.length === 2);
  await scene.query(`BEGIN; CREATE TABLE part () INHERITS (todos); ALTER TABLE part REPLICA IDENTITY FULL; INSERT INTO part (id, owner) VALUES (2, 'bob'); DROP TABLE part; COMMIT`);
  await scene.server.logged(/may have been missed .*\(limited_rows\)/);
  await until('flowing again', async () => {
    await scene.query('INSERT INTO notes SELECT max(id) + 1 FROM notes');
    return ann.length > 2;
  });
  assert.deepEqual(told(ann).filter(([table]) => table !== 'notes'), [['brief', 1]]);
});

test('rows that are sent while they wait for standbys go to nobody before a look can see their table', async () => {
  const writer = new pg.Client({ connectionString: scene.world.url });
  const standbys = async (names) => {
    await scene.query(`ALTER SYSTEM SET synchronous_standby_names = '${names}'`);
    await scene.query('SELECT pg_reload_conf()');
    await until('the setting', async () => (await scene.query('SHOW synchronous_standby_names')).rows[0].synchronous_standby_names === names);
  };
  try {
    await writer.connect();
    await scene.serve(rows);
    const ann = await listener('ann');
    await standbys('nobody');
    const written = writer.query(`BEGIN; CREATE TABLE part () INHERITS (todos); ALTER TABLE part REPLICA IDENTITY FULL; INSERT INTO part (id, owner) VALUES (1, 'bob'); COMMIT`);
    await scene.server.logged(/warn .*the stream waits for a look .*: a transaction is sent that others do not see yet/);
    assert.deepEqual(told(ann), []);
    await standbys('');
    await written;
    await scene.server.logged(/down.*the rows of public\.todos, but those in public\.part, which inherits it, /);
    assert.deepEqual(told(ann), []);
  } finally {
    await standbys('');
    await writer.end();
    await scene.query('DROP TABLE IF EXISTS part');
  }
});

test('check refuses a rule that the replica identity makes useless, or whose table is not there', async () => {
  const check = (options) => command(['check', writeConfig(config(`${secure}, rows: { ${options} }`))], { environment: { ...scene.world.environment, SANGRE_PORT: '0' } });
  const good = await check('public.todos: owner = $claims.sub, public.notes: id = $claims.note'); // whole rows, a key
  assert.equal(good.code, 0, good.err);
  for (const [options, message] of [
    ['notes: text = $claims.sub', /sink realtime needs column text of notes, which is not in its replica identity, .* Run: ALTER TABLE public\.notes REPLICA IDENTITY FULL/],
    ['public.notes: id = $claims.a and nothing = $claims.b', /sink realtime needs column nothing of public\.notes, which has no such column/],
    ['public.todoz: owner = $claims.sub', /there is no table public\.todoz; did you mean public\.todos\?/],
  ]) {
    const { code, out, err } = await check(options);
    assert.notEqual(code, 0, options);
    assert.match(out + err, message);
  }
  await scene.serve(`${secure}, rows: { notes: text = $claims.sub }`); // which may still show the others
  await scene.query('INSERT INTO notes VALUES (1)');
  await scene.server.logged(/a DELETE of public\.notes is shown to nobody/);
});
