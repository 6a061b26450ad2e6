import { createHash } from 'node:crypto';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { DecisionGround } from '../../../contracts/decision-statement.ts';
import { createArchivedHistories } from '../../../registry/audit/archived-histories.ts';
import { MANIFEST, sealPack, type PackManifest } from '../../../registry/audit/pack/manifest.ts';
import { verifyPack } from '../../../registry/audit/pack/verify-pack.ts';
import { loadServerKey, type ServerKey } from '../../../registry/identity/server-key.ts';
import { createPrincipals } from '../../../registry/identity/principals.ts';
import { createSigningKeys } from '../../../registry/identity/signing-keys.ts';
import { exportPack } from '../../../scripts/audit/export-pack.ts';
import { openTestRegistry, type TestRegistry } from '../../registry/open-test-registry.ts';
import { sampleEvidence } from '../../support/sample-evidence.ts';
import { signedDecision, testKey } from '../../support/signed-decisions.ts';

const MODEL = 'delays';
const APPROVER = 'scientist';
const now = (): Date => new Date('2001-06-01T00:00:00Z');

let t: TestRegistry;
let key: ServerKey;
let scratch: string;
/** A pack as it was written; tests work on copies. */
let original: string;
let pack: string;
let manifest: PackManifest;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'packs-'));
  t = await openTestRegistry();
  key = await loadServerKey({ db: t.db, now, folder: t.folder });
  await t.register('fares');
  await decide();
  await t.register('fares');
  original = join(scratch, 'original');
  const open = { ...t, environment: 'prod', home: t.folder } as const;
  manifest = await exportPack(open, {
    model: MODEL,
    version: undefined,
    folder: original,
    client: undefined,
    key,
    now,
  });
});
afterAll(async () => {
  await t.close();
  await rm(scratch, { recursive: true, force: true });
});
let copies = 0;
beforeEach(async () => {
  pack = join(scratch, `copy-${(copies += 1)}`);
  await cp(original, pack, { recursive: true });
});

/** A version on real evidence, approved by a person's own key; the history of its promotion archived. */
async function decide(): Promise<void> {
  const by = { name: 'admin', proof: 'token' } as const;
  await createPrincipals({ db: t.db, now }).addPrincipal({ name: APPROVER, kind: 'user', by });
  await createSigningKeys({ db: t.db, now }).addKey({
    principal: APPROVER,
    publicKey: testKey(APPROVER).publicKey,
    by,
  });
  const version = await t.stage(MODEL);
  const { sha256: evidenceDigest } = await t.artifacts.putJson(sampleEvidence());
  const workflowId = `promote-model/${MODEL}/${version}`;
  const asked = { model: MODEL, version, evidenceDigest, expectedChampion: null, workflowId };
  const opened = await t.registry.openApproval({ ...asked, naturalKey: 'ask', requestedBy: 'superstep' });
  if (opened.outcome !== 'open') throw new Error(opened.outcome);
  const { onnx } = await t.registry.getModelVersion(MODEL, version);
  const ground: DecisionGround = {
    environment: 'prod',
    model: MODEL,
    version,
    modelDigest: onnx?.sha256 ?? '',
    requestId: opened.requestId,
    evidenceDigest,
    snapshot: 7,
  };
  await t.registry.recordDecision({
    naturalKey: 'decision',
    model: MODEL,
    version,
    requestId: opened.requestId,
    approver: APPROVER,
    decision: 'approve',
    comment: 'looks right',
    evidence: '',
    counted: true,
    receivedVia: 'update',
    proof: 'signature',
    keyId: testKey(APPROVER).keyId,
    envelope: signedDecision(ground, { approver: APPROVER }),
  });
  const history = await t.artifacts.putBytes(Buffer.from('{"events":[]}'));
  const run = { workflowId, runId: 'run-1', type: 'promoteModel', status: 'COMPLETED', model: MODEL, version, history };
  await createArchivedHistories({ db: t.db, now }).recordHistory(run);
}

const faults = async (keys: readonly string[] = []) =>
  Object.fromEntries(
    (await verifyPack(pack, keys)).checks.filter((c) => c.faults.length > 0).map((c) => [c.what, c.faults]),
  );
const edit = async (file: string, change: (text: string) => string): Promise<void> => {
  const text = await readFile(join(pack, file), 'utf8');
  expect(change(text), file).not.toBe(text);
  await writeFile(join(pack, file), change(text));
};
/** What somebody does who has the environment's key, or another one: lists and signs the pack anew. */
const reseal = async (by: ServerKey = key): Promise<void> => {
  const { environment, model, versions, createdAt, missing } = manifest;
  await sealPack(pack, { environment, model, versions, createdAt, missing }, by);
};

