import { parseArgs } from 'node:util';
import { instant } from '../../contracts/schemas/primitives.ts';
import { ENVIRONMENTS, type Environment, isEnvironment } from '../../contracts/environments.ts';
import { firstLine, messageForPerson } from '../message-for-person.ts';

export const REGISTRY_HELP = `npm run registry -- <command> [options]

  reconcile          finds what does not fit: requests without a living workflow, Production without its decision,
                     decisions without their evidence, history that disagrees with stages, leases without holder.
                     Says what each means and how it is repaired; changes nothing
  production         what was in Production: version, since and until when, decided by whom, on which evidence
    --model M          the model
    --at TIME          an instant in UTC, as the clock on the wall shows it, for example 2026-11-25T12:00:00Z; default now
  roll-back          asks the registry's server, with your token, to put the previous Production back, and starts the
                     workflow that does it. Whoever holds a role of the policy's rollback.by may; where approval.proof
                     is token or signature, there is no other way to roll back
    --model M          the model
    --reason TEXT      why; goes on record

  -n, --environment  ${ENVIRONMENTS.join(', ')}; default prod
  --json             prints the result as JSON

  Exit code: 0 all fits, something was in Production, or the rollback was started; 1 there are findings, or nothing was;
  2 it could not be found out, or the rollback was refused.
  Token: SUPERSTEP_TOKEN, or the file ~/.config/superstep/token. Registry: SUPERSTEP_REGISTRY_ADDRESS.
`;

export type RegistryCommand =
  | { readonly command: 'reconcile'; readonly environment: Environment; readonly json: boolean }
  | {
      readonly command: 'production';
      readonly environment: Environment;
      readonly json: boolean;
      readonly model: string;
      /** ISO instant; undefined for now. */
      readonly at: string | undefined;
    }
  | {
      readonly command: 'roll-back';
      readonly environment: Environment;
      readonly json: boolean;
      readonly model: string;
      readonly reason: string;
    };

const COMMANDS = ['reconcile', 'production', 'roll-back'] as const;

/** Reads the command line; undefined when help is asked for. @throws with what was found and what is allowed. */
export function parseRegistryArguments(args: readonly string[]): RegistryCommand | undefined {
  const { values, positionals } = parse(args);
  if (values.help === true) return undefined;
  const [command = '', ...rest] = positionals;
  if (!isCommand(command)) throw wrong(`unknown command "${command}"; there are ${COMMANDS.join(', ')}`);
  if (rest.length > 0) throw wrong(`"${rest.join(' ')}" is too much`);
  const { environment, model, at, reason = '' } = values;
  if (!isEnvironment(environment)) {
    throw messageForPerson(`unknown environment "${environment}"; there are ${ENVIRONMENTS.join(', ')}`);
  }
  const json = values.json === true;
  if (command === 'reconcile') return { command, environment, json };
  if (model === undefined) throw wrong(`${command} needs a model: --model flights-delay`);
  if (command === 'roll-back') {
    if (reason.trim() === '') throw wrong('a rollback needs a reason: --reason "why"');
    return { command, environment, json, model, reason };
  }
  return { command, environment, json, model, at: at === undefined ? undefined : readInstant(at) };
}

function isCommand(text: string): text is (typeof COMMANDS)[number] {
  return (COMMANDS as readonly string[]).includes(text);
}

function readInstant(text: string): string {
  const read = instant.safeParse(text);
  if (read.success) return read.data;
  throw messageForPerson(`--at ${text}: ${read.error.issues[0]?.message ?? 'it is no instant'}`);
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        environment: { type: 'string', short: 'n', default: 'prod' },
        model: { type: 'string' },
        at: { type: 'string' },
        reason: { type: 'string' },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    throw wrong(firstLine(error));
  }
}

function wrong(message: string): Error {
  return messageForPerson(`${message}\n\n${REGISTRY_HELP}`);
}
