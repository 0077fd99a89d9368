// What goes wrong in a life: databases that go away, clients that don't read, the end of the program.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import EventSource from 'eventsource';
import { patched } from './lib/document.mjs';
import { Sangre, command, until, writeConfig } from './lib/sangre.mjs';
import { Socket } from './lib/socket.mjs';
import { World, atFirst, config, listen, source } from './lib/world.mjs';

let world;

before(async () => {
  world = await World.start();
});
after(() => world?.end());

test('a database that is down at the start: 503 with Retry-After, until it is there', async () => {
  await world.disconnect();
  await world.cluster.stop();
  const sangre = await Sangre.start(config, { environment: world.environment, status: 503 });
  const response = await sangre.get('/followeds');
  assert.equal(response.status, 503);
  assert.ok(Number(response.headers.get('retry-after')) >= 1);
  assert.equal((await response.json()).error.code, 'not_ready');
  const socket = await Socket.open(`${sangre.ws}/followeds`);
  assert.equal((await socket.nextOf('error')).code, 'not_ready');
  assert.equal(await socket.closed, 1013);
  await sangre.logged(/ app down: /); // which source
  await world.cluster.start();
  await world.connect();
  await until('/followeds being served', async () => (await sangre.get('/followeds')).status === 200);
  assert.deepEqual(await sangre.document('/followeds'), atFirst);
  assert.deepEqual(await sangre.document('/_sangre/health'), { status: 'ok' });
  await sangre.stop();
});

test('a database that goes away: stale, the last state; when it is back: a reset with what is true now', async () => {
  const sangre = await Sangre.start(config, { environment: world.environment, ready: '/followeds' });
  const single = await Socket.open(`${sangre.ws}/followeds?user=1`);
  const { cursor } = await single.nextOf('snapshot');
  const many = await Socket.open(`${sangre.ws}/`);
  await many.subscribe('f', '/followeds');
  await many.subscribe('p', '/places');
  const events = [];
  const stream = new EventSource(`${sangre.url}/places`);
  for (const type of ['snapshot', 'stale', 'reset', 'frame', 'error'])
    stream.addEventListener(type, (event) => events.push([type, event.data && JSON.parse(event.data)]));
  await until('the stream\'s snapshot', () => events.length === 1);

  await world.disconnect();
  await world.cluster.stop();
  assert.deepEqual(await single.next(), { type: 'stale', stale: true });
  assert.deepEqual(await many.next(), { type: 'stale', stale: true });
  await until('the stream being told', () => events.length === 2);
  assert.deepEqual(events[1], ['stale', { stale: true }]);
  const response = await sangre.get('/followeds');
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('sangre-stale'), 'true');
  assert.deepEqual(await response.json(), atFirst);
  const late = await Socket.open(`${sangre.ws}/places`);
  assert.equal((await late.nextOf('snapshot')).stale, true);

  // Written where Sangre does not look, then served where it does.
  await world.cluster.start('port=5433');
  await world.cluster.psql("UPDATE places SET name = 'inn' WHERE id = 2; DELETE FROM users_followeds WHERE followed_id = 3");
  await world.cluster.stop();
  await world.cluster.start('port=5432');
  await world.connect();
  const wanted = { id: 1, name: 'ann', followeds: [{ id: 2, name: 'bob', places: [{ id: 1, name: 'bar' }, { id: 2, name: 'inn' }] }] };
  const places = [{ id: 1, name: 'bar' }, { id: 2, name: 'inn' }, { id: 3, name: 'zoo' }];

  const told = async (socket, count) => {
    const messages = [];
    while (messages.length < count)
      messages.push(await socket.next());
    assert.ok(messages.some((message) => message.type === 'stale' && !message.stale), JSON.stringify(messages));
    return messages.filter((message) => message.type !== 'stale');
  };
  const [reset] = await told(single, 2);
  assert.equal(reset.type, 'reset');
  assert.equal(reset.reason, 'new_epoch');
  assert.deepEqual(reset.data, wanted);
  assert.notEqual(reset.cursor.split('.')[0], cursor.split('.')[0], 'the epoch is another one');
  const both = await told(many, 3);
  assert.deepEqual(both.map(({ type, id, data }) => [type, id, data]).sort(), [['reset', 'f', wanted], ['reset', 'p', places]]);
  const [other] = await told(late, 2);
  assert.deepEqual(other.data, places);
  await until('the stream being reset', () => events.length === 4);
  assert.deepEqual(events.slice(2).sort(), [['reset', { reason: 'new_epoch', data: places }], ['stale', { stale: false }]]);

  await world.query("UPDATE places SET name = 'pub' WHERE id = 2");
  assert.deepEqual((await single.nextOf('frame')).d, [{ op: 'replace', path: '/followeds/0/places/1/name', value: 'pub' }]);
  assert.equal((await sangre.get('/places')).headers.get('sangre-stale'), null);
  const back = await Socket.open(`${sangre.ws}/followeds?cursor=${encodeURIComponent(cursor)}`);
  assert.equal((await back.nextOf('reset')).type, 'reset', 'a cursor of the old epoch');
  stream.close();
  for (const socket of [single, many, late, back])
    await socket.close();
  await world.query('INSERT INTO users_followeds VALUES (1, 3)');
  await sangre.stop();
});

