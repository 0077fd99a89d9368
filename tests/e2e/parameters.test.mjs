// Subscriptions are a relation: a thousand of them are one piece of graph and a thousand small rows; and none sees another's rows.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { patched } from './lib/document.mjs';
import { Sangre, command, until } from './lib/sangre.mjs';
import { Socket } from './lib/socket.mjs';
import { World, listen, source } from './lib/world.mjs';

const USERS = 1000;
let world, sangre;

const config = `${listen}${source}views:
  /mine: { from: app.users, params: { user: int }, get: { id: $user } }
  /notes: { from: app.notes, params: { owner: int }, where: "owner = $owner", order_by: id, columns: [id, text] }
  /rooms:
    from: app.rooms
    params: { me: int }
    order_by: id
    populate:
      notes:
        from: app.notes
        on: "id = room_id"
        where: "owner = $me"
        order_by: id
        columns: [id, text]
        populate:
          marks: { from: app.marks, on: "id = note_id", where: "secret = $me OR secret IS NULL", order_by: id, columns: [id] }
`;

before(async () => {
  world = await World.start();
  await world.query(`
    INSERT INTO users SELECT i, 'user ' || i FROM generate_series(5, ${USERS}) i;
    CREATE TABLE rooms (id int PRIMARY KEY, name text);
    CREATE TABLE notes (id int PRIMARY KEY, room_id int, owner int, text text);
    CREATE TABLE marks (id int PRIMARY KEY, note_id int, secret int);
    INSERT INTO rooms VALUES (1, 'hall'), (2, 'attic');
    INSERT INTO notes VALUES (1, 1, 10, 'ten'), (2, 1, 20, 'twenty'), (3, 2, 10, 'ten again'), (4, 1, NULL, 'nobody');
    INSERT INTO marks VALUES (1, 1, NULL), (2, 1, 10), (3, 1, 20), (4, 2, 10), (5, 2, 20), (6, 3, 10);`);
  sangre = await Sangre.start(config, { environment: world.environment, ready: '/rooms?me=10' });
});
after(async () => {
  await sangre?.stop();
  await world?.end();
});

// All bytes that are kept for subscriptions: by views, and by operators and indexes of nodes.
function stateBytes(explained) {
  const nodes = explained.graph.reduce((sum, { counters }) => sum + counters.state_bytes + counters.index_bytes, 0);
  return nodes + explained.state_bytes + explained.row_bytes;
}

async function subscribeAll(view, name, from, to) {
  const sockets = [];
  for (let at = from; at <= to; at += 250) {
    const socket = await Socket.open(`${sangre.ws}/`);
    sockets.push(socket);
    const last = Math.min(to, at + 249);
    for (let i = at; i <= last; i++)
      socket.send({ type: 'subscribe', id: i, view, params: { [name]: i } });
    for (let i = at; i <= last; i++)
      assert.equal((await socket.nextOf('snapshot')).id, i);
  }
  return sockets;
}

for (const [view, name] of [['/mine', 'user'], ['/notes', 'owner']])
  test(`a thousand subscribers to ${view} are one graph, and at most 1 KB each`, async () => {
    const [one] = await subscribeAll(view, name, 1, 1);
    const before_ = await sangre.explain();
    const sockets = await subscribeAll(view, name, 2, USERS);
    const after_ = await sangre.explain();
    assert.equal(after_.graph.length, before_.graph.length, 'nodes');
    assert.equal(after_.subscriptions - before_.subscriptions, USERS - 1);
    const each = (stateBytes(after_) - stateBytes(before_)) / (USERS - 1);
    console.log(`${view}: ${each.toFixed(0)} bytes of state a subscriber`);
    assert.ok(each <= 1024, `${each} bytes of state a subscriber`);
    const { out } = await command(['explain', '--live', `127.0.0.1:${sangre.port}`, '--json']);
    assert.equal(JSON.parse(out).graph.length, before_.graph.length);

    // One row is one client's business.
    if (view === '/mine') {
      await world.query("UPDATE users SET name = 'me' WHERE id = 777");
      const owner = sockets[Math.floor((777 - 2) / 250)];
      assert.deepEqual((await owner.nextOf('frame')).d, { 777: [{ op: 'replace', path: '/name', value: 'me' }] });
      for (const socket of [one, ...sockets])
        await socket.quiet();
    }
    for (const socket of [one, ...sockets])
      await socket.close();
    await until('all subscriptions being gone', async () => (await sangre.explain()).subscriptions === 0);
  });

test('a parameter at a nested level keeps rows apart, at first and as they change hands', async () => {
  const people = {};
  for (const me of [10, 20, 30]) {
    people[me] = await Socket.open(`${sangre.ws}/rooms?me=${me}`);
    people[me].document = (await people[me].nextOf('snapshot')).data;
  }
  const notes = (me) => people[me].document.flatMap((room) => room.notes.map((note) => [note.id, ...note.marks.map((mark) => mark.id)]));
  assert.deepEqual(notes(10), [[1, 1, 2], [3, 6]]);
  assert.deepEqual(notes(20), [[2, 5]]);
  assert.deepEqual(notes(30), []);

  const change = async (sql, ...whose) => {
    await world.query(sql);
    for (const me of whose) {
      const frame = await people[me].nextOf('frame');
      people[me].document = patched(people[me].document, frame.d);
    }
    for (const socket of Object.values(people))
      await socket.quiet(); // whoever it does not concern hears nothing
  };
  await change('UPDATE notes SET owner = 20 WHERE id = 1', 10, 20);
  assert.deepEqual(notes(10), [[3, 6]]);
  assert.deepEqual(notes(20), [[1, 1, 3], [2, 5]]);
  await change("UPDATE notes SET text = 'for twenty' WHERE id = 1", 20);
  await change('UPDATE marks SET secret = 20 WHERE id = 2', 20);
  assert.deepEqual(notes(20), [[1, 1, 2, 3], [2, 5]]);
  await change('INSERT INTO marks VALUES (7, 1, 10)'); // on a note that ten does not see
  await change('UPDATE notes SET owner = 10 WHERE id = 1', 10, 20);
  assert.deepEqual(notes(10), [[1, 1, 7], [3, 6]]);
  assert.deepEqual(notes(20), [[2, 5]]);
  await change('UPDATE notes SET owner = 30, room_id = 2 WHERE id = 4', 30);
  assert.deepEqual(notes(30), [[4]]);
  for (const me of [10, 20, 30])
    assert.deepEqual(people[me].document, await sangre.document(`/rooms?me=${me}`));
  for (const socket of Object.values(people))
    await socket.close();
});
