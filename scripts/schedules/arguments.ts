import { parseArgs } from 'node:util';
import { ENVIRONMENTS, type Environment, isEnvironment } from '../../contracts/environments.ts';
import { firstLine, messageForPerson } from '../message-for-person.ts';

export const SCHEDULES_HELP = `npm run schedules -- <command> [project] [-n environment]

  apply <project>    make its schedules those of project.yaml: created, updated, removed; may be repeated
  list [project]     show the schedules of a project, or of all
  remove <project>   remove its schedules

  --governance       instead of a project: the environment's own schedules, as its policy says: the audit's head,
                     reconciliation, recertification
  -n, --environment  ${ENVIRONMENTS.join(', ')}; default prod
`;

const COMMANDS = ['apply', 'list', 'remove'] as const;

export interface SchedulesCommand {
  readonly command: (typeof COMMANDS)[number];
  /** Undefined for `list` of all, and for the environment's own. */
  readonly project: string | undefined;
  /** The environment's own schedules. */
  readonly governance: boolean;
  readonly environment: Environment;
}

/** Reads the command line; undefined when help is asked for. @throws with what was found and what is allowed. */
export function parseSchedulesArguments(args: readonly string[]): SchedulesCommand | undefined {
  const { values, positionals } = parse(args);
  if (values.help === true) return undefined;
  const [word = '', project, ...rest] = positionals;
  const command = COMMANDS.find((name) => name === word);
  if (command === undefined) throw messageForPerson(`unknown command "${word}"\n\n${SCHEDULES_HELP}`);
  if (rest.length > 0) throw messageForPerson(`"${rest.join(' ')}" is too much\n\n${SCHEDULES_HELP}`);
  const governance = values.governance === true;
  if (governance && project !== undefined) {
    throw messageForPerson(`"${project}" is too much beside --governance\n\n${SCHEDULES_HELP}`);
  }
  if (project === undefined && command !== 'list' && !governance) {
    throw messageForPerson(`${command} needs a project\n\n${SCHEDULES_HELP}`);
  }
  const { environment } = values;
  if (!isEnvironment(environment)) {
    throw messageForPerson(`unknown environment "${environment}"; there are ${ENVIRONMENTS.join(', ')}`);
  }
  return { command, project, governance, environment };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        environment: { type: 'string', short: 'n', default: 'prod' },
        governance: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    throw messageForPerson(`${firstLine(error)}\n\n${SCHEDULES_HELP}`);
  }
}
