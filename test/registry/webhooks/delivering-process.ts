import { createDeliveries } from '../../../registry/webhooks/deliveries.ts';
import { loadSecretBox } from '../../../registry/webhooks/secret-box.ts';
import { sendDelivery } from '../../../registry/webhooks/send.ts';
import { notificationsSchema } from '../../../contracts/schemas/notifications.ts';
import { openRegistryDatabase, type RegistryLocation } from '../../../registry/database.ts';

/** What the test tells this process, as JSON in its first argument. */
interface Task {
  readonly location: RegistryLocation;
  readonly home: string;
  readonly subscriber: string;
}

// Sends the next event and says so before it writes that down: the test kills it there.
const { location, home, subscriber } = JSON.parse(process.argv[2] ?? '') as Task;
const db = openRegistryDatabase(location);
const now = (): Date => new Date();
const deliveries = createDeliveries({ db, now });
const next = await deliveries.nextDelivery(subscriber);
if (typeof next === 'string') throw new Error(`found ${next}, expected a delivery`);
const deps = {
  environment: 'dev',
  home,
  secrets: await loadSecretBox(home),
  now,
  print: () => undefined,
  smtp: () => undefined,
};
await sendDelivery(next, notificationsSchema.parse({ allow: ['127.0.0.0/8'] }), deps);
process.stdout.write('sent\n');
setInterval(() => undefined, 1_000);
