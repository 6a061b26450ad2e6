import { parseArgs } from 'node:util';
import { ENVIRONMENTS, type Environment, isEnvironment } from '../../contracts/environments.ts';
import { firstLine, messageForPerson } from '../message-for-person.ts';

export const AUDIT_HELP = `npm run audit -- <command> [options]

  verify             follows the hash chain of the audit from its first row and names the first wrong one
    --heads PLACE      and compares it with heads that were written out: a file, a folder of files, or a git
                       repository (its whole history); may be repeated
  export             writes an evidence pack of a model that verifies offline
    --model M          the model
    --version N        one version; the default is all that were ever asked for a stage
    --out FOLDER       default evidence-<model>; must be empty or not there
    --offline          does not ask the Temporal server for histories that are not archived yet
  verify-pack FOLDER verifies a pack with nothing but its files
    --key KEY          demands that this key signed it: 64 hex digits, a file in PEM, or a fingerprint (sha256)

  -n, --environment  ${ENVIRONMENTS.join(', ')}; default prod
  --key KEY          for verify: a key that signed heads beside the environment's present one; may be repeated
  --json             prints the result as JSON

  Exit code: 0 all holds, 1 something does not, 2 it could not be found out.
`;

export interface AuditCommand {
  readonly command: 'verify' | 'export' | 'verify-pack';
  readonly environment: Environment;
  readonly heads: readonly string[];
  readonly keys: readonly string[];
  readonly json: boolean;
  readonly model: string;
  /** Undefined for all. */
  readonly version: number | undefined;
  readonly folder: string;
  readonly offline: boolean;
}

/** Reads the command line; undefined when help is asked for. @throws with what was found and what is allowed. */
export function parseAuditArguments(args: readonly string[]): AuditCommand | undefined {
  const { values, positionals } = parse(args);
  if (values.help === true) return undefined;
  const [command = '', folder, ...rest] = positionals;
  if (command !== 'verify' && command !== 'export' && command !== 'verify-pack') {
    throw wrong(`unknown command "${command}"; there are verify, export and verify-pack`);
  }
  if (rest.length > 0 || (folder !== undefined && command !== 'verify-pack')) {
    throw wrong(`"${[...(command === 'verify-pack' ? [] : [folder]), ...rest].join(' ')}" is too much`);
  }
  const { environment, model = '' } = values;
  if (!isEnvironment(environment)) {
    throw messageForPerson(`unknown environment "${environment}"; there are ${ENVIRONMENTS.join(', ')}`);
  }
  if (command === 'export' && model === '') throw wrong('export needs a model: --model flights-delay');
  if (command === 'verify-pack' && folder === undefined) throw wrong('verify-pack needs the folder of a pack');
  const version = values.version === undefined ? undefined : Number(values.version);
  if (version !== undefined && !(Number.isSafeInteger(version) && version > 0)) {
    throw wrong(`"${values.version}" is no version; expected a whole number from 1`);
  }
  return {
    command,
    environment,
    heads: values.heads ?? [],
    keys: values.key ?? [],
    json: values.json === true,
    model,
    version,
    folder: folder ?? values.out ?? `evidence-${model}`,
    offline: values.offline === true,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        environment: { type: 'string', short: 'n', default: 'prod' },
        heads: { type: 'string', multiple: true },
        key: { type: 'string', multiple: true },
        json: { type: 'boolean' },
        model: { type: 'string' },
        version: { type: 'string' },
        out: { type: 'string' },
        offline: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    throw wrong(firstLine(error));
  }
}

function wrong(message: string): Error {
  return messageForPerson(`${message}\n\n${AUDIT_HELP}`);
}
