// Tokens as an issuer makes them: JWTs signed with Node's own crypto.
import { createHmac, generateKeyPairSync, sign } from 'node:crypto';

const encode = (value) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
export const secret = 'a secret of the tests, more than 32 bytes';
export const inAnHour = () => Math.floor(Date.now() / 1000) + 3600;

// Claims that are good for an hour, signed by HS256 unless another signature is given.
export function token(claims, { header = { alg: 'HS256', typ: 'JWT' }, by = secret, signer } = {}) {
  const text = `${encode(header)}.${encode({ exp: inAnHour(), ...claims })}`;
  const signature = signer ? signer(Buffer.from(text)) : createHmac('sha256', by).update(text).digest();
  return `${text}.${signature.toString('base64url')}`;
}

export class Key {
  constructor(kid) {
    this.kid = kid;
    Object.assign(this, generateKeyPairSync('ed25519'));
  }

  get jwk() {
    return { ...this.publicKey.export({ format: 'jwk' }), kid: this.kid, alg: 'EdDSA', use: 'sig' };
  }

  token(claims) {
    return token(claims, {
      header: { alg: 'EdDSA', typ: 'JWT', kid: this.kid },
      signer: (text) => sign(null, text, this.privateKey),
    });
  }
}
