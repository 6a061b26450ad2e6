import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { createDeliveryActivities } from '../../activities/delivery-activities.ts';
import { SuperstepError } from '../../contracts/failure-types.ts';
import { workflowId } from '../../contracts/workflow-ids.ts';
import { notificationsSchema } from '../../contracts/schemas/notifications.ts';
import { createDoorbell } from '../../registry/webhooks/doorbell.ts';
import { createTemporalGates } from '../../workers/temporal-gates.ts';
import { OFFICER, openDeliveries, type DeliveriesFixture } from '../registry/webhooks/deliveries-fixture.ts';
import { startWorkflowEnv, status, until, type WorkflowEnv } from './workflow-env.ts';

const SHORT_HISTORIES = ['--dynamic-config-value', 'limit.historyCount.suggestContinueAsNew=40'];

let env: WorkflowEnv;
beforeAll(async () => {
  env = await startWorkflowEnv(inject('workflowBundle'), 'default', SHORT_HISTORIES);
});
afterAll(() => env.stop());

const INPUT = { subscriber: 'notify-file' };

describe('deliverEvents', () => {
  it('delivers batch after batch until nothing is left', async () => {
    const batches = [
      { outcome: 'more', delivered: 100 },
      { outcome: 'nothing-left', delivered: 7 },
    ] as const;
    let at = 0;
    env.mocks.answer({ deliverBatch: async () => batches[at++] ?? { outcome: 'nothing-left', delivered: 0 } });
    const handle = await env.start('deliverEvents', INPUT);
    expect(await handle.result()).toEqual({ outcome: 'nothing-left', delivered: 107 });
    expect(env.mocks.calls('deliverBatch')).toEqual([INPUT, INPUT]);
    expect((await status(handle)).details).toContain('107 events delivered');
  });

  it('goes on in a new run when its history grows long, and counts on', async () => {
    let batches = 0;
    env.mocks.answer({
      deliverBatch: async () => ({ outcome: (batches += 1) < 12 ? 'more' : 'nothing-left', delivered: 10 }),
    });
    const handle = await env.start('deliverEvents', INPUT);
    expect(await handle.result()).toEqual({ outcome: 'nothing-left', delivered: 120 });
    const first = (handle as typeof handle & { readonly firstExecutionRunId: string }).firstExecutionRunId;
    const { runId } = await env.client.workflow.getHandle(handle.workflowId).describe();
    expect(runId).not.toBe(first);
  });

  it.each(['disabled', 'stopped'] as const)('ends as %s when the registry says so', async (outcome) => {
    env.mocks.answer({ deliverBatch: async () => ({ outcome, delivered: 2 }) });
    expect(await (await env.start('deliverEvents', { ...INPUT, delivered: 5 })).result()).toEqual({
      outcome,
      delivered: 7,
    });
  });

  it('tries again when the receiver does not take an event', async () => {
    let tries = 0;
    env.mocks.answer({
      deliverBatch: async () => {
        tries += 1;
        if (tries === 1) throw new SuperstepError('SourceUnavailable', 'it did not take it');
        return { outcome: 'nothing-left', delivered: 1 };
      },
    });
    expect(await (await env.start('deliverEvents', INPUT)).result()).toEqual({ outcome: 'nothing-left', delivered: 1 });
    expect(tries).toBe(2);
  });

  it('fails at once for an input that names nobody', async () => {
    const fixture = await openDeliveries();
    env.mocks.answer(createDeliveryActivities(fixture.deps));
    const handle = await env.start('deliverEvents', {});
    await expect(handle.result()).rejects.toMatchObject({ cause: { cause: { type: 'InvalidInput' } } });
    await fixture.close();
  });
});

describe('events, from the act to the receiver', () => {
  let fixture: DeliveriesFixture;
  let server: Server;
  let subscriber: string;
  let got: string[] = [];
  let answerWith = 200;
  let ring: () => Promise<string[]>;

  beforeAll(async () => {
    fixture = await openDeliveries();
    server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const { text } = JSON.parse(Buffer.concat(chunks).toString('utf8')) as { readonly text: string };
        got.push(text.split(': ').at(-1) ?? '');
        response.writeHead(answerWith).end();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const input = { kind: 'databricks', model: '', url, events: ['COMMENT_CREATED'] } as const;
    subscriber = (await fixture.webhooks.createWebhook(input, OFFICER)).id;
    env.mocks.answer(createDeliveryActivities(fixture.deps));
    const refuse = () => Promise.reject(new Error('no decisions here'));
    const { startDelivery: start } = createTemporalGates({
      client: async () => env.client,
      environment: 'dev',
      attest: refuse,
    });
    const notifications = async () => notificationsSchema.parse({ console: false, file: false });
    const { db, now } = fixture.deps;
    ring = () => createDoorbell({ db, now, notifications, start }).startDueDeliveries();
  });
  afterAll(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await fixture.close();
  });

  const comment = (text: string): Promise<void> => fixture.act({ model: 'm', version: 1, comment: text });
  const handle = () => env.client.workflow.getHandle(workflowId('deliverEvents', subscriber));

  it('an act rings the bell, rings while it is delivered do no harm, and the next act rings anew', async () => {
    await comment('one');
    expect(await Promise.all([ring(), ring(), ring()])).toEqual(Array(3).fill([subscriber]));
    await until('the first event has come', () => got.length === 1);
    await handle().result();
    expect(await ring()).toEqual([]);
    await comment('two');
    await ring();
    expect(await handle().result()).toEqual({ outcome: 'nothing-left', delivered: 1 });
    expect(got).toEqual(['one', 'two']);
  });

  it('a run that somebody terminates while the receiver fails loses nothing', async () => {
    got = [];
    answerWith = 500;
    await comment('three');
    await comment('four');
    await ring();
    await until('it was tried', async () => {
      const [delivery] = await fixture.webhooks.listDeliveries(subscriber, 1);
      return delivery?.status === 'pending' && delivery.attempts > 0;
    });
    await handle().terminate('a stranger');
    answerWith = 200;
    await ring();
    expect(await handle().result()).toEqual({ outcome: 'nothing-left', delivered: 2 });
    expect(got).toEqual(['three', 'three', 'four']);
  });
});
