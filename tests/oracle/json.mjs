// JSON in which numbers keep every digit: each number literal becomes a string that starts with '#'.

const literal = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

export function parse(text) {
  return JSON.parse(text.replace(literal, (token) => (token[0] === '"' ? token : `"#${token}"`)));
}

// Text that is equal exactly when the values are, whatever the order of members.
export function canonical(value) {
  if (Array.isArray(value))
    return `[${value.map(canonical).join(',')}]`;
  if (value && typeof value === 'object')
    return `{${Object.keys(value).sort().map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`).join(',')}}`;
  return JSON.stringify(value);
}
