// What came against what was recorded, with what is known to differ on purpose.
//
// An entry of differences.json names a scenario and why, and one of
//   case, status, body?        the answer to a raw request
//   conn, frame, ours          one frame of a connection (by its number among those recorded) is this one, or these
//   conn, closed               the code a connection ends with; null: it does not end
//   rewrite                    texts that are replaced in the recorded frames
//   adds                       members that records have beside those recorded, by the frame's number or "*"; all are in the order of their names then
//   substitutes                statements that the recording does not spell out, run on a second connection
const steady = (text) => text.replace(/"commit_timestamp":"[^"]*"/g, '"commit_timestamp":"…"');
const isChange = (text) => text.includes('"commit_timestamp"');
const isMarker = (text) => text.includes('"schema":"replay_marker"');

const byName = ([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b));

function addMembers(text, added) {
  const frame = JSON.parse(text);
  const payload = Array.isArray(frame) ? frame[4] : frame.payload;
  for (const name of ['record', 'old_record'])
    if (Object.keys(payload?.[name] ?? {}).length)
      payload[name] = Object.fromEntries(Object.entries({ ...payload[name], ...added }).sort(byName));
  return JSON.stringify(frame);
}

function rewrite(text, number, entries) {
  for (const { rewrite: pairs = [], adds } of entries) {
    for (const [from, to] of pairs)
      text = text.replaceAll(from, to);
    if (adds && isChange(text))
      text = addMembers(text, adds[number] ?? adds['*']);
  }
  return steady(text);
}

function wantedFrames(name, connection, entries) {
  const frames = connection.expected.map((text, number) => rewrite(text, number, entries));
  const own = entries.filter(({ conn }) => conn === name);
  for (const { frame, ours } of own.filter((entry) => entry.frame !== undefined))
    frames[frame] = [ours].flat().map(steady);
  return frames.flat();
}

// Two long texts, from shortly before they part.
function excerpts(a, b) {
  if (a === undefined || b === undefined)
    return [a ?? 'nothing', b ?? 'nothing'];
  const at = Math.max(0, [...a].findIndex((_, i) => a[i] !== b[i]) - 40);
  return [a, b].map((text) => `${at ? '…' : ''}${text.slice(at, at + 200)}`);
}

function compareConnection(name, connection, entries, wrong) {
  const wanted = wantedFrames(name, connection, entries);
  const came = connection.received.filter((text) => !isMarker(text)).map(steady);
  const closed = entries.find((entry) => entry.conn === name && entry.closed !== undefined);
  const ends = closed ? closed.closed : connection.ends ?? null;
  for (let i = 0; i < Math.max(wanted.length, came.length); i++)
    if (wanted[i] !== came[i]) {
      const [theirs, ours] = excerpts(wanted[i], came[i]);
      wrong.push(`${name}, frame ${i}: wanted ${theirs}`, `${' '.repeat(name.length)}           but got ${ours}`);
      break;
    }
  if (connection.refused || connection.closedBefore !== ends && (ends !== null || connection.endedEarly))
    wrong.push(`${name}: wanted its end with ${ends}, but got ${connection.refused ?? connection.closedBefore}`);
  return wanted.length;
}

export function compare(scenario, entries) {
  const wrong = [];
  let count = 0;
  for (const [name, connection] of scenario.connections)
    count += compareConnection(name, connection, entries, wrong);
  for (const { name, theirs, ours } of scenario.exchanges) {
    const entry = entries.find((candidate) => candidate.case === name);
    const wanted = { ...theirs, ...(entry?.status !== undefined && { status: entry.status }), ...(entry && { body: entry.body }) };
    count++;
    if (ours.status !== wanted.status || (wanted.body !== undefined && ours.body !== wanted.body))
      wrong.push(`${name}: wanted ${wanted.status} ${JSON.stringify(wanted.body ?? '')}, but got ${ours.status} ${JSON.stringify(ours.body)}`);
  }
  return { wrong, count, deliberate: entries.map(({ case: name, conn, why }) => `${name ?? conn ?? 'frames'}: ${why}`) };
}
