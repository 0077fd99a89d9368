// A view by GET: documents, entity tags, cursors, errors; node's fetch and curl as clients.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { Sangre } from './lib/sangre.mjs';
import { World, atFirst, config } from './lib/world.mjs';

const run = promisify(execFile);
let world, sangre;

before(async () => {
  world = await World.start();
  sangre = await Sangre.start(config, { environment: world.environment, ready: '/followeds' });
});
after(async () => {
  await sangre?.stop();
  await world?.end();
});

async function refused(place, status, code, pattern) {
  const response = await sangre.get(place);
  const { error } = await response.json();
  assert.equal(response.status, status, place);
  assert.equal(response.headers.get('content-type'), 'application/json');
  assert.equal(error.code, code, place);
  assert.match(error.message, pattern);
}

test('a GET is the document of its parameters', async () => {
  assert.deepEqual(await sangre.document('/followeds'), atFirst);
  assert.deepEqual(await sangre.document('/followeds?user=1'), atFirst);
  assert.deepEqual(await sangre.document('/followeds?user=4'), { id: 4, name: 'dee', followeds: [] });
  assert.equal(await sangre.document('/followeds?user=99'), null);
  assert.deepEqual(await sangre.document('/places'), [{ id: 1, name: 'bar' }, { id: 2, name: 'pub' }, { id: 3, name: 'zoo' }]);
});

test('a document that is known is answered with 304, until it changes', async () => {
  const first = await sangre.get('/followeds?user=1');
  await first.text();
  const etag = first.headers.get('etag');
  assert.match(etag, /^"[^"]+"$/);
  const again = await sangre.get('/followeds?user=1', { 'if-none-match': `"other", ${etag}` });
  assert.equal(again.status, 304);
  assert.equal(await again.text(), '');
  assert.equal(again.headers.get('etag'), etag);
  await world.query("UPDATE places SET name = 'inn' WHERE id = 2");
  const changed = structuredClone(atFirst);
  changed.followeds[0].places[1].name = changed.followeds[1].places[0].name = 'inn';
  await sangre.shows('/followeds?user=1', changed);
  const later = await sangre.get('/followeds?user=1', { 'if-none-match': etag });
  assert.equal(later.status, 200);
  assert.notEqual(later.headers.get('etag'), etag);
  assert.deepEqual(await later.json(), changed);
});

test('a tag names the codec too', async () => {
  const tags = new Set();
  for (const codec of ['json-patch', 'rows', 'full'])
    tags.add((await sangre.get(`/places?codec=${codec}`)).headers.get('etag'));
  assert.equal(tags.size, 3);
});

test('a change elsewhere leaves the tag of a document alone', async () => {
  const first = await sangre.get('/places');
  await world.query("UPDATE users SET name = 'Dee' WHERE id = 4");
  await sangre.shows('/followeds?user=4', { id: 4, name: 'Dee', followeds: [] });
  assert.equal((await sangre.get('/places', { 'if-none-match': first.headers.get('etag') })).status, 304);
});

test('the cursor of a document moves with it', async () => {
  const first = await sangre.get('/person?id=3');
  const cursor = first.headers.get('sangre-cursor');
  assert.match(cursor, /^\S+$/);
  assert.equal(first.headers.get('sangre-stale'), null);
  await world.query("UPDATE users SET name = 'Cid' WHERE id = 3");
  await sangre.shows('/person?id=3', { id: 3, name: 'Cid' });
  assert.notEqual((await sangre.get('/person?id=3')).headers.get('sangre-cursor'), cursor);
});

test('HEAD has the headers alone', async () => {
  const response = await fetch(`${sangre.url}/places`, { method: 'HEAD' });
  assert.equal(response.status, 200);
  assert.ok(Number(response.headers.get('content-length')) > 0);
  assert.ok(response.headers.get('etag'));
  assert.equal(await response.text(), '');
});

test('an unknown view is 404 with the nearest name', async () => {
  await refused('/folloeds', 404, 'unknown_view', /did you mean \/followeds\?/);
  await refused('/nothing-of-the-kind', 404, 'unknown_view', /\/nothing-of-the-kind/);
});

test('bad, missing and unknown parameters are 400', async () => {
  await refused('/followeds?user=ann', 400, 'bad_parameter', /user/);
  await refused('/followeds?user=99999999999', 400, 'bad_parameter', /user/);
  await refused('/person', 400, 'bad_parameter', /id \(int4\) is missing/);
  await refused('/person?id=%ff', 400, 'bad_parameter', /id is no text in UTF-8/);
  await refused('/person?ident=1', 400, 'bad_parameter', /no parameter ident/);
  await refused('/places?user=1', 400, 'bad_parameter', /no parameter user/);
  await refused('/places?codec=xml', 400, 'unknown_codec', /json-patch, rows and full/);
});

test('other methods are refused, and what to use is told', async () => {
  const response = await fetch(`${sangre.url}/places`, { method: 'DELETE' });
  assert.equal(response.status, 405);
  assert.match(response.headers.get('allow'), /GET/);
});

test('curl gets documents, compares tags and sees errors', async () => {
  const { stdout } = await run('curl', ['-sS', '-i', `${sangre.url}/person?id=1`]);
  const [head, body] = stdout.split('\r\n\r\n');
  assert.match(head, /^HTTP\/1\.1 200 OK\r\n/);
  assert.match(head, /^content-type: application\/json\r?$/m);
  assert.deepEqual(JSON.parse(body), { id: 1, name: 'ann' });
  const etag = /^etag: (.*?)\r?$/m.exec(head)[1];
  const known = await run('curl', ['-sS', '-o', '/dev/null', '-w', '%{http_code}', '-H', `if-none-match: ${etag}`, `${sangre.url}/person?id=1`]);
  assert.equal(known.stdout, '304');
  await assert.rejects(run('curl', ['-sSf', `${sangre.url}/persons?id=1`]), (error) => error.code === 22 && /404/.test(error.stderr));
});

test('requests follow each other on one connection', async () => {
  const url = `${sangre.url}/person?id=1`;
  const { stdout } = await run('curl', ['-sS', '-w', '%{num_connects} ', '-o', '/dev/null', url, '-o', '/dev/null', url, '-o', '/dev/null', url]);
  assert.equal(stdout.trim(), '1 0 0');
});
