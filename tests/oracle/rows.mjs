// The `rows` codec from a client's side. Written from the definition in core/view/codec.h alone, which this proves sufficient.
// Numbers are '#'-strings here (json.mjs), so positions are too.
import { canonical } from './json.mjs';

const position = (step) => Number(step.slice(1));

export function unwrapRows(data) {
  return { keys: data.keys, document: data.data };
}

function keyOf(spec, member) {
  return canonical(spec.key.length === 1 ? member[spec.key[0]] : spec.key.map((field) => member[field]));
}

function find(spec, list, step) {
  if (!spec.key)
    return position(step);
  const index = list.findIndex((member) => keyOf(spec, member) === canonical(step));
  if (index < 0)
    throw new Error(`no member ${JSON.stringify(step)}`);
  return index;
}

// Where a path leads: a slot that holds a document (`box[name]`), and in a list the member's key there.
function resolve(held, path) {
  let spec = held.keys, box = held, name = 'document', at = 0;
  for (;;) {
    const value = box[name];
    const below = () => (spec = spec.levels[position(path[at++])]).field;
    if (!spec.one && at < path.length) {
      const step = path[at++];
      if (at === path.length)
        return { spec, list: value, step };
      const member = value[find(spec, value, step)];
      [box, name] = [member, below()];
    } else if (at < path.length) {
      [box, name] = [value, below()];
    } else {
      return { spec, box, name };
    }
  }
}

function insertBefore(spec, list, member, before) {
  list.splice(before === null ? list.length : find(spec, list, before), 0, member);
}

function editList({ spec, list, step }, edit) {
  if (edit.del)
    list.splice(find(spec, list, step), 1);
  else if (edit.set)
    Object.assign(list[find(spec, list, step)], edit.set);
  else if (edit.put !== undefined)
    spec.key ? insertBefore(spec, list, edit.put, edit.before) : list.splice(position(step), 0, edit.put);
  else if (edit.move) {
    const [member] = list.splice(find(spec, list, step), 1);
    spec.key ? insertBefore(spec, list, member, edit.before) : list.splice(position(edit.to), 0, member);
  } else
    throw new Error(`an edit of no kind: ${JSON.stringify(edit)}`);
}

function editSlot({ box, name }, edit) {
  if (edit.del)
    box[name] = null;
  else if (edit.set)
    Object.assign(box[name], edit.set);
  else
    box[name] = edit.put;
}

export function applyRows(held, edits) {
  const next = { keys: held.keys, document: structuredClone(held.document) };
  for (const edit of edits) {
    const target = resolve(next, edit.at);
    target.list ? editList(target, edit) : editSlot(target, edit);
  }
  return next;
}
