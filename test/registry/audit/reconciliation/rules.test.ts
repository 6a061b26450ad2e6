import { describe, expect, it } from 'vitest';
import type {
  ArtifactStanding,
  RegistryFacts,
  RequestFact,
  StayFact,
  WorkflowStanding,
} from '../../../../registry/audit/reconciliation/facts.ts';
import { reconcile, type FindingKind } from '../../../../registry/audit/reconciliation/rules.ts';

const RUN = '11111111-1111-4111-8111-111111111111';
const OTHER_RUN = '22222222-2222-4222-8222-222222222222';
const GATE = 'promote-model/delays/2';

const promoted: RequestFact = {
  id: 'request-1',
  model: 'delays',
  version: 1,
  toStage: 'Production',
  status: 'approved',
  evidenceDigest: 'e1',
  workflowId: 'promote-model/delays/1',
  openedByRun: RUN,
  approvals: 1,
};
const waiting: RequestFact = {
  ...promoted,
  id: 'request-2',
  version: 2,
  status: 'open',
  evidenceDigest: 'e2',
  workflowId: GATE,
  approvals: 0,
};
const stay: StayFact = {
  model: 'delays',
  version: 1,
  enteredAt: '2001-03-01T00:00:00.000Z',
  leftAt: null,
  enteredThrough: 'promotion',
  requestId: 'request-1',
  inAudit: true,
};
const production = {
  model: 'delays',
  version: 1,
  stage: 'Production',
  onnx: 'f1',
  stageByAudit: 'Production',
} as const;
const candidate = { model: 'delays', version: 2, stage: 'Staging', onnx: 'f2', stageByAudit: 'Staging' } as const;
const decision = {
  model: 'delays',
  version: 1,
  approver: 'governance',
  decision: 'approve',
  recordedAt: '2001-03-01T00:00:00.000Z',
  inAudit: true,
};
const lease = { model: 'delays', holder: 'train-to-deploy/delays/monitor', expiresAt: '2001-03-02T00:00:00.000Z' };

/** One version serves, the next waits at its gate, a third is being trained: all as it should be. */
const facts: RegistryFacts = {
  versions: [production, candidate],
  requests: [promoted, waiting],
  stays: [stay],
  decisions: [decision],
  leases: [lease],
};
const running = (runId = RUN): WorkflowStanding => ({ status: 'running', runId });

function find(
  changes: Partial<RegistryFacts>,
  workflows: Readonly<Record<string, WorkflowStanding>> = {},
  artifacts: Readonly<Record<string, ArtifactStanding>> = {},
) {
  return reconcile(
    { ...facts, ...changes },
    {
      environment: 'prod',
      workflows: new Map(Object.entries({ [GATE]: running(), [lease.holder]: running(), ...workflows })),
      artifacts: new Map(Object.entries({ e1: 'intact', e2: 'intact', f1: 'intact', ...artifacts } as const)),
    },
  );
}

