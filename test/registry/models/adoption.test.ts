import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createCaller } from '../../../registry/identity/rights.ts';
import type { Act } from '../../../registry/models/act.ts';
import { EVALUATION_RUN_TAG } from '../../../registry/models/adoption.ts';
import { openTestRegistry, type TestRegistry } from '../open-test-registry.ts';

const admin: Act = {
  caller: createCaller({ name: 'owner', proof: 'token', roles: ['admin'] }),
  directChanges: 'allowed',
};
const NEW = { loggedModelId: undefined, runId: undefined, runLink: '', description: '', tags: [] };

let t: TestRegistry;
beforeEach(async () => {
  t = await openTestRegistry();
  await t.registry.createModel({ name: 'm', description: '', tags: [], deploymentJobId: undefined }, admin);
});
afterEach(() => t.close());

const create = async (source: string): Promise<number> =>
  (await t.registry.createVersion({ ...NEW, model: 'm', source }, admin)).version;

/** A run of the engine that evaluated something, with these names of inputs. */
async function evaluation(key: string, columns?: readonly string[]): Promise<string> {
  const empty = { params: {}, metrics: {}, tags: {}, artifacts: {} };
  const inputs = columns === undefined ? {} : { columns };
  return (await t.registry.logRun({ naturalKey: key, experiment: 'm', name: key, ...empty, inputs })).runId;
}

async function upload(path: string, content: string): Promise<void> {
  const ref = await t.artifacts.putBytes(Buffer.from(content));
  await t.db.write((trx) =>
    trx('artifact_files').insert({ path, sha256: ref.sha256, bytes: ref.bytes, updated_at: '2001-03-01T00:00:00Z' }),
  );
}

describe('linkEvaluation', () => {
  it('links once, whatever is evaluated later, and writes it into the audit once', async () => {
    const version = await create('mlflow-artifacts:/0/r/artifacts/model');
    const [first, second] = [await evaluation('first'), await evaluation('second')];
    const link = (runId: string) => t.registry.linkEvaluation({ model: 'm', version, runId, workflowId: 'w' });
    expect(await t.registry.evaluationRun('m', version)).toBeNull();
    expect([await link(first), await link(second), await link(first)]).toEqual([first, first, first]);
    expect(await t.registry.evaluationRun('m', version)).toBe(first);
    const set = (await t.registry.activityLog('m')).filter(({ action }) => action === 'SET_TAG');
    expect(set).toMatchObject([{ version, by: 'superstep', workflowId: 'w', details: { value: first } }]);
  });

  it('keeps one winner of two at once', async () => {
    const version = await create('mlflow-artifacts:/0/r/artifacts/model');
    const runs = await Promise.all(['a', 'b', 'c'].map((key) => evaluation(key)));
    const links = await Promise.all(
      runs.map((runId) => t.registry.linkEvaluation({ model: 'm', version, runId, workflowId: 'w' })),
    );
    expect(new Set(links).size).toBe(1);
    expect(links[0]).toBe(await t.registry.evaluationRun('m', version));
  });

  it('refuses versions that are not there', async () => {
    const runId = await evaluation('first');
    await expect(t.registry.linkEvaluation({ model: 'm', version: 9, runId, workflowId: 'w' })).rejects.toMatchObject({
      type: 'UnknownModel',
    });
  });
});

describe('the tag of the evaluation', () => {
  const tag = { key: EVALUATION_RUN_TAG, value: 'f'.repeat(32) };

  it('is written and deleted by no client, whatever rights it has', async () => {
    const version = await create('mlflow-artifacts:/0/r/artifacts/model');
    const runId = await evaluation('first');
    await t.registry.linkEvaluation({ model: 'm', version, runId, workflowId: 'w' });
    const source = 'mlflow-artifacts:/0/r/artifacts/model';
    const attempts = [
      () => t.registry.setVersionTag({ model: 'm', version, ...tag }, admin),
      () => t.registry.deleteVersionTag({ model: 'm', version, key: tag.key }, admin),
      () => t.registry.createVersion({ ...NEW, model: 'm', source, tags: [tag] }, admin),
    ];
    for (const attempt of attempts) await expect(attempt()).rejects.toMatchObject({ type: 'NotAuthorized' });
    expect(await t.registry.evaluationRun('m', version)).toBe(runId);
    expect(await t.registry.modelVersions('m')).toHaveLength(1);
  });
});

describe('adoptedColumns', () => {
  it('gives the names that the evaluation took, of that version alone', async () => {
    const [named, unnamed, fresh] = [
      await create('mlflow-artifacts:/0/r/artifacts/a'),
      await create('mlflow-artifacts:/0/r/artifacts/b'),
      await create('mlflow-artifacts:/0/r/artifacts/c'),
    ];
    const runs = [await evaluation('named', ['hour', 'distance']), await evaluation('unnamed')];
    await t.registry.linkEvaluation({ model: 'm', version: named, runId: runs[0] ?? '', workflowId: 'w' });
    await t.registry.linkEvaluation({ model: 'm', version: unnamed, runId: runs[1] ?? '', workflowId: 'w' });
    expect(await t.registry.adoptedColumns('m', named)).toEqual(['hour', 'distance']);
    expect(await t.registry.adoptedColumns('m', unnamed)).toBeUndefined();
    expect(await t.registry.adoptedColumns('m', fresh)).toBeUndefined();
  });
});

describe('versionFile', () => {
  it('finds what lies in the folder of the source, however its location is spelt, and nothing beside it', async () => {
    await upload('0/r/artifacts/model/model-card.md', '# card');
    await upload('0/r/artifacts/other.md', 'other');
    for (const source of ['mlflow-artifacts:/0/r/artifacts/model', 'mlflow-artifacts:///0/r//artifacts/model/']) {
      const version = await create(source);
      expect(await t.registry.versionFile({ model: 'm', version }, 'model-card.md')).toMatchObject({ bytes: 6 });
      expect(await t.registry.versionFile({ model: 'm', version }, 'other.md')).toBeUndefined();
    }
    const elsewhere = await create('s3://bucket/model');
    expect(await t.registry.versionFile({ model: 'm', version: elsewhere }, 'model-card.md')).toBeUndefined();
  });
});
