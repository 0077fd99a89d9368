// The Python client of Supabase Realtime as PyPI has it, unpatched, with secure channels and without.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createHmac } from 'node:crypto';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Sangre, until } from './lib/sangre.mjs';
import { World, listen } from './lib/world.mjs';

const SECRET = 'one that nobody guesses, of 32 bytes and more';
const python = fileURLToPath(new URL('../venv/bin/python', import.meta.url));
const skip = !existsSync(new URL('../venv/requirements.txt', import.meta.url)) && 'scripts/setup could not have the packages of tests/requirements.txt';
const script = fileURLToPath(new URL('./lib/realtime_client.py', import.meta.url));

const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
function token() {
  const text = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ role: 'anon', exp: Math.floor(Date.now() / 1000) + 3600 })}`;
  return `${text}.${createHmac('sha256', SECRET).update(text).digest('base64url')}`;
}

let world, server;

before(async () => {
  world = await World.start();
  await world.query('CREATE TABLE notes (id int PRIMARY KEY, owner text); CREATE PUBLICATION feed FOR ALL TABLES');
});
after(() => world?.end());

class Client {
  constructor(...args) {
    Object.assign(this, { out: '', err: '' });
    this.child = spawn(python, [script, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.child.stdout.setEncoding('utf8').on('data', (text) => (this.out += text));
    this.child.stderr.setEncoding('utf8').on('data', (text) => (this.err += text));
    this.ended = new Promise((resolve, reject) => this.child.on('error', reject).on('close', (code, signal) => resolve(this.code = code ?? signal)));
  }
}

for (const [name, options] of Object.entries({ open: 'secure: false', secure: `secret: "${SECRET}"` }))
  test(`broadcast, presence and postgres_changes, ${name}`, { skip }, async () => {
    const config = `${listen}sources:\n  app: { plugin: postgres, conninfo: "\${DATABASE_URL}", publication: feed }
sinks:\n  realtime: { plugin: supabase, source: app, ${options} }\n`;
    server = await Sangre.start(config, { ready: '/socket/websocket', status: 426, environment: { DATABASE_URL: world.url } });
    const client = new Client(`${server.ws}/realtime/v1`, token());
    try {
      await until(() => `the client listening; ${client.err}`, () => client.code !== undefined || client.out.includes('listening'));
      await world.query("INSERT INTO notes VALUES (1, 'ann'), (11, 'cid'); UPDATE notes SET owner = 'bob'; DELETE FROM notes");
      assert.equal(await client.ended, 0, client.err);
    } finally {
      client.child.kill();
      await server.stop();
    }
  });
