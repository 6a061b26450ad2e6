import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { OFFICER, openDeliveries, type DeliveriesFixture } from './deliveries-fixture.ts';
import { startReceiver, type Answer, type Received, type Receiver } from './receiver.ts';

const DAY_MS = 86_400_000;

let fixture: DeliveriesFixture;
let receiver: Receiver;
let subscriber: string;

beforeAll(async () => {
  fixture = await openDeliveries();
});
afterAll(() => fixture.close());
beforeEach(async () => {
  receiver = await startReceiver();
  const events = ['COMMENT_CREATED', 'MODEL_VERSION_TRANSITIONED_STAGE', 'MODEL_VERSION_TRANSITIONED_TO_PRODUCTION'];
  const input = { kind: 'databricks', model: '', url: receiver.url, events, secret: 'sesame' } as const;
  subscriber = (await fixture.webhooks.createWebhook(input, OFFICER)).id;
  return () => receiver.close();
});

const comment = (text: string): Promise<void> => fixture.act({ model: 'm', version: 1, comment: text });
const textOf = ({ body }: Received): string => String((JSON.parse(body) as { text: string }).text.split(': ').at(-1));
const idOf = ({ headers }: Received): string => String(headers['x-mlflow-delivery-id']);

describe('deliveries to a webhook', () => {
  it('tell each event once, in order, signed, and nothing that it did not ask for', async () => {
    await comment('one');
    await fixture.act({ model: 'm', version: 1, action: 'GATE_REMINDED' });
    await fixture.act({
      model: 'm',
      version: 1,
      action: 'APPLIED_TRANSITION',
      fromStage: 'Staging',
      toStage: 'Production',
    });
    await comment('two');
    expect(await fixture.deliver(subscriber)).toEqual({ outcome: 'nothing-left', delivered: 4 });
    expect(await fixture.deliver(subscriber)).toEqual({ outcome: 'nothing-left', delivered: 0 });
    const told = receiver.received.map(({ body }) => JSON.parse(body) as Record<string, unknown>);
    expect(told.map(({ event }) => event)).toEqual([
      'COMMENT_CREATED',
      'MODEL_VERSION_TRANSITIONED_STAGE',
      'MODEL_VERSION_TRANSITIONED_TO_PRODUCTION',
      'COMMENT_CREATED',
    ]);
    expect(told[1]).toMatchObject({
      webhook_id: subscriber,
      model_name: 'm',
      version: '1',
      from_stage: 'Staging',
      to_stage: 'Production',
    });
    expect(new Set(receiver.received.map(idOf)).size).toBe(4);
    for (const { body, headers } of receiver.received)
      expect(headers['x-databricks-signature']).toBe(createHmac('sha256', 'sesame').update(body).digest('hex'));
    const deliveries = await fixture.webhooks.listDeliveries(subscriber, 10);
    expect(deliveries.map(({ status, attempts, responseStatus }) => [status, attempts, responseStatus])).toEqual(
      Array(4).fill(['delivered', 1, 200]),
    );
  });

  it('whatever the receiver does: the order holds, nothing is lost, nothing that it took comes again', async () => {
    // `lost`: it takes the event, and its answer never arrives.
    const answer = fc.constantFrom('take', 'refuse', 'lost', 'hang');
    const behaviour = fc.tuple(fc.integer({ min: 1, max: 4 }), fc.array(answer, { maxLength: 8 }));
    let round = 0;
    await fc.assert(
      fc.asyncProperty(behaviour, async ([events, answers]) => {
        round += 1;
        const texts = Array.from({ length: events }, (_, i) => `${round}-${i}`);
        for (const text of texts) await comment(text);
        const before = receiver.received.length;
        const acknowledged: string[] = [];
        const behave =
          (kind: string): Answer =>
          (response, got) => {
            if (kind === 'take') acknowledged.push(idOf(got));
            if (kind === 'take') response.writeHead(204).end();
            else if (kind === 'refuse') response.writeHead(503).end();
            else if (kind === 'lost') response.destroy();
          };
        receiver.answer(...answers.map(behave), behave('take'));
        expect((await fixture.deliverAll(subscriber)).outcome).toBe('nothing-left');
        const got = receiver.received.slice(before);
        const firsts = got.filter((one, i) => got.findIndex((other) => idOf(other) === idOf(one)) === i);
        expect(firsts.map(textOf)).toEqual(texts);
        expect(acknowledged).toEqual(firsts.map(idOf));
        // Repeats come at once, under the same id, and say the same.
        const places = got.map((one) => firsts.findIndex((first) => idOf(first) === idOf(one)));
        expect(places).toEqual(places.toSorted((a, b) => a - b));
        for (const one of got) expect(one.body).toBe(firsts.find((first) => idOf(first) === idOf(one))?.body);
      }),
      { numRuns: 15 },
    );
  });

  it('are given up after a day, said so in the audit, and go on where they stopped once enabled', async () => {
    receiver.answer(500);
    await comment('one');
    await comment('two');
    await expect(fixture.deliver(subscriber)).rejects.toMatchObject({ type: 'SourceUnavailable' });
    fixture.pass(DAY_MS - 1);
    await expect(fixture.deliver(subscriber)).rejects.toMatchObject({ type: 'SourceUnavailable' });
    fixture.pass(1);
    expect(await fixture.deliver(subscriber)).toEqual({ outcome: 'disabled', delivered: 0 });
    const disabled = await fixture.webhooks.getSubscriber(subscriber);
    expect(disabled).toMatchObject({ status: 'DISABLED' });
    expect(disabled.disabledReason).toContain('answered 500');
    const row = await fixture.database.db.read((knex) =>
      knex('activity_log').orderBy('id', 'desc').first<Record<string, unknown>>(),
    );
    expect(row).toMatchObject({ action: 'DISABLED_WEBHOOK', done_by: 'superstep' });
    expect(await fixture.deliver(subscriber)).toEqual({ outcome: 'stopped', delivered: 0 });

    receiver.answer(200);
    await fixture.webhooks.enableSubscriber(subscriber, false, OFFICER);
    const before = receiver.received.length;
    expect(await fixture.deliver(subscriber)).toEqual({ outcome: 'nothing-left', delivered: 2 });
    expect(receiver.received.slice(before).map(textOf)).toEqual(['one', 'two']);
    expect(idOf(receiver.received[before] ?? ({} as Received))).toBe(idOf(receiver.received[0] ?? ({} as Received)));
  });

  it('have a day from the first failure after a success, not from any failure', async () => {
    receiver.answer(500, 200, 500);
    await comment('one');
    await expect(fixture.deliver(subscriber)).rejects.toMatchObject({ type: 'SourceUnavailable' });
    fixture.pass(DAY_MS - 1);
    await comment('two');
    await expect(fixture.deliver(subscriber)).rejects.toMatchObject({ type: 'SourceUnavailable' });
    fixture.pass(DAY_MS - 1);
    await expect(fixture.deliver(subscriber)).rejects.toMatchObject({ type: 'SourceUnavailable' });
  });

  it('leave out what was missed when a person skips it, or had switched it off', async () => {
    receiver.answer(500);
    await comment('missed');
    await expect(fixture.deliver(subscriber)).rejects.toMatchObject({ type: 'SourceUnavailable' });
    await fixture.webhooks.enableSubscriber(subscriber, true, OFFICER);
    await fixture.webhooks.updateWebhook({ id: subscriber, kind: 'databricks', status: 'DISABLED' }, OFFICER);
    expect(await fixture.deliver(subscriber)).toEqual({ outcome: 'stopped', delivered: 0 });
    await comment('missed, too');
    await fixture.webhooks.updateWebhook({ id: subscriber, kind: 'databricks', status: 'ACTIVE' }, OFFICER);
    await comment('heard');
    receiver.answer(200);
    const before = receiver.received.length;
    await fixture.deliver(subscriber);
    expect(receiver.received.slice(before).map(textOf)).toEqual(['heard']);
  });

  it('stop when the webhook is deleted', async () => {
    await comment('one');
    await fixture.webhooks.deleteWebhook(subscriber, 'databricks', OFFICER);
    expect(await fixture.deliver(subscriber)).toEqual({ outcome: 'stopped', delivered: 0 });
    expect(receiver.received).toEqual([]);
  });

  it('follow a model to its new name', async () => {
    await fixture.database.db.write(async (trx) => {
      await trx('registered_models').insert({ name: 'old', created_at: '', updated_at: '' });
    });
    const input = { kind: 'databricks', model: 'old', url: receiver.url, events: ['COMMENT_CREATED'] } as const;
    const { id } = await fixture.webhooks.createWebhook(input, OFFICER);
    await fixture.act({ model: 'old', version: 1, comment: 'before' });
    await fixture.act({ model: 'new', version: 1, comment: 'of another' });
    await fixture.act({ model: 'old', action: 'RENAMED_MODEL', details: { newName: 'new' } });
    await fixture.act({ model: 'new', version: 1, comment: 'after' });
    await fixture.act({ model: 'old', version: 1, comment: 'of a later one of this name' });
    await fixture.deliver(id);
    expect(receiver.received.map(textOf)).toEqual(['before', 'after']);
    expect(await fixture.webhooks.getSubscriber(id)).toMatchObject({ model: 'new' });
  });

  it('go to no address that the policy does not list any more', async () => {
    await comment('one');
    await fixture.setNotifications({});
    await expect(fixture.deliver(subscriber)).rejects.toThrow(/notifications.allow/);
    await fixture.setNotifications({ allow: ['127.0.0.0/8'] });
    expect(receiver.received).toEqual([]);
    expect(await fixture.deliver(subscriber)).toMatchObject({ delivered: 1 });
  });

  it('keep secrets out of the tables, of the audit and of what callers see', async () => {
    const input = { kind: 'databricks', model: '', url: receiver.url, events: ['COMMENT_CREATED'] } as const;
    const made = await fixture.webhooks.createWebhook({ ...input, secret: 'hush-1', authorization: 'hush-2' }, OFFICER);
    await fixture.webhooks.updateWebhook({ id: made.id, kind: 'databricks', secret: 'hush-3' }, OFFICER);
    await comment('one');
    await fixture.deliver(made.id);
    expect(receiver.received[0]?.headers.authorization).toBe('hush-2');
    const kept = await fixture.database.db.read(async (knex) => [
      await knex('subscribers').select('*'),
      await knex('activity_log').select('*'),
      await knex('deliveries').select('*'),
    ]);
    expect(JSON.stringify([kept, await fixture.webhooks.listSubscribers()])).not.toContain('hush');
  });

  it('refuse an input that names nobody', async () => {
    await expect(fixture.deliver('')).rejects.toMatchObject({ type: 'InvalidInput' });
  });
});