describe('reconcile', () => {
  it('finds nothing where all fits', () => {
    expect(find({})).toEqual([]);
  });

  const ended = ['completed', 'failed', 'cancelled', 'terminated', 'timed-out', 'gone'] as const;
  it.each(ended)('finds the gate whose workflow is %s, and says how to ask again', (status) => {
    const [finding, ...others] = find({}, { [GATE]: { status, runId: status === 'gone' ? null : RUN } });
    expect(others).toEqual([]);
    expect(finding).toMatchObject({ kind: 'request-without-workflow', model: 'delays', version: 2 });
    expect(finding?.found).toContain(`its workflow ${GATE} is ${status}`);
    expect(finding?.repair).toContain(`workflow start -n prod --type promoteModel`);
    expect(finding?.repair).toContain(`--input '{"project":"delays","version":2}'`);
  });

  const cases: [
    string,
    FindingKind[],
    Partial<RegistryFacts>,
    Parameters<typeof find>[1]?,
    Parameters<typeof find>[2]?,
  ][] = [
    ['a gate that was reset', ['gate-was-reset'], {}, { [GATE]: running(OTHER_RUN) }],
    [
      'a wish whose workflow never came',
      ['request-without-workflow'],
      { requests: [promoted, { ...waiting, status: 'asked', workflowId: null }] },
      { [GATE]: { status: 'gone', runId: null } },
    ],
    [
      'a wish for Staging, which a person answers',
      [],
      { requests: [promoted, { ...waiting, toStage: 'Staging', workflowId: null }] },
      { [GATE]: { status: 'gone', runId: null } },
    ],
    [
      'a closed request without its workflow',
      [],
      { requests: [promoted, { ...waiting, status: 'rejected' }] },
      { [GATE]: { status: 'gone', runId: null } },
    ],
    [
      'a request that nothing says which run opened',
      [],
      { requests: [promoted, { ...waiting, openedByRun: null }] },
      { [GATE]: running(OTHER_RUN) },
    ],
    ['Production without a request', ['production-without-decision'], { requests: [waiting] }],
    [
      'Production by a request that was rejected',
      ['production-without-decision'],
      { requests: [{ ...promoted, status: 'rejected' }, waiting] },
    ],
    [
      'Production that nobody approved',
      ['production-without-decision'],
      { requests: [{ ...promoted, approvals: 0 }, waiting] },
    ],
    [
      'Production that the audit has not seen',
      ['production-without-decision'],
      { stays: [{ ...stay, inAudit: false }] },
    ],
    [
      'an earlier Production that nobody approved',
      ['production-without-decision'],
      { stays: [{ ...stay, version: 2, leftAt: stay.enteredAt, requestId: null }, stay] },
    ],
    ['Production by rollback', [], { stays: [{ ...stay, enteredThrough: 'rollback', requestId: null }] }],
    ['Production by break-glass', [], { stays: [{ ...stay, enteredThrough: 'break-glass', requestId: null }] }],
    [
      'Production by a rollback that the audit has not seen',
      ['production-without-decision'],
      { stays: [{ ...stay, enteredThrough: 'rollback', inAudit: false }] },
    ],
    ['Production without history', ['production-without-history'], { stays: [{ ...stay, leftAt: stay.enteredAt }] }],
    [
      'history without Production',
      ['history-without-production'],
      { versions: [{ ...production, stage: 'Archived', stageByAudit: 'Archived' }, candidate] },
    ],
    ['history of a version that is not there', ['history-without-production'], { versions: [candidate] }],
    [
      'a stage changed by hand',
      ['stage-without-act'],
      { versions: [production, { ...candidate, stageByAudit: 'Archived' }] },
    ],
    [
      'a version that the audit does not know',
      ['stage-without-act'],
      { versions: [production, { ...candidate, stageByAudit: null }] },
    ],
    ['a decision put in by hand', ['decision-without-record'], { decisions: [{ ...decision, inAudit: false }] }],
    ['evidence that is missing', ['evidence-missing'], {}, {}, { e1: 'missing' }],
    ['evidence that is damaged, of a gate that waits', ['evidence-damaged'], {}, {}, { e2: 'damaged' }],
    [
      'missing evidence that nobody decided on',
      [],
      { requests: [promoted, { ...waiting, status: 'superseded' }] },
      {},
      { e2: 'missing' },
    ],
    ['the file in Production missing', ['model-file-missing'], {}, {}, { f1: 'missing' }],
    ['the file in Production damaged', ['model-file-damaged'], {}, {}, { f1: 'damaged' }],
    [
      'a lease whose holder has ended',
      ['lease-without-holder'],
      {},
      { [lease.holder]: { status: 'terminated', runId: RUN } },
    ],
  ];
  it.each(cases)('%s: %j', (_, kinds, changes, workflows, artifacts) => {
    const findings = find(changes, workflows, artifacts);
    expect(findings.map((finding) => finding.kind)).toEqual(kinds);
    for (const { found, meaning, repair } of findings) {
      for (const text of [found, meaning, repair]) expect(text).not.toBe('');
    }
  });
});
