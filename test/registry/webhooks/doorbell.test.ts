import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { notificationsSchema } from '../../../contracts/schemas/notifications.ts';
import { createDoorbell } from '../../../registry/webhooks/doorbell.ts';
import { OFFICER, openDeliveries, type DeliveriesFixture } from './deliveries-fixture.ts';
import { startReceiver, type Receiver } from './receiver.ts';

let fixture: DeliveriesFixture;
let receiver: Receiver;
let subscriber: string;
let started: string[] = [];

beforeAll(async () => {
  fixture = await openDeliveries();
  receiver = await startReceiver();
  const input = { kind: 'mlflow', model: '', url: receiver.url, events: ['model_version.created'] } as const;
  subscriber = (await fixture.webhooks.createWebhook(input, OFFICER)).id;
});
afterAll(async () => {
  await receiver.close();
  await fixture.close();
});

/** A process that rings. */
function doorbell(start = async (id: string): Promise<void> => void started.push(id)) {
  const { db, now } = fixture.deps;
  const notifications = async () => notificationsSchema.parse({ console: false, file: false });
  return createDoorbell({ db, now, notifications, start });
}

const registered = () => fixture.act({ action: 'REGISTERED_VERSION', model: 'm', version: 1, toStage: 'None' });

describe('the doorbell', () => {
  it('starts nothing for what nobody asked for, and lets cursors catch up with it', async () => {
    for (let i = 0; i < 5; i++) await fixture.act({ model: 'm', version: 1 });
    started = [];
    await doorbell().startDueDeliveries();
    expect(started).toEqual([]);
    const last = await fixture.database.db.read((knex) => knex('activity_log').max<{ last: number }[]>({ last: 'id' }));
    expect((await fixture.webhooks.getSubscriber(subscriber)).cursor).toBe(Number(last[0]?.last));
  });

  it('starts a delivery that is due, again and again in any process, until it is delivered', async () => {
    await registered();
    started = [];
    const [one, other] = [doorbell(), doorbell()];
    await Promise.all([one.startDueDeliveries(), other.startDueDeliveries()]);
    expect(started).toEqual([subscriber, subscriber]);
    // The same process leaves what runs in peace for a while, then asks again: that run may have ended just before.
    await one.startDueDeliveries();
    expect(started).toHaveLength(2);
    fixture.pass(5_000);
    await one.startDueDeliveries();
    expect(started).toHaveLength(3);
    await fixture.deliver(subscriber);
    fixture.pass(5_000);
    await one.startDueDeliveries();
    expect(started).toHaveLength(3);
  });

  it('starts what a dead process had put on its way', async () => {
    receiver.answer(500);
    await registered();
    await fixture.deliver(subscriber).catch(() => undefined);
    started = [];
    await doorbell().startDueDeliveries();
    expect(started).toEqual([subscriber]);
    receiver.answer(200);
    await fixture.deliver(subscriber);
  });

  it('rings again when a start failed', async () => {
    await registered();
    const bell = doorbell(async () => {
      started.push('tried');
      if (started.length === 1) throw new Error('no server');
    });
    started = [];
    await expect(bell.startDueDeliveries()).rejects.toThrow('no server');
    await bell.startDueDeliveries();
    expect(started).toHaveLength(2);
    await fixture.deliver(subscriber);
  });

  it('leaves disabled ones alone', async () => {
    await registered();
    await fixture.webhooks.updateWebhook({ id: subscriber, kind: 'mlflow', status: 'DISABLED' }, OFFICER);
    started = [];
    await doorbell().startDueDeliveries();
    expect(started).toEqual([]);
  });
});
