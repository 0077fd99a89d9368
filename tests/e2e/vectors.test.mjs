// The command that replays recordings tells a right answer from a wrong one.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { scratch } from './lib/sangre.mjs';

const replay = fileURLToPath(new URL('../vectors/replay.mjs', import.meta.url));
const frame = (event, payload, ref, topic) => JSON.stringify({ event, payload, ref, topic });
const columns = [{ flags: ['key'], name: 'id', type: 'int4', type_modifier: 4294967295 }];

function recording(id) {
  const payload = { columns, commit_timestamp: '2022-10-19T13:50:18Z', errors: null, record: { id }, schema: 'public', table: 'things', type: 'INSERT' };
  return [
    { dir: 'meta', t_ms: 0 },
    { dir: 'connect', t_ms: 1, conn: 'A', url: 'ws://127.0.0.1:1/socket/websocket?vsn=1.0.0' },
    { dir: 'c2s', t_ms: 2, conn: 'A', op: 'text', data: '{"topic":"realtime:*","event":"phx_join","payload":{},"ref":"1"}' },
    { dir: 's2c', t_ms: 3, conn: 'A', op: 'text', data: frame('phx_reply', { response: {}, status: 'ok' }, '1', 'realtime:*') },
    { dir: 'sql', t_ms: 4, sql: 'insert into things values (7)' },
    { dir: 's2c', t_ms: 5, conn: 'A', op: 'text', data: frame('INSERT', payload, null, 'realtime:*') },
  ].map((line) => JSON.stringify(line)).join('\n');
}

const run = (folder) => new Promise((resolve) =>
  execFile(process.execPath, [replay, folder], (error, out) => resolve({ code: error?.code ?? 0, out })));

test('a recording passes or fails by its bytes', async () => {
  const folder = mkdtempSync(path.join(scratch, 'vectors-'));
  writeFileSync(path.join(folder, 'schema.sql'), 'create table things (id int primary key); create publication supabase_realtime for all tables;');
  writeFileSync(path.join(folder, 'right.jsonl'), recording('7'));
  const right = await run(folder);
  assert.deepEqual([right.code, right.out], [0, 'passes right (2 compared)\n1 of 1 recordings pass\n']);
  writeFileSync(path.join(folder, 'wrong.jsonl'), recording('8'));
  const wrong = await run(folder);
  assert.equal(wrong.code, 1);
  assert.match(wrong.out, /passes right[^]*FAILS {2}wrong[^]*"id":"8"[^]*but got [^]*"id":"7"[^]*1 of 2 recordings pass/);
});

test('so does it when it is told to our source', async () => {
  const tell = fileURLToPath(new URL('../vectors/feed.mjs', import.meta.url));
  const told = (folder, environment = {}) => new Promise((resolve) =>
    execFile(process.execPath, [tell, folder], { env: { ...process.env, ...environment } }, (error, out) => resolve({ code: error?.code ?? 0, out })));
  const folder = mkdtempSync(path.join(scratch, 'vectors-'));
  writeFileSync(path.join(folder, 'schema.sql'), 'create table things (id int primary key); create publication supabase_realtime for all tables;');
  writeFileSync(path.join(folder, 'right.jsonl'), recording('7'));
  const right = await told(folder);
  assert.deepEqual([right.code, right.out], [0, 'passes right, told to our source (1 changes)\n1 of 1 recordings with changes pass, told to our source\n']);
  writeFileSync(path.join(folder, 'wrong.jsonl'), recording('8'));
  const wrong = await told(folder, { REPLAY_PATIENCE: '1000' });
  assert.equal(wrong.code, 1);
  assert.match(wrong.out, /FAILS {2}wrong[^]*"id":7[^]*it is[^]*"id":8/);
});
