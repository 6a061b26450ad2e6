import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { digestOf, openTestRegistry, passed, type TestRegistry } from './open-test-registry.ts';

const MODEL = 'delays';

let t: TestRegistry;
beforeEach(async () => {
  t = await openTestRegistry();
});
afterEach(() => t.close());

const stageOf = async (version: number): Promise<string> => (await t.registry.getModelVersion(MODEL, version)).stage;

describe('requestTransition and recordGate', () => {
  it('answers the open request, moves the version, leaves tags and a comment', async () => {
    const version = await t.register(MODEL);
    const asking = { naturalKey: 'staging/1', model: MODEL, version, to: 'Staging' as const, requestedBy: 'superstep' };
    const request = await t.registry.requestTransition(asking);
    expect(await t.registry.requestTransition({ ...asking, naturalKey: 'another' })).toEqual(request);
    const evidence = await t.artifacts.putJson({ parity: 1e-7 });
    const gate = { ...passed(MODEL, version), naturalKey: 'g', evidence, evidenceDigest: 'abc', tags: { risk: 'low' } };
    const record = await t.registry.recordGate(gate);
    expect(await t.registry.recordGate(gate)).toEqual(record);
    expect(await t.registry.gateRecords(MODEL, version)).toEqual([record]);
    expect(await t.registry.getModelVersion(MODEL, version)).toMatchObject({
      stage: 'Staging',
      tags: { 'gate.compliance': 'pass', risk: 'low', owner: 'team' },
      comments: [{ author: 'superstep', comment: 'compliance: pass. all checks pass' }],
    });
    expect(await t.registry.getTransitionRequest(request.id)).toMatchObject({ status: 'approved' });
  });

  it('archives a version that fails, with the reason, and lets it be asked for again', async () => {
    const version = await t.register(MODEL);
    const asking = { naturalKey: 'staging/1', model: MODEL, version, to: 'Staging' as const, requestedBy: 'superstep' };
    const request = await t.registry.requestTransition(asking);
    const fail = { ...passed(MODEL, version), verdict: 'fail' as const, summary: 'no card', then: 'Archived' as const };
    await t.registry.recordGate({ ...fail, naturalKey: 'g1' });
    expect(await t.registry.getTransitionRequest(request.id)).toMatchObject({ status: 'rejected' });
    expect(await t.registry.getModelVersion(MODEL, version)).toMatchObject({
      stage: 'Archived',
      tags: { 'archived.reason': 'failed-compliance' },
    });
    await t.registry.recordGate({ ...passed(MODEL, version), naturalKey: 'g2' });
    const again = await t.registry.getModelVersion(MODEL, version);
    expect(again.stage).toBe('Staging');
    expect(again.tags).not.toHaveProperty(['archived.reason']);
  });

  it('keeps Production out of it, and Staging closed to what has failed', async () => {
    const version = await t.promoteNew(MODEL);
    const illegal = { type: 'IllegalTransition', details: { current: 'Production', wanted: 'Staging', allowed: [] } };
    await expect(t.registry.recordGate({ ...passed(MODEL, version), naturalKey: 'g' })).rejects.toMatchObject(illegal);
    const asking = { naturalKey: 'r', model: MODEL, version, to: 'Staging' as const, requestedBy: 'superstep' };
    await expect(t.registry.requestTransition(asking)).rejects.toMatchObject(illegal);
    const next = await t.register(MODEL);
    const failed = { ...passed(MODEL, next), verdict: 'fail' as const, naturalKey: 'g' };
    await expect(t.registry.recordGate(failed)).rejects.toMatchObject({ type: 'InvalidInput' });
    expect(await t.registry.gateRecords(MODEL, next)).toEqual([]);
    expect(await stageOf(next)).toBe('None');
  });
});

