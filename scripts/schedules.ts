import { Client } from '@temporalio/client';
import { delimiter, join, resolve } from 'node:path';
import type { Environment } from '../contracts/environments.ts';
import { findProjectFolder, projectNames } from '../projects/find-project.ts';
import { loadPolicy } from '../projects/load-policy.ts';
import { loadProject } from '../projects/load-project.ts';
import { connectToServer } from './dev-server/connect-to-server.ts';
import { runMain } from './message-for-person.ts';
import { applySchedules, listSchedules, removeSchedules, type StandingSchedule } from './schedules/apply-schedules.ts';
import { parseSchedulesArguments, SCHEDULES_HELP, type SchedulesCommand } from './schedules/arguments.ts';
import {
  applyGovernanceSchedules,
  listGovernanceSchedules,
  removeGovernanceSchedules,
} from './schedules/governance-schedules.ts';
import { ROOT } from './stack/stack-home.ts';

/** `npm run schedules -- apply <project> [-n environment]`: the schedules of a project as Temporal Schedules. */
await runMain(async () => {
  const command = parseSchedulesArguments(process.argv.slice(2));
  if (command === undefined) {
    process.stdout.write(SCHEDULES_HELP);
    return 0;
  }
  const work = await prepare(command);
  const connection = await connectToServer(process.env);
  try {
    const client = new Client({ connection, namespace: command.environment });
    for (const line of await work(client)) process.stdout.write(`${line}\n`);
    return 0;
  } finally {
    await connection.close();
  }
});

type Work = (client: Client) => Promise<string[]>;

/** Reads and checks all that the command needs before anything on the server is touched. */
async function prepare({ command, project, governance, environment }: SchedulesCommand): Promise<Work> {
  if (governance) return prepareGovernance(command, environment);
  const configured = process.env['SUPERSTEP_PROJECTS'];
  const roots = configured ? configured.split(delimiter).map((root) => resolve(root)) : [join(ROOT, 'examples')];
  if (command === 'list' || project === undefined) {
    const projects = project === undefined ? await projectNames(roots) : [project];
    return async ({ schedule }) => {
      const standing = (await Promise.all(projects.map((name) => listSchedules(schedule, name)))).flat();
      return described(environment, standing);
    };
  }
  if (command === 'remove') {
    return async ({ schedule }) => told(project, environment, await removeSchedules(schedule, project));
  }
  const { definition } = await loadProject(await findProjectFolder(project, roots), project);
  return async ({ schedule }) => told(project, environment, await applySchedules(schedule, definition, environment));
}

/** The environment's own schedules, as its policy asks for them. */
async function prepareGovernance(command: SchedulesCommand['command'], environment: Environment): Promise<Work> {
  if (command === 'list') {
    return async ({ schedule }) => described(environment, await listGovernanceSchedules(schedule));
  }
  if (command === 'remove') {
    return async ({ schedule }) => told('governance', environment, await removeGovernanceSchedules(schedule));
  }
  const folder = resolve(process.env['SUPERSTEP_POLICIES'] || join(ROOT, 'policies'));
  const { policy } = await loadPolicy(folder, environment);
  return async ({ schedule }) =>
    told('governance', environment, await applyGovernanceSchedules(schedule, policy, environment));
}

function described(environment: string, standing: readonly StandingSchedule[]): string[] {
  if (standing.length === 0) return [`no schedules in ${environment}`];
  return standing.map(
    ({ id, next, paused, runs }) =>
      `${environment}  ${id.padEnd(32)} ${paused ? 'paused' : `next ${next ?? 'never'}`}  ${runs} runs`,
  );
}

function told(project: string, environment: string, changes: Readonly<Record<string, string>>): string[] {
  return Object.entries(changes).map(
    ([kind, change]) => `${environment}  ${`${project}/${kind}`.padEnd(32)} ${change}`,
  );
}
