// The demo page: one live view rendered, its frames listed, and buttons that write SQL through the script beside.

import { View, bytesOf } from './client.js';

const $ = (id) => document.getElementById(id);
const FRAMES_SHOWN = 40;
const OPERATIONS_SHOWN = 6;
const COLOURS = ['#b4364a', '#2f6f8f', '#55782f', '#8a5a9c', '#a9682a'];
const NAMES = ['Harbour', 'Paper', 'Copper', 'Garden', 'Winter', 'Silver', 'Lantern', 'Orchard', 'Velvet', 'Corner'];
const KINDS = ['Café', 'Arcade', 'Library', 'Cinema', 'Bakery', 'Theatre', 'Workshop', 'Terrace', 'Market', 'Studio'];

const settings = await (await fetch('settings.json')).json();
let view;
let user = 1;
let people = [];
let totals = { diffs: 0, documents: 0 };
let away = null; // what happened since we went offline, to be told when we are back

// Elements

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

function flash(target) {
  target.classList.remove('flash');
  void target.offsetWidth; // restarts the animation
  target.classList.add('flash');
}

const size = (bytes) => (bytes < 1000 ? `${bytes} B` : bytes < 1e6 ? `${(bytes / 1000).toFixed(1)} KB` : `${(bytes / 1e6).toFixed(1)} MB`);

function avatar({ id, name }) {
  const made = element('span', { className: 'avatar', textContent: [...name][0] ?? '?' });
  made.style.background = COLOURS[id % COLOURS.length];
  made.setAttribute('aria-hidden', 'true');
  return made;
}

// Database

async function act(request) {
  const answer = await fetch(settings.actions, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(request),
  });
  const { sql, rows, error } = await answer.json();
  if (request.action !== 'users') {
    $('sql').textContent = error ?? sql;
    $('sql').classList.toggle('bad', Boolean(error));
  }
  return rows;
}

const anyName = () => `${NAMES[Math.floor(Math.random() * NAMES.length)]} ${KINDS[Math.floor(Math.random() * KINDS.length)]}`;

// The document. Elements are kept by key, so that what changes can be seen to change.

const kept = new Map();

function keep(key, make) {
  const old = kept.get(key);
  if (old) {
    return old;
  }
  const made = make();
  made.classList.add('come');
  kept.set(key, made);
  return made;
}

// The parent's children become these, moving no more than needed: what is being clicked or typed in stays.
function arrange(parent, children) {
  const wanted = new Set(children);
  for (const child of [...parent.children]) {
    if (!wanted.has(child)) {
      child.remove();
    }
  }
  children.forEach((child, i) => {
    if (parent.children[i] !== child) {
      parent.insertBefore(child, parent.children[i] ?? null);
    }
  });
}

function editable(action, row) {
  const name = element('span', { className: 'name', contentEditable: 'true', spellcheck: false });
  name.setAttribute('role', 'textbox');
  name.setAttribute('aria-label', `Name of ${row.name}`);
  name.onkeydown = (event) => {
    if (event.key === 'Enter' || event.key === 'Escape') {
      event.preventDefault();
      if (event.key === 'Escape') {
        name.textContent = name.shown;
      }
      name.blur();
    }
  };
  name.onblur = () => {
    const text = name.textContent.trim();
    if (text && text !== name.shown) {
      act({ action, id: row.id, name: text });
    }
    name.textContent = name.shown; // the database's answer comes as a diff
  };
  return name;
}

function show(target, text) {
  if (target.shown === text) {
    return;
  }
  const first = target.shown === undefined;
  target.shown = text;
  if (document.activeElement !== target) {
    target.textContent = text;
  }
  if (!first) {
    flash(target);
  }
}

function renderPlace(place, prefix) {
  const row = keep(`${prefix}/${place.id}`, () => {
    const meter = element('span', { className: 'meter', title: 'occupation' }, ...Array.from({ length: 4 }, () => element('i')));
    const words = element('div', {}, editable('rename_place', place), element('small', { title: place.about ?? '' }));
    return element('div', { className: 'place' }, words, meter);
  });
  show(row.querySelector('.name'), place.name);
  row.querySelector('small').textContent = place.street;
  [...row.lastChild.children].forEach((bar, i) => bar.classList.toggle('on', i < place.occupation));
  row.lastChild.setAttribute('aria-label', `occupation ${place.occupation} of 4`);
  return row;
}

function renderPerson(person) {
  const key = `p${person.id}`;
  const card = keep(key, () => element('article', { className: 'person' },
    element('h3', {}, avatar(person), editable('rename_user', person)), element('div', { className: 'places' })));
  show(card.querySelector('.name'), person.name);
  const places = card.querySelector('.places');
  arrange(places, person.places.map((place) => renderPlace(place, key)));
  return card;
}

function render() {
  const shown = view.document;
  const before = new Set(kept.keys());
  const elements = [];
  if (shown) {
    const root = keep('root', () => element('div', { className: 'person root' }, editable('rename_user', shown), element('small')));
    show(root.firstChild, shown.name);
    root.lastChild.textContent = `follows ${shown.followeds.length || 'nobody'}`;
    elements.push(root, ...shown.followeds.map(renderPerson));
  } else {
    elements.push(element('p', { className: 'empty', textContent: `There is no user ${user}.` }));
  }
  arrange($('document'), elements);
  for (const key of before) {
    if (!kept.get(key).isConnected) {
      kept.delete(key);
    }
  }
  renderPeople();
}

