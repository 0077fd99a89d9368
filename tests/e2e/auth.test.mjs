// Views that ask for a token: by GET, event stream and websocket; who sees what; and what becomes of it when tokens change or end.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { patched } from './lib/document.mjs';
import { Sangre, command, until, writeConfig } from './lib/sangre.mjs';
import { Socket } from './lib/socket.mjs';
import { Key, inAnHour, secret, token } from './lib/token.mjs';
import { World, listen, memory, source } from './lib/world.mjs';

let world, sangre;

const config = `${listen}${source}
auth:
  keys: [{ secret: "\${JWT_SECRET}" }]
  audience: app
  leeway: 0s
  query: access_token
  cookie: session
views:
  /users: { from: app.users, order_by: id }
  /members: { from: app.users, order_by: id, auth: required }
  /me: { from: app.users, params: { user: { type: int, value: $claims.sub } }, get: { id: $user } }
  /rooms:
    from: app.rooms
    params: { me: { type: int, value: $claims.app_metadata.person }, room: { type: int, default: 0 } }
    where: "id = $room OR $room = 0"
    order_by: id
    populate:
      notes:
        from: app.notes
        on: "id = room_id"
        where: "owner = $me"
        order_by: id
        columns: [id, text]
        populate:
          marks: { from: app.marks, on: "id = note_id", where: "secret = $me OR secret IS NULL", order_by: id, columns: [id] }
`;

const bearer = (text) => ({ authorization: `Bearer ${text}` });
const member = (sub, more = {}) => token({ sub: String(sub), aud: 'app', ...more });
const person = (id, more = {}) => token({ sub: 'x', aud: 'app', app_metadata: { person: id }, ...more });
const soon = () => Math.floor(Date.now() / 1000) + 5; // what is done before then takes a tenth of a second, where nothing is slow
const ann = { id: 1, name: 'ann' }, bob = { id: 2, name: 'bob' };

async function get(place, headers = {}) {
  const response = await sangre.get(place, headers);
  return { status: response.status, headers: response.headers, body: await response.json() };
}

async function expectRefused(place, headers, status, code) {
  const answer = await get(place, headers);
  assert.equal(answer.status, status, JSON.stringify(answer.body));
  assert.equal(answer.body.error.code, code);
  return answer;
}

before(async () => {
  world = await World.start();
  await world.query(`
    CREATE TABLE rooms (id int PRIMARY KEY, name text);
    CREATE TABLE notes (id int PRIMARY KEY, room_id int, owner int, text text);
    CREATE TABLE marks (id int PRIMARY KEY, note_id int, secret int);
    INSERT INTO rooms VALUES (1, 'hall'), (2, 'attic');
    INSERT INTO notes VALUES (1, 1, 10, 'ten'), (2, 1, 20, 'twenty'), (3, 2, 10, 'ten again'), (4, 1, NULL, 'nobody');
    INSERT INTO marks VALUES (1, 1, NULL), (2, 1, 10), (3, 1, 20), (4, 2, 10), (5, 2, 20), (6, 3, 10);`);
  sangre = await Sangre.start(config, { environment: { ...world.environment, JWT_SECRET: secret }, ready: '/users', args: ['--log-level', 'debug'] });
});
after(async () => {
  await sangre?.stop();
  await world?.end();
  assert.ok(!sangre.err.includes(secret), 'the log holds the secret');
  assert.ok(!/eyJ[\w-]+\.eyJ/.test(sangre.err), 'the log holds a token');
});

// ---- GET

test('a view that asks for a token is given to nobody without one, and says how to ask', async () => {
  const { headers } = await expectRefused('/members', {}, 401, 'unauthorized');
  assert.equal(headers.get('www-authenticate'), 'Bearer realm="sangre"');
  await expectRefused('/me', {}, 401, 'unauthorized');
  assert.equal((await get('/users')).status, 200);
});