test('SIGTERM closes every client with 1001, and the program ends with 0', async () => {
  // Who has nothing to take holds nothing up: the end would take as long as that.
  const sangre = await Sangre.start(`server: { drain_timeout: 1h }\n${config}`, { environment: world.environment, ready: '/followeds' });
  const sockets = [];
  for (const place of ['/', '/followeds', '/places', '/ws/followeds', '/ws/places-diffed'])
    sockets.push(await Socket.open(sangre.ws + place));
  for (const socket of sockets.slice(1))
    await socket.next();
  const stream = await fetch(`${sangre.url}/places`, { headers: { accept: 'text/event-stream' } });
  const text = stream.text(); // ends when the stream does
  const silent = connect(sangre.port, '127.0.0.1'); // has said nothing yet
  await new Promise((resolve) => silent.on('connect', resolve));
  silent.on('error', () => {});
  await sangre.stop();
  for (const socket of sockets)
    assert.equal(await socket.closed, 1001);
  assert.match(await text, /^(retry: \d+\n)?event: snapshot\n/);
  await assert.rejects(sangre.get('/places'));
  await until('no slot being left behind', async () => !(await world.query('SELECT FROM pg_replication_slots')).rowCount);
});

test('SIGINT ends it too, also before the database answers', async () => {
  const sangre = await Sangre.start(config, { environment: { DATABASE_URL: 'postgresql:///x?host=/nonexistent' }, status: 503 });
  sangre.child.kill('SIGINT');
  assert.equal(await sangre.exited, 0, sangre.err);
  assert.match(sangre.err, /nonexistent/);
});

test('a client that does not read gets one composed frame; the others notice nothing', async () => {
  const ROUNDS = 150, SIZE = 100_000;
  await world.query(`CREATE TABLE blobs (id int PRIMARY KEY, round int, text text); INSERT INTO blobs VALUES (1, 0, '')`);
  const sangre = await Sangre.start(`${listen}server: { client_buffer: 64KB, message_limit: 16KB }\n${source}views:
  /blobs: { from: app.blobs }
  /blob: { from: app.blobs, get: { id: 1 } }\n`, { environment: world.environment, ready: '/blobs' });
  const asleep = await Socket.open(`${sangre.ws}/blobs`);
  const asleepMany = await Socket.open(`${sangre.ws}/`);
  const awake = await Socket.open(`${sangre.ws}/blobs`);
  let { data: held, cursor } = await asleep.nextOf('snapshot');
  const both = await asleepMany.subscribe('list', '/blobs').then(async (list) => ({ list: list.data, one: (await asleepMany.subscribe('one', '/blob')).data }));
  await awake.nextOf('snapshot');
  asleep.ws.pause();
  asleepMany.ws.pause();
  for (let round = 1; round <= ROUNDS; round++) {
    await world.query('UPDATE blobs SET round = $1, text = $2', [round, String.fromCharCode(97 + (round % 26)).repeat(SIZE)]);
    const frame = await awake.nextOf('frame');
    assert.equal(frame.d.find((patch) => patch.path === '/0/round').value, round, 'each commit is a frame to those who read');
  }
  asleep.ws.resume();
  asleepMany.ws.resume();
  let frames = 0;
  while (held[0].round !== ROUNDS) {
    const frame = await asleep.nextOf('frame');
    assert.equal(frame.p, cursor, 'frames follow each other without a gap');
    held = patched(held, frame.d);
    cursor = frame.c;
    frames++;
  }
  assert.deepEqual(held, await sangre.document('/blobs'));
  assert.ok(frames < ROUNDS, `${frames} frames of ${ROUNDS} commits were composed`);
  console.log(`a client that slept through ${ROUNDS} commits got ${frames} frames`);
  while (both.one.round !== ROUNDS) {
    const { d } = await asleepMany.nextOf('frame');
    assert.deepEqual(Object.keys(d).sort(), ['list', 'one'], 'a composed frame is not torn');
    both.list = patched(both.list, d.list);
    both.one = patched(both.one, d.one);
    assert.deepEqual(both.list[0], both.one);
  }
  for (const socket of [asleep, asleepMany, awake])
    await socket.quiet();
  for (const socket of [asleep, asleepMany, awake])
    await socket.close();
  await sangre.stop();
});

