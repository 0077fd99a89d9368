// Views as channels of Supabase's clients: snapshot, diffs, resuming, tokens, in both eras and both forms of frames.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { after, afterEach, before, test } from 'node:test';
import { patched } from './lib/document.mjs';
import { makers } from './lib/realtime.mjs';
import { Sangre, until } from './lib/sangre.mjs';
import { Socket } from './lib/socket.mjs';
import { inAnHour, secret, token } from './lib/token.mjs';
import { World, atFirst, followeds, listen, source } from './lib/world.mjs';

const require = createRequire(import.meta.url);
const { RealtimeClient } = require('realtime-js-1.7');

const config = (options) => `${listen}${source}
sinks:
  http: { plugin: http }
  realtime: { plugin: supabase, source: app, ${options} }
auth:
  keys: [{ secret: "${secret}" }]
  leeway: 0s
views: ${followeds}
  /person: { from: app.users, params: { id: int, name: { type: text, default: "" } }, get: { id: $id }, where: "name = $name OR $name = ''" }
  /me: { from: app.users, params: { user: { type: int, value: $claims.sub } }, get: { id: $user } }
`;

let world;
const cleanup = [];
before(async () => {
  world = await World.start();
  await world.query('CREATE PUBLICATION sangre FOR ALL TABLES');
});
afterEach(async () => {
  for (const end of cleanup.splice(0).reverse())
    await end();
});
after(() => world?.end());

async function start(options = 'secure: false') {
  const sangre = await Sangre.start(config(options), { environment: world.environment });
  cleanup.push(() => sangre.stop());
  return sangre;
}

// A client that speaks frames: `era` 0 or 2, `vsn` 1 or 2.
class Client {
  static async open(sangre, { era = 2, vsn = 2, apikey } = {}) {
    const key = apikey ? `&apikey=${apikey}` : '';
    const client = Object.assign(new Client(), { era, vsn, refs: 0, socket: await Socket.open(`${sangre.ws}/socket/websocket?vsn=${vsn}.0.0${key}`) });
    cleanup.push(() => client.socket.ws.terminate());
    return client;
  }

  send(topic, event, payload) {
    const ref = String(++this.refs);
    this.socket.send(this.vsn === 2 ? [ref, ref, topic, event, payload] : { topic, event, payload, ref, join_ref: ref });
    return ref;
  }

  async next() {
    const frame = await this.socket.next();
    const [, ref, topic, event, payload] = this.vsn === 2 ? frame : [null, frame.ref, frame.topic, frame.event, frame.payload];
    return { ref, topic, event, payload };
  }

  async join(view, payload = this.era === 2 ? { config: {} } : {}) {
    const topic = `realtime:view:${view}`, ref = this.send(topic, 'phx_join', payload);
    const reply = await this.next();
    assert.deepEqual([reply.ref, reply.topic, reply.event], [ref, topic, 'phx_reply']);
    return reply.payload;
  }

  async joined(view, payload) {
    assert.deepEqual(await this.join(view, payload), { status: 'ok', response: this.era === 2 ? { postgres_changes: [] } : {} });
  }

  // The next event of a view.
  async event(view, wanted) {
    const { ref, topic, event, payload } = await this.next();
    assert.deepEqual([ref, topic], [null, `realtime:view:${view}`], JSON.stringify([event, payload]));
    if (this.era === 2)
      assert.deepEqual([event, payload.type], ['broadcast', 'broadcast']);
    const [name, body] = this.era === 2 ? [payload.event, payload.payload] : [event, payload];
    assert.equal(name, wanted, JSON.stringify(body));
    return body;
  }
}