describe('an evidence pack', () => {
  it('holds what was promised, and names what is not there', () => {
    const files = Object.keys(manifest.files);
    const evidence = createHash('sha256')
      .update(JSON.stringify(sorted(sampleEvidence())))
      .digest('hex');
    for (const file of ['version.json', 'decisions.json', 'gates.json', 'lineage.json', 'bom.cdx.json']) {
      expect(files).toContain(`versions/1/${file}`);
    }
    expect(files).toContain(`versions/1/evidence/${evidence}.json`);
    expect(files).toContain(`versions/1/evidence/${evidence}.html`);
    expect(files).toContain('versions/1/histories/run-1.json');
    expect(manifest.missing).toEqual(['model card of version 1']);
  });

  it('is told from a folder that is none', async () => {
    await expect(verifyPack(join(scratch, 'nowhere'), [])).rejects.toThrow('is no evidence pack');
  });

  it('verifies offline, with the key inside or with the one that is asked for', async () => {
    const { ok, checks, unread, fingerprint } = await verifyPack(pack, []);
    expect(unread).toEqual([]);
    expect(checks.flatMap(({ faults: found }) => found)).toEqual([]);
    expect(ok).toBe(true);
    expect(checks.length).toBeGreaterThan(6);
    expect(fingerprint).toBe(createHash('sha256').update(Buffer.from(key.publicKey, 'hex')).digest('hex'));
    expect(await faults([fingerprint])).toEqual({});
    expect(await faults([key.publicKey])).toEqual({});
    expect(await faults(['f'.repeat(64)])).toMatchObject({ 'signing key': [expect.any(String)] });
  });

  it('shows of other models no more than digests', async () => {
    const text = await readFile(join(pack, 'audit.jsonl'), 'utf8');
    expect(text).not.toContain('fares');
    expect(text).toContain('contentDigest');
  });

  it('is found out by every single file that is altered, taken away or put in', async () => {
    for (const file of Object.keys(manifest.files)) {
      const text = await readFile(join(pack, file));
      await writeFile(join(pack, file), Buffer.concat([text, Buffer.from(' ')]));
      expect(await faults(), file).toEqual({ files: [`${file} was altered`] });
      await rm(join(pack, file));
      expect(await faults(), file).toEqual({ files: [`${file} is missing`] });
      await writeFile(join(pack, file), text);
    }
    await writeFile(join(pack, 'versions', '1', 'more.json'), '{}');
    expect(await faults()).toEqual({ files: ['versions/1/more.json does not belong here'] });
  });

  it('is found out by its list', async () => {
    await edit(MANIFEST, (text) => text.replace('"missing": [', '"missing": ["a lot",'));
    expect(await faults()).toMatchObject({ 'signature of the manifest': [expect.stringContaining('not the one')] });
    // And says what it did not look at then.
    expect((await verifyPack(pack, [])).unread).toContain('decisions');
  });

  it('that somebody else signed holds with its own key only', async () => {
    await edit('versions/1/gates.json', (text) => text.replace('"pass"', '"fail"'));
    await reseal({ ...testKey('somebody'), sign: (message) => testKey('somebody').sign(message) });
    expect(Object.keys(await faults([key.publicKey]))).toEqual(['signing key']);
    // The head inside is still signed by the environment.
    expect(Object.keys(await faults())).toContain('audit, from its rows to the signed head');
  });
});

describe('a pack of somebody who has the environment’s key', () => {
  const cases: [string, string, (text: string) => string, string, RegExp][] = [
    [
      'an altered row of the audit',
      'audit.jsonl',
      (s) => s.replace('all checks pass', 'no check passes'),
      'audit, from its rows to the signed head',
      /row \d+ was altered/,
    ],
    [
      'a row taken out',
      'audit.jsonl',
      (s) => s.split('\n').toSpliced(2, 1).join('\n'),
      'audit, from its rows to the signed head',
      /is missing/,
    ],
    [
      'a cut audit',
      'audit.jsonl',
      (s) => s.split('\n').slice(0, -2).join('\n'),
      'audit, from its rows to the signed head',
      /the head is of row/,
    ],
    [
      'a proof that was none',
      'versions/1/decisions.json',
      (s) => s.replace('"proof": "signature"', '"proof": "claimed"'),
      'decisions of version 1',
      /proved by claimed, is not in the audit/,
    ],
    [
      'a decision of somebody else',
      'versions/1/decisions.json',
      (s) => s.replace('"scientist"', '"stranger"'),
      'decisions of version 1',
      /not in the audit/,
    ],
    [
      'another decision than was signed',
      'versions/1/decisions.json',
      (s) => s.replace('"approve"', '"reject"'),
      'decisions of version 1',
      /the signed statement says approve/,
    ],
    [
      'a broken signature',
      'versions/1/decisions.json',
      (s) => s.replace(/"sig": "..../, '"sig": "AAAA'),
      'decisions of version 1',
      /did not sign it/,
    ],
    [
      'a decision for another file',
      'versions/1/version.json',
      (s) => s.replace(/"sha256": "......../, '"sha256": "00000000'),
      'decisions of version 1',
      /for a file of/,
    ],
    [
      'a provenance of another file',
      'versions/1/version.json',
      (s) => s.replace(/"sha256": "......../, '"sha256": "00000000'),
      'statements of version 1',
      /provenance.dsse.json is about another file/,
    ],
    [
      'a provenance that somebody else signed',
      'versions/1/provenance.dsse.json',
      (s) => s.replace(/"sig": "..../, '"sig": "AAAA'),
      'statements of version 1',
      /no known key signed it/,
    ],
    [
      'other evidence',
      'versions/1/requests.json',
      (s) => s.replace(/"evidenceDigest": "......../, '"evidenceDigest": "00000000'),
      'decisions of version 1',
      /signed on evidence/,
    ],
    [
      'another history',
      'versions/1/histories/run-1.json',
      (s) => `${s} `,
      'histories of version 1',
      /not the one that the audit names/,
    ],
  ];
  it.each(cases)('is found out by %s', async (_, file, change, what, fault) => {
    await edit(file, change);
    await reseal();
    const found = await faults();
    expect(Object.keys(found)).toContain(what);
    expect(found[what]?.join()).toMatch(fault);
  });
});

/** Canonical JSON by other means than the project's own. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([k, v]) => [k, sorted(v)]),
  );
}
