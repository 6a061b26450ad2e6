import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SuperstepError } from '../../../contracts/failure-types.ts';
import { readCredentials } from '../../../registry/identity/credentials.ts';
import { newToken } from '../../../registry/identity/token-format.ts';
import { basic, bearer } from './open-test-identity.ts';

const token = newToken();

describe('readCredentials', () => {
  it('reads Bearer and Basic', () => {
    expect(readCredentials({})).toEqual({ kind: 'none' });
    expect(readCredentials(bearer(token))).toEqual({ kind: 'token', token, user: null });
    expect(readCredentials(basic('scientist@example.com', token))).toEqual({
      kind: 'token',
      token,
      user: 'scientist@example.com',
    });
    expect(readCredentials(bearer('aa.bb.cc'))).toEqual({ kind: 'jwt', jwt: 'aa.bb.cc' });
  });

  it('takes what stands before the first colon for the name', () => {
    const header = `Basic ${Buffer.from(`scientist:x:${token}`).toString('base64')}`;
    expect(() => readCredentials({ authorization: header })).toThrow(/not known/);
  });

  it('answers or refuses whatever the header holds, and never quotes it', () => {
    const secret = fc.string({ minLength: 8, unit: 'binary' });
    const header = fc.oneof(
      secret,
      fc.tuple(fc.constantFrom('Bearer', 'basic', 'Digest', ''), secret).map((words) => words.join(' ')),
      secret.map((text) => `Basic ${Buffer.from(text).toString('base64')}`),
      fc.tuple(secret, secret).map(([user, password]) => basic(user, password).authorization),
    );
    fc.assert(
      fc.property(header, (authorization) => {
        try {
          expect(['token', 'jwt']).toContain(readCredentials({ authorization }).kind);
        } catch (error) {
          if (!(error instanceof SuperstepError)) throw error;
          expect(error.type).toBe('NotAuthenticated');
          const [, value = ''] = authorization.split(' ');
          if (value.length >= 8) expect(error.message).not.toContain(value);
        }
      }),
    );
  });
});
