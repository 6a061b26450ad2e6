import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createCaller } from '../../../registry/identity/rights.ts';
import { callMlflow, type MlflowAnswer } from './call-mlflow.ts';
import { openGoldenServer } from './open-golden-server.ts';

const BY = { name: 'admin', proof: 'token' } as const;

let server: Awaited<ReturnType<typeof openGoldenServer>>;
beforeEach(async () => void (server = await openGoldenServer()));
afterEach(() => server.close());

const call = (method: 'GET' | 'POST' | 'DELETE', path: string, body: object): Promise<MlflowAnswer> =>
  callMlflow(server.port, method, path, body);

const register = () => call('POST', 'model-versions/create', { name: 'delays', source: 's3://bucket/other' });
const rename = () => call('POST', 'registered-models/rename', { name: 'delays', new_name: 'late' });
const deleteModel = () => call('DELETE', 'registered-models/delete', { name: 'delays' });
const deleteVersion = () => call('DELETE', 'model-versions/delete', { name: 'delays', version: '1' });
const alias = () => call('POST', 'registered-models/alias', { name: 'delays', alias: 'next', version: '1' });
const move = () =>
  call('POST', 'model-versions/transition-stage', {
    ...{ name: 'delays', version: '1', stage: 'Staging', archive_existing_versions: false },
  });

describe('two clients at once', () => {
  beforeEach(async () => {
    await call('POST', 'registered-models/create', { name: 'delays' });
    await register();
  });

  it.each([
    ['rename a model and register a version of it', rename, register, 'there is no model "delays"'],
    ['rename a model twice', rename, rename, 'there is no model "delays"'],
    ['delete a model and register a version of it', deleteModel, register, 'there is no model "delays"'],
    ['delete a version and move it', deleteVersion, move, 'delays has no version'],
    ['delete a version and give it an alias', deleteVersion, alias, 'delays has no version'],
    ['delete a version twice', deleteVersion, deleteVersion, 'delays has no version'],
  ])('%s: as if one came after the other, and who loses is told why', async (_, first, second, why) => {
    const answers = await Promise.all([first(), second()]);
    expect(answers.map(({ status }) => status)).toContain(200);
    for (const { status, code, message } of answers.filter((answer) => answer.status !== 200)) {
      expect([status, code]).toEqual([404, 'RESOURCE_DOES_NOT_EXIST']);
      expect(message).toContain(why);
    }
    expect(server.bugs).toEqual([]);
  });

  it('make the same model: one does, the other is told', async () => {
    const make = () => call('POST', 'registered-models/create', { name: 'twice' });
    const codes = (await Promise.all([make(), make()])).map(({ code }) => code ?? 'done');
    expect(codes.sort()).toEqual(['RESOURCE_ALREADY_EXISTS', 'done']);
  });

  it('leave no alias of a version that is gone', async () => {
    await Promise.all([deleteVersion(), alias()]);
    const answer = await call('GET', 'registered-models/alias?name=delays&alias=next', {});
    expect(answer).toMatchObject({ status: 400, code: 'INVALID_PARAMETER_VALUE' });
  });
});

describe('who may not', () => {
  it('is answered before anything is read or written', async () => {
    await server.close();
    server = await openGoldenServer(createCaller({ name: 'reader', proof: 'token', roles: ['viewer'] }));
    const huge = { name: 'x'.repeat(1_000_000) };
    expect(await call('POST', 'experiments/create', huge)).toMatchObject({ status: 403, code: 'PERMISSION_DENIED' });
  });

  it('holds a token that was revoked meanwhile, or none of ours: 401, and nothing is done', async () => {
    await server.close();
    server = await openGoldenServer('by token');
    const { identity, port } = server;
    await identity.addPrincipal({ name: 'scientist', kind: 'user', by: BY });
    await identity.grantRole({ principal: 'scientist', role: 'contributor', by: BY });
    const { id, token } = await identity.createToken({ principal: 'scientist', label: 'laptop', days: 1, by: BY });
    const make = (name: string, sent?: string) => callMlflow(port, 'POST', 'registered-models/create', { name }, sent);
    expect((await make('before', token)).status).toBe(200);
    await identity.revokeToken({ id, reason: 'lost on a train', by: BY });
    const revoked = await make('after', token);
    expect(revoked).toMatchObject({ status: 401, code: 'UNAUTHENTICATED' });
    expect(revoked.message).toContain('lost on a train');
    for (const sent of [undefined, `ss_${'x'.repeat(43)}`, 'a.b.c']) {
      expect(await make('after', sent), sent ?? 'none').toMatchObject({ status: 401, code: 'UNAUTHENTICATED' });
    }
    expect(await server.db.read((knex) => knex('registered_models').pluck('name'))).toEqual(['before']);
    expect(server.bugs).toEqual([]);
  });
});
