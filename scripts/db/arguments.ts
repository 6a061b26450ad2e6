import { parseArgs } from 'node:util';
import { ENVIRONMENTS, type Environment, isEnvironment } from '../../contracts/environments.ts';
import { firstLine, messageForPerson } from '../message-for-person.ts';

export const DB_HELP = `npm run db -- <command> [file] [-n environment]

Works on the registry's database: <environment>/registry.sqlite below SUPERSTEP_HOME, or the PostgreSQL database that
SUPERSTEP_REGISTRY_URL names.

  status              where it is, which migrations it has and which wait
  migrate             bring its tables up to date; every start does so too
  backup [file]       copy it, while it is in use, into a file with its sha256 beside it;
                      default: backups/ below SUPERSTEP_HOME. It refuses a file that is there.
  restore <file>      check a backup and put it where the registry is. A SQLite registry that is there stays unless
                      --replace moves it aside; nothing may use it. A PostgreSQL database must be empty.

  -n, --environment   ${ENVIRONMENTS.join(', ')}; default prod
  --replace           with restore

A backup holds the registry's rows. The files that they name lie in <environment>/artifacts: copy that folder after the
backup, never before it; files there are never changed.
`;

const COMMANDS = ['status', 'migrate', 'backup', 'restore'] as const;

export interface DbCommand {
  readonly command: (typeof COMMANDS)[number];
  /** Always there for `restore`, never for `status` and `migrate`. */
  readonly file: string | undefined;
  readonly environment: Environment;
  readonly replace: boolean;
}

/** Reads the command line; undefined when help is asked for. @throws with what was found and what is allowed. */
export function parseDbArguments(args: readonly string[]): DbCommand | undefined {
  const { values, positionals } = parse(args);
  if (values.help === true) return undefined;
  const [word = '', file, ...rest] = positionals;
  const command = COMMANDS.find((name) => name === word);
  if (command === undefined) throw mistake(`unknown command "${word}"`);
  const takesFile = command === 'backup' || command === 'restore';
  const tooMuch = takesFile ? rest : positionals.slice(1);
  if (tooMuch.length > 0) throw mistake(`"${tooMuch.join(' ')}" is too much`);
  if (command === 'restore' && file === undefined) throw mistake('restore needs the file of a backup');
  if (values.replace === true && command !== 'restore') throw mistake('--replace belongs to restore');
  const { environment } = values;
  if (!isEnvironment(environment)) {
    throw mistake(`unknown environment "${environment}"; there are ${ENVIRONMENTS.join(', ')}`);
  }
  return { command, file, environment, replace: values.replace === true };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        environment: { type: 'string', short: 'n', default: 'prod' },
        replace: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    throw mistake(firstLine(error));
  }
}

function mistake(problem: string): Error {
  return messageForPerson(`${problem}\n\n${DB_HELP}`);
}
