import { afterEach, describe, expect, it } from 'vitest';
import { SuperstepError } from '../../../contracts/failure-types.ts';
import type { RollbackToStart } from '../../../registry/api/gate-workflows.ts';
import { createCaller } from '../../../registry/identity/rights.ts';
import { openGoldenServer } from './open-golden-server.ts';

const officer = createCaller({ name: 'officer-1', proof: 'token', roles: ['governance-officer'] });
const contributor = createCaller({ name: 'scientist-1', proof: 'token', roles: ['contributor'] });
// The server's clock begins on 2024-01-01.
const WAIVER = { check: 'slices', model: 'delays', until: '2024-06-01T00:00:00Z', reason: 'too few rows until May' };

let server: Awaited<ReturnType<typeof openGoldenServer>>;
afterEach(() => server.close());

async function ask(method: string, path: string, body?: object): Promise<{ status: number; answer: Answer }> {
  const response = await fetch(`http://127.0.0.1:${server.port}/dev/api/2.0/superstep${path}`, {
    method,
    ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  });
  return { status: response.status, answer: (await response.json()) as Answer };
}
type Answer = Readonly<Record<string, never>> & {
  readonly waiver: {
    readonly id: string;
    readonly granted_by: string;
    readonly proof: string;
    readonly revoked_by: string;
  };
  readonly waivers: readonly object[];
  readonly conditions: readonly object[];
  readonly error_code: string;
  readonly message: string;
  readonly ask: string;
  readonly workflow_id: string;
};

describe('waivers over REST', () => {
  it('are granted once by whoever governs, listed, and ended', async () => {
    server = await openGoldenServer(officer);
    expect(await ask('POST', '/waivers', WAIVER)).toMatchObject({ status: 404 });
    await ask('POST', '/../mlflow/registered-models/create', { name: 'delays' });
    expect(await ask('POST', '/waivers', { ...WAIVER, check: 'slizes' })).toMatchObject({
      status: 400,
      answer: { message: expect.stringContaining('expected one of signature, parity') as string },
    });
    const { answer } = await ask('POST', '/waivers', WAIVER);
    expect(answer.waiver).toMatchObject({ granted_by: 'officer-1', proof: 'token', version: null });
    expect((await ask('POST', '/waivers', WAIVER)).answer.waiver.id).toBe(answer.waiver.id);
    expect((await ask('GET', '/waivers?model=delays')).answer.waivers).toHaveLength(1);
    expect((await ask('GET', '/waivers?model=other')).answer.waivers).toEqual([]);
    const ended = await ask('DELETE', `/waivers/${answer.waiver.id}`);
    expect(ended.answer.waiver.revoked_by).toBe('officer-1');
  });

  it('are refused to others, without a reason, and with an end that is none', async () => {
    server = await openGoldenServer(contributor);
    expect(await ask('POST', '/waivers', WAIVER)).toMatchObject({
      status: 403,
      answer: { error_code: 'PERMISSION_DENIED' },
    });
    await server.close();
    server = await openGoldenServer(officer);
    for (const wrong of [{ ...WAIVER, reason: '' }, { ...WAIVER, until: 'soon' }, { ...WAIVER, version: 'x' }, {}]) {
      expect(await ask('POST', '/waivers', wrong)).toMatchObject({
        status: 400,
        answer: { error_code: 'INVALID_PARAMETER_VALUE' },
      });
    }
    expect((await ask('DELETE', '/waivers/none')).status).toBe(404);
  });
});

describe('conditions over REST', () => {
  it('are listed; one that is not there cannot be met', async () => {
    server = await openGoldenServer(contributor);
    expect((await ask('GET', '/conditions')).answer.conditions).toEqual([]);
    expect((await ask('POST', '/conditions/none/fulfil', { comment: 'done' })).status).toBe(404);
  });
});

describe('a rollback over REST', () => {
  const lead = createCaller({ name: 'lead-1', proof: 'token', roles: ['admin', 'ml-lead'] });
  const REASON = { reason: ' complaints from the hub ' };

  async function openWithProduction(startRollback?: (input: RollbackToStart) => Promise<string>): Promise<void> {
    server = await openGoldenServer(lead, startRollback === undefined ? {} : { gates: { startRollback } });
    const mlflow = (path: string, body: object) => ask('POST', `/../mlflow/${path}`, body);
    await mlflow('registered-models/create', { name: 'delays' });
    await mlflow('model-versions/create', { name: 'delays', source: 's3://elsewhere/model' });
    const moved = { name: 'delays', version: '1', stage: 'Production', archive_existing_versions: true };
    expect((await mlflow('model-versions/transition-stage', moved)).status).toBe(200);
  }
  const asked = () => server.db.read((knex) => knex('activity_log').where({ action: 'ASKED_ROLLBACK' }).select('*'));

  it('is written down with who asked, and then started', async () => {
    const started: RollbackToStart[] = [];
    let before: unknown[] = [];
    await openWithProduction(async (input) => {
      before = await asked();
      started.push(input);
      return `roll-back-model/${input.model}/x`;
    });
    const { status, answer } = await ask('POST', '/models/delays/roll-back', REASON);
    expect({ status, workflow: answer.workflow_id }).toEqual({ status: 200, workflow: 'roll-back-model/delays/x' });
    expect(answer.ask).toMatch(/^[0-9a-f]{32}$/);
    const reason = 'complaints from the hub';
    expect(started).toEqual([{ model: 'delays', reason, requestedBy: 'lead-1', ask: answer.ask }]);
    expect(before).toMatchObject([{ model: 'delays', version: 1, done_by: 'lead-1', proof: 'token', comment: reason }]);
  });

  it('needs a reason, a model with something in Production, and a role that the policy lets roll back', async () => {
    await openWithProduction(() => Promise.reject(new Error('nothing is started')));
    for (const wrong of [{}, { reason: '  ' }, { reason: 'x'.repeat(4_001) }, { reason: 7 }]) {
      expect(await ask('POST', '/models/delays/roll-back', wrong)).toMatchObject({
        status: 400,
        answer: { error_code: 'INVALID_PARAMETER_VALUE', message: expect.stringContaining("'reason'") as string },
      });
    }
    expect((await ask('POST', '/models/fares/roll-back', REASON)).status).toBe(404);
    expect((await ask('POST', '/models/No%20Project/roll-back', REASON)).status).toBe(400);
    expect(await asked()).toEqual([]);
    await server.close();
    server = await openGoldenServer(officer);
    expect(await ask('POST', '/models/delays/roll-back', REASON)).toMatchObject({
      status: 403,
      answer: { error_code: 'PERMISSION_DENIED', message: expect.stringContaining('the roles ml-lead') as string },
    });
    await server.close();
    server = await openGoldenServer();
    expect((await ask('POST', '/models/delays/roll-back', REASON)).status).toBe(401);
  });

  it('is told to come again while Temporal is away, and may be asked for anew', async () => {
    await openWithProduction(() => Promise.reject(new SuperstepError('RegistryUnavailable', 'Temporal is away')));
    expect(await ask('POST', '/models/delays/roll-back', REASON)).toMatchObject({
      status: 503,
      answer: { error_code: 'TEMPORARILY_UNAVAILABLE' },
    });
    expect(await asked()).toHaveLength(1);
  });
});
