// What clients may send that is no one's mistake or someone's malice: the program answers each as it should, and serves on.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Sangre } from './lib/sangre.mjs';
import { Socket } from './lib/socket.mjs';
import { listen } from './lib/world.mjs';

const config = `${listen}sources:
  app:
    plugin: memory
    tables:
      things:
        columns: { id: int, tags: "text[]", sizes: "int[]", about: jsonb, price: numeric, flag: bool, day: date }
        key: [id]
        rows: [[1, '{a,"b c"}', "{1,2}", { a: 1, b: [1, 2] }, "1.50", true, "2020-01-02"]]
views:
  /tags: { from: app.things, params: { p: "text[]" }, where: "tags = $p", columns: [id] }
  /sizes: { from: app.things, params: { p: "int[]" }, where: "sizes = $p", columns: [id] }
  /about: { from: app.things, params: { p: jsonb }, where: "about = $p", columns: [id] }
  /price: { from: app.things, params: { p: numeric }, where: "price = $p", columns: [id] }
  /flag: { from: app.things, params: { p: bool }, where: "flag = $p", columns: [id] }
  /day: { from: app.things, params: { p: date }, where: "day = $p", columns: [id] }
  /default: { from: app.things, params: { p: { type: "int[]", default: "{ 1 , 2 }" } }, where: "sizes = $p", columns: [id] }
  /constant: { from: app.things, get: { sizes: "{ 1 , 2 }" }, columns: [id] }
  /id: { from: app.things, params: { p: int }, get: { id: $p }, columns: [id] }
`;
let sangre;

before(async () => (sangre = await Sangre.start(config)));
after(async () => sangre?.stop());

for (const [view, ...texts] of [
  ['/tags', '{a,"b c"}', '{"a","b c"}', '{ a , b c }'],
  ['/sizes', '{1,2}', '{ 1 , 2 }', '{"1",02}'],
  ['/about', '{"a": 1, "b": [1, 2]}', '{"b":[1,2],"a":1}', ' { "a" :1,"b":[ 1,2 ]}'],
  ['/price', '1.50', '1.5', ' 1.5 ', '15e-1', '+1.500'],
  ['/flag', 't', 'true', 'TRUE', 'yes', '1'],
  ['/day', '2020-01-02', '2020-1-2', ' 2020-01-02 '],
])
  test(`${view} knows its value however a person writes it`, async () => {
    for (const text of texts)
      assert.deepEqual(await sangre.document(`${view}?p=${encodeURIComponent(text)}`), [{ id: 1 }], text);
  });

test('defaults and constants of a config are read as values too', async () => {
  assert.deepEqual(await sangre.document('/default'), [{ id: 1 }]);
  assert.deepEqual(await sangre.document('/constant'), { id: 1 });
});

test('an error that quotes malformed UTF-8, or cuts a character, is well-formed itself', async () => {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  for (const place of ['/%ff', '/id?p=%ff', '/id?p=1&%fe=1', '/id?p=1&codec=%ff', `/id?p=${'%C3%A9'.repeat(600)}`, `/a${'%C3%A9'.repeat(600)}`]) {
    const response = await sangre.get(place);
    assert.ok(response.status === 400 || response.status === 404, place);
    assert.equal(typeof JSON.parse(decoder.decode(await response.arrayBuffer())).error.code, 'string', place);
    const socket = await Socket.open(sangre.ws + place);
    await socket.nextOf('error'); // ws takes no malformed text
    assert.equal(await socket.closed, 1008);
  }
  const socket = await Socket.open(`${sangre.ws}/`);
  socket.send({ type: 'subscribe', id: 1, view: '/id', params: { [`a${'é'.repeat(200)}`]: [] } });
  assert.equal((await socket.nextOf('error')).code, 'bad_parameter');
  await socket.close();
});
