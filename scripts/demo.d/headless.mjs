// Drives the demo page in a headless Chromium and checks what it shows against the database.
//
//   node headless.mjs ADDRESS CONNINFO [SCREENSHOT]     playwright-core is found through $PLAYWRIGHT
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';

const [address, conninfo, screenshot] = process.argv.slice(2);
const { chromium } = createRequire(`${process.env.PLAYWRIGHT}/`)('playwright-core');
const PATIENCE = 20_000;

const TRUTH = `
  SELECT json_build_object('id', u.id, 'name', u.name, 'followeds', (
    SELECT coalesce(json_agg(json_build_object('id', f.id, 'name', f.name, 'places', (
      SELECT coalesce(json_agg(json_build_object('id', p.id, 'name', p.name, 'street', p.street, 'about', p.about) ORDER BY p.id), '[]')
      FROM users_places up JOIN places p ON p.id = up.place_id WHERE up.user_id = f.id)) ORDER BY f.id), '[]')
    FROM users_followeds uf JOIN users f ON f.id = uf.followed_id WHERE uf.user_id = u.id))
  FROM users u WHERE u.id = `;

function truth(user) {
  const text = execFileSync('psql', ['-X', '-q', '-A', '-t', '-d', conninfo, '-c', TRUTH + user], { encoding: 'utf8' });
  return JSON.parse(text);
}

// Occupations are made up by the script in the config; the database knows nothing of them.
function withoutOccupations(document) {
  return document && {
    ...document,
    followeds: document.followeds.map((person) => ({
      ...person,
      places: person.places.map(({ occupation, ...place }) => {
        assert.ok(Number.isInteger(occupation) && occupation >= 0 && occupation <= 4, `occupation ${occupation}`);
        return place;
      }),
    })),
  };
}

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  headless: true,
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
const page = await browser.newPage({ viewport: { width: 1440, height: 900 }, deviceScaleFactor: screenshot ? 1.5 : 1 });
const faults = [];
page.on('pageerror', (error) => faults.push(String(error)));
page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
const received = [];
page.on('websocket', (socket) => {
  socket.on('framereceived', ({ payload }) => received.push(String(payload)));
});

const frames = () => received.filter((text) => text.startsWith('{"f"'));
const state = (name) => page.locator(`#state[data-state="${name}"]`).waitFor({ timeout: PATIENCE });
const current = () => page.evaluate(() => ({ user: sangreDemo.user, document: sangreDemo.document }));
const button = (name) => page.getByRole('button', { name, exact: true }).first();
const act = (request) => page.evaluate((what) => sangreDemo.act(what), request);

async function until(what, condition) {
  const end = Date.now() + PATIENCE;
  for (;;) {
    const value = await condition();
    if (value) {
      return value;
    }
    if (Date.now() > end) {
      throw new Error(`${what} did not come true; ${JSON.stringify(await current())}`);
    }
    await page.waitForTimeout(50);
  }
}

async function equalsDatabase(what) {
  await until(what, async () => {
    const { user, document } = await current();
    return JSON.stringify(sorted(withoutOccupations(document))) === JSON.stringify(sorted(truth(user)));
  });
}

function sorted(value) {
  if (Array.isArray(value)) {
    return value.map(sorted);
  }
  return value && typeof value === 'object'
    ? Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, sorted(inner)]).sort(([a], [b]) => (a < b ? -1 : 1)))
    : value;
}

