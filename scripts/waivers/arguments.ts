import { parseArgs } from 'node:util';
import { ENVIRONMENTS, type Environment, isEnvironment } from '../../contracts/environments.ts';
import { firstLine, messageForPerson } from '../message-for-person.ts';

export const WAIVERS_HELP = `npm run waivers -- <command> [options]

  grant              lets a check of the compliance gate pass until an instant; a governance officer's right
    --check NAME       as the gate shows it, for example slices
    --model M          the model; --version N for one version of it only
    --until TIME       an instant in UTC, at most a year ahead: it ends by itself
    --reason "why"     goes on record
  list               waivers, ended ones too; --model M for one model
  revoke <id>        ends one before its time
  conditions         what approvals asked for, and what is met; --model M for one model
  fulfil <id>        says that a condition is met; --comment "how"

  -n, --environment  ${ENVIRONMENTS.join(', ')}; default prod
  --json             prints the answer as JSON

  Asks the registry over REST. Token: SUPERSTEP_TOKEN, or the file ~/.config/superstep/token.
  Registry: SUPERSTEP_REGISTRY_ADDRESS.
`;

const COMMANDS = ['grant', 'list', 'revoke', 'conditions', 'fulfil'] as const;

export interface WaiversCommand {
  readonly command: (typeof COMMANDS)[number];
  readonly environment: Environment;
  readonly json: boolean;
  readonly id?: string;
  readonly model?: string;
  /** What is sent with `grant` and `fulfil`. */
  readonly fields: Readonly<Record<string, string>>;
}

const NEEDED: Readonly<Record<WaiversCommand['command'], readonly string[]>> = {
  grant: ['check', 'model', 'until', 'reason'],
  list: [],
  revoke: [],
  conditions: [],
  fulfil: ['comment'],
};

/** Reads the command line; undefined when help is asked for. @throws with what was found and what is allowed. */
export function parseWaiversArguments(args: readonly string[]): WaiversCommand | undefined {
  const { values, positionals } = parse(args);
  if (values.help === true) return undefined;
  const [word = '', id, ...rest] = positionals;
  const command = COMMANDS.find((name) => name === word);
  if (command === undefined) throw wrong(`unknown command "${word}"; there are ${COMMANDS.join(', ')}`);
  const takesId = command === 'revoke' || command === 'fulfil';
  if (takesId && id === undefined)
    throw wrong(`${command} needs the id that ${command === 'fulfil' ? 'conditions' : 'list'} shows`);
  const tooMuch = takesId ? rest : positionals.slice(1);
  if (tooMuch.length > 0) throw wrong(`"${tooMuch.join(' ')}" is too much`);
  const { environment, model, help: _, json, ...given } = values;
  if (!isEnvironment(environment)) throw wrong(`unknown environment "${environment}"`);
  const named: Readonly<Record<string, string | undefined>> = { ...given, model };
  const missing = NEEDED[command].filter((name) => named[name] === undefined);
  if (missing.length > 0) throw wrong(`${command} needs ${missing.map((name) => `--${name}`).join(', ')}`);
  const fields = Object.fromEntries(
    Object.entries(given).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
  return {
    command,
    environment,
    json: json === true,
    fields,
    ...(id === undefined ? {} : { id }),
    ...(model === undefined ? {} : { model }),
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        check: { type: 'string' },
        model: { type: 'string' },
        version: { type: 'string' },
        until: { type: 'string' },
        reason: { type: 'string' },
        comment: { type: 'string' },
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
  return messageForPerson(`${message}\n\n${WAIVERS_HELP}`);
}
