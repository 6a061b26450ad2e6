import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FreezeWindow } from '../../contracts/schemas/freeze-window.ts';
import { eventsFor } from '../../registry/webhooks/webhook-events.ts';
import { openTestRegistry, takesNames, type TestRegistry } from './open-test-registry.ts';

const MODEL = 'delays';
let t: TestRegistry;
beforeEach(async () => {
  t = await openTestRegistry();
});
afterEach(() => t.close());

/** A version that waits at its gate. */
async function waiting() {
  const version = await t.stage(MODEL);
  const { requestId, digest } = await t.open(MODEL, version);
  const workflowId = `promote-model/${MODEL}/${version}`;
  const who = { model: MODEL, version, requestId, by: 'superstep', comment: 'it waits' };
  const notice = { ...who, evidenceDigest: digest, workflowId, workflowRunId: 'run', details: { until: 'noon' } };
  const expectedChampion = (await t.registry.productionVersion(MODEL))?.version ?? null;
  const promotion = { naturalKey: `promote/${requestId}`, evidenceDigest: digest, expectedChampion, workflowId };
  const promote = (freeze?: readonly FreezeWindow[]) =>
    t.registry.promote({
      ...{ ...promotion, model: MODEL, version, requestId, rules: takesNames() },
      ...(freeze === undefined ? {} : { freeze }),
    });
  return { version, requestId, notice, promote };
}

async function acts(action: string) {
  return (await t.registry.activityLog(MODEL)).filter((row) => row.action === action);
}

describe('what people are told of a gate', () => {
  it('is written when it opens: what waits, on which evidence, and until when', async () => {
    const version = await t.stage(MODEL);
    const workflowId = `promote-model/${MODEL}/${version}`;
    const details = { evidenceUrl: 'http://127.0.0.1/e', approvers: ['governance'], commands: [{ command: 'x' }] };
    const opening = { naturalKey: 'k', model: MODEL, version, evidenceDigest: 'e'.repeat(64), workflowId };
    const open = () =>
      t.registry.openApproval({
        ...opening,
        expectedChampion: null,
        requestedBy: 'scientist',
        announce: { details, expiresAfterMs: 3_600_000 },
      });
    const opened = await open();
    expect(await open()).toEqual(opened);
    const [act, ...others] = await acts('GATE_OPENED');
    expect(others).toEqual([]);
    const openedAt = (opened as { readonly openedAt: string }).openedAt;
    const until = new Date(Date.parse(openedAt) + 3_600_000).toISOString();
    expect(act).toMatchObject({ version, evidenceDigest: 'e'.repeat(64), workflowId, toStage: 'Production' });
    expect(act?.details).toMatchObject({ ...details, until });
  });

  it('is not written for a candidate that a newer one has overtaken', async () => {
    const older = await t.stage(MODEL);
    const newer = await t.stage(MODEL);
    await t.open(MODEL, newer);
    await t.open(MODEL, older);
    expect((await acts('GATE_OPENED')).map(({ version }) => version)).toEqual([newer]);
  });

  it('is told once a number, and not once the gate is closed', async () => {
    const { requestId, notice } = await waiting();
    const remind = (number: number) => t.registry.tellGate({ ...notice, action: 'GATE_REMINDED', number });
    expect([await remind(1), await remind(1), await remind(2)]).toEqual([true, true, true]);
    expect(await acts('GATE_REMINDED')).toMatchObject([
      { comment: 'it waits', details: { until: 'noon', requestId } },
      { comment: 'it waits' },
    ]);
    expect(await t.registry.wasEscalated(requestId)).toBe(false);
    expect(await t.registry.tellGate({ ...notice, action: 'GATE_ESCALATED', number: 1 })).toBe(true);
    expect(await t.registry.wasEscalated(requestId)).toBe(true);
    await t.registry.closeApproval({ requestId, outcome: 'rejected', by: 'governance', comment: 'no' });
    expect(await remind(3)).toBe(false);
    expect(await acts('GATE_REMINDED')).toHaveLength(2);
  });

  it('says once that a version is in Production, and that it was taken back', async () => {
    const first = await t.promoteNew(MODEL);
    const { version, requestId, notice, promote } = await waiting();
    await t.approve(MODEL, version, requestId);
    await promote();
    for (let again = 0; again < 2; again++) await t.registry.tellPromoted({ ...notice, details: { previous: first } });
    const told = await acts('PROMOTED_VERSION');
    expect(told).toMatchObject([{ version, details: { previous: first, requestId } }]);
    const naturalKey = `undo/${requestId}`;
    const undo = { naturalKey, model: MODEL, reason: 'r', requestedBy: 'superstep', allowed: ['superstep'] };
    await t.registry.rollBack({ ...undo, onlyFrom: version });
    const heard = (await t.registry.activityLog(MODEL)).flatMap((row) =>
      eventsFor({ kind: 'email', model: '', events: [] }, row).map((event) => `${event} ${row.version}`),
    );
    expect(heard.slice(-3)).toEqual([`GATE_OPENED ${version}`, `PROMOTED_VERSION ${version}`, `ROLLED_BACK ${first}`]);
  });
});

describe('a promotion in a freeze', () => {
  // The test registry's clock begins on Thursday, 1 March 2001, and takes a second a step.
  const FREEZE: FreezeWindow = { days: ['thursday'], reason: 'stocktaking' };

  it('changes nothing, says until when, and goes through afterwards', async () => {
    const { version, requestId, promote } = await waiting();
    await t.approve(MODEL, version, requestId);
    const frozen = { outcome: 'frozen', freeze: { until: '2001-03-02T00:00:00.000Z', reasons: ['stocktaking'] } };
    expect(await promote([FREEZE])).toEqual(frozen);
    expect(await t.registry.productionVersion(MODEL)).toBeUndefined();
    expect((await t.registry.getTransitionRequest(requestId)).status).toBe('open');
    expect(await promote([{ days: ['friday'], reason: 'tomorrow' }])).toMatchObject({ outcome: 'promoted' });
    // Repeated when the next freeze has begun: it was done before.
    expect(await promote([FREEZE])).toMatchObject({ outcome: 'promoted' });
  });

  it('says first what else stands in the way', async () => {
    const { version, requestId, promote } = await waiting();
    await t.approve(MODEL, version, requestId);
    await t.open(MODEL, await t.stage(MODEL));
    expect(await promote([FREEZE])).toEqual({ outcome: 'superseded' });
  });
});

describe('a rollback from one version only', () => {
  it('is none when another one is in Production by now', async () => {
    const [first, second, third] = [await t.promoteNew(MODEL), await t.promoteNew(MODEL), await t.promoteNew(MODEL)];
    const back = { model: MODEL, reason: 'r', requestedBy: 'superstep', allowed: ['superstep'] };
    const late = { ...back, naturalKey: 'late', onlyFrom: second };
    expect(await t.registry.rollBack(late)).toEqual({ outcome: 'nothing-to-roll-back-to' });
    expect((await t.registry.productionVersion(MODEL))?.version).toBe(third);
    const inTime = { ...back, naturalKey: 'in time', onlyFrom: third };
    for (let again = 0; again < 2; again++) {
      expect(await t.registry.rollBack(inTime)).toMatchObject({ outcome: 'rolled-back', from: third, to: second });
    }
    expect((await t.registry.productionVersion(MODEL))?.version).toBe(second);
    expect(first).toBe(1);
  });
});
