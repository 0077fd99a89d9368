// A token that a recording's server would have let in, for the connection that watches the markers.
import { createHmac } from 'node:crypto';

const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

export function longLived({ JWT_SECRET, JWT_CLAIM_VALIDATORS }) {
  const claims = { ...JSON.parse(JWT_CLAIM_VALIDATORS ?? '{}'), role: 'postgres', exp: Math.floor(Date.now() / 1000) + 3600 };
  const text = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}`;
  return `${text}.${createHmac('sha256', JWT_SECRET).update(text).digest('base64url')}`;
}
