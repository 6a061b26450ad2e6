import { generateKeyPairSync, verify, createPublicKey } from 'node:crypto';
import { chmod, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ed25519 } from '@noble/curves/ed25519.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readPublicKey, signingKeyId } from '../../../registry/identity/signing-keys.ts';
import { loadServerKey } from '../../../registry/identity/server-key.ts';
import { BY, openTestIdentity, type TestIdentity } from './open-test-identity.ts';

// RFC 8032, section 7.1, test 1; and the same key as openssl writes it:
// printf '302a300506032b6570032100<key>' | xxd -r -p | openssl pkey -pubin -inform DER -pubout
const RFC_KEY = 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a';
const RFC_PEM = `-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=
-----END PUBLIC KEY-----
`;
// printf '<key>' | xxd -r -p | sha256sum
const RFC_KEY_ID = '21fe31dfa154a261';

describe('a public key', () => {
  it('is read from PEM and hex, and named by its sha256', () => {
    expect(readPublicKey(RFC_PEM)).toBe(RFC_KEY);
    expect(readPublicKey(` ${RFC_KEY.toUpperCase()}\n`)).toBe(RFC_KEY);
    expect(signingKeyId(RFC_KEY)).toBe(RFC_KEY_ID);
  });

  const pem = (type: 'rsa' | 'x25519') =>
    (type === 'rsa' ? generateKeyPairSync('rsa', { modulusLength: 2048 }) : generateKeyPairSync('x25519')).publicKey
      .export({ format: 'pem', type: 'spki' })
      .toString();
  it.each([
    ['text', 'my key'],
    ['too few digits', RFC_KEY.slice(2)],
    ['PEM of nothing', '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----'],
    ['RSA', pem('rsa')],
    ['X25519', pem('x25519')],
    ['a private key', generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' }).toString()],
    ['the neutral point, whose signatures anybody can make', `01${'00'.repeat(31)}`],
    ['a point of order 8', 'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a'],
    ['no point of the curve', `02${'00'.repeat(31)}`],
  ])('is not %s', (_what, text) => {
    expect(() => readPublicKey(text)).toThrow(/expected an Ed25519 public key/);
  });
});

let t: TestIdentity;

const fresh = (): void => {
  beforeEach(async () => {
    t = await openTestIdentity();
  });
  afterEach(() => t.close());
};

describe('the signing keys', () => {
  fresh();

  it('belong to one principal each, and a revoked one does not come back', async () => {
    for (const name of ['scientist', 'lead']) await t.identity.addPrincipal({ name, kind: 'user', by: BY });
    const key = await t.identity.addKey({ principal: 'scientist', publicKey: RFC_PEM, by: BY });
    expect(key).toMatchObject({ keyId: RFC_KEY_ID, principal: 'scientist', publicKey: RFC_KEY, revokedAt: null });
    expect(await t.identity.addKey({ principal: 'scientist', publicKey: RFC_KEY, by: BY })).toEqual(key);
    const exists = { type: 'AlreadyExists' };
    await expect(t.identity.addKey({ principal: 'lead', publicKey: RFC_KEY, by: BY })).rejects.toMatchObject(exists);
    const revoked = await t.identity.revokeKey({ keyId: RFC_KEY_ID, reason: 'lost', by: BY });
    expect(await t.identity.revokeKey({ keyId: RFC_KEY_ID, reason: 'again', by: BY })).toEqual(revoked);
    await expect(t.identity.addKey({ principal: 'scientist', publicKey: RFC_KEY, by: BY })).rejects.toMatchObject(
      exists,
    );
    expect(await t.identity.signingKeys()).toEqual([revoked]);
    expect((await t.actions()).slice(2)).toEqual(['ADDED_KEY', 'REVOKED_KEY']);
    await expect(t.identity.revokeKey({ keyId: '0000000000000000', reason: 'x', by: BY })).rejects.toMatchObject({
      type: 'UnknownResource',
    });
  });
});

describe('the key of the environment', () => {
  fresh();

  const load = () => loadServerKey({ db: t.db, now: t.now, folder: join(t.folder, 'prod') });

  it('is made once, by however many are first, kept for its owner only, and listed', async () => {
    const keys = await Promise.all([load(), load(), load(), load()]);
    expect(new Set(keys.map((key) => key.publicKey)).size).toBe(1);
    const file = join(t.folder, 'prod', 'server-key.json');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await t.identity.signingKeys()).toMatchObject([
      { keyId: keys[0]?.keyId, principal: 'registry', publicKey: keys[0]?.publicKey, revokedAt: null },
    ]);
    expect(await t.actions()).toEqual(['ADDED_KEY']);
    await expect(t.identity.createToken({ principal: 'registry', label: 'x', days: 1, by: BY })).rejects.toMatchObject({
      type: 'IllegalTransition',
    });
  });

  it('signs what others can verify with the public part alone', async () => {
    const key = await load();
    const message = Buffer.from('a statement');
    const signature = key.sign(message);
    expect(ed25519.verify(signature, message, Buffer.from(key.publicKey, 'hex'))).toBe(true);
    const der = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), Buffer.from(key.publicKey, 'hex')]);
    expect(verify(null, message, createPublicKey({ key: der, format: 'der', type: 'spki' }), signature)).toBe(true);
    expect(ed25519.verify(signature, Buffer.from('other'), Buffer.from(key.publicKey, 'hex'))).toBe(false);
  });

  it('is replaced by a new one when it was revoked and its file moved away', async () => {
    const { keyId } = await load();
    await t.identity.revokeKey({ keyId, reason: 'a backup was lost', by: BY });
    await expect(load()).rejects.toThrow(/revoked on .*a backup was lost.*move the file away/);
    await rm(join(t.folder, 'prod', 'server-key.json'));
    const next = await load();
    const standing = (await t.identity.signingKeys()).map((key) => [key.keyId, key.revokedReason]);
    expect(standing).toEqual([
      [keyId, 'a backup was lost'],
      [next.keyId, null],
    ]);
  });

  it('is refused when others may read it or it is damaged, without quoting it', async () => {
    await load();
    const file = join(t.folder, 'prod', 'server-key.json');
    const { privateKey } = JSON.parse(await readFile(file, 'utf8')) as { privateKey: string };
    await chmod(file, 0o644);
    await expect(load()).rejects.toMatchObject({
      type: 'NotAuthorized',
      message: expect.stringContaining('0644') as string,
    });
    await chmod(file, 0o600);
    for (const damaged of [
      '',
      '{}',
      `{"privateKey":"${privateKey}","publicKey":"${RFC_KEY}"}`,
      `{"privateKey":"${privateKey}`,
    ]) {
      await writeFile(file, damaged);
      const error: unknown = await load().catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ type: 'ChecksumMismatch' });
      expect(String(error)).not.toContain(privateKey);
    }
  });
});
