import { type Client, ServiceError } from '@temporalio/client';
import { describe, expect, it } from 'vitest';
import type { DecisionGround } from '../../contracts/decision-statement.ts';
import { createCaller } from '../../registry/identity/rights.ts';
import type { TransitionRequest } from '../../registry/open-requests.ts';
import { createTemporalGates } from '../../workers/temporal-gates.ts';

const GROUND: DecisionGround = {
  environment: 'prod',
  model: 'delays',
  version: 3,
  modelDigest: 'a'.repeat(64),
  requestId: 'b'.repeat(32),
  evidenceDigest: 'c'.repeat(64),
  snapshot: 1,
};
const REQUEST: TransitionRequest = {
  id: GROUND.requestId,
  naturalKey: 'asked',
  model: 'delays',
  version: 3,
  toStage: 'Production',
  status: 'open',
  requestedBy: 'scientist',
  requestedProof: 'token',
  basis: null,
  comment: '',
  evidenceDigest: GROUND.evidenceDigest,
  expectedChampion: null,
  workflowId: 'promote-model/delays/3',
  createdAt: '2001-03-01T00:00:00.000Z',
  closedAt: null,
  closedBy: null,
  closingComment: null,
};

/** Gates of a Temporal server on which a workflow says that it waits on this ground; answers what was signed. */
function gatesOf(shown: DecisionGround) {
  const signed: DecisionGround[] = [];
  const query = async () => ({ phase: 'approval', waitsFor: { rules: { approvers: ['governance'], ground: shown } } });
  const client = {
    withDeadline: (_: number, call: () => unknown) => call(),
    workflow: { getHandle: () => ({ query }) },
  } as unknown as Client;
  const { attest } = createTemporalGates({
    client: async () => client,
    environment: 'prod',
    attest: async (_, { rules }) => {
      signed.push(rules.ground);
      return { payloadType: '', payload: '', signatures: [{ keyid: '', sig: '' }] };
    },
  });
  const caller = createCaller({ name: 'officer', proof: 'token', roles: ['governance'] });
  return {
    signed,
    attest: () => attest({ caller, request: REQUEST, decision: 'approve', comment: 'ok', conditions: [] }),
  };
}

describe('a rollback that was asked for', () => {
  it('is started once, under an id of its asking, with who asked', async () => {
    const started: unknown[] = [];
    const start = async (type: string, options: { readonly workflowId: string; readonly args: unknown }) => {
      started.push({ type, id: options.workflowId, args: options.args });
    };
    const client = { withDeadline: (_: number, call: () => unknown) => call(), workflow: { start } };
    const { gates } = createTemporalGates({
      client: async () => client as unknown as Client,
      environment: 'prod',
      attest: () => Promise.reject(new Error('nothing is signed')),
    });
    const input = { model: 'delays', reason: 'late', requestedBy: 'lead', ask: `0123456789ab${'c'.repeat(20)}` };
    const id = 'roll-back-model/delays/0123456789ab';
    expect(await gates.startRollback(input)).toBe(id);
    expect(started).toEqual([{ type: 'rollBackModel', id, args: [input] }]);
  });

  it('is weather while Temporal is away', async () => {
    const { gates } = createTemporalGates({
      client: () => Promise.reject(new ServiceError('no connection', { cause: unavailable() })),
      environment: 'prod',
      attest: () => Promise.reject(new Error('nothing is signed')),
    });
    const input = { model: 'delays', reason: 'late', requestedBy: 'lead', ask: 'a'.repeat(32) };
    await expect(gates.startRollback(input)).rejects.toMatchObject({ type: 'RegistryUnavailable' });
  });
});

/** gRPC's UNAVAILABLE, as the client throws it. */
function unavailable(): Error {
  return Object.assign(new Error('14 UNAVAILABLE'), { code: 14, details: 'no connection', metadata: {} });
}

describe('what the server signs for a gate', () => {
  it('is the ground of the request that the registry has', async () => {
    const { attest, signed } = gatesOf(GROUND);
    await attest();
    expect(signed).toEqual([GROUND]);
  });

  it.each<Partial<DecisionGround>>([
    { environment: 'staging' },
    { model: 'credit' },
    { version: 4 },
    { requestId: 'd'.repeat(32) },
    { evidenceDigest: 'e'.repeat(64) },
  ])('is never another one that its workflow shows: %j', async (other) => {
    const { attest, signed } = gatesOf({ ...GROUND, ...other });
    await expect(attest()).rejects.toMatchObject({ type: 'StaleDecision' });
    expect(signed).toEqual([]);
  });
});
