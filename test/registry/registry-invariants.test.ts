import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SuperstepError } from '../../contracts/failure-types.ts';
import { digestOf, openTestRegistry, passed, type TestRegistry, takesNames } from './open-test-registry.ts';
import { expectInvariants } from './registry-invariants.ts';

type Operation =
  | { readonly kind: 'register' | 'pass' | 'fail' | 'ask' | 'open' | 'approve' | 'reject'; readonly version: number }
  | { readonly kind: 'promote' | 'expire' | 'withdraw'; readonly version: number }
  | { readonly kind: 'stale-open' | 'stale-promote' | 'rollback'; readonly version: number };

const KINDS = [
  'register',
  'pass',
  'fail',
  'ask',
  'open',
  'approve',
  'reject',
  'promote',
  'expire',
  'withdraw',
  'stale-open',
  'stale-promote',
  'rollback',
] as const;

const WAYS = [
  ['pass', 'open', 'approve', 'promote'],
  ['pass', 'open', 'approve', 'promote'],
  ['pass', 'open'],
  ['pass', 'stale-open', 'open', 'stale-open'],
  ['pass', 'open', 'promote'],
  ['pass', 'open', 'reject', 'promote'],
  ['pass', 'open', 'rollback', 'approve', 'promote'],
] as const;

const oneVersion = fc.integer({ min: 1, max: 3 });

/** Single operations at random, and whole ways or beginnings of ways to Production, which chance alone seldom finds. */
const walk = ([version, way]: readonly [number, (typeof WAYS)[number]]) => way.map((kind) => [kind, version] as const);

/** A version that asks on stale ground while a newer one waits. */
const OVERTAKEN = [['pass', 2] as const, ...walk([3, WAYS[2]]), ['stale-open', 2] as const];

const operations = fc
  .tuple(
    fc.constantFrom([], [...walk([1, WAYS[0]]), ...walk([2, WAYS[0]])], OVERTAKEN),
    fc.array(
      fc.oneof(
        fc.tuple(fc.constantFrom(...KINDS), oneVersion).map((pair) => [pair]),
        fc.tuple(oneVersion, fc.constantFrom(...WAYS)).map(walk),
      ),
      { minLength: 4, maxLength: 10 },
    ),
  )
  .map(([past, groups]) => [...[1, 2, 3].map((version) => ['register', version] as const), ...past, ...groups.flat()]);

const EXPECTED_REFUSALS = ['IllegalTransition', 'StaleDecision', 'NotAuthorized', 'UnknownModel', 'InvalidInput'];

const OUTCOMES = [
  ...['open', 'promoted', 'superseded', 'champion-changed', 'rolled-back', 'nothing-to-roll-back-to'],
  ...['promote: champion-changed', 'stale-open: champion-changed', 'stale-open: superseded'],
];

describe('any sequence of operations', () => {
  let t: TestRegistry;
  let models = 0;
  beforeAll(async () => {
    t = await openTestRegistry();
  });
  afterAll(() => t.close());

  it('keeps one Production, one open gate, a full audit; every call may be repeated; a refusal changes nothing', async () => {
    const reached = new Set<string>();
    await fc.assert(
      fc.asyncProperty(operations, async (sequence) => {
        const model = `model-${(models += 1)}`;
        for (const [i, [kind, version]] of sequence.entries()) {
          const before = await t.registry.activityLog(model);
          // Bound before either call, as a workflow binds an activity's input before any attempt.
          const call = await bind(t, model, { kind, version }, `${model}/${i}`);
          const first = await outcomeOf(call);
          const after = await t.registry.activityLog(model);
          const outcome = first.refused ?? (first.result as { outcome?: string } | undefined)?.outcome ?? kind;
          if (first.refused !== undefined || outcome === 'champion-changed') expect(after).toEqual(before);
          if (outcome === 'open') await expectPresentGround(t, model);
          reached.add(outcome).add(`${kind}: ${outcome}`);
          expect(await outcomeOf(call)).toEqual(first);
          expect(await t.registry.activityLog(model)).toEqual(after);
          await expectInvariants(t.registry, model);
        }
      }),
      { numRuns: 25, seed: 20010301 },
    );
    // The sequences went where it matters.
    expect([...reached].sort()).toEqual(
      expect.arrayContaining(['IllegalTransition', 'NotAuthorized', 'StaleDecision', ...OUTCOMES]),
    );
  });
});

/** A gate that has just opened compares with the version that is in Production. */
async function expectPresentGround({ registry }: TestRegistry, model: string): Promise<void> {
  const [gate] = await registry.openApprovals(model);
  const request = await registry.getTransitionRequest(gate?.requestId ?? 'none');
  expect(request.expectedChampion).toBe((await registry.productionVersion(model))?.version ?? null);
}

interface Outcome {
  readonly result?: unknown;
  readonly refused?: string;
}

async function outcomeOf(call: () => Promise<unknown>): Promise<Outcome> {
  try {
    return { result: await call() };
  } catch (error) {
    if (error instanceof SuperstepError && EXPECTED_REFUSALS.includes(error.type)) return { refused: error.type };
    throw error;
  }
}

async function bind(
  { registry, register }: TestRegistry,
  model: string,
  { kind, version }: Operation,
  key: string,
): Promise<() => Promise<unknown>> {
  const requests = await registry.transitionRequests(model, version);
  const last = requests.findLast((r) => r.toStage === 'Production');
  const requestId = last?.id ?? 'none';
  const champion = (await registry.productionVersion(model))?.version ?? null;
  const evidenceDigest = digestOf(key);
  const workflowId = `promote-model/${model}/${version}`;
  const promotion = { naturalKey: key, model, version, requestId, rules: takesNames(), workflowId };
  const decision = { naturalKey: key, model, version, requestId, approver: 'governance', comment: 'because' };
  const counted = { evidence: '', counted: true, receivedVia: 'signal' as const };
  const closing = { requestId, by: 'superstep', comment: 'in time' };
  switch (kind) {
    case 'register':
      return () => register(model, key);
    case 'ask':
      return () =>
        registry.requestTransition({ naturalKey: key, model, version, to: 'Staging', requestedBy: 'superstep' });
    case 'pass':
      return () => registry.recordGate({ ...passed(model, version), naturalKey: key });
    case 'fail':
      return () =>
        registry.recordGate({ ...passed(model, version), naturalKey: key, verdict: 'fail', then: 'Archived' });
    case 'open':
    case 'stale-open': {
      const expectedChampion = kind === 'open' ? champion : champion === null ? version : null;
      const asking = { naturalKey: key, model, version, evidenceDigest, expectedChampion, workflowId };
      return () => registry.openApproval({ ...asking, requestedBy: 'superstep' });
    }
    case 'approve':
    case 'reject':
      return () => registry.recordDecision({ ...decision, ...counted, decision: kind });
    case 'promote': {
      const ground = { evidenceDigest: last?.evidenceDigest ?? '', expectedChampion: last?.expectedChampion ?? null };
      return () => registry.promote({ ...promotion, ...ground });
    }
    case 'stale-promote':
      return () => registry.promote({ ...promotion, evidenceDigest, expectedChampion: champion });
    case 'expire':
      return () => registry.closeApproval({ ...closing, outcome: 'expired' });
    case 'withdraw':
      return () => registry.closeApproval({ ...closing, outcome: 'failed-comparison' });
    case 'rollback':
      return () =>
        registry.rollBack({ naturalKey: key, model, reason: 'r', requestedBy: 'ml-lead', allowed: ['ml-lead'] });
  }
}
