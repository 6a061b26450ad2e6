import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { openTestRegistry, type TestRegistry } from '../../registry/open-test-registry.ts';
import { startWorkflowEnv, type WorkflowEnv } from '../../workflows/workflow-env.ts';
import { runScript, type RanScript } from '../run-script.ts';

const MODEL = 'delays';
const ID = `promote-model/${MODEL}/1`;

let env: WorkflowEnv;
let home: string;
let t: TestRegistry;
beforeAll(async () => {
  env = await startWorkflowEnv(inject('workflowBundle'), 'prod');
  home = await mkdtemp(join(tmpdir(), 'registry-cli-'));
  await mkdir(join(home, 'prod'));
  t = await openTestRegistry({ folder: join(home, 'prod') });
});
afterAll(async () => {
  await t?.close();
  await env?.stop();
  await rm(home, { recursive: true, force: true });
});

const registry = (...args: readonly string[]): Promise<RanScript> =>
  runScript('registry', args, { SUPERSTEP_HOME: home, TEMPORAL_ADDRESS: env.address });

describe('npm run registry -- reconcile', () => {
  it('ends with 0 while a waiting request has its workflow, with 1 and what to do once that is gone', async () => {
    const version = await t.stage(MODEL);
    const { sha256 } = await t.artifacts.putJson({ version });
    const waiting = { model: MODEL, version, workflowId: ID, evidenceDigest: sha256, expectedChampion: null };
    await t.registry.openApproval({ ...waiting, naturalKey: 'ask', requestedBy: 'superstep' });
    // Its worker is away: it lives, and does nothing.
    const options = { taskQueue: 'nobody', workflowId: ID, args: [{ project: MODEL, version }] };
    const handle = await env.client.workflow.start('promoteModel', options);
    expect(await registry('reconcile')).toEqual({ code: 0, stdout: 'prod: all fits\n', stderr: '' });

    await handle.terminate('by a hand that reaches the server');
    const found = await registry('reconcile');
    expect([found.code, found.stderr]).toEqual([1, '']);
    expect(found.stdout).toMatch(
      new RegExp(`^${MODEL} version 1: \\S+\n {2}found {4}.*terminated.*\n {2}means {4}.+\n {2}to do {4}.+\n$`),
    );
    const json = await registry('reconcile', '--json');
    expect(json.code).toBe(1);
    expect(JSON.parse(json.stdout)).toMatchObject([{ model: MODEL, version: 1 }]);
  });

  it('ends with 2 where it cannot tell', async () => {
    const away = await runScript('registry', ['reconcile'], { SUPERSTEP_HOME: home, TEMPORAL_ADDRESS: '127.0.0.1:1' });
    expect([away.code, away.stderr]).toEqual([2, expect.stringContaining('no Temporal server answers on 127.0.0.1:1')]);
    expect(await registry('reconcile', '-n', 'dev')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('there is no registry') as string,
    });
  });
});
