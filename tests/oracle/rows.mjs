// The `rows` codec from a client's side. Written from the codec's definition in core/view, which this proves sufficient.
export function unwrapRows(data) {
  return { keys: data.keys, document: data.data };
}

export function applyRows(held) {
  return held;
}
