import { execFileSync } from 'node:child_process';
import { generateKeyPairSync, sign } from 'node:crypto';
import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fingerprintOf, openEnvelope, sealEnvelope } from '../../../registry/audit/envelope.ts';
import type { ServerKey } from '../../../registry/identity/server-key.ts';
import { claimedHead, readHead, signHead } from '../../../registry/audit/heads.ts';
import { writeHeadTo } from '../../../registry/audit/head-places.ts';
import { streamRows } from '../../../registry/audit/rows.ts';
import { verifyChain } from '../../../registry/audit/verification.ts';
import { readWrittenHeads } from '../../../registry/audit/written-heads.ts';
import { openTestRegistry, type TestRegistry } from '../open-test-registry.ts';

function newSigner(): ServerKey {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const hex = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url').toString('hex');
  return { keyId: fingerprintOf(hex).slice(0, 16), publicKey: hex, sign: (message) => sign(null, message, privateKey) };
}

const signer = newSigner();
const keys = [signer.publicKey];
let t: TestRegistry;
let folder: string;
beforeEach(async () => {
  t = await openTestRegistry();
  folder = await mkdtemp(join(tmpdir(), 'heads-'));
});
afterEach(async () => {
  await t.close();
  await rm(folder, { recursive: true, force: true });
});

const head = (by = signer, environment = 'prod') =>
  signHead({ db: t.db, environment, key: by, now: () => new Date('2001-03-01T00:00:00Z') });
const git = (...args: string[]): string =>
  execFileSync('git', ['-C', folder, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });

describe('an envelope', () => {
  it('opens with the key that signed it, and with no other, for no other type, for no other content', async () => {
    const envelope = sealEnvelope(signer, 'text/a', { a: 1 });
    expect(openEnvelope(envelope, 'text/a', [newSigner().publicKey, ...keys])).toEqual({
      ok: true,
      value: { a: 1 },
    });
    const forged = { ...envelope, payload: Buffer.from('{"a":2}').toString('base64') };
    for (const [value, type, known] of [
      [envelope, 'text/a', [newSigner().publicKey]],
      [envelope, 'text/a', []],
      [envelope, 'text/b', keys],
      [{ ...envelope, payloadType: 'text/b' }, 'text/b', keys],
      [forged, 'text/a', keys],
      [{ ...envelope, signatures: [] }, 'text/a', keys],
      [{ ...envelope, signatures: [{ keyid: signer.keyId, sig: 'AAAA' }] }, 'text/a', keys],
      [null, 'text/a', keys],
      ['{}', 'text/a', keys],
    ] as const) {
      expect(openEnvelope(value, type, known)).toMatchObject({ ok: false });
    }
  });

  it('signs what DSSE says it signs', () => {
    const seen: string[] = [];
    sealEnvelope(
      {
        ...signer,
        sign: (m) => {
          seen.push(Buffer.from(m).toString());
          return m;
        },
      },
      'http://example.com/HelloWorld',
      'é',
    );
    // The form of the protocol's own example: lengths count bytes.
    expect(seen).toEqual(['DSSEv1 29 http://example.com/HelloWorld 4 "é"']);
  });
});