test('a view may be asked for with long parameters, and with too long ones it is refused', async () => {
  const sangre = await start();
  const client = await Client.open(sangre);
  const long = `/person?id=1&name=${'x'.repeat(6000)}`;
  await client.joined(long);
  assert.equal((await client.event(long, 'snapshot')).data, null);
  const refused = await client.join(`/person?id=1&name=${'x'.repeat(9000)}`);
  assert.equal(refused.status, 'error');
  assert.match(refused.response.reason, /InvalidJoinPayload: .* a view's topic than 8 KB/);
});

for (const era of [0, 2])
  for (const vsn of [1, 2])
    test(`era ${era}, vsn ${vsn}: a snapshot, then what changes; and from a cursor, what was missed`, async () => {
      const sangre = await start();
      const client = await Client.open(sangre, { era, vsn }), other = await Client.open(sangre, { era, vsn });
      const view = '/followeds?user=1';
      await client.joined(view);
      const { cursor, data } = await client.event(view, 'snapshot');
      assert.deepEqual(data, atFirst);
      await other.joined('/followeds');
      await other.event('/followeds', 'snapshot');
      await world.query("UPDATE places SET name = 'inn' WHERE id = 2");
      const diff = await client.event(view, 'diff');
      assert.equal(diff.previous, cursor);
      assert.deepEqual(patched(data, diff.patches), await sangre.document(view));
      assert.deepEqual(await other.event('/followeds', 'diff'), diff);
      const late = await Client.open(sangre, { era, vsn });
      const from = `${view}&cursor=${encodeURIComponent(cursor)}`;
      await late.joined(from);
      assert.deepEqual(await late.event(from, 'diff'), diff);
      assert.deepEqual(await late.event(from, 'caught_up'), { cursor: diff.cursor });
      await world.query("UPDATE places SET name = 'pub' WHERE id = 2");
      await late.event(from, 'diff');
    });

test('several views of one client, parameters as in a URL, and leaving', async () => {
  const client = await Client.open(await start());
  const bob = '/person?id=2&name=b%6Fb', ann = '/person?id=1';
  await client.joined(bob);
  assert.deepEqual((await client.event(bob, 'snapshot')).data, { id: 2, name: 'bob' });
  await client.joined(ann);
  assert.deepEqual((await client.event(ann, 'snapshot')).data, { id: 1, name: 'ann' });
  await world.query("BEGIN; UPDATE users SET name = 'B' WHERE id = 2; UPDATE users SET name = 'A' WHERE id = 1; COMMIT");
  const diffs = [await client.event(bob, 'diff'), await client.event(ann, 'diff')];
  assert.equal(diffs[0].cursor, diffs[1].cursor);
  assert.deepEqual(patched({ id: 1, name: 'ann' }, diffs[1].patches), { id: 1, name: 'A' });
  const ref = client.send(`realtime:view:${bob}`, 'phx_leave', {});
  assert.equal((await client.next()).ref, ref);
  assert.equal((await client.next()).event, 'phx_close');
  await world.query("BEGIN; UPDATE users SET name = 'bob' WHERE id = 2; UPDATE users SET name = 'ann' WHERE id = 1; COMMIT");
  await client.event(ann, 'diff');
  await client.joined(bob);
  assert.deepEqual((await client.event(bob, 'snapshot')).data, { id: 2, name: 'bob' });
});

test('what is no view or has wrong parameters is refused, and the client goes on', async () => {
  const client = await Client.open(await start());
  for (const [view, reason] of [['/nothing', /^unknown_view: /], ['/person?id=x', /^bad_parameter: /], ['/person', /^bad_parameter: /],
    ['/person?id=1&name=%ff', /^bad_parameter: /]]) {
    const { status, response } = await client.join(view);
    assert.equal(status, 'error', view);
    assert.match(response.reason, reason);
  }
  const changes = await client.join('/person?id=1', { config: { postgres_changes: [{ event: '*', schema: 'public' }] } });
  assert.match(changes.response.reason, /^InvalidJoinPayload: /);
  await client.joined('/person?id=1');
  await client.event('/person?id=1', 'snapshot');
});

test('nobody but the server speaks on a view', async () => {
  const sangre = await start(), client = await Client.open(sangre), other = await Client.open(sangre);
  const view = '/person?id=3', topic = `realtime:view:${view}`;
  for (const each of [client, other]) {
    await each.joined(view);
    await each.event(view, 'snapshot');
  }
  const ref = client.send(topic, 'broadcast', { type: 'broadcast', event: 'diff', payload: { patches: [] } });
  const refused = await client.next();
  assert.deepEqual([refused.ref, refused.payload.status], [ref, 'error']);
  const posted = await fetch(`${sangre.url}/api/broadcast`, {
    method: 'POST', headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ messages: [{ topic: `view:${view}`, event: 'diff', payload: { patches: [] } }] }),
  });
  assert.equal(posted.status, 202);
  await world.query("UPDATE users SET name = 'C' WHERE id = 3");
  assert.equal((await other.event(view, 'diff')).patches[0].value, 'C');
  await world.query("UPDATE users SET name = 'cid' WHERE id = 3");
});

