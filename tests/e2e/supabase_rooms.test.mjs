// Today's clients of Supabase as npm has them, unpatched: broadcasts and presence between two of them, over websockets in both forms of frames and over HTTP; with
// secure channels and without.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { createRequire } from 'node:module';
import { afterEach, test } from 'node:test';
import WebSocket from 'ws';
import { Sangre, until } from './lib/sangre.mjs';
import { listen, memory } from './lib/world.mjs';

const require = createRequire(import.meta.url);
const SECRET = 'one that nobody guesses, of 32 bytes and more';

const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
function token(role, seconds = 3600) {
  const text = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ role, exp: Math.floor(Date.now() / 1000) + seconds })}`;
  return `${text}.${createHmac('sha256', SECRET).update(text).digest('base64url')}`;
}

const configs = {
  open: `${listen}${memory}sinks:\n  realtime: { plugin: supabase, source: app, secure: false }\n`,
  secure: `${listen}${memory}sinks:\n  realtime: { plugin: supabase, source: app, secret: "${SECRET}" }\n`,
};

let server, clients = [];

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.disconnect()));
  await server?.stop();
  server = null;
});

const start = async (config) => (server = await Sangre.start(configs[config], { ready: '/socket/websocket', status: 426 }));

// supabase-js as an application makes it; its channel API alone is used.
const supabase = (library, vsn) => (key) => {
  const client = require(library).createClient(server.url, key, {
    auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false },
    realtime: { transport: WebSocket, ...vsn && { vsn } },
  });
  return { channel: (...args) => client.channel(...args), disconnect: () => client.realtime.disconnect() };
};
const realtime2 = (key) => {
  const { RealtimeClient } = require('realtime-js-2.11');
  const client = new RealtimeClient(`${server.ws}/socket`, { params: { apikey: key } });
  return { channel: (...args) => client.channel(...args), disconnect: () => client.disconnect() };
};
const makers = {
  'supabase-js, 2.0.0': supabase('supabase-js-2.119', '2.0.0'),
  'supabase-js, 1.0.0': supabase('supabase-js-2.119', '1.0.0'),
  'supabase-js 2.90': supabase('supabase-js-2.90'),
  'realtime-js 2.11': realtime2,
};

function connect(make, key = token('anon')) {
  const client = make(key);
  clients.push(client);
  return client;
}

async function subscribed(channel) {
  let state, error;
  channel.subscribe((now, why) => ([state, error] = [now, why]));
  await until(() => `the channel being subscribed; it is ${state} ${error}`, () => state === 'SUBSCRIBED');
  return channel;
}

// A joined channel, with what it heard.
async function hears(client, topic, config = {}) {
  const heard = [], channel = client.channel(topic, { config });
  channel.on('broadcast', { event: '*' }, ({ event, payload }) => heard.push([event, payload]));
  await subscribed(channel);
  return { channel, heard };
}

async function heard(by, wanted) {
  await until(() => `${JSON.stringify(wanted)}; it is ${JSON.stringify(by.heard)}`, () => by.heard.length >= wanted.length);
  assert.deepEqual(by.heard, wanted);
}

const say = (channel, event, payload) => channel.send({ type: 'broadcast', event, payload });

for (const [name, make] of Object.entries(makers))
  for (const config of Object.keys(configs)) {
    test(`${name}, ${config}: a broadcast reaches the others of the topic, and its sender if it asks for that`, async () => {
      await start(config);
      const ann = await hears(connect(make), 'room:1', { broadcast: { self: true, ack: true } });
      const bob = await hears(connect(make), 'room:1'), elsewhere = await hears(connect(make), 'room:2');
      assert.equal(await say(ann.channel, 'first', { text: 'hé ☃', number: 1.5 }), 'ok');
      assert.equal(await say(bob.channel, 'second', { list: [1, null] }), 'ok');
      await heard(ann, [['first', { text: 'hé ☃', number: 1.5 }], ['second', { list: [1, null] }]]);
      assert.equal(await say(ann.channel, 'third', {}), 'ok');
      await heard(bob, [['first', { text: 'hé ☃', number: 1.5 }], ['third', {}]]);
      assert.deepEqual(elsewhere.heard, []);
    });

    test(`${name}, ${config}: presence is seen by those who are there and those who come later`, async () => {
      await start(config);
      const seen = [];
      const enter = async (key, show) => {
        const client = connect(make), channel = client.channel('room:1', { config: { presence: { key } } });
        channel.on('presence', { event: 'sync' }, () => {});
        channel.on('presence', { event: 'leave' }, ({ key: left }) => seen.push(`${key} sees ${left} leave`));
        await subscribed(channel);
        if (show)
          assert.equal(await channel.track(show), 'ok');
        return { client, channel };
      };
      const shown = ({ channel }) => Object.fromEntries(Object.entries(channel.presenceState())
        .map(([key, metas]) => [key, metas.map(({ presence_ref, ...rest }) => rest)]).sort());
      const shows = (who, wanted) => until(() => `${JSON.stringify(wanted)}; it is ${JSON.stringify(shown(who))}`, () => {
        try {
          assert.deepEqual(shown(who), wanted);
          return true;
        } catch {
          return false;
        }
      });
      const ann = await enter('ann', { at: 1 }), bob = await enter('bob', { at: 2 });
      await shows(ann, { ann: [{ at: 1 }], bob: [{ at: 2 }] });
      await shows(bob, { ann: [{ at: 1 }], bob: [{ at: 2 }] });
      assert.equal(await ann.channel.track({ at: 3 }), 'ok');
      await shows(bob, { ann: [{ at: 3 }], bob: [{ at: 2 }] });
      const phone = await enter('ann', { at: 'phone' });
      await until('both of ann being seen', () => shown(bob).ann?.length === 2);
      await shows(phone, { ann: shown(bob).ann, bob: [{ at: 2 }] });
      assert.equal(await phone.channel.untrack(), 'ok');
      await shows(bob, { ann: [{ at: 3 }], bob: [{ at: 2 }] });
      await ann.client.disconnect();
      await shows(bob, { bob: [{ at: 2 }] });
      await until(() => `bob having seen it; ${seen}`, () => seen.filter((text) => text === 'bob sees ann leave').length >= 2);
    });

    test(`${name}, ${config}: before it is joined, a channel sends over HTTP`, async () => {
      await start(config);
      const bob = await hears(connect(make), 'room:1'), ann = connect(make).channel('room:1');
      assert.equal(await say(ann, 'posted', { a: 1 }), 'ok');
      if (ann.httpSend)
        assert.deepEqual(await ann.httpSend('an event/ü', { a: 2 }), { success: true });
      await heard(bob, [['posted', { a: 1 }], ...(ann.httpSend ? [['an event/ü', { a: 2 }]] : [])]);
    });
  }

for (const name of ['supabase-js, 2.0.0', 'realtime-js 2.11'])
  test(`${name}: clients come back when the server does, and are present again`, async () => {
    await start('open');
    const { port } = server;
    const enter = async (key) => {
      const own = { joins: 0, heard: [], tracked: 0, channel: connect(makers[name]).channel('room:1', { config: { presence: { key } } }) };
      own.channel.on('broadcast', { event: '*' }, ({ event }) => own.heard.push(event));
      own.channel.on('presence', { event: 'sync' }, () => {});
      own.channel.subscribe(async (state) => {
        if (state !== 'SUBSCRIBED')
          return;
        own.joins++;
        own.tracked += await own.channel.track({ since: own.joins }) === 'ok';
      });
      await until(`${key} being tracked`, () => own.tracked === 1);
      return own;
    };
    const ann = await enter('ann'), bob = await enter('bob');
    const present = () => JSON.stringify(Object.entries(bob.channel.presenceState()).map(([key, [{ since }]]) => [key, since]).sort());
    await until(() => `both being there: ${present()}`, () => present() === '[["ann",1],["bob",1]]');
    await server.stop();
    server = await Sangre.start(configs.open, { ready: null, environment: { SANGRE_PORT: String(port) } });
    await until(() => `both being there again: ${present()}`, () => ann.joins > 1 && present() === JSON.stringify([['ann', ann.joins], ['bob', bob.joins]]));
    await say(ann.channel, 'again', {});
    await until('the broadcast', () => bob.heard.length);
    assert.deepEqual([bob.heard, ann.heard], [['again'], []]);
  });

test('bytes go from one client to another, on websockets and over HTTP', async () => {
  await start('secure');
  const make = makers['supabase-js, 2.0.0'];
  const ann = await hears(connect(make), 'room:1'), bob = await hears(connect(make), 'room:1');
  const text = await hears(connect(makers['supabase-js, 1.0.0']), 'room:1');
  await say(ann.channel, 'bytes', new Uint8Array([0, 255, 123]).buffer);
  await until('the first', () => bob.heard.length === 1);
  assert.deepEqual(await ann.channel.httpSend('more', new Uint8Array([1, 2])), { success: true });
  await say(ann.channel, 'text', {});
  await until(() => `three; ${bob.heard.length}`, () => bob.heard.length === 3);
  assert.deepEqual(bob.heard.map(([event, payload]) => [event, payload instanceof ArrayBuffer ? [...new Uint8Array(payload)] : payload]),
    [['bytes', [0, 255, 123]], ['more', [1, 2]], ['text', {}]]);
  await heard(text, [['text', {}]]);
});

test('private channels are for known clients, and apart from public ones', async () => {
  await start('secure');
  const make = makers['supabase-js, 2.0.0'], known = token('authenticated');
  const open = await hears(connect(make), 'room:1');
  const refused = connect(make).channel('room:1', { config: { private: true } });
  let why;
  refused.subscribe((state, error) => state === 'CHANNEL_ERROR' && (why = error.message));
  await until('being refused', () => why);
  assert.match(why, /^Unauthorized: .*anon/);
  const ann = await hears(connect(make, known), 'room:1', { private: true });
  const bob = await hears(connect(make, known), 'room:1', { private: true, broadcast: { ack: true } });
  assert.equal(await say(bob.channel, 'secret', { a: 1 }), 'ok');
  await heard(ann, [['secret', { a: 1 }]]);
  await assert.rejects(connect(make).channel('room:1', { config: { private: true } }).httpSend('x', {}), /anon/);
  assert.deepEqual(await connect(make, known).channel('room:1', { config: { private: true } }).httpSend('posted', {}), { success: true });
  await heard(ann, [['secret', { a: 1 }], ['posted', {}]]);
  assert.equal(await say(bob.channel, 'last', {}), 'ok');
  assert.deepEqual(open.heard, []);
});

test('without a token nothing is sent', async () => {
  await start('secure');
  const post = (headers, body = '{"messages":[{"topic":"a","event":"e","payload":{}}]}') =>
    fetch(`${server.url}/api/broadcast`, { method: 'POST', body, headers: { 'content-type': 'application/json', ...headers } });
  assert.equal((await post({})).status, 401);
  assert.equal((await post({ apikey: token('anon', -60) })).status, 401);
  assert.equal((await post({ apikey: token('anon') })).status, 202);
  assert.equal((await post({ authorization: `Bearer ${token('service_role')}` }, '{}')).status, 422);
  assert.equal((await post({ apikey: token('anon') }, ' '.repeat(70000))).status, 413);
});