describe('openApproval', () => {
  it('supersedes every older version that waits, and says whom to wake', async () => {
    const [first, second] = [await t.stage(MODEL), await t.stage(MODEL)];
    const old = await t.open(MODEL, first);
    const opened = await t.registry.openApproval({
      naturalKey: 'o2',
      model: MODEL,
      version: second,
      evidenceDigest: digestOf('2'),
      expectedChampion: null,
      workflowId: 'promote-model/delays/2',
      requestedBy: 'superstep',
    });
    const superseded = [{ version: first, workflowId: `promote-model/${MODEL}/${first}` }];
    expect(opened).toMatchObject({ outcome: 'open', superseded });
    expect(await t.registry.getTransitionRequest(old.requestId)).toMatchObject({ status: 'superseded' });
    expect(await t.registry.getModelVersion(MODEL, first)).toMatchObject({
      stage: 'Archived',
      tags: { 'archived.reason': 'superseded' },
      comments: [{}, { comment: 'superseded: version 2 passed its comparison and asks for Production' }],
    });
    expect(await t.registry.openApprovals(MODEL)).toMatchObject([{ version: second, evidenceDigest: digestOf('2') }]);
  });

  it('supersedes an older version that comes later, at once', async () => {
    const [first, second] = [await t.stage(MODEL), await t.stage(MODEL)];
    await t.open(MODEL, second);
    const late = {
      naturalKey: 'late',
      model: MODEL,
      version: first,
      evidenceDigest: digestOf('1'),
      expectedChampion: null,
      workflowId: 'w',
      requestedBy: 'superstep',
    };
    const answer = await t.registry.openApproval(late);
    expect(answer).toMatchObject({ outcome: 'superseded', by: second });
    expect(await t.registry.openApproval(late)).toEqual(answer);
    expect(await stageOf(first)).toBe('Archived');
    expect(await t.registry.openApprovals(MODEL)).toMatchObject([{ version: second }]);
  });

  it('tells a call that is repeated late that its version has been superseded since', async () => {
    const [first, second] = [await t.stage(MODEL), await t.stage(MODEL)];
    const { digest } = await t.open(MODEL, first);
    await t.open(MODEL, second);
    const repeated = t.registry.openApproval({
      naturalKey: `production/${MODEL}/${first}/${digest}`,
      model: MODEL,
      version: first,
      evidenceDigest: digest,
      expectedChampion: null,
      workflowId: 'w',
      requestedBy: 'superstep',
    });
    await expect(repeated).resolves.toMatchObject({ outcome: 'superseded', by: second });
  });

  it('replaces the request on new evidence, and decisions on the old one lapse', async () => {
    const version = await t.stage(MODEL);
    const old = await t.open(MODEL, version, 1);
    await t.approve(MODEL, version, old.requestId);
    const fresh = await t.open(MODEL, version, 2);
    expect(await t.registry.getTransitionRequest(old.requestId)).toMatchObject({ status: 'cancelled' });
    expect(await t.registry.decisions(fresh.requestId)).toEqual([]);
    expect(await stageOf(version)).toBe('Staging');
    // A zombie's repetition of the first call changes nothing.
    await expect(t.open(MODEL, version, 1)).rejects.toMatchObject({ type: 'StaleDecision' });
    expect(await t.registry.openApprovals(MODEL)).toMatchObject([{ requestId: fresh.requestId }]);
  });

  it('begins anew when an archived version has passed compliance again, on the very same evidence', async () => {
    const version = await t.stage(MODEL);
    const { requestId } = await t.open(MODEL, version);
    await t.registry.closeApproval({ requestId, outcome: 'rejected', by: 'governance', comment: 'not now' });
    await expect(t.open(MODEL, version)).rejects.toMatchObject({ type: 'StaleDecision' });
    await t.registry.recordGate({ ...passed(MODEL, version), naturalKey: 'second asking' });
    const again = await t.open(MODEL, version);
    expect(again.requestId).not.toBe(requestId);
    expect(await t.open(MODEL, version)).toEqual(again);
  });

  it('begins anew when the champion of the first evidence has come back', async () => {
    await t.promoteNew(MODEL);
    const version = await t.stage(MODEL);
    const asking = (round: number, expectedChampion: number) =>
      t.registry.openApproval({
        naturalKey: `round ${round}`,
        model: MODEL,
        version,
        evidenceDigest: digestOf(`round ${round}`),
        expectedChampion,
        workflowId: 'w',
        requestedBy: 'superstep',
      });
    await asking(1, 1);
    // The champion changes twice while the gate waits, the second time back.
    const champion = (to: number, from: number) =>
      t.db.write(async (trx) => {
        await trx('model_versions').where({ model: MODEL, version: from }).update({ stage: 'Archived' });
        await trx('model_versions').where({ model: MODEL, version: to }).update({ stage: 'Production' });
      });
    const other = await t.register(MODEL);
    await champion(other, 1);
    await asking(2, other);
    await expect(asking(1, 1)).rejects.toMatchObject({ type: 'StaleDecision' });
    await champion(1, other);
    expect(await asking(1, 1)).toMatchObject({ outcome: 'open' });
    expect(await t.registry.openApprovals(MODEL)).toMatchObject([{ evidenceDigest: digestOf('round 1') }]);
  });

  it('wants a version in Staging', async () => {
    const version = await t.register(MODEL);
    await expect(t.open(MODEL, version)).rejects.toMatchObject({
      type: 'IllegalTransition',
      details: { current: 'None', wanted: 'Production', allowed: [] },
    });
  });

  it('ends the retraining lease in the same transaction', async () => {
    const lease = {
      model: MODEL,
      holder: 'train-to-deploy/delays/a',
      asOf: '2001-05-01T00:00:00Z',
      window: 'w18',
      coolDownMs: 0,
      atMost: { count: 9, perMs: 1 },
      leaseMs: 3_600_000,
    };
    await t.registry.acquireRetrainingLease(lease);
    const other = { ...lease, holder: 'train-to-deploy/delays/b' };
    expect(await t.registry.acquireRetrainingLease(other)).toMatchObject({ granted: false, reason: 'running' });
    const version = await t.stage(MODEL);
    const asking = { naturalKey: 'o', model: MODEL, version, evidenceDigest: 'd', expectedChampion: null };
    const who = { workflowId: 'w', requestedBy: 'superstep', releaseLeaseOf: lease.holder };
    await t.registry.openApproval({ ...asking, ...who });
    expect(await t.registry.acquireRetrainingLease({ ...other, asOf: '2001-06-01T00:00:00Z' })).toEqual({
      granted: true,
    });
  });
});

