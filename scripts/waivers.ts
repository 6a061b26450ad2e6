import { runMain } from './message-for-person.ts';
import { askRegistry, findToken, registryUrl } from './rest/ask-registry.ts';
import { parseWaiversArguments, WAIVERS_HELP, type WaiversCommand } from './waivers/arguments.ts';

/** `npm run waivers -- grant|list|revoke|conditions|fulfil`: exceptions to a policy, and what approvals asked for. */
await runMain(async () => {
  const command = parseWaiversArguments(process.argv.slice(2));
  if (command === undefined) {
    process.stdout.write(WAIVERS_HELP);
    return 0;
  }
  const base = `${await registryUrl(command.environment, process.env)}/api/2.0/superstep`;
  const token = await findToken(process.env);
  const { method, path, body } = requestOf(command);
  const answer = await askRegistry({ method, url: base + path, token, ...(body === undefined ? {} : { body }) });
  process.stdout.write(command.json ? `${JSON.stringify(answer, null, 2)}\n` : describe(answer));
  return 0;
});

interface Asked {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly path: string;
  readonly body?: object;
}

function requestOf({ command, id, model, fields }: WaiversCommand): Asked {
  const ofModel = model === undefined ? '' : `?model=${encodeURIComponent(model)}`;
  const named = encodeURIComponent(id ?? '');
  switch (command) {
    case 'list':
      return { method: 'GET', path: `/waivers${ofModel}` };
    case 'grant':
      return { method: 'POST', path: '/waivers', body: { model, ...fields } };
    case 'revoke':
      return { method: 'DELETE', path: `/waivers/${named}` };
    case 'conditions':
      return { method: 'GET', path: `/conditions${ofModel}` };
    case 'fulfil':
      return { method: 'POST', path: `/conditions/${named}/fulfil`, body: { ...fields } };
  }
}

type Row = Readonly<Record<string, string | number | null | undefined>>;

function describe(answer: unknown): string {
  const { waivers, waiver, conditions, condition } = answer as Readonly<Record<string, unknown>>;
  const rows = [waivers, waiver, conditions, condition].flat().filter((row): row is Row => row !== undefined);
  if (rows.length === 0) return 'none\n';
  return rows.map((row) => `${row['condition'] === undefined ? waiverText(row) : conditionText(row)}\n`).join('');
}

function waiverText(row: Row): string {
  const of = `${row['model']}${row['version'] === null ? '' : ` version ${row['version']}`}`;
  const ended = row['revoked_at'] === undefined ? '' : `, ended by ${row['revoked_by']} at ${row['revoked_at']}`;
  return `${row['id']}  ${row['check']} of ${of} until ${row['until']}, by ${row['granted_by']} (${row['proof']})${ended}: ${row['reason']}`;
}

function conditionText(row: Row): string {
  const met =
    row['fulfilled_at'] === undefined
      ? 'open'
      : `met by ${row['fulfilled_by']} at ${row['fulfilled_at']}: ${row['comment']}`;
  return `${row['id']}  ${row['model']} version ${row['version']}: ${row['condition']}, due ${row['due_at']}, asked for by ${row['imposed_by']}; ${met}`;
}
