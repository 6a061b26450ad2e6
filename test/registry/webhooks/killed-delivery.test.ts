import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { OFFICER, openDeliveries, type DeliveriesFixture } from './deliveries-fixture.ts';
import { startReceiver, type Receiver } from './receiver.ts';

const PROGRAM = fileURLToPath(new URL('./delivering-process.ts', import.meta.url));

let fixture: DeliveriesFixture;
let receiver: Receiver;
beforeAll(async () => {
  fixture = await openDeliveries();
  receiver = await startReceiver();
});
afterAll(async () => {
  await receiver.close();
  await fixture.close();
});

it('a process that dies between sending and writing down sends once more, under the same id, and goes on in order', async () => {
  const input = { kind: 'databricks', model: '', url: receiver.url, events: ['COMMENT_CREATED'], secret: 's' } as const;
  const { id: subscriber } = await fixture.webhooks.createWebhook(input, OFFICER);
  await fixture.act({ model: 'm', version: 1, comment: 'one' });
  await fixture.act({ model: 'm', version: 1, comment: 'two' });
  const { location, folder } = fixture.database;
  const task = JSON.stringify({ location, home: folder, subscriber });
  const child = spawn(process.execPath, ['--import', 'tsx', PROGRAM, task], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  await Promise.race([once(child.stdout, 'data'), exited]);
  child.kill('SIGKILL');
  await exited;
  expect(receiver.received).toHaveLength(1);

  expect(await fixture.deliver(subscriber)).toEqual({ outcome: 'nothing-left', delivered: 2 });
  const ids = receiver.received.map(({ headers }) => headers['x-mlflow-delivery-id']);
  expect(ids).toHaveLength(3);
  expect(ids[1]).toBe(ids[0]);
  expect(ids[2]).not.toBe(ids[0]);
  expect(receiver.received[1]?.body).toBe(receiver.received[0]?.body);
});
