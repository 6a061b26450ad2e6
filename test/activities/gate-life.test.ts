import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { howLong } from '../../activities/tell-gate.ts';
import { createPromotionActivities, type PromotionActivities } from '../../activities/promotion-activities.ts';
import type { PromotionDependencies } from '../../activities/promotion-dependencies.ts';
import type { CandidateInput, PinnedPromotion } from '../../contracts/promote-model.ts';
import { noticeOf } from '../../registry/webhooks/notices.ts';
import { openTestRegistry, type TestRegistry } from '../registry/open-test-registry.ts';
import { preparedEvidence } from '../workflows/sample-values.ts';
import { MODEL, orderPolicy, promotionDependencies, stageTrained } from './trained-version.ts';

const HOUR = 3_600_000;
const APPROVAL =
  '{ approvers: [governance], evidence_digest: optional, remind_every: 24h, escalate: { after: 36h, to: [head-of-risk] } }';

let t: TestRegistry;
let deps: PromotionDependencies;
let activities: PromotionActivities;
beforeEach(async () => {
  t = await openTestRegistry();
  deps = await promotionDependencies(t, APPROVAL);
  activities = createPromotionActivities(deps);
});
afterEach(() => t.close());

/** The policy of the day; its freeze is governance's to change at any time. */
const orderFreeze = (windows: string): void => orderPolicy(t, APPROVAL, `freeze: ${windows}\n`);

/** A version at its gate, opened by the activity, and what the workflow would ask. */
async function atGate() {
  const version = await stageTrained(t, deps);
  const subject: CandidateInput = {
    candidate: (await activities.pinPromotion({ input: { project: MODEL, version } })) as PinnedPromotion,
    workflowId: `promote-model/${MODEL}/${version}`,
    runId: `run ${version}`,
  };
  const champion = (await t.registry.productionVersion(MODEL))?.version ?? null;
  const evidence = preparedEvidence(subject, String(version).repeat(64));
  const opened = await activities.openApproval({ ...subject, evidence, champion, superstep: null });
  if (opened.outcome !== 'open') throw new Error(opened.outcome);
  const { requestId, openedAt = '', until = '' } = opened;
  const told = { ...subject, requestId, evidence, openedAt, until, escalated: false, missing: 1 };
  const promote = () =>
    activities.promoteModelVersion({ ...subject, requestId, evidenceDigest: evidence.digest, champion });
  const promoted = { ...subject, requestId, previous: champion, approvedBy: ['governance'], evidence };
  return { version, requestId, until, openedAt, told, promote, promoted, evidence };
}

async function lastNotice() {
  const last = (await t.registry.activityLog(MODEL)).at(-1);
  if (last === undefined) throw new Error('nothing happened');
  return { action: last.action, ...noticeOf(last, 'prod') };
}

describe('a person who may decide', () => {
  it('is told what waits, on which evidence, until when, and how to answer', async () => {
    const { until, openedAt, version, evidence } = await atGate();
    expect(Date.parse(until) - Date.parse(openedAt)).toBe(48 * HOUR);
    const { action, subject, lines, roles } = await lastNotice();
    expect({ action, subject, roles }).toEqual({
      action: 'GATE_OPENED',
      subject: `[prod] ${MODEL} version ${version} waits for a decision`,
      roles: ['governance'],
    });
    expect(lines).toEqual(
      expect.arrayContaining([`evidence: ${evidence.digest}`, `until: ${until}`, `look: ${evidence.url}`]),
    );
    expect(lines.filter((line) => line.startsWith('$ npm run temporal'))).toHaveLength(2);
  });

  it('is reminded, with how long it has waited; the second role only from the escalation on', async () => {
    const { told, until } = await atGate();
    expect(await activities.tellGate({ ...told, event: { what: 'remind', number: 1 } })).toMatchObject({ open: true });
    const reminder = await lastNotice();
    expect(reminder).toMatchObject({ action: 'GATE_REMINDED', roles: ['governance'] });
    expect(reminder.lines).toEqual(
      expect.arrayContaining(['comment: has waited 1 d for one more approval', `until: ${until}`]),
    );
    await activities.tellGate({ ...told, missing: 2, event: { what: 'escalate' } });
    const escalation = await lastNotice();
    expect(escalation).toMatchObject({ action: 'GATE_ESCALATED', roles: ['governance', 'head-of-risk'] });
    expect(escalation.lines).toContain(
      'comment: has waited 1 d 12 h for 2 more approvals; head-of-risk may decide too',
    );
    await activities.tellGate({ ...told, escalated: true, event: { what: 'remind', number: 2 } });
    expect((await lastNotice()).roles).toEqual(['governance', 'head-of-risk']);
  });

  it.each([
    [90_000, '1 min 30 s'],
    [2 * 24 * HOUR + 4 * HOUR + 1_000, '2 d 4 h'],
    [24 * HOUR, '1 d'],
    [10, 'a moment'],
  ])('reads %d ms as %s', (ms, text) => expect(howLong(ms)).toBe(text));
});

