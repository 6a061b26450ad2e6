import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { evidenceDigest, PROJECT, VERSION } from './sample-values.ts';
import { gateOpens, startWorkflowEnv, type WorkflowEnv } from './workflow-env.ts';

let env: WorkflowEnv;
beforeAll(async () => {
  env = await startWorkflowEnv(inject('workflowBundle'));
});
afterAll(() => env.stop());

/** Payloads as only a raw client sends them. */
const UNREADABLE = [
  { metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from('{"approver":') },
  { metadata: { encoding: Buffer.from('no/such-encoding') }, data: Buffer.from('x') },
  { metadata: {}, data: Buffer.from('x') },
];

describe('a signal that cannot be decoded', () => {
  it.each(UNREADABLE)('is recorded, and a good one afterwards still counts', async (payload) => {
    env.mocks.answer({});
    const handle = await env.start('promoteModel', { project: PROJECT, version: VERSION });
    await gateOpens(handle);
    await env.client.workflowService.signalWorkflowExecution({
      namespace: env.client.options.namespace,
      workflowExecution: { workflowId: handle.workflowId },
      signalName: 'approve',
      input: { payloads: [payload] },
      requestId: randomUUID(),
    });
    const evidence = evidenceDigest().slice(0, 12);
    await handle.signal('approve', { approver: 'governance', comment: 'looks right', evidence });
    expect(await handle.result()).toMatchObject({
      outcome: 'promoted',
      decisions: [
        { decision: 'approve', counted: false },
        { decision: 'approve', counted: true },
      ],
    });
  });
});
