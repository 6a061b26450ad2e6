import { generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { createAuditActivities } from '../../activities/audit-activities.ts';
import { SuperstepError } from '../../contracts/failure-types.ts';
import { selectRowsOfModel } from '../../registry/audit/model-rows.ts';
import { archivedHistoryOf } from '../../registry/audit/archived-histories.ts';
import { readWrittenHeads } from '../../registry/audit/written-heads.ts';
import type { ServerKey } from '../../registry/identity/server-key.ts';
import { openTestRegistry, type TestRegistry } from '../registry/open-test-registry.ts';
import { PROJECT } from './sample-values.ts';
import { gateOpens, startWorkflowEnv, status, type WorkflowEnv } from './workflow-env.ts';

let env: WorkflowEnv;
let folder: string;
beforeAll(async () => {
  env = await startWorkflowEnv(inject('workflowBundle'));
  folder = await mkdtemp(join(tmpdir(), 'audit-workflows-'));
});
afterAll(async () => {
  await env.stop();
  await rm(folder, { recursive: true, force: true });
});

describe('writeAuditHead', () => {
  it('writes to every place, tells which one failed after all tries, and fails then', async () => {
    env.mocks.answer({
      signAuditHead: async () => ({
        sequence: 7,
        envelope: { payloadType: 'head', payload: '', signatures: [{ keyid: 'key', sig: '' }] },
        places: [{ file: 'a' }, { url: 'http://example.com/' }, { git: 'c' }],
      }),
      writeAuditHead: async ({ place }) => {
        if (!('url' in place)) return 'file' in place ? 'written' : 'unchanged';
        // Weather would be tried again for long; what stays is told at once.
        throw new SuperstepError('InvalidInput', 'it answered 500');
      },
    });
    const handle = await env.start('writeAuditHead', undefined);
    await expect(handle.result()).rejects.toMatchObject({
      cause: {
        type: 'SourceUnavailable',
        message: expect.stringContaining('url http://example.com/') as string,
        details: [
          {
            places: [
              { place: 'file a', status: 'written' },
              { place: 'url http://example.com/', status: 'failed', note: 'it answered 500' },
              { place: 'git c', status: 'unchanged' },
            ],
          },
        ],
      },
    });
    expect((await status(handle)).details).toContain('it answered 500');
  });

  it('says so when the policy names no place', async () => {
    env.mocks.answer({
      signAuditHead: async () => ({
        sequence: 7,
        envelope: { payloadType: 'head', payload: '', signatures: [{ keyid: 'key', sig: '' }] },
        places: [],
      }),
    });
    const handle = await env.start('writeAuditHead', undefined);
    expect(await handle.result()).toEqual({
      outcome: 'nowhere-to-write',
      sequence: 7,
      archivedHistories: 2,
      places: [],
    });
  });
});

describe('on a registry of its own and a real server', () => {
  let t: TestRegistry;
  let serverKey: ServerKey;
  beforeEach(async () => {
    t = await openTestRegistry();
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const hex = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url').toString('hex');
    serverKey = { keyId: 'key', publicKey: hex, sign: (message) => new Uint8Array(sign(null, message, privateKey)) };
    await writeFile(
      join(folder, 'prod.yaml'),
      `${(await readFile('policies/dev.yaml', 'utf8')).replace(/anonymous: [a-z-]+/, 'anonymous: none')}\naudit: { heads: { to: [{ file: heads.jsonl }] } }\n`,
    );
    const { db, artifacts } = t;
    const now = (): Date => new Date();
    const deps = { db, artifacts, environment: 'prod', policies: folder, home: t.folder, serverKey, now } as const;
    env.mocks.answer(createAuditActivities(deps));
    return () => t.close();
  });
  const run = async (type: 'writeAuditHead' | 'reconcileRegistry'): Promise<unknown> =>
    (await env.start(type, undefined, `${type}/${Math.random()}`)).result();

  it('keeps histories of ended runs once, and covers that by the head', async () => {
    const promotion = await env.start('promoteModel', { project: PROJECT, version: 7 }, 'promote-model/kept/7');
    await gateOpens(promotion);
    await promotion.signal('reject', { approver: 'governance', comment: 'no', evidence: 'e'.repeat(12) });
    await promotion.terminate('by a stranger');
    await expect(promotion.result()).rejects.toThrow();
    expect(await run('writeAuditHead')).toMatchObject({ outcome: 'written', places: [{ status: 'written' }] });
    const kept = (await t.db.read((knex) => selectRowsOfModel(knex, PROJECT))).flatMap(
      (row) => archivedHistoryOf(row) ?? [],
    );
    const own = kept.filter(({ workflowId }) => workflowId === 'promote-model/kept/7');
    expect(own).toMatchObject([{ type: 'promoteModel', status: 'TERMINATED', version: 7 }]);
    const history = await t.artifacts.readJson<{ events: object[] }>(own[0]?.history ?? never());
    expect(JSON.stringify(history.events.at(-1))).toContain('by a stranger');
    const { heads } = await readWrittenHeads(join(t.folder, 'heads.jsonl'), 'prod', [serverKey.publicKey]);
    expect(heads.map(({ sequence }) => sequence)).toEqual([(await t.registry.activitiesAfter(0, 1000)).length]);
    expect(await run('writeAuditHead')).toMatchObject({ archivedHistories: 0, places: [{ status: 'unchanged' }] });
  });

  it('finds a gate that a stranger terminated, and one whose workflow never was', async () => {
    const first = await env.start('promoteModel', { project: PROJECT, version: 1 }, `promote-model/${PROJECT}/1`);
    await gateOpens(first);
    await t.stage(PROJECT);
    await t.open(PROJECT, 1);
    // This test's evidence has no file; the gate is what it is about.
    const gates = async () => {
      const { findings } = (await run('reconcileRegistry')) as { findings: { kind: string; found: string }[] };
      return findings.filter(({ kind }) => kind === 'request-without-workflow').map(({ found }) => found);
    };
    expect(await gates()).toEqual([]);
    await first.terminate();
    expect(await gates()).toEqual([expect.stringContaining(`promote-model/${PROJECT}/1 is terminated`)]);
    await t.stage('fares');
    await t.open('fares', 1);
    expect(await gates()).toEqual([
      expect.stringContaining('is terminated'),
      expect.stringContaining('promote-model/fares/1 is gone'),
    ]);
    await gates();
    const told = (await t.registry.activitiesAfter(0, 1000)).filter(({ action }) => action === 'RECONCILED');
    // Before the first was terminated it had evidence without a file; the last look found nothing new.
    expect(told).toHaveLength(3);
    expect(JSON.stringify(told.at(-1)?.details)).toContain('promote-model/fares/1 is gone');
  });

  it('finds a gate that a stranger reset', async () => {
    const workflowId = `promote-model/${PROJECT}/3`;
    const gate = await env.start('promoteModel', { project: PROJECT, version: 3 }, workflowId);
    await gateOpens(gate);
    const { runId } = await gate.describe();
    for (let version = 1; version <= 3; version += 1) await t.stage(PROJECT);
    const asked = { model: PROJECT, version: 3, evidenceDigest: 'e'.repeat(64), expectedChampion: null, workflowId };
    // The key that the engine gives it names the run.
    await t.registry.openApproval({ ...asked, naturalKey: `production/x/${runId}`, requestedBy: 'superstep' });
    const kinds = async () => {
      const { findings } = (await run('reconcileRegistry')) as { findings: { kind: string }[] };
      return findings.map(({ kind }) => kind).filter((kind) => !kind.startsWith('evidence'));
    };
    expect(await kinds()).toEqual([]);
    const { events } = await gate.fetchHistory();
    const task = events?.find((event) => Boolean(event.workflowTaskCompletedEventAttributes));
    await env.client.workflowService.resetWorkflowExecution({
      namespace: 'default',
      workflowExecution: { workflowId, runId },
      reason: 'by a stranger',
      requestId: randomUUID(),
      workflowTaskFinishEventId: task?.eventId ?? null,
    });
    expect(await kinds()).toEqual(['gate-was-reset']);
    await env.client.workflow.getHandle(workflowId).terminate();
  });
});

function never(): never {
  throw new Error('nothing was kept');
}
