import { afterEach, describe, expect, it } from 'vitest';
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
};

describe('waivers over REST', () => {
  it('are granted once by whoever governs, listed, and ended', async () => {
    server = await openGoldenServer(officer);
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