test('two hundred clients that do not read hold no more than is configured, and each gets the rest', async () => {
  const CLIENTS = 200, ROUNDS = 60, SIZE = 50_000, LIMIT = 16 << 20;
  await world.query("UPDATE blobs SET round = 0, text = ''");
  const sangre = await Sangre.start(`${listen}server: { client_buffer: 256KB, queue_limit: 16MB }\n${source}views: { /blobs: { from: app.blobs } }\n`,
    { environment: world.environment, ready: '/blobs' });
  const asleep = [];
  for (let i = 0; i < CLIENTS; i++) { // half of them with frames of their own, which share nothing
    const socket = await Socket.open(`${sangre.ws}${i % 2 ? '/' : '/blobs'}`);
    socket.held = (i % 2 ? await socket.subscribe(`client ${i}`, '/blobs') : await socket.nextOf('snapshot')).data;
    socket.ws.pause();
    asleep.push(socket);
  }
  let most = 0;
  for (let round = 1; round <= ROUNDS; round++) {
    await world.query('UPDATE blobs SET round = $1, text = $2', [round, String.fromCharCode(97 + (round % 26)).repeat(SIZE)]);
    await sangre.shows('/blobs', [{ id: 1, round, text: String.fromCharCode(97 + (round % 26)).repeat(SIZE) }]);
    most = Math.max(most, (await sangre.explain()).queued_bytes);
  }
  console.log(`${CLIENTS} clients that do not read, ${ROUNDS} frames of ${SIZE} bytes: ${most} bytes queued at most`);
  assert.ok(most <= LIMIT, `${most} bytes were queued`);
  const last = await sangre.document('/blobs');
  for (const [i, socket] of asleep.entries()) {
    socket.ws.resume();
    let frames = 0;
    for (; socket.held[0].round !== ROUNDS; frames++) {
      const { d } = await socket.nextOf('frame');
      socket.held = patched(socket.held, i % 2 ? d[`client ${i}`] : d);
    }
    assert.deepEqual(socket.held, last);
    assert.ok(frames < ROUNDS, `${frames} frames: nothing was composed`);
    await socket.close();
  }
  await sangre.stop();
});

test('a client that slept longer than history is kept gets a named reset', async () => {
  await world.query("UPDATE blobs SET round = 0, text = ''");
  const sangre = await Sangre.start(`${listen}server: { client_buffer: 64KB, history: { bytes: 64KB } }\n${source}views: { /blobs: { from: app.blobs } }\n`,
    { environment: world.environment, ready: '/blobs' });
  const asleep = await Socket.open(`${sangre.ws}/blobs`);
  const awake = await Socket.open(`${sangre.ws}/blobs`);
  for (const socket of [asleep, awake])
    await socket.nextOf('snapshot');
  asleep.ws.pause();
  for (let round = 1; round <= 100; round++) {
    await world.query('UPDATE blobs SET round = $1, text = $2', [round, String.fromCharCode(97 + (round % 26)).repeat(100_000)]);
    await awake.nextOf('frame');
  }
  await until('history being trimmed', async () => (await sangre.explain()).history_bytes <= 65536);
  asleep.ws.resume();
  let message, frames = -1;
  do {
    message = await asleep.next();
    frames++;
  } while (message.f);
  assert.equal(message.type, 'reset', JSON.stringify(message).slice(0, 200));
  assert.match(message.reason, /^[a-z_]+$/);
  assert.deepEqual(message.data, await sangre.document('/blobs'));
  assert.ok(frames < 100);
  await world.query("UPDATE blobs SET text = ''");
  for (const socket of [asleep, awake]) {
    assert.deepEqual((await socket.nextOf('frame')).d, [{ op: 'replace', path: '/0/text', value: '' }]);
    await socket.quiet();
    await socket.close();
  }
  await sangre.stop();
});

