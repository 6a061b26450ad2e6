import { chmod, rm, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { WorkflowStanding } from '../../../../registry/audit/reconciliation/facts.ts';
import { reconcileRegistry } from '../../../../registry/audit/reconciliation/reconcile-registry.ts';
import { openTestRegistry, takesNames, type TestRegistry } from '../../open-test-registry.ts';

const MODEL = 'delays';

let t: TestRegistry;
/** Version 1 serves; version 2 waits at its gate. Evidence is stored as the engine stores it. */
let requestId: string;
let evidence: string;
beforeEach(async () => {
  t = await openTestRegistry();
  await promote();
  const version = await t.stage(MODEL);
  ({ sha256: evidence } = await t.artifacts.putJson({ version }));
  const opened = await t.registry.openApproval({
    naturalKey: `production/${MODEL}/${version}/${evidence}`,
    model: MODEL,
    version,
    evidenceDigest: evidence,
    expectedChampion: 1,
    workflowId: `promote-model/${MODEL}/${version}`,
    requestedBy: 'superstep',
  });
  if (opened.outcome !== 'open') throw new Error(opened.outcome);
  ({ requestId } = opened);
});
afterEach(() => t.close());

async function promote(): Promise<void> {
  const version = await t.stage(MODEL);
  const { sha256 } = await t.artifacts.putJson({ version });
  const named = { model: MODEL, version, workflowId: `promote-model/${MODEL}/${version}` };
  const ground = { ...named, evidenceDigest: sha256, expectedChampion: null };
  const opened = await t.registry.openApproval({ ...ground, naturalKey: `ask ${version}`, requestedBy: 'superstep' });
  if (opened.outcome !== 'open') throw new Error(opened.outcome);
  await t.approve(MODEL, version, opened.requestId);
  const { requestId: id } = opened;
  await t.registry.promote({ ...ground, naturalKey: `promote ${version}`, requestId: id, rules: takesNames() });
}

type Standing = (id: string) => WorkflowStanding | Promise<WorkflowStanding>;
const look = (standing: Standing = () => ({ status: 'running', runId: null })) =>
  reconcileRegistry({
    db: t.db,
    artifacts: t.artifacts,
    environment: 'prod',
    now: () => new Date('2001-03-01T00:00:00Z'),
    workflowStanding: async (id) => standing(id),
  });
const kinds = async (standing?: Standing) => (await look(standing)).map((finding) => finding.kind);
/** A hand in the database, past the registry. */
const tamper = (sql: string, ...values: string[]) => t.db.write((trx) => trx.raw(sql, values));

describe('reconcileRegistry', () => {
  it('finds nothing after promotions, a rollback and a new gate, and asks only for workflows that must live', async () => {
    const asked = new Set<string>();
    const standing = (id: string): WorkflowStanding => {
      asked.add(id);
      return { status: 'running', runId: null };
    };
    expect(await look(standing)).toEqual([]);
    expect([...asked]).toEqual([`promote-model/${MODEL}/2`]);
    await t.approve(MODEL, 2, requestId);
    const second = {
      model: MODEL,
      version: 2,
      requestId,
      evidenceDigest: evidence,
      expectedChampion: 1,
      rules: takesNames(),
    };
    await t.registry.promote({ ...second, naturalKey: 'promote 2', workflowId: `promote-model/${MODEL}/2` });
    expect(await look()).toEqual([]);
    const back = { model: MODEL, reason: 'late', requestedBy: 'ml-lead', allowed: ['ml-lead'] };
    expect(await t.registry.rollBack({ ...back, naturalKey: 'back' })).toMatchObject({ outcome: 'rolled-back' });
    expect(await look()).toEqual([]);
  });

  it('finds the gate whose workflow was terminated', async () => {
    expect(await kinds(() => ({ status: 'terminated', runId: 'run' }))).toEqual(['request-without-workflow']);
  });

  it('does not report a promotion that ended while it looked', async () => {
    const ends = async (): Promise<WorkflowStanding> => {
      await t.registry.closeApproval({ requestId, outcome: 'expired', by: 'superstep', comment: 'late' });
      return { status: 'completed', runId: 'run' };
    };
    expect(await kinds(ends)).toEqual([]);
  });

  it('finds what a hand in the database did', async () => {
    await tamper("update model_versions set stage = 'Archived' where version = 1");
    expect(await kinds()).toEqual(['stage-without-act', 'history-without-production']);
    await tamper("update model_versions set stage = 'Production' where version = 1");
    expect(await kinds()).toEqual([]);
    await tamper('update production_history set request_id = null where version = 1');
    expect(await kinds()).toEqual(['production-without-decision']);
    await tamper('delete from production_history');
    expect(await kinds()).toEqual(['production-without-history']);
  });

  it('finds a decision that the registry did not record', async () => {
    const forged = { id: 'forged', natural_key: 'forged', model: MODEL, version: 2, request_id: requestId };
    const said = { approver: 'governance', decision: 'approve', comment: 'fine', evidence: '', counted: true };
    await t.db.write((trx) =>
      trx('decisions').insert({ ...forged, ...said, received_via: 'update', recorded_at: '2001-03-01T00:00:00.000Z' }),
    );
    expect(await kinds()).toEqual(['decision-without-record']);
  });

  it('finds evidence that is gone or altered, and a model file that is', async () => {
    const file = t.artifacts.path({ uri: `artifact:sha256/${evidence}`, sha256: evidence, bytes: 0 });
    await chmod(file, 0o644);
    await writeFile(file, 'other');
    expect(await kinds()).toEqual(['evidence-damaged']);
    await rm(file);
    expect(await kinds()).toEqual(['evidence-missing']);
    const { onnx } = await t.registry.getModelVersion(MODEL, 1);
    if (onnx === null) throw new Error('no file');
    await rm(t.artifacts.path(onnx));
    expect(await kinds()).toEqual(['model-file-missing', 'evidence-missing']);
  });

  it('finds a lease whose holder is gone', async () => {
    await t.registry.acquireRetrainingLease({
      model: MODEL,
      holder: 'train-to-deploy/delays/monitor-1',
      asOf: '2001-03-01T00:00:00Z',
      window: 'w',
      coolDownMs: 1,
      atMost: { count: 9, perMs: 1 },
      leaseMs: 86_400_000,
    });
    const standing = (id: string): WorkflowStanding =>
      id.startsWith('train') ? { status: 'gone', runId: null } : { status: 'running', runId: null };
    expect(await kinds(standing)).toEqual(['lease-without-holder']);
  });
});