describe('the promotion', () => {
  it('takes the second role for an approver when the registry knows that it was asked, and not before', async () => {
    const { version, requestId, told, promote } = await atGate();
    await t.approve(MODEL, version, requestId, 'head-of-risk');
    await expect(promote()).rejects.toMatchObject({ type: 'NotAuthorized' });
    await activities.tellGate({ ...told, event: { what: 'escalate' } });
    expect(await promote()).toMatchObject({ outcome: 'promoted' });
  });

  it('waits in a freeze that was ordered after the gate opened, and goes on when it is lifted', async () => {
    const { version, requestId, promote } = await atGate();
    await t.approve(MODEL, version, requestId);
    // The test registry's clock stands in March 2001.
    orderFreeze('[{ from: "2001-01-01T00:00:00Z", until: "2001-06-01T00:00:00Z", reason: incident }]');
    const freeze = { until: '2001-06-01T00:00:00.000Z', reasons: ['incident'] };
    expect(await promote()).toEqual({ outcome: 'frozen', freeze });
    orderFreeze('[]');
    expect(await promote()).toMatchObject({ outcome: 'promoted' });
  });
});

describe('after the promotion', () => {
  async function promotedVersion() {
    const gate = await atGate();
    await t.approve(MODEL, gate.version, gate.requestId);
    await gate.promote();
    return gate;
  }

  it('people are told once: what, by whom, in whose place, on which evidence', async () => {
    const first = await t.promoteNew(MODEL);
    const { promoted, version, evidence } = await promotedVersion();
    for (let again = 0; again < 2; again++)
      expect(await activities.notifyPromoted(promoted)).toEqual({ step: 'notify', status: 'done' });
    const { subject, lines } = await lastNotice();
    expect(subject).toBe(`[prod] ${MODEL} version ${version} is in Production`);
    expect(lines).toEqual(
      expect.arrayContaining([
        'by: governance',
        `comment: approved by governance; took the place of version ${first}`,
        `evidence: ${evidence.digest}`,
        `look: ${evidence.url}`,
      ]),
    );
    const log = await t.registry.activityLog(MODEL);
    expect(log.filter(({ action }) => action === 'PROMOTED_VERSION')).toHaveLength(1);
  });

  it('a version without a profile is said to be one that cannot be monitored', async () => {
    const { promoted, version } = await promotedVersion();
    expect(await activities.rebaseMonitor(promoted)).toEqual({
      step: 'rebase-monitor',
      status: 'skipped',
      note: `version ${version} has no baseline-profile.json: its windows cannot be monitored`,
    });
  });

  it('the version before is put back once; never one that another hand has put there', async () => {
    const first = await t.promoteNew(MODEL);
    const { promoted, version } = await promotedVersion();
    const undo = () => activities.undoPromotion({ ...promoted, reason: 'serve: it does not load' });
    const undone = { undone: true, note: `version ${first} is back`, waitingGates: [] };
    expect([await undo(), await undo()]).toEqual([undone, undone]);
    expect((await t.registry.productionVersion(MODEL))?.version).toBe(first);
    expect((await t.registry.getModelVersion(MODEL, version)).stage).toBe('Archived');

    const replaced = await promotedVersion();
    const newest = await t.promoteNew(MODEL);
    expect(await activities.undoPromotion({ ...replaced.promoted, reason: 'late' })).toEqual({
      undone: true,
      note: `by now it is version ${newest}, which stays`,
      waitingGates: [],
    });
    expect((await t.registry.productionVersion(MODEL))?.version).toBe(newest);
  });

  it('the first version stays where there is none to go back to', async () => {
    const { promoted, version } = await promotedVersion();
    const { undone, note } = await activities.undoPromotion({ ...promoted, reason: 'serve: it does not load' });
    expect({ undone, note }).toEqual({
      undone: false,
      note: `there is no version to go back to; version ${version} stays in Production`,
    });
    expect((await t.registry.productionVersion(MODEL))?.version).toBe(version);
  });
});
