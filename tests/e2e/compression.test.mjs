// permessage-deflate with clients of others: npm's ws as it comes, and Chromium, which always offers it.
import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { chromium } from 'playwright-core';
import { Sangre, scratch } from './lib/sangre.mjs';
import { Socket } from './lib/socket.mjs';
import { patched } from './lib/document.mjs';
import { World, followeds, listen, source } from './lib/world.mjs';

let world;
const modes = ['off', 'shared', 'context'];
const servers = {};

before(async () => {
  world = await World.start();
  await world.query(`INSERT INTO users SELECT g, 'user number ' || g FROM generate_series(5, 2000) g;
    INSERT INTO users_followeds SELECT 1, g FROM generate_series(5, 2000) g`);
  const folder = mkdtempSync(path.join(scratch, 'page'));
  writeFileSync(path.join(folder, 'index.html'), '<!doctype html><title>page</title>');
  for (const mode of modes) {
    const config = `server: { compression: ${mode} }\n${listen}${source}views:${followeds}
  /many: { from: app.users, order_by: id }
sinks: { web: { plugin: http, static: "${folder}" }, sockets: { plugin: websocket }, events: { plugin: sse } }\n`;
    servers[mode] = await Sangre.start(config, { environment: world.environment, ready: '/followeds' });
  }
});
after(async () => {
  for (const mode of modes)
    await servers[mode]?.stop();
  await world?.end();
});

// Each server in its time is told what was written for the others.
const abreast = async (mode) => servers[mode].shows('/many', (await world.query('SELECT id, name FROM users ORDER BY id')).rows);
const rename = (id, name) => world.query('UPDATE places SET name = $2 WHERE id = $1', [id, name]);

for (const [mode, offer, agreed] of [
  ['off', true, ''],
  ['shared', true, 'permessage-deflate'],
  ['context', true, 'permessage-deflate'],
  ['context', { serverNoContextTakeover: true }, 'permessage-deflate'],
  ['context', { serverMaxWindowBits: 12, clientMaxWindowBits: 10 }, 'permessage-deflate'],
  ['context', { serverMaxWindowBits: 9 }, ''],
  ['shared', { clientNoContextTakeover: true, threshold: 0 }, 'permessage-deflate'],
])
  test(`compression ${mode}, a client that offers ${JSON.stringify(offer)}: the same documents`, async () => {
    const server = servers[mode];
    await abreast(mode);
    const socket = await Socket.open(`${server.ws}/`, { perMessageDeflate: offer });
    assert.equal(socket.ws.extensions, agreed);
    const start = socket.bytesRead;
    let { data } = await socket.subscribe('m', '/many', { padding: 'x'.repeat(5000) });
    const bytes = socket.bytesRead - start, plain = JSON.stringify(data).length;
    console.log(`${plain} bytes of document, ${bytes} on the wire`);
    assert.ok(agreed ? bytes < plain / 3 : bytes >= plain, `${bytes} of ${plain} bytes`);
    for (let i = 0; i < 20; i++) {
      await world.query('UPDATE users SET name = $1 WHERE id % 7 = $2', [`again ${i}`, i % 7]);
      data = patched(data, (await socket.nextOf('frame')).d.m);
    }
    assert.deepEqual(data, await server.document('/many'));
    socket.send({ type: 'ping', padding: 'y'.repeat(60_000) });
    assert.deepEqual(await socket.next(), { type: 'pong' });
    await socket.close();
  });

test('with a context a rename in followeds is a frame of at most 60 bytes', async () => {
  await abreast('context');
  for (const codec of ['json-patch', 'rows']) {
    const socket = await Socket.open(`${servers.context.ws}/followeds?codec=${codec}`, { perMessageDeflate: true });
    await socket.nextOf('snapshot');
    let bytes;
    for (let i = 0; i < 5; i++) {
      const before_ = socket.bytesRead;
      await rename(2, `pub ${i} ${Math.random()}`.slice(0, 12));
      await socket.nextOf('frame');
      bytes = socket.bytesRead - before_;
    }
    console.log(`${codec}: ${bytes} bytes on the wire`);
    assert.ok(bytes <= 60, `${bytes} bytes`);
    await socket.close();
  }
});

test('a compressed bomb closes with 1009', async () => {
  const socket = await Socket.open(`${servers.shared.ws}/`, { perMessageDeflate: true });
  socket.send(' '.repeat(30_000_000));
  assert.equal(await socket.closed, 1009);
});

test('Chromium agrees on it and shows what the database says', async () => {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', headless: true,
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
  try {
    for (const mode of modes) {
      await abreast(mode);
      const page = await browser.newPage();
      await page.goto(`${servers[mode].url}/`);
      const shown = await page.evaluate((address) => new Promise((resolve, reject) => {
        const socket = new WebSocket(address);
        socket.onclose = ({ code }) => reject(new Error(`closed with ${code}`));
        const messages = [];
        socket.onopen = () => socket.send(JSON.stringify({ type: 'wait', lsn: '0/1', id: 'compressed by the browser '.repeat(9) }));
        socket.onmessage = ({ data }) => {
          messages.push(JSON.parse(data));
          if (messages.length === 2)
            resolve({ extensions: socket.extensions, messages });
        };
      }), `${servers[mode].ws}/many`);
      assert.equal(shown.extensions.split(';')[0], mode === 'off' ? '' : 'permessage-deflate');
      const snapshot = shown.messages.find(({ type }) => type === 'snapshot');
      assert.ok(shown.messages.some(({ type }) => type === 'caught_up'), JSON.stringify(shown.messages).slice(0, 300));
      assert.deepEqual(snapshot.data, await servers[mode].document('/many'));
      await page.close();
    }
  } finally {
    await browser.close();
  }
});
