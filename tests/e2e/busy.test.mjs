// Many clients at once: what is the same for them is rendered once, and when more is queued than may be, clients are told to come again.
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { Sangre, until } from './lib/sangre.mjs';
import { Socket } from './lib/socket.mjs';
import { listen } from './lib/world.mjs';

const MEGABYTE = 1_000_000, BOOKS = 32;
const config = (limit) => `${listen}server: { queue_limit: ${limit} }
sources:
  app:
    plugin: memory
    tables:
      books: { columns: { id: int }, key: [id], rows: ${JSON.stringify(Array.from({ length: BOOKS }, (_, i) => [i]))} }
nodes:
  texts: { input: app.books, lua: "row.text = string.rep('x', ${MEGABYTE})", adds: { text: text } }
  notes: { input: app.books, lua: "row.text = string.rep('y', 6000)", adds: { text: text } }
views:
  /texts: { from: texts, order_by: id }
  /notes: { from: notes, order_by: id }
  /books: { from: app.books, order_by: id }
  /ready: { from: app.books, order_by: id, limit: 1 }
`;

let sangre;
afterEach(() => sangre?.stop());

test('clients of every kind that come at once cost one rendering', async () => {
  sangre = await Sangre.start(config('256MB'), { ready: '/ready' });
  const before = (await sangre.explain()).documents_rendered;
  const sockets = Array.from({ length: 100 }, () => Socket.open(`${sangre.ws}/notes`));
  const gets = Array.from({ length: 100 }, () => sangre.document('/notes'));
  const documents = await Promise.all(gets);
  for (const opening of sockets) {
    const socket = await opening;
    documents.push((await socket.nextOf('snapshot')).data);
    await socket.close();
  }
  assert.equal(documents[0].length, BOOKS);
  for (const document of documents)
    assert.deepEqual(document, documents[0]);
  assert.equal((await sangre.explain()).documents_rendered, before + 1);
});

test('while too much is queued, who comes is told to come again', async () => {
  sangre = await Sangre.start(config('1MB'), { ready: '/ready' });
  const slow = await Socket.open(`${sangre.ws}/texts`);
  slow.ws.pause(); // more than the sockets take remains queued
  await until('a full queue', async () => (await sangre.explain()).queued_bytes > BOOKS * MEGABYTE);
  const refused = await sangre.get('/books');
  assert.equal(refused.status, 503);
  assert.equal(refused.headers.get('retry-after'), '1');
  assert.equal((await refused.json()).error.code, 'busy');
  const stream = await sangre.get('/books', { accept: 'text/event-stream' });
  assert.equal(stream.status, 503);
  assert.equal((await stream.json()).error.code, 'busy');
  const single = await Socket.open(`${sangre.ws}/books`);
  assert.equal((await single.nextOf('error')).code, 'busy');
  assert.equal(await single.closed, 1013);
  const many = await Socket.open(`${sangre.ws}/`);
  many.send({ type: 'subscribe', id: 'u', view: '/books' });
  assert.equal((await many.nextOf('error')).code, 'busy');
  await many.quiet(); // the connection goes on
  assert.ok((await sangre.explain()).refused_busy >= 4);
  // It reads on, and all are welcome again.
  slow.ws.resume();
  assert.ok((await slow.nextText()).length > BOOKS * MEGABYTE);
  await until('room', async () => (await sangre.get('/books')).status === 200);
  many.send({ type: 'subscribe', id: 'u', view: '/books' });
  assert.equal((await many.nextOf('snapshot')).data.length, BOOKS);
  await slow.close();
  await many.close();
});