test('an event stream that does not read is caught up like a websocket', async () => {
  await world.query("UPDATE blobs SET round = 0, text = ''");
  const sangre = await Sangre.start(`${listen}server: { client_buffer: 64KB }\n${source}views: { /blobs: { from: app.blobs } }\n`, { environment: world.environment, ready: '/blobs' });
  const asleep = connect(sangre.port, '127.0.0.1');
  asleep.setEncoding('utf8').write('GET /blobs HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n');
  let text = await new Promise((resolve) => asleep.once('data', resolve));
  asleep.pause();
  for (let round = 1; round <= 150; round++)
    await world.query('UPDATE blobs SET round = $1, text = $2', [round, String.fromCharCode(97 + (round % 26)).repeat(100_000)]);
  await until('the last commit being shown', async () => (await sangre.document('/blobs'))[0].round === 150);
  asleep.on('data', (more) => (text += more)).resume();
  const events = () => text.slice(text.indexOf('event: ')).split('\n\n').filter((event) => /^event: frame\n[^]*\ndata: .*\]$/.test(event));
  const rounds = () => events().map((event) => JSON.parse(/\ndata: (.*)$/.exec(event)[1]).find((patch) => patch.path === '/0/round').value);
  await until('the last commit reaching the stream', () => text.includes('"value":150}') && rounds().at(-1) === 150);
  assert.ok(rounds().length < 150, `${rounds().length} frames`);
  assert.deepEqual(rounds(), [...rounds()].sort((a, b) => a - b));
  asleep.destroy();
  await sangre.stop();
});

test('a client that never reads again is cut when its time is up', async () => {
  await world.query("UPDATE blobs SET round = 0, text = ''");
  const sangre = await Sangre.start(`${listen}server: { client_buffer: 64KB, client_timeout: 500ms }\n${source}views: { /blobs: { from: app.blobs } }\n`,
    { environment: world.environment, ready: '/blobs' });
  const asleep = await Socket.open(`${sangre.ws}/blobs`);
  await asleep.nextOf('snapshot');
  asleep.ws.pause();
  let round = 0;
  await until('the sleeper being cut', async () => {
    await world.query('UPDATE blobs SET round = $1, text = $2', [++round, String.fromCharCode(97 + (round % 26)).repeat(500_000)]);
    return (await sangre.explain()).subscriptions === 0;
  });
  asleep.ws.resume();
  assert.equal(await asleep.closed, 1006);
  assert.equal((await sangre.document('/blobs'))[0].id, 1);
  await sangre.stop();
});

// The program ends by itself; its last words hold these.
async function ends(text, code, patterns, environment = world.environment) {
  const result = await command(['run', writeConfig(text)], { environment: { SANGRE_PORT: '0', ...environment } });
  assert.equal(result.code, code, `${text}\n${result.err}`);
  for (const pattern of patterns)
    assert.match(result.err, pattern);
}

test('a table that is not there is a mistake of the config, with the nearest name', async () => {
  await ends(`${listen}${source}views: { /a: { from: app.userz } }\n`, 2, [/^.*config\d+\.yaml:4:22: .*userz/m, /users/]);
});

test('a column that is not there is a mistake of the config, with the nearest name', async () => {
  await ends(`${listen}${source}views:\n  /a: { from: app.users, columns: [id, nam] }\n`, 2, [/^.*config\d+\.yaml:5:40: .*nam/m, /"name"/]);
});

test('a role that may not read says so, and how to let it', async () => {
  await world.query("CREATE ROLE reader LOGIN REPLICATION; CREATE ROLE plain LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO plain");
  const as = (role) => ({ DATABASE_URL: world.url.replace('postgres@', `${role}@`) });
  const views = `${listen}${source}views: { /a: { from: app.users } }\n`;
  await ends(views, 1, [/users/, /permission|SELECT/i], as('reader'));
  await ends(views, 1, [/plain|replication/i, /replication/i], as('plain'));
});

test('a database or role that is not there ends the program: only a person can help', async () => {
  const views = `${listen}${source}views: { /a: { from: app.users } }\n`;
  await ends(views, 1, [/nobody_here/], { DATABASE_URL: world.url.replace('postgres@', 'nobody_here@') });
  await ends(views, 1, [/no_such_database/], { DATABASE_URL: world.cluster.url('no_such_database') });
});

test('two processes on one database do not disturb each other', async () => {
  const [one, two] = [await Sangre.start(config, { environment: world.environment, ready: '/places' }), await Sangre.start(config, { environment: world.environment, ready: '/places' })];
  await world.query("UPDATE places SET name = 'ark' WHERE id = 3");
  for (const sangre of [one, two])
    await sangre.shows('/places', [{ id: 1, name: 'bar' }, { id: 2, name: 'pub' }, { id: 3, name: 'ark' }]);
  await one.stop();
  await world.query("UPDATE places SET name = 'zoo' WHERE id = 3");
  await two.shows('/places', [{ id: 1, name: 'bar' }, { id: 2, name: 'pub' }, { id: 3, name: 'zoo' }]);
  await two.stop();
});

test('a port that is taken is said at once', async () => {
  const one = await Sangre.start(config, { environment: world.environment });
  const result = await command(['run', one.file], { environment: { ...world.environment, SANGRE_PORT: String(one.port) } });
  assert.equal(result.code, 1, result.err);
  assert.match(result.err, new RegExp(String(one.port)));
  await one.stop();
});
