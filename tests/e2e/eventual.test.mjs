// What users are told of a source whose feed has no positions: by check, explain, metrics and wait.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { command, Sangre, writeConfig } from './lib/sangre.mjs';
import { Socket } from './lib/socket.mjs';

const ADVICE = 'a feed for tests, which loses what it is told to';
const config = (table) => `listen: "127.0.0.1:\${SANGRE_PORT}"
sources:
  exact: { plugin: memory, tables: { places: { columns: { id: int }, key: [id] } } }
  feed:
    plugin: "${process.env.SANGRE_FEED}"
    tables: { users: { columns: { id: int, name: text }, ${table} } }
views:
  /users: { from: feed.users }
  /places: { from: exact.places }
sinks: { http: { plugin: http }, websocket: { plugin: websocket } }
`;
const text = config('key: [id], rows: [[1, ann]]');

let sangre;

before(async () => {
  sangre = await Sangre.start(text, { ready: '/users' });
});
after(() => sangre?.stop());

test('check says what the source cannot promise, and is content', async () => {
  const { code, err } = await command(['check', writeConfig(text)], { environment: { SANGRE_PORT: '0' } });
  assert.equal(code, 0, err);
  assert.match(err, new RegExp(`warn .*feed eventual: ${ADVICE}`));
  assert.doesNotMatch(err, /exact eventual/);
});

test('check refuses a table without a key, where it is used', async () => {
  const { code, err } = await command(['check', writeConfig(config('rows: [[1, ann]]'))], { environment: { SANGRE_PORT: '0' } });
  assert.equal(code, 2, err);
  assert.match(err, /config\d+\.yaml:8:19.*table users has no key/s);
});

test('explain tells which sources are exact', async () => {
  const { code, out } = await command(['explain', writeConfig(text)], { environment: { SANGRE_PORT: '0' } });
  assert.equal(code, 0);
  assert.match(out, /^source exact: memory$/m);
  assert.match(out, new RegExp(`^source feed: feed, eventual: ${ADVICE}$`, 'm'));
  const live = (await sangre.explain()).sources;
  assert.deepEqual(live.map(({ source, plugin, eventual }) => ({ source, plugin, eventual })),
    [{ source: 'exact', plugin: 'memory', eventual: null }, { source: 'feed', plugin: 'feed', eventual: ADVICE }]);
  assert.deepEqual(live.map(({ state }) => state), ['streaming', 'streaming']);
  assert.equal(live[1].comparisons, 0);
});

test('comparisons are counted of eventual sources', async () => {
  const metrics = await (await sangre.get('/_sangre/metrics')).text();
  assert.match(metrics, /^sangre_source_comparisons_total\{source="feed"\} 0$/m);
  assert.match(metrics, /^sangre_source_gaps_total\{source="feed"\} 0$/m);
  assert.doesNotMatch(metrics, /comparisons_total\{source="exact"/);
});

test('a position of its database cannot be waited for', async () => {
  const socket = await Socket.open(`${sangre.ws}/`);
  socket.send({ type: 'wait', id: 1, lsn: '0/1', source: 'feed' });
  assert.equal((await socket.next()).code, 'no_positions');
  socket.send({ type: 'wait', id: 2, lsn: '0/0', source: 'exact' });
  assert.equal((await socket.next()).type, 'caught_up');
  await socket.close();
});
