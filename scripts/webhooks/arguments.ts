import { parseArgs } from 'node:util';
import { ENVIRONMENTS, type Environment, isEnvironment } from '../../contracts/environments.ts';
import { firstLine, messageForPerson } from '../message-for-person.ts';

export const WEBHOOKS_HELP = `npm run webhooks -- <command> [options]

  list               who is told: webhooks, and the notifiers of the policy, each with its state
  deliveries <id>    what became of the latest events, newest first; --limit N (50, at most 1000)
  test <id>          sends an event that nobody caused, once, and says what the receiver answered
  enable <id>        lets one that failed for too long go on where it stopped; --skip leaves out what it missed

  -n, --environment  ${ENVIRONMENTS.join(', ')}; default prod
  --json             prints the answer as JSON

  Webhooks are made and deleted by MLflow's and Databricks' own calls: docs/webhooks.md.
  Asks the registry over REST; a governance officer's right. Token: SUPERSTEP_TOKEN, or ~/.config/superstep/token.
`;

const COMMANDS = ['list', 'deliveries', 'test', 'enable'] as const;

export interface WebhooksCommand {
  readonly command: (typeof COMMANDS)[number];
  readonly environment: Environment;
  readonly json: boolean;
  /** Empty for `list` alone. */
  readonly id: string;
  readonly limit: number;
  readonly skip: boolean;
}

const MOST_SHOWN = 1000;

/** Reads the command line; undefined when help is asked for. @throws with what was found and what is allowed. */
export function parseWebhooksArguments(args: readonly string[]): WebhooksCommand | undefined {
  const { values, positionals } = parse(args);
  if (values.help === true) return undefined;
  const [word = '', id = '', ...rest] = positionals;
  const command = COMMANDS.find((name) => name === word);
  if (command === undefined) throw wrong(`unknown command "${word}"; there are ${COMMANDS.join(', ')}`);
  if (command !== 'list' && id === '') throw wrong(`${command} needs the id that list shows`);
  const tooMuch = command === 'list' ? positionals.slice(1) : rest;
  if (tooMuch.length > 0) throw wrong(`"${tooMuch.join(' ')}" is too much`);
  const { environment } = values;
  if (!isEnvironment(environment)) throw wrong(`unknown environment "${environment}"`);
  const limit = Number(values.limit);
  if (!Number.isInteger(limit) || limit < 1 || limit > MOST_SHOWN)
    throw wrong(`--limit is "${values.limit}"; expected 1 to ${MOST_SHOWN}`);
  return { command, environment, json: values.json === true, id, limit, skip: values.skip === true };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        limit: { type: 'string', default: '50' },
        skip: { type: 'boolean' },
        environment: { type: 'string', short: 'n', default: 'prod' },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    throw wrong(firstLine(error));
  }
}

function wrong(message: string): Error {
  return messageForPerson(`${message}\n\n${WEBHOOKS_HELP}`);
}