function renderPeople() {
  const followed = new Set(view.document?.followeds.map(({ id }) => id));
  for (const { id, name } of view.document ? [view.document, ...view.document.followeds] : []) {
    const known = people.find((person) => person.id === id);
    if (known) {
      known.name = name;
    }
  }
  arrange($('people'), people.filter(({ id }) => id !== user).map((person) => {
    const follows = followed.has(person.id);
    const row = keep(`person/${person.id}`, () => element('div', {}, avatar(person), element('span'), element('button', { type: 'button' })));
    const [, name, button] = row.children;
    name.textContent = person.name;
    button.dataset.other = person.id;
    button.className = follows ? '' : 'primary';
    button.textContent = follows ? 'Unfollow' : 'Follow';
    button.onclick = () => act({ action: follows ? 'unfollow' : 'follow', user, other: person.id });
    return row;
  }));
  arrange($('viewers'), people.map(({ id, name }) => {
    const button = keep(`viewer/${id}`, () => element('button', { type: 'button', onclick: () => watch(id) }));
    button.textContent = name;
    button.setAttribute('aria-pressed', String(id === user));
    return button;
  }));
}

// The stream

function note(text, kind = '') {
  add(element('li', { className: `note ${kind}`, textContent: text }));
}

function add(item) {
  item.classList.add('come');
  $('frames').prepend(item);
  while ($('frames').children.length > FRAMES_SHOWN) {
    $('frames').lastChild.remove();
  }
}

function operation({ op, path, from, value }) {
  const row = element('div', {}, element('span', { className: 'op', textContent: op }), ' ',
    element('span', { className: 'path', textContent: from ? `${from} → ${path}` : path || '""' }));
  if (value !== undefined) {
    const text = JSON.stringify(value);
    row.append(' ', text.length > 120 ? `${text.slice(0, 119)}…` : text);
  }
  return row;
}

function addFrame({ bytes, patches, delay, late }) {
  const whole = bytesOf(JSON.stringify(view.document));
  totals.diffs += bytes;
  totals.documents += whole;
  const rows = patches.slice(0, OPERATIONS_SHOWN).map(operation);
  if (patches.length > OPERATIONS_SHOWN) {
    rows.push(element('div', { className: 'more', textContent: `and ${patches.length - OPERATIONS_SHOWN} more` }));
  }
  const sizes = element('span', { className: 'size' }, element('b', { textContent: size(bytes) }), ` of ${size(whole)}`);
  const when = late ? 'what was missed' : delay === null ? 'by the clock' : `${Math.max(delay, 0)} ms after commit`;
  add(element('li', {}, element('div', { className: 'head' },
    element('b', { textContent: `${patches.length} ${patches.length === 1 ? 'change' : 'changes'}` }), when, sizes),
  element('div', { className: 'ops' }, ...rows)));
  renderTotals();
}

function renderTotals() {
  const { diffs, documents } = totals;
  $('saved').textContent = diffs ? `${(documents / diffs).toFixed(1)}×` : '–';
  $('sum-diffs').textContent = size(diffs);
  $('sum-documents').textContent = size(documents);
  const most = Math.max(diffs, documents, 1);
  $('bar-diffs').style.width = `${(diffs / most) * 100}%`;
  $('bar-documents').style.width = `${(documents / most) * 100}%`;
}

// What the view tells

const WORDS = { live: 'live', connecting: 'connecting', resuming: 'catching up', waiting: 'connection lost', offline: 'offline', stale: 'database away' };

const handlers = {
  state({ state }) {
    $('state').dataset.state = state;
    $('state').textContent = WORDS[state];
  },
  snapshot({ bytes }) {
    note(`Snapshot: the whole document once, ${size(bytes)}.`);
    render();
  },
  reset({ bytes, reason }) {
    note(`The past is gone (${reason}): a new snapshot, ${size(bytes)}.`, 'bad');
    away = null;
    render();
  },
  frame(event) {
    if (event.late && away) {
      away.bytes = event.bytes;
      away.changes = event.patches.length;
    }
    addFrame(event);
    render();
  },
  caught_up() {
    if (away) {
      const seconds = Math.round((Date.now() - away.since) / 1000);
      const back = seconds ? `Back after ${seconds} s` : 'Back at once';
      note(away.changes
        ? `${back}: ${away.changes} ${away.changes === 1 ? 'change' : 'changes'} in one frame of ${size(away.bytes)}. Exactly what was missed, no snapshot.`
        : `${back}: nothing was missed, nothing was sent.`, 'away');
    }
    away = null;
  },
  error({ text }) {
    note(text, 'bad');
  },
};

function watch(id) {
  view?.disconnect();
  user = id;
  kept.clear();
  totals = { diffs: 0, documents: 0 };
  $('frames').replaceChildren();
  renderTotals();
  const path = `/followeds?user=${id}`;
  $('path').textContent = path;
  $('get').href = path;
  $('get').textContent = `GET ${path}`;
  const mine = new View(path, (event) => mine === view && handlers[event.kind]?.(event));
  view = mine;
  if ($('online').checked) {
    view.connect();
  } else {
    handlers.state({ state: 'offline' });
  }
}

$('online').onchange = ({ target }) => {
  if (target.checked) {
    view.connect();
  } else {
    away = view.cursor === null ? null : { since: Date.now(), changes: 0, bytes: 0 };
    view.disconnect();
    note('Offline. The buttons still write to the database.');
  }
};
$('swap').onclick = () => act({ action: 'swap', user });
$('rename').onclick = () => {
  const places = view.document?.followeds.flatMap(({ places }) => places) ?? [];
  if (places.length) {
    act({ action: 'rename_place', id: places[Math.floor(Math.random() * places.length)].id, name: anyName() });
  }
};

// For tests: what the page holds.
globalThis.sangreDemo = { get document() { return view.document; }, get cursor() { return view.cursor; }, get user() { return user; }, act };
$('config').textContent = settings.config;
watch(user);
people = await act({ action: 'users' });
renderPeople();
