// A document that is kept up to date by patches. json-patch goes through an independent library.
import jsonpatch from 'fast-json-patch';

export function patched(document, patches) {
  const inRoot = patches.map((patch) => ({
    ...patch, path: `/root${patch.path}`, ...(patch.from === undefined ? {} : { from: `/root${patch.from}` }),
  }));
  return jsonpatch.applyPatch({ root: structuredClone(document) }, inRoot, true).newDocument.root;
}
