// RFC 6902, as far as Sangre sends it. Paths that don't fit throw: the page would rather stop than show something wrong.

const unescape = (token) => token.replaceAll('~1', '/').replaceAll('~0', '~');

function locate(document, path) {
  const tokens = path.split('/').slice(1).map(unescape);
  let parent = document;
  for (const token of tokens.slice(0, -1)) {
    parent = parent?.[token];
  }
  if (parent === null || typeof parent !== 'object') {
    throw new Error(`nothing at ${path}`);
  }
  return [parent, tokens.at(-1)];
}

function take(parent, token, path) {
  if (!(token in parent)) {
    throw new Error(`nothing at ${path}`);
  }
  if (Array.isArray(parent)) {
    return parent.splice(Number(token), 1)[0];
  }
  const value = parent[token];
  delete parent[token];
  return value;
}

function put(parent, token, value, path) {
  if (!Array.isArray(parent)) {
    parent[token] = value;
    return;
  }
  const at = token === '-' ? parent.length : Number(token);
  if (!(at >= 0 && at <= parent.length)) {
    throw new Error(`no place at ${path}`);
  }
  parent.splice(at, 0, value);
}

// Applies the operations to the document, in place but for its root, and returns the document.
export function applyPatch(document, operations) {
  for (const { op, path, from, value } of operations) {
    if (path === '') {
      document = structuredClone(value);
      continue;
    }
    const [parent, token] = locate(document, path);
    if (op === 'add') {
      put(parent, token, structuredClone(value), path);
    } else if (op === 'remove') {
      take(parent, token, path);
    } else if (op === 'replace') {
      if (!(token in parent)) {
        throw new Error(`nothing at ${path}`);
      }
      parent[token] = structuredClone(value);
    } else if (op === 'move') {
      const [source, key] = locate(document, from);
      const moved = take(source, key, from);
      const [target, place] = locate(document, path);
      put(target, place, moved, path);
    } else {
      throw new Error(`operation ${op} is not one a server sends`);
    }
  }
  return document;
}