test('views by claims: one that the channel has, that change, and that expire', async () => {
  const client = await Client.open(await start('auth: true'), { apikey: token({ sub: 1 }) });
  await client.joined('/me');
  assert.deepEqual((await client.event('/me', 'snapshot')).data, { id: 1, name: 'ann' });
  client.send('realtime:view:/me', 'access_token', { access_token: token({ sub: 2 }) });
  const after = await client.event('/me', 'snapshot');
  assert.deepEqual([after.data, after.reason], [{ id: 2, name: 'bob' }, 'claims']);
  await client.joined('/me', { config: {}, access_token: token({ sub: 3, exp: inAnHour() - 3598 }) });
  assert.deepEqual((await client.event('/me', 'snapshot')).data, { id: 3, name: 'cid' });
  assert.equal((await client.next()).event, 'system');
  assert.equal((await client.next()).event, 'phx_close');
  const { response } = await client.join('/person?id=1', { config: {}, access_token: 'nonsense' });
  assert.match(response.reason, /^InvalidJWTToken: /);
});

test("a view by claims asks for what the config's auth takes, not for the sink's own secret", async () => {
  const own = 'another secret of the tests, as long';
  const client = await Client.open(await start(`secret: "${own}"`), { apikey: token({ sub: 1 }, { by: own }) });
  const { status, response } = await client.join('/me');
  assert.equal(status, 'error');
  assert.match(response.reason, /^invalid_token: this view takes tokens by the config's own auth/);
  await client.joined('/person?id=1'); // which asks for none
  await client.event('/person?id=1', 'snapshot');
});

test('realtime-js 1.7, unpatched, keeps a document', async () => {
  const sangre = await start();
  const client = new RealtimeClient(`${sangre.ws}/socket`, { params: { vsn: '1.0.0' }, reconnectAfterMs: () => 100 });
  cleanup.push(() => client.disconnect());
  client.connect();
  let document;
  const channel = client.channel('realtime:view:/followeds?user=1');
  channel.on('snapshot', ({ data }) => (document = data));
  channel.on('diff', ({ patches }) => (document = patched(document, patches)));
  channel.subscribe();
  await until('the snapshot', () => document);
  await world.query('DELETE FROM users_followeds WHERE followed_id = 2');
  await until('one less', () => document.followeds.length === 1);
  await world.query('INSERT INTO users_followeds VALUES (1, 2)');
  await until('both again', () => JSON.stringify(document) === JSON.stringify(atFirst));
});

for (const [name, make] of Object.entries(makers))
  test(`${name}, unpatched, keeps a document`, async () => {
    const sangre = await start();
    const client = make(sangre, 'anybody');
    cleanup.push(() => (client.realtime ?? client).disconnect());
    let document;
    client.channel('view:/followeds?user=1')
      .on('broadcast', { event: 'snapshot' }, ({ payload }) => (document = payload.data))
      .on('broadcast', { event: 'diff' }, ({ payload }) => (document = patched(document, payload.patches)))
      .subscribe();
    await until('the snapshot', () => document);
    await world.query("UPDATE users SET name = 'C' WHERE id = 3");
    await until('the other name', () => document.followeds[1].name === 'C');
    await world.query("UPDATE users SET name = 'cid' WHERE id = 3");
    await until('the first name', () => JSON.stringify(document) === JSON.stringify(atFirst));
  });
