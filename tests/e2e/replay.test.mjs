// Clients of Supabase Realtime that come back and name the position they know: what they missed, once and in order, or a gap by name.
import assert from 'node:assert/strict';
import { connect, createServer } from 'node:net';
import { after, afterEach, before, test } from 'node:test';
import { makers } from './lib/realtime.mjs';
import { Sangre, until } from './lib/sangre.mjs';
import { Socket } from './lib/socket.mjs';
import { secret, token } from './lib/token.mjs';
import { World, listen, source } from './lib/world.mjs';

const config = (options) => `${listen}${source}
sinks:
  http: { plugin: http }
  realtime: { plugin: supabase, source: app, ${options} }
`;

let world;
const cleanup = [];
before(async () => {
  world = await World.start();
  await world.query('CREATE TABLE notes (id int PRIMARY KEY, owner text); CREATE PUBLICATION sangre FOR ALL TABLES');
});
afterEach(async () => {
  for (const end of cleanup.splice(0).reverse())
    await end();
  await world.query('DELETE FROM notes; DELETE FROM users WHERE id >= 50');
});
after(() => world?.end());

async function start(options = 'secure: false') {
  const sangre = await Sangre.start(config(options), { environment: world.environment });
  cleanup.push(() => sangre.stop());
  const witness = await Channel.join(sangre, null, { apikey: token({}) });
  await witness.position(); // changes flow
  return sangre;
}

// A channel of one era: what it is told, as [event, payload], whichever way that is wrapped.
class Channel {
  static async join(sangre, since, { era = 0, topic = 'realtime:public:notes', apikey } = {}) {
    const channel = new Channel();
    channel.era = era;
    channel.socket = await Socket.open(`${sangre.ws}/socket/websocket?vsn=1.0.0${apikey ? `&apikey=${apikey}` : ''}`);
    cleanup.push(() => channel.socket.ws.terminate());
    const config = { presence: { enabled: false }, postgres_changes: [{ event: '*', schema: 'public', table: 'notes' }] };
    channel.socket.send({ topic, event: 'phx_join', payload: era ? { config, since } : { since }, ref: '1' });
    assert.equal((await channel.socket.next()).payload.status, 'ok');
    if (era)
      assert.equal((await channel.socket.next()).event, 'system');
    return channel;
  }

  async next() {
    const { event, payload } = await this.socket.next();
    if (event === 'broadcast')
      return [payload.event, payload.payload];
    if (event === 'postgres_changes')
      return [payload.data.type, payload.data.record.id ?? payload.data.old_record.id];
    return event === 'INSERT' || event === 'UPDATE' ? [event, Number(payload.record.id)] : [event, payload];
  }

  async position() {
    const [event, payload] = await this.next();
    assert.equal(event, 'position', JSON.stringify(payload));
    assert.match(payload.position, /^[0-9A-F]+\/[0-9A-F]+$/);
    return payload.position;
  }

  // Positions may come in between.
  async inserts(...ids) {
    for (const id of ids) {
      let told;
      do
        told = await this.next();
      while (told[0] === 'position');
      assert.deepEqual(told, ['INSERT', id]);
    }
  }
}

for (const era of [0, 2])
  test(`era ${era}: what was missed comes once, in order, then what is new`, async () => {
    const sangre = await start();
    const first = await Channel.join(sangre, null, { era });
    await first.position();
    await world.query("INSERT INTO notes VALUES (1, 'ann')");
    await first.inserts(1);
    const known = await first.position();
    first.socket.ws.terminate();
    await world.query("INSERT INTO notes VALUES (2, 'ann'), (3, 'bob')");
    await world.query("INSERT INTO users VALUES (50, 'not of this table')");
    await world.query("INSERT INTO notes VALUES (4, 'ann')");
    const witness = await Channel.join(sangre, known, { era }); // until all of it has gone through
    await witness.inserts(2, 3, 4);
    const back = await Channel.join(sangre, known, { era });
    await back.inserts(2, 3, 4);
    const now = await back.position();
    await world.query("INSERT INTO notes VALUES (5, 'ann')");
    await back.inserts(5);
    assert.notEqual(await back.position(), now);
    const third = await Channel.join(sangre, now, { era });
    await third.inserts(5);
  });

test('a channel that does not ask is told no position', async () => {
  const sangre = await start();
  const plain = await Channel.join(sangre, undefined);
  await world.query("INSERT INTO notes VALUES (1, 'ann'); INSERT INTO notes VALUES (2, 'ann')");
  await plain.inserts(1, 2);
  plain.socket.send({ topic: 'phoenix', event: 'heartbeat', payload: {}, ref: '2' });
  assert.equal((await plain.socket.next()).event, 'phx_reply');
});

