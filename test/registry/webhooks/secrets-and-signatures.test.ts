import { createHmac, randomBytes } from 'node:crypto';
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSecretBox, loadSecretBox } from '../../../registry/webhooks/secret-box.ts';
import { deliveryHeaders } from '../../../registry/webhooks/signature.ts';

describe('signatures', () => {
  const at = new Date(1_700_000_000_999);

  it('are the ones of RFC 4231 for Databricks, over the body', () => {
    const body = 'what do ya want for nothing?';
    expect(deliveryHeaders({ deliveryId: 'd1', body, secret: 'Jefe', at })['x-databricks-signature']).toBe(
      '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
    );
  });

  it('are for MLflow those that openssl makes of id, time and body', () => {
    expect(deliveryHeaders({ deliveryId: 'd1', body: '{"a":1}', secret: 'Jefe', at })).toMatchObject({
      'x-mlflow-delivery-id': 'd1',
      'x-mlflow-timestamp': '1700000000',
      'x-mlflow-signature': 'v1,Hb1Kir1UkqwkqvLNlLOJTD2PORypQoLAZAKeUDytYv8=',
    });
  });

  it('are not there without a secret', () => {
    const headers = deliveryHeaders({ deliveryId: 'd1', body: '{}', secret: null, at });
    expect(Object.keys(headers)).toEqual(['x-mlflow-delivery-id', 'x-mlflow-timestamp']);
  });

  it('let a receiver tell a message of another time, id or body', () => {
    const sent = { deliveryId: 'd1', body: '{"a":1}', secret: 'Jefe', at };
    const signature = deliveryHeaders(sent)['x-mlflow-signature'];
    for (const changed of [
      { at: new Date(at.getTime() + 1000) },
      { deliveryId: 'd2' },
      { body: '{"a":2}' },
      { secret: 'x' },
    ])
      expect(deliveryHeaders({ ...sent, ...changed })['x-mlflow-signature']).not.toBe(signature);
    expect(createHmac('sha256', 'Jefe').update('d1.1700000000.{"a":1}').digest('base64')).toBe(signature?.slice(3));
  });
});

describe('the secret box', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'secrets-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));
  const failure = (type: string): Error => expect.objectContaining({ type }) as Error;

  it('gives back what was sealed, to whom it was sealed for, and never the same text twice', () => {
    const box = createSecretBox(randomBytes(32));
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string(), (secret, purpose) => {
        const sealed = box.seal(secret, purpose);
        expect(box.open(sealed, purpose)).toBe(Buffer.from(secret).toString());
        expect(box.seal(secret, purpose)).not.toBe(sealed);
        expect(() => box.open(sealed, `${purpose}.`)).toThrow(failure('ChecksumMismatch'));
      }),
    );
  });

  it('opens nothing that was changed, or sealed by another key', () => {
    const box = createSecretBox(randomBytes(32));
    const sealed = box.seal('a secret', 'p');
    expect(() => createSecretBox(randomBytes(32)).open(sealed, 'p')).toThrow(failure('ChecksumMismatch'));
    fc.assert(
      fc.property(fc.nat({ max: sealed.length - 1 }), fc.constantFrom(...'Ab.'), (at, char) => {
        const changed = sealed.slice(0, at) + char + sealed.slice(at + 1);
        fc.pre(Buffer.compare(bytesOf(changed), bytesOf(sealed)) !== 0);
        expect(() => box.open(changed, 'p')).toThrow(failure('ChecksumMismatch'));
      }),
    );
  });

  it('has one key an environment, for its owner alone, whoever comes first', async () => {
    const boxes = await Promise.all([1, 2, 3, 4].map(() => loadSecretBox(folder)));
    expect(boxes[1]?.open(boxes[0]?.seal('a', 'p') ?? '', 'p')).toBe('a');
    const file = join(folder, 'webhook-key');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    await chmod(file, 0o644);
    await expect(loadSecretBox(folder)).rejects.toThrow(failure('NotAuthorized'));
    await chmod(file, 0o600);
    const key = await readFile(file, 'utf8');
    await writeFile(file, key.slice(5));
    await expect(loadSecretBox(folder)).rejects.toThrow(failure('ChecksumMismatch'));
  });
});

/** What base64 text stands for: its last digit may differ and mean the same. */
function bytesOf(sealed: string): Buffer {
  const [format = '', ...parts] = sealed.split('.');
  return Buffer.concat([Buffer.from(`${format}${parts.length}|`), ...parts.map((part) => Buffer.from(part, 'base64'))]);
}
