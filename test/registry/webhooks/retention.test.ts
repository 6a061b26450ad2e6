import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDeliveryRetention } from '../../../registry/webhooks/retention.ts';
import { OFFICER, openDeliveries, type DeliveriesFixture } from './deliveries-fixture.ts';
import { startReceiver, type Receiver } from './receiver.ts';

const DAY_MS = 86_400_000;

let fixture: DeliveriesFixture;
let receiver: Receiver;
let retention: ReturnType<typeof createDeliveryRetention>;
beforeEach(async () => {
  fixture = await openDeliveries();
  receiver = await startReceiver();
  retention = createDeliveryRetention(fixture.deps);
});
afterEach(async () => {
  await receiver.close();
  await fixture.close();
});

const comment = (text: string): Promise<void> => fixture.act({ model: 'm', version: 1, comment: text });
const newWebhook = async (): Promise<string> => {
  const input = { kind: 'databricks', model: '', url: receiver.url, events: ['COMMENT_CREATED'] } as const;
  return (await fixture.webhooks.createWebhook(input, OFFICER)).id;
};
/** Of the table itself: nobody is shown those of a deleted webhook. */
const statuses = (id: string): Promise<string[]> =>
  fixture.deps.db.read((knex) =>
    knex<{ status: string; subscriber_id: string }>('deliveries')
      .where({ subscriber_id: id })
      .orderBy('activity')
      .pluck('status'),
  );

describe('deliveries', () => {
  it('are forgotten a month after they arrived, of a webhook that hears of nothing more, too', async () => {
    const webhook = await newWebhook();
    await comment('old');
    await fixture.deliverAll(webhook);
    fixture.pass(29 * DAY_MS);
    await comment('new');
    await fixture.deliverAll(webhook);
    expect(await retention.forgetDaily()).toBe(0);
    fixture.pass(2 * DAY_MS);
    expect(await retention.forgetDaily()).toBe(1);
    expect((await fixture.webhooks.listDeliveries(webhook, 10)).map(({ attempts }) => attempts)).toEqual([1]);
    const audit = await fixture.deps.db.read((knex) => knex('activity_log').where({ model: 'm' }).pluck('comment'));
    expect(audit).toEqual(['old', 'new']);
    await comment('one more');
    expect(await fixture.deliverAll(webhook)).toMatchObject({ delivered: 1 });
  });

  it('stay while they wait, however long, of a webhook that gave up, too', async () => {
    const webhook = await newWebhook();
    await receiver.close();
    await comment('waits');
    await expect(fixture.deliver(webhook)).rejects.toMatchObject({ type: 'SourceUnavailable' });
    fixture.pass(2 * DAY_MS);
    expect(await fixture.deliver(webhook)).toMatchObject({ outcome: 'disabled' });
    fixture.pass(400 * DAY_MS);
    expect(await retention.forgetDaily()).toBe(0);
    expect(await statuses(webhook)).toEqual(['pending']);
  });

  it('of a deleted webhook go a month after it, with what nobody will be told any more', async () => {
    const [webhook, other] = [await newWebhook(), await newWebhook()];
    await comment('arrives');
    await fixture.deliverAll(webhook);
    await receiver.close();
    await comment('waits');
    for (const id of [webhook, other]) await fixture.deliver(id).catch(() => undefined);
    await fixture.webhooks.deleteWebhook(webhook, 'databricks', OFFICER);
    fixture.pass(29 * DAY_MS);
    expect(await retention.forgetDaily()).toBe(0);
    fixture.pass(2 * DAY_MS);
    expect(await retention.forgetDaily()).toBe(2);
    expect(await statuses(webhook)).toEqual([]);
    expect(await statuses(other)).toEqual(['pending']);
  });

  it('are looked through once a day, and more than one page at that', async () => {
    const webhook = await newWebhook();
    await comment('one');
    await fixture.deliverAll(webhook);
    await fixture.deps.db.write(async (trx) => {
      const [row] = await trx('deliveries').where({ subscriber_id: webhook }).select<object[]>('*');
      const copies = Array.from({ length: 2_100 }, (_, i) => ({
        ...row,
        activity: 1_000 + i,
        delivery_id: `copy-${i}`,
      }));
      await trx.batchInsert('deliveries', copies, 50);
    });
    expect(await retention.forgetDaily()).toBe(0);
    fixture.pass(31 * DAY_MS);
    expect(await retention.forgetDaily()).toBe(2_101);
    await comment('two');
    await fixture.deliverAll(webhook);
    fixture.pass(DAY_MS - 1);
    await fixture.deps.db.write((trx) => trx('deliveries').update({ delivered_at: '2000-01-01T00:00:00.000Z' }));
    expect(await retention.forgetDaily()).toBe(0);
    fixture.pass(1);
    expect(await retention.forgetDaily()).toBe(1);
  });
});