describe('closeApproval', () => {
  it.each([
    ['rejected', 'rejected'],
    ['expired', 'expired'],
    ['failed-comparison', 'cancelled'],
    ['cancelled', 'cancelled'],
  ] as const)('archives a version that %s, once, with the reason', async (outcome, status) => {
    const version = await t.stage(MODEL);
    const { requestId } = await t.open(MODEL, version);
    const closed = await t.registry.closeApproval({ requestId, outcome, by: 'governance', comment: 'because' });
    expect(closed).toMatchObject({ status, closedBy: 'governance', closingComment: 'because' });
    expect(await t.registry.closeApproval({ requestId, outcome: 'expired', by: 'x', comment: 'y' })).toEqual(closed);
    const record = await t.registry.getModelVersion(MODEL, version);
    expect(record).toMatchObject({ stage: 'Archived', tags: { 'archived.reason': outcome } });
    expect(record.comments.at(-1)).toMatchObject({ comment: `${outcome}: because` });
  });
});

describe('recordDecision', () => {
  const say = {
    approver: 'governance',
    decision: 'approve',
    comment: 'good',
    counted: true,
    receivedVia: 'signal' as const,
  };

  it('keeps all that is said, and counts what may count', async () => {
    const version = await t.stage(MODEL);
    const { requestId, digest } = await t.open(MODEL, version);
    const at = { model: MODEL, version, requestId, evidence: digest };
    const heard = async (naturalKey: string, saying: object) =>
      (await t.registry.recordDecision({ ...say, ...at, naturalKey, ...saying })).whyNot;
    expect(await heard('1', { evidence: 'f'.repeat(64) })).toContain('names evidence');
    expect(await heard('2', { evidence: digest.slice(0, 11) })).toContain('names evidence');
    expect(await heard('3', { comment: ' ' })).toBe('the comment is missing');
    expect(await heard('4', { decision: 'maybe' })).toBe('"maybe" is no decision');
    expect(await heard('5', { counted: false, whyNot: 'unknown approver' })).toBe('unknown approver');
    expect(await heard('6', { requestId: null })).toBe('no gate was open');
    expect(await heard('7', { evidence: digest.slice(0, 12).toUpperCase() })).toBeNull();
    expect(await heard('8', {})).toContain('an approver counts once');
    expect(await heard('7', { comment: 'repeated' })).toBeNull();
    await t.registry.closeApproval({ requestId, outcome: 'expired', by: 'superstep', comment: '48h' });
    expect(await heard('9', { approver: 'ml-lead' })).toBe('the gate is closed: expired');
    const kept = await t.registry.decisions(requestId);
    expect(kept.filter((decision) => decision.counted)).toMatchObject([{ approver: 'governance', comment: 'good' }]);
    expect(kept).toHaveLength(8);
    const log = await t.registry.activityLog(MODEL);
    expect(log.filter((entry) => entry.action === 'RECORDED_DECISION')).toHaveLength(9);
  });

  it('can never be changed or removed afterwards', async () => {
    const version = await t.stage(MODEL);
    const { requestId } = await t.open(MODEL, version);
    await t.approve(MODEL, version, requestId);
    for (const table of ['decisions', 'activity_log']) {
      await expect(t.db.write((trx) => trx(table).update({ comment: 'forged' }))).rejects.toThrow('append-only');
      await expect(t.db.write((trx) => trx(table).delete())).rejects.toThrow('append-only');
    }
  });
});