describe('heads that are written out', () => {
  it('go to a file once per row, behind whatever a power cut left', async () => {
    const file = join(folder, 'deep', 'heads.jsonl');
    const place = { file: 'deep/heads.jsonl' };
    expect(await writeHeadTo(place, await head(), folder)).toBe('written');
    await appendFile(file, '{"payloadType":"appl');
    await t.register('delays');
    expect(await writeHeadTo(place, await head(), folder)).toBe('written');
    expect(await writeHeadTo(place, await head(), folder)).toBe('unchanged');
    await expect(readWrittenHeads(join(folder, 'nowhere'), 'prod', keys)).rejects.toThrow('expected a file of heads');
    const { heads, unreadable } = await readWrittenHeads(file, 'prod', keys);
    expect(heads.map((h) => h.sequence)).toEqual([0, 2]);
    expect(unreadable).toMatchObject([{ where: `${file}:2`, isTorn: true }]);
    expect((await verifyChain(streamRows(t.db), heads)).coveredUntil).toBe(2);
  });

  it('go to a web address, which is told what makes a repeat', async () => {
    const received: { key: unknown; body: string }[] = [];
    let status = 204;
    const server = createServer((request, response) => {
      let body = '';
      request.on('data', (piece) => (body += String(piece)));
      request.on('end', () => {
        received.push({ key: request.headers['idempotency-key'], body });
        response.writeHead(status).end();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/heads`;
      const envelope = await head();
      await writeHeadTo({ url }, envelope, folder);
      expect(received[0]?.key).toBe(`prod/0/${'0'.repeat(64)}`);
      expect(readHead(JSON.parse(received[0]?.body ?? ''), keys)).toMatchObject({ ok: true, value: { sequence: 0 } });
      status = 500;
      await expect(writeHeadTo({ url }, envelope, folder)).rejects.toMatchObject({
        type: 'SourceUnavailable',
        message: expect.stringContaining('it answered 500') as string,
      });
    } finally {
      server.close();
    }
  });

  it('go to a git repository, a commit each, and stay readable when a later commit takes them away', async () => {
    git('init', '--quiet');
    const place = { git: folder };
    expect(await writeHeadTo(place, await head(), '/')).toBe('written');
    await t.register('delays');
    expect(await writeHeadTo(place, await head(), '/')).toBe('written');
    expect(await writeHeadTo(place, await head(), '/')).toBe('unchanged');
    expect(git('log', '--format=%s').trim().split('\n')).toHaveLength(2);
    await writeFile(join(folder, 'audit-heads-prod.jsonl'), '');
    git('-c', 'user.name=x', '-c', 'user.email=x@example.com', 'commit', '--quiet', '-a', '-m', 'nothing to see');
    const { heads, unreadable } = await readWrittenHeads(folder, 'prod', keys);
    expect(heads.map((h) => h.sequence)).toEqual([0, 2]);
    expect(unreadable).toEqual([]);
  });

  it('are committed and pushed by the try after one that ended half way', async () => {
    const remote = await mkdtemp(join(tmpdir(), 'remote-'));
    try {
      execFileSync('git', ['init', '--quiet', '--bare', remote]);
      execFileSync('git', ['clone', '--quiet', remote, folder], { stdio: 'ignore' });
      await writeHeadTo({ git: folder }, await head(), '/');
      git('push', '--quiet', '--set-upstream', 'origin', 'HEAD');
      await t.register('delays');
      const envelope = await head();
      await appendFile(join(folder, 'audit-heads-prod.jsonl'), `${JSON.stringify(envelope)}\n`);
      expect(await writeHeadTo({ git: folder }, envelope, '/')).toBe('written');
      const pushed = execFileSync('git', ['-C', remote, 'log', '--all', '--format=%s'], { encoding: 'utf8' });
      expect(pushed.trim().split('\n')).toHaveLength(2);
    } finally {
      await rm(remote, { recursive: true, force: true });
    }
  });

  it('say which place fails, and why', async () => {
    const envelope = await head();
    await writeFile(join(folder, 'taken'), '');
    for (const place of [{ file: 'taken/heads.jsonl' }, { git: folder }, { url: 'http://127.0.0.1:1/' }]) {
      await expect(writeHeadTo(place, envelope, folder)).rejects.toMatchObject({ type: 'SourceUnavailable' });
    }
  });

  it('count only for their environment and only when a known key signed them', async () => {
    const file = join(folder, 'heads.jsonl');
    for (const envelope of [await head(), await head(signer, 'dev'), await head(newSigner())]) {
      await appendFile(file, `${JSON.stringify(envelope)}\n`);
    }
    const { heads, unreadable } = await readWrittenHeads(folder, 'prod', keys);
    expect(heads).toHaveLength(1);
    expect(unreadable).toMatchObject([
      { where: `${file}:3`, isTorn: false, problem: expect.stringContaining('no known key') as string },
    ]);
    expect(claimedHead({ ...(await head()), payload: 'e30=' })).toBeUndefined();
  });

  it('hold the registry to what it was, whoever owns its database now', async () => {
    await t.promoteNew('delays');
    const before = await head();
    await writeHeadTo({ file: 'heads.jsonl' }, before, folder);
    await t.db.write((trx) => trx('comments').insert({ ...comment, id: 'a', natural_key: 'a' }));
    const rows = [];
    for await (const row of streamRows(t.db)) rows.push(row);
    const { heads } = await readWrittenHeads(join(folder, 'heads.jsonl'), 'prod', keys);
    expect(rows.length).toBe(claimedHead(before)?.sequence);
    expect(await verifyChain(streamRows(t.db), heads)).toMatchObject({ headsThatAgree: 1, rows: rows.length });
    expect((await readFile(join(folder, 'heads.jsonl'), 'utf8')).split('\n')).toHaveLength(2);
  });
});

const comment = {
  model: 'delays',
  version: 1,
  author: 'ml-lead',
  comment: 'not an act of the audit',
  created_at: '2001-03-01T00:00:00.000Z',
  updated_at: '2001-03-01T00:00:00.000Z',
};