test('a heartbeat tells the position that changes of other tables led to', async () => {
  const sangre = await start();
  const channel = await Channel.join(sangre, null), other = await Channel.join(sangre, null, { topic: 'realtime:public:users' });
  const before = await channel.position();
  await other.position();
  await world.query("INSERT INTO users VALUES (51, 'x')");
  await other.next();
  const now = await other.position();
  channel.socket.send({ topic: 'phoenix', event: 'heartbeat', payload: {}, ref: '2' });
  assert.equal((await channel.socket.next()).event, 'phx_reply');
  assert.equal(await channel.position(), now);
  assert.notEqual(now, before);
});

test('what is not known any more, or never was, is a gap by name', async () => {
  const sangre = await start('secure: false, window: 2KB');
  const channel = await Channel.join(sangre, null);
  const old = await channel.position();
  await world.query("INSERT INTO notes SELECT g, repeat('x', 100) FROM generate_series(1, 100) g");
  await channel.inserts(...Array.from({ length: 100 }, (_, i) => i + 1));
  const now = await channel.position();
  for (const [since, reason] of [[old, 'window'], ['FFFF/0', 'position'], ['nonsense', 'position'], [17, 'position']]) {
    const back = await Channel.join(sangre, since);
    assert.deepEqual(await back.next(), ['gap', { position: now, reason }], String(since));
  }
  const back = await Channel.join(sangre, now);
  assert.equal(await back.position(), now);
  await world.query("INSERT INTO notes VALUES (101, 'ann')");
  await back.inserts(101);
});

test('who comes back is shown what it may see', async () => {
  const rows = `rows: { "public.notes": "owner = $claims.name" }`;
  const sangre = await start(`secret: "${secret}", ${rows}`);
  for (const era of [0, 2]) {
    const apikey = token({ name: 'ann' });
    const first = await Channel.join(sangre, null, { era, apikey });
    const known = await first.position();
    first.socket.ws.terminate();
    await world.query("INSERT INTO notes VALUES (1, 'bob'), (2, 'ann'), (3, 'bob'), (4, 'ann')");
    const back = await Channel.join(sangre, known, { era, apikey });
    await back.inserts(2, 4);
    const bob = await Channel.join(sangre, known, { era, apikey: token({ name: 'bob' }) });
    await bob.inserts(1, 3);
    await world.query('DELETE FROM notes');
  }
});

// On the way to the server, so that connections can be cut.
async function wire(sangre) {
  const open = new Set();
  const server = createServer((near) => {
    const far = connect(sangre.port, '127.0.0.1'), both = [near, far];
    near.pipe(far);
    far.pipe(near);
    for (const end of both) {
      open.add(end);
      end.on('error', () => {});
      end.on('close', () => (open.delete(end), both.forEach((each) => each.destroy())));
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = `127.0.0.1:${server.address().port}`, cut = () => open.forEach((end) => end.destroy());
  cleanup.push(() => (cut(), server.close()));
  return { url: `http://${address}`, ws: `ws://${address}`, cut };
}

for (const [name, make] of Object.entries(makers))
  test(`${name}, unpatched, loses nothing while it is cut off`, async () => {
    const { cut, ...server } = await wire(await start()), client = make(server, 'anybody');
    cleanup.push(() => (client.realtime ?? client).disconnect());
    const channel = client.channel('room'), ids = [];
    let positions = 0;
    channel.on('postgres_changes', { event: 'INSERT', schema: 'public', table: 'notes' }, (payload) => ids.push(payload.new.id));
    channel.on('broadcast', { event: 'position' }, ({ payload }) => (positions++, channel.updateJoinPayload({ since: payload.position })));
    channel.updateJoinPayload({ since: null });
    channel.subscribe();
    await until('a position', () => positions);
    for (let i = 1; i <= 5; i++) {
      await world.query('INSERT INTO notes VALUES ($1)', [2 * i - 1]);
      await until(`${2 * i - 1}`, () => ids.includes(2 * i - 1));
      cut();
      await world.query('INSERT INTO notes VALUES ($1)', [2 * i]);
      await until(`${2 * i}`, () => ids.includes(2 * i));
    }
    // The one that came right before a cut may come again, if the position behind it did not arrive.
    assert.deepEqual([...new Set(ids)], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });
