import type { WorkflowHandle } from '@temporalio/client';
import { candidateRules } from '../../contracts/candidate-rules.ts';
import { SuperstepError } from '../../contracts/failure-types.ts';
import type { Freeze } from '../../contracts/freeze.ts';
import { type ApprovalPolicy, FOLLOWING_STEPS } from '../../contracts/promote-model.ts';
import { type WorkflowType, workflowId } from '../../contracts/workflow-ids.ts';
import { decisionKey, signedDecision } from '../support/signed-decisions.ts';
import type { Activities } from './mock-activities.ts';
import {
  AS_OF,
  candidate,
  CHAMPION,
  comparison,
  evidenceDigest,
  gateResult,
  monitored,
  PLAN,
  preparedEvidence,
  PROJECT,
  staged,
  VERSION,
} from './sample-values.ts';
import { gateOpens, status, until, type WorkflowEnv } from './workflow-env.ts';

/** One run whose history is kept, to be replayed by every later version of its workflow. */
export interface RecordedCase {
  readonly workflow: WorkflowType;
  readonly name: string;
  readonly id: string;
  readonly input: unknown;
  readonly answers?: Partial<Activities>;
  /** What people and other workflows do while it runs. */
  readonly meanwhile?: (handle: WorkflowHandle, env: WorkflowEnv) => Promise<void>;
}

const INPUT = { project: PROJECT, asOf: AS_OF };
const ANSWER = { approver: 'governance', comment: 'looks right', evidence: evidenceDigest() };
const RETRAINING = `train-to-deploy/${PROJECT}/monitor-2001-04-24-2001-05-01`;
const MODEL_DIGEST = 'e'.repeat(64);
const KEYS = [decisionKey('officer', ['governance']), decisionKey('lead', ['ml-lead'])];
const SIGNED: ApprovalPolicy = {
  approvers: ['governance', 'ml-lead'],
  quorum: { governance: 1, 'ml-lead': 1 },
  evidenceRequired: true,
  proof: 'signature',
};
const { ground: GROUND } = candidateRules(candidate({ modelDigest: MODEL_DIGEST }), {
  requestId: 'request-1f9c',
  evidenceDigest: evidenceDigest(),
  keys: [],
});
const HOUR_MS = 3_600_000;
const NO_BETTER = async () => comparison({ verdict: 'fail' });

const key = (workflow: WorkflowType): string => workflowId(workflow, PROJECT, '2001-05-01');

function promotion(name: string, rest: Omit<RecordedCase, 'workflow' | 'name' | 'id' | 'input'>): RecordedCase {
  return {
    workflow: 'promoteModel',
    name,
    id: workflowId('promoteModel', PROJECT, VERSION),
    input: { project: PROJECT, version: VERSION },
    ...rest,
  };
}

/** The champion changes while the gate waits, once. */
function changedChampion(): RecordedCase {
  let champion = CHAMPION;
  return promotion('champion-changed', {
    answers: {
      compareModels: async () => comparison({ champion }),
      approvalStanding: async () => ({ request: 'open', champion: ++champion }),
      prepareEvidence: async (input) => preparedEvidence(input, evidenceDigest(champion - CHAMPION + 1)),
    },
    meanwhile: async (handle) => {
      await gateOpens(handle);
      await handle.signal('groundMoved');
      await gateOpens(handle, evidenceDigest(2));
      await handle.signal('approve', ANSWER);
      await handle.signal('approve', { ...ANSWER, evidence: evidenceDigest(2) });
    },
  });
}

/** The policy changes before the gate opens: all gates judge again. */
function changedPolicy(): RecordedCase {
  let openings = 0;
  return promotion('rules-changed', {
    answers: {
      openApproval: async () =>
        ++openings === 1
          ? { outcome: 'rules-changed' }
          : { outcome: 'open', requestId: 'request-1f9c', superseded: [] },
    },
    meanwhile: async (handle) => {
      await gateOpens(handle, evidenceDigest(2));
      await handle.signal('approve', { ...ANSWER, evidence: evidenceDigest(2) });
    },
  });
}

/** A version of a registry client is evaluated first; then no better than the champion. */
function adoptedVersion(): RecordedCase {
  let pinned = 0;
  return promotion('adopted', {
    answers: {
      pinPromotion: async () => (++pinned === 1 ? { needsAdoption: true } : candidate()),
      compareModels: NO_BETTER,
    },
  });
}

/** An approver leaves while the gate waits, and another one before the promotion takes effect. */
function lapsedApprovals(): RecordedCase {
  let promotions = 0;
  return promotion('approvals-lapsed', {
    answers: {
      pinPromotion: async () => candidate({ approval: { ...SIGNED, quorum: 1 }, modelDigest: MODEL_DIGEST }),
      openApproval: async () => ({ outcome: 'open', requestId: 'request-1f9c', superseded: [], keys: KEYS }),
      approvalStanding: async () => ({ request: 'open', champion: CHAMPION, keys: KEYS, left: [] }),
      promoteModelVersion: async () =>
        ++promotions === 1
          ? { outcome: 'approvals-lapsed', keys: KEYS.slice(1), left: ['officer'] }
          : { outcome: 'promoted', previous: CHAMPION, steps: [] },
    },
    meanwhile: async (handle, env) => {
      await gateOpens(handle);
      await handle.signal('groundMoved');
      await until('the gate has asked', () => env.mocks.calls('approvalStanding').length === 1);
      await handle.signal('approve', { envelope: signedDecision(GROUND, { approver: 'officer' }) });
      await until('it waits again', async () => (await status(handle)).details.includes('counts no longer'));
      await handle.executeUpdate('decide', { args: [{ envelope: signedDecision(GROUND, { approver: 'lead' }) }] });
    },
  });
}

/** It reminds at once, as it has waited for long, asks a second role, and is promoted by all steps. */
function escalated(): RecordedCase {
  const approval = { ...candidate().approval, remindEveryMs: HOUR_MS, escalate: { afterMs: HOUR_MS, to: ['risk'] } };
  return promotion('promoted-after-escalation', {
    answers: {
      pinPromotion: async () => candidate({ approval, following: FOLLOWING_STEPS }),
      openApproval: async () => ({
        ...{ outcome: 'open', requestId: 'request-1f9c', superseded: [] },
        openedAt: new Date(Date.now() - 1.5 * HOUR_MS).toISOString(),
        until: new Date(Date.now() + HOUR_MS).toISOString(),
      }),
    },
    meanwhile: async (handle, env) => {
      await until('both are told', () => env.mocks.calls('tellGate').length === 2);
      await until('risk may decide', async () => (await status(handle)).details.includes('risk may decide'));
      await handle.executeUpdate('decide', { args: [{ ...ANSWER, decision: 'approve', approver: 'risk' }] });
    },
  });
}

/** Approved in a freeze, which ends by the clock; another approver speaks meanwhile. */
function frozen(): RecordedCase {
  let freeze: Freeze | undefined;
  return promotion('promoted-after-freeze', {
    answers: {
      pinPromotion: async () => candidate({ following: FOLLOWING_STEPS }),
      promoteModelVersion: async ({ champion }) => {
        freeze ??= { until: new Date(Date.now() + 3_000).toISOString(), reasons: ['stocktaking'] };
        if (Date.now() < Date.parse(freeze.until)) return { outcome: 'frozen', freeze };
        return { outcome: 'promoted', previous: champion, steps: [] };
      },
    },
    meanwhile: async (handle) => {
      await gateOpens(handle);
      await handle.signal('approve', ANSWER);
      await until('the freeze holds it', async () => (await status(handle)).waitsFor?.freeze !== undefined);
      await handle.signal('approve', { ...ANSWER, approver: 'ml-lead' });
    },
  });
}

/** The endpoint says that it cannot serve the version. */
function undone(): RecordedCase {
  return promotion('undone', {
    answers: {
      pinPromotion: async () => candidate({ following: FOLLOWING_STEPS }),
      confirmServing: async () => {
        throw new SuperstepError('UnsupportedOperator', 'the endpoint cannot load it');
      },
      undoPromotion: async () => ({ undone: true, note: 'version 6 is back', waitingGates: ['promote-model/gone/1'] }),
    },
    meanwhile: async (handle) => {
      await gateOpens(handle);
      await handle.signal('approve', ANSWER);
    },
  });
}

const PROMOTIONS: readonly RecordedCase[] = [
  escalated(),
  frozen(),
  undone(),
  promotion('promoted', {
    meanwhile: async (handle) => {
      await handle.signal('approve', { ...ANSWER, comment: 'too early' });
      await gateOpens(handle);
      await handle.signal('aprove', ANSWER);
      await handle.signal('approve', { approver: 'governance' });
      await handle.signal('approve', ANSWER);
    },
  }),
  promotion('promoted-by-quorum', {
    answers: {
      pinPromotion: async () =>
        candidate({ approval: { approvers: ['governance', 'ml-lead'], quorum: 2, evidenceRequired: true } }),
    },
    meanwhile: async (handle) => {
      await gateOpens(handle);
      for (const approver of ['governance', 'ml-lead'])
        await handle.executeUpdate('decide', { args: [{ ...ANSWER, decision: 'approve', approver }] });
    },
  }),
  promotion('promoted-by-signatures', {
    answers: {
      pinPromotion: async () => candidate({ approval: SIGNED, modelDigest: MODEL_DIGEST }),
      openApproval: async () => ({ outcome: 'open', requestId: 'request-1f9c', superseded: [], keys: KEYS }),
    },
    meanwhile: async (handle) => {
      await gateOpens(handle);
      await handle.signal('approve', ANSWER);
      await handle.signal('approve', { envelope: signedDecision(GROUND, { approver: 'officer' }, 'lead') });
      for (const approver of ['officer', 'lead'])
        await handle.executeUpdate('decide', { args: [{ envelope: signedDecision(GROUND, { approver }) }] });
    },
  }),
  lapsedApprovals(),
  promotion('rejected', {
    meanwhile: async (handle) => {
      await gateOpens(handle);
      await handle.signal('reject', { ...ANSWER, comment: 'ATL is worse' });
    },
  }),
  promotion('expired', { answers: { pinPromotion: async () => candidate({ expiresAfterMs: 200 }) } }),
  promotion('failed-compliance', { answers: { checkCompliance: async () => gateResult('compliance', 'fail') } }),
  promotion('failed-comparison', { answers: { compareModels: NO_BETTER } }),
  adoptedVersion(),
  promotion('unusable', {
    answers: {
      pinPromotion: async () => ({ needsAdoption: true }),
      evaluateModel: async () => {
        throw new SuperstepError('SchemaMismatch', 'column "hour", an input of the model, is missing');
      },
      checkCompliance: async () => gateResult('compliance', 'fail'),
    },
  }),
  promotion('superseded', {
    answers: { approvalStanding: async () => ({ request: 'superseded', champion: CHAMPION }) },
    meanwhile: async (handle) => {
      await gateOpens(handle);
      await handle.signal('groundMoved');
    },
  }),
  changedChampion(),
  changedPolicy(),
  promotion('cancelled', {
    meanwhile: async (handle) => {
      await gateOpens(handle);
      await handle.cancel();
    },
  }),
];

const LAKE_AND_TRAINING: readonly RecordedCase[] = [
  { workflow: 'refreshFeatures', name: 'refreshed', id: key('refreshFeatures'), input: INPUT },
  {
    workflow: 'refreshFeatures',
    name: 'no-new-data',
    id: key('refreshFeatures'),
    input: INPUT,
    answers: { planRefresh: async () => ({ ...PLAN, outcome: 'no-new-data' }) },
  },
  {
    workflow: 'refreshFeatures',
    name: 'stopped-by-expectation',
    id: key('refreshFeatures'),
    input: { ...INPUT, full: true },
    answers: { stageTable: async ({ table }) => staged(table, { stopped: 'has_origin' }) },
  },
  { workflow: 'trainModel', name: 'registered', id: key('trainModel'), input: INPUT },
  {
    workflow: 'scoreBatch',
    name: 'scored',
    id: key('scoreBatch'),
    input: { project: PROJECT, sink: { format: 'csv', path: 'predictions.csv' } },
  },
  {
    workflow: 'scoreBatch',
    name: 'no-production',
    id: key('scoreBatch'),
    input: { project: PROJECT },
    answers: { selectProductionModel: async () => null },
  },
  {
    workflow: 'scoreBatch',
    name: 'no-rows',
    id: key('scoreBatch'),
    input: { project: PROJECT },
    answers: { buildScoringRows: async () => null },
  },
];

