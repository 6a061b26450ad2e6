import { runMain } from './message-for-person.ts';
import { askRegistry, findToken, registryUrl, type RegistryRequest } from './rest/ask-registry.ts';
import { parseWebhooksArguments, WEBHOOKS_HELP, type WebhooksCommand } from './webhooks/arguments.ts';

/** `npm run webhooks -- list|deliveries|test|enable`: who is told what, and what became of it. */
await runMain(async () => {
  const command = parseWebhooksArguments(process.argv.slice(2));
  if (command === undefined) {
    process.stdout.write(WEBHOOKS_HELP);
    return 0;
  }
  const base = `${await registryUrl(command.environment, process.env)}/api/2.0/superstep/webhooks`;
  const answer = await askRegistry({ ...requestOf(command, base), token: await findToken(process.env) });
  process.stdout.write(command.json ? `${JSON.stringify(answer, null, 2)}\n` : describe(answer));
  const { success } = answer as { readonly success?: boolean };
  return success === false ? 1 : 0;
});

function requestOf({ command, id, limit, skip }: WebhooksCommand, base: string): Omit<RegistryRequest, 'token'> {
  const of = `${base}/${encodeURIComponent(id)}`;
  switch (command) {
    case 'list':
      return { method: 'GET', url: base };
    case 'deliveries':
      return { method: 'GET', url: `${of}/deliveries?max_results=${limit}` };
    case 'test':
      return { method: 'POST', url: `${of}/test`, body: {} };
    case 'enable':
      return { method: 'POST', url: `${of}/enable`, body: { skip } };
  }
}

interface Answer {
  readonly subscribers?: readonly Fields[];
  readonly subscriber?: Fields;
  readonly deliveries?: readonly Fields[];
  readonly success?: boolean;
  readonly response_status?: number;
  readonly message?: string;
}
type Fields = Readonly<Record<string, unknown>>;

function describe(answer: unknown): string {
  const { subscribers, subscriber, deliveries, success, response_status: status, message } = answer as Answer;
  if (success !== undefined) {
    return `${success ? 'taken' : 'not taken'}${status === undefined ? '' : `, answered ${status}`}: ${message ?? ''}\n`;
  }
  const lines =
    deliveries === undefined
      ? [...(subscribers ?? []), ...(subscriber === undefined ? [] : [subscriber])].map(subscriberLine)
      : deliveries.map(deliveryLine);
  return lines.length === 0 ? 'none\n' : lines.map((line) => `${line}\n`).join('');
}

function subscriberLine(row: Fields): string {
  const target = text(row['host']) === '' ? '' : ` to ${text(row['host'])}`;
  const failing = text(row['failing_since']) === '' ? '' : `, failing since ${text(row['failing_since'])}`;
  const why = text(row['disabled_reason']) === '' ? '' : ` (${text(row['disabled_reason'])})`;
  const of = text(row['model']) === '' ? '' : ` of ${text(row['model'])}`;
  const events = Array.isArray(row['events']) && row['events'].length > 0 ? row['events'].join(', ') : 'notices';
  return `${text(row['id'])}  ${text(row['status'])}${failing}${why}  ${text(row['kind'])} ${text(row['name'])}${target}: ${events}${of}`;
}

function deliveryLine(row: Fields): string {
  const answered = text(row['response_status']) === '' ? '' : `, answered ${text(row['response_status'])}`;
  const problem = text(row['problem']) === '' ? '' : `: ${text(row['problem'])}`;
  const at = text(row['delivered_at']) || text(row['last_attempt_at']) || text(row['created_at']);
  return `${at}  ${text(row['event'])}  ${text(row['status'])} after ${text(row['attempts'])} attempts${answered}${problem}  ${text(row['delivery_id'])}`;
}

function text(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}