const checks = {
  async 'the page shows what the database holds'() {
    await page.goto(address);
    await state('live');
    await equalsDatabase('the first document');
    await page.getByText(truth(1).followeds[0].places[0].name).waitFor({ timeout: PATIENCE });
  },
  async 'occupations change by themselves'() {
    const before = JSON.stringify((await current()).document);
    await until('a tick', async () => JSON.stringify((await current()).document) !== before);
  },
  async 'following adds a user with its places'() {
    await page.locator('#people button', { hasText: /^Follow$/ }).first().click();
    await until('the follow', async () => (await current()).document.followeds.length === 3);
    await equalsDatabase('the document after following');
  },
  async 'renaming a place is one small replace'() {
    const place = (await current()).document.followeds[0].places[0];
    const name = page.locator('.place .name', { hasText: place.name }).first();
    await name.click();
    await page.keyboard.press('Control+A');
    await page.keyboard.type('Harbour House');
    await page.keyboard.press('Enter');
    const frame = await until('the frame', async () => frames().find((text) => text.includes('Harbour House')));
    const { d } = JSON.parse(frame).f;
    assert.equal(d.length, 1);
    assert.equal(d[0].op, 'replace');
    assert.match(d[0].path, /\/name$/);
    assert.ok(frame.length < 200, `${frame.length} bytes: ${frame}`);
    await page.getByText('Harbour House').first().waitFor({ timeout: PATIENCE });
    await equalsDatabase('the document after renaming');
  },
  async 'a transaction of several changes is one frame'() {
    const before = new Set((await current()).document.followeds.map(({ id }) => id));
    const from = frames().length;
    await button('Swap all in one transaction').click();
    await equalsDatabase('the document after the swap');
    const touched = frames().slice(from).map((text) => JSON.parse(text).f.d)
      .filter((patches) => patches.some(({ path }) => /^\/followeds(\/\d+)?$/.test(path)));
    assert.equal(touched.length, 1, `${touched.length} frames changed who is followed`);
    assert.ok((await current()).document.followeds.every(({ id }) => !before.has(id)));
    await button('Swap all in one transaction').click();
    await equalsDatabase('the document after swapping back');
  },
  async 'another parameter is another document'() {
    await button(truth(4).name).click();
    await state('live');
    await equalsDatabase('the document of user 4');
    await button(truth(1).name).click();
    await state('live');
    await equalsDatabase('the document of user 1');
  },
  async 'coming back online brings exactly what was missed'() {
    await page.locator('.switch').click();
    await state('offline');
    const from = received.length;
    const { document } = await current();
    const last = document.followeds.at(-1);
    await act({ action: 'unfollow', user: 1, other: last.id });
    await act({ action: 'rename_place', id: document.followeds[0].places[0].id, name: 'Paper Lantern' });
    await act({ action: 'rename_user', id: 1, name: 'Ada L.' });
    await page.waitForTimeout(200);
    assert.equal(received.length, from, 'something came while offline');
    assert.equal(JSON.stringify((await current()).document), JSON.stringify(document));
    await page.locator('.switch').click();
    await state('live');
    await equalsDatabase('the document after coming back');
    const messages = received.slice(from).map((text) => JSON.parse(text));
    const end = messages.findIndex(({ type }) => type === 'caught_up');
    assert.equal(end, 1, `caught up after ${end} messages: ${JSON.stringify(messages)}`);
    assert.ok(messages[0].f, 'the first message is not a frame');
    await page.getByText('Exactly what was missed').waitFor({ timeout: PATIENCE });
    await act({ action: 'follow', user: 1, other: last.id });
    await act({ action: 'rename_user', id: 1, name: 'Ada' });
    await equalsDatabase('the document at the end');
  },
  async 'GET gives the same document'() {
    const answer = await until('equal documents', async () => {
      const got = await (await fetch(new URL('/followeds?user=1', address))).json();
      return JSON.stringify(got) === JSON.stringify((await current()).document) && got;
    });
    assert.equal(answer.id, 1);
  },
  async 'the page made no errors'() {
    assert.deepEqual(faults, []);
    assert.equal(await page.locator('.note.bad').count(), 0);
  },
};

let failed = 0;
for (const [name, check] of Object.entries(checks)) {
  try {
    await check();
    console.log(`ok      ${name}`);
  } catch (error) {
    failed++;
    console.log(`FAILED  ${name}\n        ${String(error.stack).replaceAll('\n', '\n        ')}`);
  }
}
if (screenshot) {
  await button('Rename a place').click();
  await page.waitForTimeout(1800); // animations over
  await page.mouse.move(0, 0);
  await page.screenshot({ path: screenshot });
}
await browser.close();
console.log(failed ? `${failed} of ${Object.keys(checks).length} checks failed` : `all ${Object.keys(checks).length} checks passed`);
process.exit(failed ? 1 : 0);