const SUPERSTEPS: readonly RecordedCase[] = [
  {
    workflow: 'trainToDeploy',
    name: 'promoted',
    id: key('trainToDeploy'),
    input: INPUT,
    meanwhile: async (_, env) => {
      await until('the gate opens', () => env.mocks.calls('openApproval').length === 1);
      const gate = env.client.workflow.getHandle(workflowId('promoteModel', PROJECT, VERSION));
      await gateOpens(gate);
      await gate.signal('approve', ANSWER);
    },
  },
  {
    workflow: 'trainToDeploy',
    name: 'stopped-by-expectation',
    id: key('trainToDeploy'),
    input: INPUT,
    answers: { stageTable: async ({ table }) => staged(table, { stopped: 'has_origin' }) },
  },
  {
    workflow: 'trainToDeploy',
    name: 'failed-comparison',
    id: key('trainToDeploy'),
    input: { ...INPUT, refresh: false, trigger: 'schedule' },
    answers: { compareModels: NO_BETTER },
  },
  { workflow: 'monitorModel', name: 'healthy', id: key('monitorModel'), input: INPUT },
  {
    workflow: 'monitorModel',
    name: 'retrain',
    id: key('monitorModel'),
    input: INPUT,
    answers: {
      monitorWindow: async () => monitored({ verdict: 'degraded', reasons: ['quality fell'] }),
      decideRetraining: async () => ({ action: 'retrain', reasons: ['quality decides'], retraining: RETRAINING }),
      compareModels: NO_BETTER,
    },
    // The superstep outlives its monitor; the next case begins when it has ended.
    meanwhile: async (handle, env) => {
      await handle.result();
      await env.client.workflow.getHandle(RETRAINING).result();
    },
  },
  {
    workflow: 'rollBackModel',
    name: 'rolled-back',
    id: key('rollBackModel'),
    input: { model: PROJECT, reason: 'late flights are missed', requestedBy: 'ml-lead' },
    answers: {
      rollBackVersion: async () => ({
        outcome: 'rolled-back',
        model: PROJECT,
        from: VERSION,
        to: CHAMPION,
        waitingGates: ['promote-model/gone/1'],
      }),
    },
  },
];

/** A batch of more and a last one. */
function twoBatches(): Activities['deliverBatch'] {
  let batches = 0;
  return async () => ({ outcome: (batches += 1) === 1 ? 'more' : 'nothing-left', delivered: 2 });
}

const GOVERNANCE: readonly RecordedCase[] = [
  {
    workflow: 'deliverEvents',
    name: 'nothing-left',
    id: workflowId('deliverEvents', 'console'),
    input: { subscriber: 'console' },
    answers: { deliverBatch: twoBatches() },
  },
  { workflow: 'writeAuditHead', name: 'written', id: workflowId('writeAuditHead', 'prod'), input: undefined },
  {
    workflow: 'recertifyModels',
    name: 'findings',
    id: workflowId('recertifyModels', 'prod', '2001-05'),
    input: { review: { by: 'governance', comment: 'its monitors are quiet' } },
    answers: {
      recertifyModel: async ({ model }) => ({
        model,
        version: VERSION,
        findings: [{ kind: 'condition', finding: 'a condition is due', remedy: 'meet it' }],
      }),
    },
  },
  { workflow: 'reconcileRegistry', name: 'whole', id: workflowId('reconcileRegistry', 'prod'), input: undefined },
];

export const RECORDED_CASES = [...LAKE_AND_TRAINING, ...PROMOTIONS, ...SUPERSTEPS, ...GOVERNANCE];