test('a token is taken from the header, the address and the cookie', async () => {
  const good = member(1);
  for (const [place, headers] of [['/me', bearer(good)], ['/me', { authorization: `bearer  ${good}` }],
    [`/me?access_token=${good}`, {}], ['/me', { cookie: `a=b; session=${good}; c=d` }],
    ['/me', { ...bearer(good), cookie: 'session=stale' }]]) {
    const { status, body, headers: answer } = await get(place, headers);
    assert.equal(status, 200, JSON.stringify(body));
    assert.deepEqual(body, ann);
    assert.match(answer.get('cache-control'), /private/);
    assert.match(answer.get('vary'), /authorization/);
  }
  assert.equal((await get('/users', bearer('rubbish'))).status, 200, 'who needs no token is not asked for a good one');
});

test('bad tokens are refused, each with its code', async () => {
  const good = member(1);
  const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${good.split('.')[1]}.`;
  const { headers } = await expectRefused('/me', bearer('rubbish'), 401, 'invalid_token');
  assert.match(headers.get('www-authenticate'), /error="invalid_token"/);
  await expectRefused('/me', bearer(none), 401, 'invalid_token');
  await expectRefused('/me', bearer(good.slice(0, -4)), 401, 'invalid_token');
  await expectRefused('/me', bearer(token({ sub: '1', aud: 'app' }, { by: `another ${secret}` })), 401, 'invalid_token');
  await expectRefused('/me', bearer(member(1, { exp: 1 })), 401, 'token_expired');
  await expectRefused('/me', bearer(member(1, { nbf: inAnHour() })), 401, 'invalid_token');
  await expectRefused('/me', bearer(token({ sub: '1', aud: 'other' })), 401, 'invalid_token');
  await expectRefused('/me', bearer(''), 401, 'unauthorized');
  await expectRefused('/me', bearer(`${good},${good}`), 401, 'invalid_token');
  await expectRefused(`/me?codec=full%0d%0aAuthorization:%20Bearer%20${good}%0d%0aX:`, {}, 401, 'unauthorized');
  await expectRefused('/me?access_token=../../etc/passwd', {}, 401, 'invalid_token');
  await expectRefused(`/me?access_token=${good}`, bearer(good), 400, 'two_tokens');
  await expectRefused(`/me?access_token=${good}&access_token=${good}`, {}, 400, 'two_tokens');
  await expectRefused('/me', bearer(member(1, { more: 'x'.repeat(9000) })), 401, 'invalid_token');
});

test('a claim is a parameter that a client cannot give, and must be there and fit', async () => {
  const refused = await expectRefused('/me?user=2', bearer(member(1)), 400, 'bad_parameter');
  assert.match(refused.body.error.message, /user comes from the token/);
  await expectRefused('/me?user=1', bearer(member(1)), 400, 'bad_parameter');
  await expectRefused('/me', bearer(member('ann')), 403, 'bad_claim');
  await expectRefused('/me', bearer(token({ aud: 'app' })), 403, 'bad_claim');
  await expectRefused('/me', bearer(token({ aud: 'app', sub: null })), 403, 'bad_claim');
  await expectRefused('/me', bearer(token({ aud: 'app', sub: { id: 1 } })), 403, 'bad_claim');
  await expectRefused('/me', bearer(member('99999999999')), 403, 'bad_claim');
  await expectRefused('/rooms', bearer(member(10)), 403, 'bad_claim');
  await expectRefused('/rooms?me=20', bearer(person(10)), 400, 'bad_parameter');
  assert.deepEqual((await get('/me', bearer(token({ aud: 'app', sub: 2 })))).body, bob);
});

test('two people at one address have two documents, and no cache can give one the other\'s', async () => {
  const first = await get('/me', bearer(member(1))), second = await get('/me', bearer(member(2)));
  assert.notEqual(first.headers.get('etag'), second.headers.get('etag'));
  const same = await sangre.get('/me', { ...bearer(member(1)), 'if-none-match': first.headers.get('etag') });
  assert.equal(same.status, 304);
  const other = await get('/me', { ...bearer(member(2)), 'if-none-match': first.headers.get('etag') });
  assert.deepEqual(other.body, bob);
});

// ---- Nested levels

// What Postgres shows of the rooms to somebody.
async function rooms(me) {
  const { rows } = await world.client.query(`
    SELECT r.id, r.name, COALESCE((SELECT json_agg(json_build_object('id', n.id, 'text', n.text, 'marks', COALESCE((
        SELECT json_agg(json_build_object('id', m.id) ORDER BY m.id) FROM marks m WHERE m.note_id = n.id AND (m.secret = $1 OR m.secret IS NULL)), '[]'))
      ORDER BY n.id) FROM notes n WHERE n.room_id = r.id AND n.owner = $1), '[]') AS notes
    FROM rooms r ORDER BY r.id`, [me]);
  return rows;
}

test('a claim at nested levels keeps rows apart, as they are and as they change hands, by every way', async () => {
  const people = {};
  for (const me of [10, 20, 30]) {
    const socket = (people[me] = await Socket.open(`${sangre.ws}/`));
    socket.send({ type: 'auth', token: person(me) });
    assert.equal((await socket.next()).type, 'auth');
    socket.document = (await socket.subscribe('rooms', '/rooms')).data;
    assert.deepEqual(socket.document, await rooms(me));
  }
  assert.deepEqual(people[10].document[0].notes.map(({ id }) => id), [1]);
  assert.deepEqual(people[30].document[0].notes, []);

  const change = async (sql, ...whose) => {
    await world.query(sql);
    for (const me of whose)
      people[me].document = patched(people[me].document, (await people[me].nextOf('frame')).d.rooms);
    for (const [me, socket] of Object.entries(people)) {
      await socket.quiet(); // whoever it does not concern hears nothing
      assert.deepEqual(socket.document, await rooms(me));
      assert.deepEqual((await get('/rooms', bearer(person(Number(me))))).body, socket.document);
    }
  };
  await change('UPDATE notes SET owner = 20 WHERE id = 1', 10, 20);
  await change("UPDATE notes SET text = 'for twenty' WHERE id = 1", 20);
  await change('UPDATE marks SET secret = 20 WHERE id = 2', 20);
  await change('INSERT INTO marks VALUES (7, 1, 10)');
  await change('UPDATE notes SET owner = 10 WHERE id = 1', 10, 20);
  await change('UPDATE notes SET owner = 30, room_id = 2 WHERE id = 4', 30);
  await change('DELETE FROM notes WHERE id = 4', 30);
  await change("INSERT INTO rooms VALUES (3, 'cellar')", 10, 20, 30);
  for (const socket of Object.values(people))
    await socket.close();
});

// ---- Websockets

test('on a websocket a refused subscription is an error of its own, and the rest goes on', async () => {
  const socket = await Socket.open(`${sangre.ws}/`);
  await socket.subscribe(1, '/users');
  socket.send({ type: 'subscribe', id: 2, view: '/me' });
  const error = await socket.nextOf('error');
  assert.deepEqual([error.id, error.code], [2, 'unauthorized']);
  socket.send({ type: 'auth', token: 'rubbish' });
  assert.equal((await socket.nextOf('error')).code, 'invalid_token');
  socket.send({ type: 'auth', token: 7 });
  assert.equal((await socket.nextOf('error')).code, 'bad_message');
  socket.send({ type: 'subscribe', id: 2, view: '/me' });
  assert.equal((await socket.nextOf('error')).code, 'invalid_token');
  const exp = inAnHour();
  socket.send({ type: 'auth', token: member(2, { exp }) });
  assert.deepEqual(await socket.next(), { type: 'auth', expires: exp * 1000 });
  assert.deepEqual((await socket.subscribe(2, '/me')).data, bob);
  socket.send({ type: 'subscribe', id: 3, view: '/me', params: { user: 1 } });
  assert.deepEqual((({ id, code }) => [id, code])(await socket.nextOf('error')), [3, 'bad_parameter']);
  await world.query("UPDATE users SET name = 'bobby' WHERE id = 2");
  assert.deepEqual(Object.keys((await socket.nextOf('frame')).d), ['1', '2']);
  await world.query("UPDATE users SET name = 'bob' WHERE id = 2");
  assert.deepEqual(Object.keys((await socket.nextOf('frame')).d), ['1', '2']);
  await socket.close();
});

test('a websocket on a view takes its token from header, address and cookie; a page of another origin has no cookie', async () => {
  for (const [place, options] of [['/me', { headers: bearer(member(1)) }], [`/me?access_token=${member(1)}`, {}],
    ['/me', { headers: { cookie: `session=${member(1)}` } }]]) {
    const socket = await Socket.open(sangre.ws + place, options);
    assert.deepEqual((await socket.nextOf('snapshot')).data, ann);
    await socket.close();
  }
  const socket = await Socket.open(`${sangre.ws}/me`);
  assert.equal((await socket.nextOf('error')).code, 'unauthorized');
  assert.equal(await socket.closed, 1008);
});

test('other claims reset what depends on them, the same ones nothing; without a token it ends', async () => {
  const socket = await Socket.open(`${sangre.ws}/`, { headers: bearer(member(1)) });
  assert.deepEqual((await socket.subscribe('me', '/me')).data, ann);
  await socket.subscribe('all', '/users');
  await socket.subscribe('members', '/members');
  const authenticate = async (text) => {
    socket.send({ type: 'auth', token: text });
    assert.equal((await socket.next()).type, 'auth');
  };
  await authenticate(member(1));
  await socket.quiet();
  await authenticate(member(2));
  const reset = await socket.nextOf('reset');
  assert.deepEqual([reset.id, reset.reason, reset.data], ['me', 'claims', bob]);
  await world.query("UPDATE users SET name = 'anna' WHERE id = 1");
  assert.deepEqual(Object.keys((await socket.nextOf('frame')).d).sort(), ['all', 'members']);
  await world.query("UPDATE users SET name = 'ann' WHERE id = 1");
  await socket.nextOf('frame');
  await world.query("UPDATE users SET name = 'bobby' WHERE id = 2");
  assert.deepEqual(Object.keys((await socket.nextOf('frame')).d).sort(), ['all', 'me', 'members']);
  await world.query("UPDATE users SET name = 'bob' WHERE id = 2");
  await socket.nextOf('frame');

  socket.send({ type: 'auth', token: 'rubbish' }); // changes nothing
  assert.equal((await socket.nextOf('error')).code, 'invalid_token');
  await socket.quiet();
  await authenticate(token({ aud: 'app', sub: 'nobody' }));
  const gone = await socket.nextOf('error');
  assert.deepEqual([gone.id, gone.code], ['me', 'bad_claim']);
  await authenticate(null);
  const out = await socket.nextOf('error');
  assert.deepEqual([out.id, out.code], ['members', 'unauthorized']);
  await world.query("UPDATE users SET name = 'bobby' WHERE id = 2");
  assert.deepEqual(Object.keys((await socket.nextOf('frame')).d), ['all']);
  await world.query("UPDATE users SET name = 'bob' WHERE id = 2");
  await socket.nextOf('frame');
  await socket.close();
  await until('all subscriptions being gone', async () => (await sangre.explain()).subscriptions === 0);
});

test('an expired token ends its subscriptions, unless it is renewed in time', async () => {
  const socket = await Socket.open(`${sangre.ws}/`, { headers: bearer(member(1, { exp: soon() })) });
  const other = await Socket.open(`${sangre.ws}/`, { headers: bearer(member(1, { exp: soon() })) });
  const single = await Socket.open(`${sangre.ws}/me`, { headers: bearer(member(1, { exp: soon() })) });
  await socket.subscribe('me', '/me');
  await socket.subscribe('all', '/users');
  await other.subscribe('me', '/me');
  await single.nextOf('snapshot');
  other.send({ type: 'auth', token: member(1) });
  assert.equal((await other.next()).type, 'auth');
  const error = await socket.nextOf('error');
  assert.deepEqual([error.id, error.code], ['me', 'token_expired']);
  assert.equal((await single.nextOf('error')).code, 'token_expired');
  assert.equal(await single.closed, 1008);
  await world.query("UPDATE users SET name = 'anna' WHERE id = 1");
  assert.deepEqual(Object.keys((await socket.nextOf('frame')).d), ['all']);
  assert.deepEqual(Object.keys((await other.nextOf('frame')).d), ['me']);
  await world.query("UPDATE users SET name = 'ann' WHERE id = 1");
  await socket.nextOf('frame');
  socket.send({ type: 'auth', token: member(1) });
  assert.equal((await socket.next()).type, 'auth');
  assert.deepEqual((await socket.subscribe('me', '/me')).data, ann);
  await socket.close();
  await other.close();
});

// ---- Event streams

async function stream(place, headers = {}) {
  const abort = new AbortController();
  const response = await fetch(sangre.url + place, { headers: { accept: 'text/event-stream', ...headers }, signal: abort.signal });
  return { response, reader: response.body.getReader(), abort };
}

test('an event stream asks for its token before it begins, and ends when that expires', async () => {
  const refused = await stream('/me');
  assert.equal(refused.response.status, 401);
  assert.match(refused.response.headers.get('www-authenticate'), /^Bearer/);
  const { response, reader } = await stream(`/me?access_token=${member(1, { exp: soon() })}`);
  assert.equal(response.status, 200);
  let text = '';
  for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read())
    text += Buffer.from(chunk.value);
  assert.match(text, /event: snapshot\nid: .*\ndata: {"id":1,"name":"ann"}/);
  assert.equal((await stream(`/me?access_token=${member(1, { exp: 5 })}`)).response.status, 401);
});

// ---- Coming back

test('a cursor resumes under the claims by which it was told; as somebody else one is reset, on every way', async () => {
  const encode = encodeURIComponent;
  const single = await Socket.open(`${sangre.ws}/me`, { headers: bearer(member(1)) });
  await single.nextOf('snapshot');
  await world.query("UPDATE users SET name = 'anna' WHERE id = 1");
  const { c } = await single.nextOf('frame');
  await world.query("UPDATE users SET name = 'ann' WHERE id = 1");
  const next = await single.nextOf('frame');
  assert.equal(next.p, c);
  const told = [c, (await get('/me', bearer(member(1)))).headers.get('sangre-cursor')];
  await single.close();
  for (const cursor of told) {
    const back = await Socket.open(`${sangre.ws}/me?cursor=${encode(cursor)}`, { headers: bearer(member(1, { more: 'of no view' })) });
    if (cursor === c)
      assert.deepEqual(await back.nextOf('frame'), { p: c, c: next.c, d: [{ op: 'replace', path: '/name', value: 'ann' }] });
    assert.equal((await back.nextOf('caught_up')).cursor, next.c);
    const other = await Socket.open(`${sangre.ws}/me?cursor=${encode(cursor)}`, { headers: bearer(member(2)) });
    const { reason, data } = await other.nextOf('reset');
    assert.deepEqual([reason, data], ['claims', bob]);
    const events = await stream(`/me?cursor=${encode(cursor)}`, bearer(member(2)));
    assert.match(Buffer.from((await events.reader.read()).value).toString(), /event: reset\nid: .*\ndata: {"reason":"claims","data":{"id":2,"name":"bob"}}/);
    events.abort.abort();
    for (const socket of [back, other])
      await socket.close();
  }

  // Of several views, those without claims go on.
  const many = await Socket.open(`${sangre.ws}/`, { headers: bearer(member(1)) });
  for (const view of ['/me', '/members', '/users'])
    await many.subscribe(view, view);
  await world.query("UPDATE users SET name = 'bobby' WHERE id = 2");
  const { c: cursor, d } = await many.nextOf('frame');
  assert.deepEqual(Object.keys(d).sort(), ['/members', '/users']);
  await many.close();
  for (const [sub, answers] of [[1, ['caught_up', 'caught_up', 'caught_up']], [2, ['reset', 'caught_up', 'caught_up']]]) {
    const socket = await Socket.open(`${sangre.ws}/`, { headers: bearer(member(sub)) });
    const types = [];
    for (const view of ['/me', '/members', '/users'])
      types.push((await socket.subscribe(view, view, { cursor })).type);
    assert.deepEqual(types, answers);
    socket.send({ type: 'wait', cursor });
    assert.equal((await socket.nextOf('caught_up')).cursor === cursor, sub === 1);
    if (sub === 2) {
      await world.query("UPDATE users SET name = 'bob' WHERE id = 2");
      assert.deepEqual(Object.keys((await socket.nextOf('frame')).d).sort(), ['/me', '/members', '/users']);
    }
    await socket.close();
  }
  const seed = await Socket.open(`${sangre.ws}/ws/me-diffed`, { headers: bearer(member(1)) });
  const { revision } = await seed.next();
  const again = await Socket.open(`${sangre.ws}/ws/me-diffed-${revision}`, { headers: bearer(member(2)) });
  const diffed = await again.next();
  assert.deepEqual([diffed.from, patched({}, diffed.diffs)], [revision, bob]);
  for (const socket of [seed, again])
    await socket.close();
});

// ---- Sets of keys

test('keys behind an address are fetched at the start, and again when a token names a new one', async () => {
  const keys = [new Key('first')];
  let asked = 0, status = 200;
  const server = createServer((request, response) => {
    asked++;
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ keys: keys.map(({ jwk }) => jwk) }));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const own = await Sangre.start(`${listen}${memory}
auth: { keys: [{ jwks: "http://127.0.0.1:${server.address().port}/keys" }] }
views: { /open: { from: app.users }, /me: { from: app.users, params: { user: { type: int, value: $claims.sub } }, get: { id: $user } } }
`, { ready: '/open' });
  const ask = async (text) => (await own.get('/me', bearer(text))).status;
  assert.equal(await ask(keys[0].token({ sub: '1' })), 200);
  assert.equal(asked, 1);
  const socket = await Socket.open(`${own.ws}/me`, { headers: bearer(keys[0].token({ sub: '1' })) });
  assert.deepEqual((await socket.nextOf('snapshot')).data, ann);

  keys.push(new Key('second')); // rotated: the old one still counts
  assert.deepEqual(await Promise.all([1, 2, 3, 4].map((i) => ask(keys[i & 1].token({ sub: '1' })))), [200, 200, 200, 200]);
  assert.equal(asked, 2);
  keys.shift(); // and then no more: nobody asks before the set is old
  const stranger = new Key('stranger');
  status = 500;
  assert.equal(await ask(stranger.token({ sub: '1' })), 401);
  assert.equal(asked, 3);
  for (let i = 0; i < 10; i++)
    assert.equal(await ask(new Key(`made up ${i}`).token({ sub: '1' })), 401);
  assert.equal(asked, 3, 'made-up names do not have us ask without end');
  assert.equal(await ask(keys[0].token({ sub: '1' })), 200, 'what was fetched still counts');
  await socket.close();
  await own.stop();
  server.close();
});

// Serves a set with this key, once it is up.
async function keysOf(key) {
  const keys = { up: false, asked: 0 };
  keys.server = createServer((request, response) => {
    keys.asked++;
    response.writeHead(keys.up ? 200 : 500);
    response.end(JSON.stringify({ keys: [key.jwk] }));
  });
  await new Promise((resolve) => keys.server.listen(0, '127.0.0.1', resolve));
  keys.port = keys.server.address().port;
  return keys;
}

test('while keys cannot be had, tokens are answered 503, and tried again as soon as they can', async () => {
  const key = new Key('k'), keys = await keysOf(key);
  const own = await Sangre.start(`${listen}${memory}
auth: { keys: [{ jwks: "http://127.0.0.1:${keys.port}/keys" }] }
views: { /open: { from: app.users }, /me: { from: app.users, params: { user: { type: int, value: $claims.sub } }, get: { id: $user } } }
`, { ready: '/open' });
  await until('the first fetch', () => keys.asked === 1);
  const first = await own.get('/me', bearer(key.token({ sub: '1' })));
  assert.deepEqual([first.status, (await first.json()).error.code], [503, 'keys_unavailable']);
  keys.up = true;
  const socket = await Socket.open(`${own.ws}/me`, { headers: bearer(key.token({ sub: '2' })) });
  assert.deepEqual((await socket.nextOf('snapshot')).data, bob);
  await socket.close();
  await own.stop();
  keys.server.close();
});

test('a connection whose token only time stood in the way of is let in later', async () => {
  const key = new Key('k'), keys = await keysOf(key);
  const own = await Sangre.start(`${listen}${memory}
auth: { leeway: 0s, keys: [{ jwks: "http://127.0.0.1:${keys.port}/keys" }] }
views: { /open: { from: app.users }, /me: { from: app.users, params: { user: { type: int, value: $claims.sub } }, get: { id: $user } } }
`, { ready: '/open' });
  await until('the first fetch', () => keys.asked === 1);
  let ids = 0;
  const ask = async (socket) => {
    socket.send({ type: 'subscribe', id: String(++ids), view: '/me' });
    const answer = await socket.next();
    return answer.code ?? answer.type;
  };
  const socket = await Socket.open(own.ws, { headers: bearer(key.token({ sub: '2' })) });
  assert.equal(await ask(socket), 'keys_unavailable');
  keys.up = true;
  assert.equal(await ask(socket), 'snapshot');
  const early = await Socket.open(own.ws, { headers: bearer(key.token({ sub: '2', nbf: Math.floor(Date.now() / 1000) + 3 })) });
  assert.equal(await ask(early), 'invalid_token');
  await until('being let in', async () => (await ask(early)) === 'snapshot');
  await Promise.all([socket.close(), early.close()]);
  await own.stop();
  keys.server.close();
});

// ---- Operators

test('what runs is told to this machine, and to holders of the secret', async () => {
  const views = 'views: { /open: { from: app.users } }\n';
  const own = await Sangre.start(`${listen}${memory}auth: { keys: [{ secret: "\${JWT_SECRET}" }] }\n${views}sinks: { web: { plugin: http, inspect_secret: "\${OPERATORS}" } }\n`,
    { environment: { JWT_SECRET: secret, OPERATORS: 'of the operators alone' }, ready: '/open' });
  const live = (environment) => command(['explain', '--live', `127.0.0.1:${own.port}`], { environment });
  for (const place of ['/_sangre/explain', '/_sangre/metrics']) {
    assert.equal((await own.get(place)).status, 200);
    assert.equal((await own.get(place, { 'x-forwarded-for': '127.0.0.1' })).status, 403);
    assert.equal((await own.get(place, { 'x-forwarded-for': '127.0.0.1', ...bearer(token({ sub: '1' })) })).status, 403);
    assert.equal((await own.get(place, { 'x-forwarded-for': '127.0.0.1', ...bearer('of the operators alone') })).status, 200);
  }
  assert.equal((await own.get('/_sangre/health', { 'x-forwarded-for': '127.0.0.1' })).status, 200);
  assert.equal((await live({})).code, 0);
  await own.stop();
  const shut = await Sangre.start(`${listen}${memory}${views}sinks: { web: { plugin: http, inspect: none, inspect_secret: of the operators alone } }\n`, { ready: '/open' });
  Object.assign(own, { port: shut.port });
  const refused = await live({});
  assert.deepEqual([refused.code, refused.out], [1, '']);
  assert.match(refused.err, /operators only.*SANGRE_INSPECT_SECRET/);
  assert.equal((await live({ SANGRE_INSPECT_SECRET: 'of the operators' })).code, 1);
  const told = await live({ SANGRE_INSPECT_SECRET: 'of the operators alone' });
  assert.equal(told.code, 0, told.err);
  assert.match(told.out, /^\/open: list of /m);
  assert.ok(!told.out.includes('alone') && !shut.err.includes('alone'));
  await shut.stop();
  const short = await command(['check', writeConfig(`${memory}${views}sinks: { web: { plugin: http, inspect_secret: hush } }\n`)]);
  assert.equal(short.code, 2);
  assert.match(short.err, /:10:\d+: .*a secret of 4 bytes; at least 16/);
  assert.ok(!short.err.includes('hush'));
});

// ---- Configs

test('mistakes in auth are told with their place, and secrets never', async () => {
  const views = 'views: { /me: { from: app.users, params: { user: { type: int, value: $claims.sub } }, get: { id: $user } } }\n';
  const wrong = async (text, ...parts) => {
    const { code, err } = await command(['check', writeConfig(memory + text)]);
    assert.equal(code, 2, err);
    for (const part of parts)
      assert.match(err, part);
    assert.ok(!err.includes('hush'), err);
  };
  await wrong(views, /:9:\d+: .*claims need tokens: the config has no auth/s);
  await wrong(`auth: { keys: [{ secret: hush }] }\n${views}`, /:9:16/, /4 bytes/);
  await wrong(`auth: { keys: [{ sceret: hush }] }\n${views}`, /:9:18/, /did you mean "secret"/);
  await wrong(`auth: { keys: [{ file: /no/such.pem }] }\n${views}`, /:9:16/, /cannot read/);
  await wrong(`auth: { keys: [{ secret: "${'hush'.repeat(9)}", algorithm: HS257 }] }\n${views}`, /:9:/, /unknown algorithm "HS257"/);
  await wrong(`auth: { keys: [{ secret: "${'hush'.repeat(9)}", jwks: x }] }\n${views}`, /can't stand together/);
  await wrong(`auth: { keys: [] }\n${views}`, /keys must be a list/);
  await wrong(`auth: { }\n${views}`, /auth has no keys/);
  await wrong(`auth: { keys: [{ secret: "${'hush'.repeat(9)}" }], audeince: x }\n${views}`, /did you mean "audience"/);
  const good = `auth: { keys: [{ secret: "${'hush'.repeat(9)}" }], query: user }\n`;
  await wrong(`${good}${views}`, /holds the token/);
  await wrong(`${good}views: { /a: { from: app.users, auth: maybe } }\n`, /required or none/);
  await wrong(`${good}views: { /a: { from: app.users, params: { u: { type: int, value: $claim.sub } } } }\n`, /write \$claims\.sub/);
  await wrong(`${good}views: { /a: { from: app.users, params: { u: { type: int, value: $claims.sub, default: 1 } } } }\n`, /can't have a default/);
  await wrong(`${good}views: { /a: { from: app.users, auth: none, params: { u: { type: int, value: $claims.sub } } } }\n`, /needs a token/);
  await wrong(`${good}views: { /a: { from: app.users, where: "id = $claims.sub" } }\n`, /a claim is used as a parameter/);
});

test('explain tells which views ask for which claims, and no secret', async () => {
  const file = writeConfig(`${memory}
auth: { keys: [{ secret: "${'hush'.repeat(9)}", kid: a }, { jwks: "https://127.0.0.1:1/k" }], issuer: me, required: true }
views:
  /me: { from: app.users, params: { user: { type: int, value: $claims.sub } }, get: { id: $user } }
  /all: { from: app.users }
  /open: { from: app.users, auth: none }
`);
  const { out, code, err } = await command(['explain', file]);
  assert.equal(code, 0, err);
  assert.match(out, /a secret, kid a\n {2}keys of https:\/\/127\.0\.0\.1:1\/k\n/);
  assert.match(out, /asked for by \/me: user = \$claims\.sub\n {2}asked for by \/all\n/);
  assert.ok(!out.includes('hush') && !out.includes('by /open'), out);
});

test('a Lua config says the same', async () => {
  const own = await Sangre.start(`
sangre.server { listen = "127.0.0.1:" .. sangre.env "SANGRE_PORT" }
sangre.auth { keys = { { secret = sangre.env "JWT_SECRET" } } }
local db = sangre.source { plugin = "memory", tables = { users = {
  columns = sangre.ordered { { id = "int" }, { name = "text" } }, key = { "id" }, rows = { { 1, "ann" }, { 2, "bob" } } } } }
sangre.view("/me", db:table "users" :get { id = sangre.param("user", { type = "int", value = "$claims.sub" }) })
sangre.view("/members", db:table "users", { auth = "required" })
sangre.view("/open", db:table "users")
`, { extension: 'lua', environment: { JWT_SECRET: secret }, ready: '/open' });
  assert.equal((await own.get('/members')).status, 401);
  assert.deepEqual(await (await own.get('/me', bearer(token({ sub: '2' })))).json(), bob);
  await own.stop();
});
