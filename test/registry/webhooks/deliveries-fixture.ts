import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createDeliveryActivities, type DeliveryDependencies } from '../../../activities/delivery-activities.ts';
import type { DeliveredBatch } from '../../../contracts/deliver-events.ts';
import { SuperstepError } from '../../../contracts/failure-types.ts';
import { writeActivity, type ActivityInput } from '../../../registry/activity-log.ts';
import type { Caller } from '../../../registry/identity/caller.ts';
import { loadSecretBox } from '../../../registry/webhooks/secret-box.ts';
import { createWebhooks, type Webhooks } from '../../../registry/webhooks/webhooks.ts';
import { openTestDatabase, type TestDatabase } from '../test-database.ts';

export const OFFICER: Caller = {
  name: 'officer',
  proof: 'token',
  roles: ['governance-officer'],
  rolesFor: () => ['governance-officer'],
  may: () => true,
};

/** Deliveries on real tables, with a clock and a policy of their own. */
export interface DeliveriesFixture {
  readonly database: TestDatabase;
  readonly webhooks: Webhooks;
  readonly deps: DeliveryDependencies;
  /** What the console was told. */
  readonly printed: readonly string[];
  readonly act: (activity: Partial<ActivityInput>) => Promise<void>;
  /** One try of the activity. */
  readonly deliver: (subscriber: string) => Promise<DeliveredBatch>;
  /** Tries until nothing is left, however often the receiver fails. */
  readonly deliverAll: (subscriber: string) => Promise<DeliveredBatch>;
  readonly setNotifications: (section: object) => Promise<void>;
  /** Moves the clock, by milliseconds. */
  readonly pass: (ms: number) => void;
  readonly close: () => Promise<void>;
}

// What fails on purpose needs no lines in the log.
const QUIET = { logger: new DefaultLogger('ERROR') };

const LOCAL = { allow: ['127.0.0.0/8'] };

export async function openDeliveries(env: Readonly<Record<string, string>> = {}): Promise<DeliveriesFixture> {
  const database = await openTestDatabase();
  const { db, folder } = database;
  const policies = join(folder, 'policies');
  await mkdir(policies, { recursive: true });
  const setNotifications = (section: object): Promise<void> =>
    writeFile(
      join(policies, 'dev.yaml'),
      // JSON is YAML.
      JSON.stringify({
        compliance: {},
        comparison: {},
        rollback: { by: ['governance'] },
        approval: { approvers: ['governance', 'ml-lead'] },
        notifications: section,
      }),
    );
  await setNotifications(LOCAL);
  let ms = Date.parse('2001-03-01T00:00:00Z');
  const now = (): Date => new Date(ms);
  const secrets = await loadSecretBox(folder);
  const printed: string[] = [];
  const deps: DeliveryDependencies = {
    ...{ db, environment: 'dev', policies, home: folder, secrets, now, answerWithinMs: 300 },
    print: (text) => printed.push(text),
    smtp: (variable) => env[variable],
  };
  const activities = createDeliveryActivities(deps);
  const deliver = (subscriber: string): Promise<DeliveredBatch> =>
    new MockActivityEnvironment({}, QUIET).run(
      (input: { readonly subscriber: string }) => activities.deliverBatch(input),
      {
        subscriber,
      },
    );
  const deliverAll = async (subscriber: string): Promise<DeliveredBatch> => {
    for (;;) {
      const batch = await deliver(subscriber).catch((error: unknown) => {
        if (error instanceof SuperstepError && error.type === 'SourceUnavailable') return undefined;
        throw error;
      });
      if (batch !== undefined && batch.outcome !== 'more') return batch;
    }
  };
  return {
    ...{ database, deps, printed, deliver, deliverAll, setNotifications },
    webhooks: createWebhooks({ db, secrets, now }),
    act: (activity) =>
      db.write((trx) =>
        writeActivity(trx, { at: now().toISOString(), action: 'NEW_COMMENT', by: 'scientist', ...activity }),
      ),
    pass: (passed) => {
      ms += passed;
    },
    close: database.close,
  };
}
