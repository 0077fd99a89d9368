// What runs, as Prometheus reads it.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Sangre, until } from './lib/sangre.mjs';
import { Socket } from './lib/socket.mjs';
import { World, config } from './lib/world.mjs';

let world, sangre;

before(async () => {
  world = await World.start();
  sangre = await Sangre.start(config, { environment: world.environment, ready: '/followeds' });
});
after(async () => {
  await sangre?.stop();
  await world?.end();
});

const LABEL = '[a-z_]+="(?:[^"\\\\\\n]|\\\\["\\\\n])*"';
const SAMPLE = new RegExp(`^([a-z_]+)(\\{${LABEL}(?:,${LABEL})*\\})? (-?[0-9.e+-]+)$`);

// Name and labels → value; every line has to be one that the format allows, families in one piece with a type before their samples.
async function metrics() {
  const response = await sangre.get('/_sangre/metrics');
  assert.equal(response.status, 200);
  assert.match(response.headers.get('content-type'), /^text\/plain; version=0\.0\.4/);
  const text = await response.text();
  const values = new Map(), families = new Set();
  let family;
  assert.ok(text.endsWith('\n'));
  for (const line of text.trimEnd().split('\n')) {
    const head = /^# (HELP|TYPE) ([a-z_]+) (.+)$/.exec(line);
    if (head?.[1] === 'HELP') {
      family = head[2];
      assert.ok(!families.has(family), `${family} comes twice`);
      families.add(family);
    } else if (head) {
      assert.equal(head[2], family);
      assert.equal(head[3], family.endsWith('_total') ? 'counter' : 'gauge');
    } else {
      const [, name, labels = '', value] = SAMPLE.exec(line) ?? assert.fail(`not a sample: ${line}`);
      assert.equal(name, family);
      assert.ok(!values.has(name + labels), `${line} comes twice`);
      values.set(name + labels, Number(value));
    }
  }
  return values;
}

test('engine, nodes, views and the network side are counted', async () => {
  const socket = await Socket.open(`${sangre.ws}/followeds`);
  await socket.next();
  const first = await metrics();
  assert.equal(first.get('sangre_subscriptions'), 1);
  assert.equal(first.get('sangre_connections'), 1);
  assert.equal(first.get('sangre_view_instances'), 1);
  assert.equal(first.get('sangre_source_streaming{source="app"}'), 1);
  assert.ok(first.get('sangre_rows') > 0);
  await world.query("UPDATE places SET name = 'inn' WHERE id = 2");
  await socket.next();
  const second = await metrics();
  const grown = (name) => second.get(name) - first.get(name);
  assert.equal(grown('sangre_commits_total'), 1);
  assert.equal(grown('sangre_node_rows_out_total{node="app.places",number="3"}'), 2);
  assert.ok(grown('sangre_source_position{source="app"}') > 0);
  assert.ok(grown('sangre_view_edits_total') > 0);
  await socket.close();
  await until('the subscription to end', async () => (await metrics()).get('sangre_subscriptions') === 0);
});
