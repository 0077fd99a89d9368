// Recorded tokens have run out by now. Those that were good are signed again, as much later as the replay is; the others stay as wrong as they
// were: a signature that does not hold is kept, with the times around it moved alike.
import { createHmac } from 'node:crypto';

const hashes = { HS256: 'sha256', HS384: 'sha384', HS512: 'sha512' };

const decode = (text) => {
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString());
  } catch {
    return null;
  }
};

function clean(text) {
  for (let i = 0; i < 2; i++)
    try {
      text = decodeURIComponent(text);
    } catch {
      break;
    }
  return text.replace(/\s/g, '');
}

function sign(algorithm, text, secret) {
  return hashes[algorithm] ? createHmac(hashes[algorithm], secret).update(text).digest('base64url') : null;
}

// What stands before the first dot is kept as it was written, escapes and all.
export function moveToken(token, secret, move) {
  const parts = token.split('.');
  if (parts.length < 2)
    return token;
  const [head, body, signature] = parts.map(clean);
  const header = decode(head), claims = decode(body);
  if (!claims || typeof claims.exp !== 'number')
    return token;
  claims.exp = move(claims.exp);
  const padding = /=*$/.exec(body)[0];
  const moved = Buffer.from(JSON.stringify(claims)).toString('base64url');
  const payload = padding ? moved.padEnd(Math.ceil(moved.length / 4) * 4, '=') : moved;
  if (signature === undefined)
    return `${parts[0]}.${payload}`;
  const good = secret && sign(header?.alg, `${head}.${body}`, secret) === signature.replace(/=*$/, '');
  const signed = good ? sign(header.alg, `${head}.${payload}`, secret) : signature;
  return `${parts[0]}.${payload}.${signed}`;
}

// In a text that holds some: a URL, a request, a frame. `move`: from an expiry in the recording to one now.
export function moveTokens(text, secret, move) {
  return text.replace(/(?:eyJ|%2565yJ)[\w%=-]*\.[\w%=-]*(?:\.[\w%=-]*)?/g, (token) => moveToken(token, secret, move));
}
