import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { adminTokenFile } from '../registry/identity/admin-token.ts';
import { runMain } from './message-for-person.ts';
import { governByTheClock } from './stack/govern-by-the-clock.ts';
import { runUntilStopped } from './stack/run-until-stopped.ts';
import { startStack, type Stack, type StackOptions } from './stack/start-stack.ts';

export { startStack, type Stack, type StackOptions };

const HELP = `npm start: sets up what is missing, then runs Temporal, the workers and endpoints of dev, staging and prod, their
registry (MLflow's API and web UI), and the evidence pages, until Ctrl-C. What dies is started again.

  SUPERSTEP_HOME           folder of all state; default .superstep
  SUPERSTEP_PORT           Temporal's port; all others move by the same distance (default 7233; 0: free ones)
  SUPERSTEP_UI_PORT, SUPERSTEP_METRICS_PORT, SUPERSTEP_EVIDENCE_PORT, SUPERSTEP_REGISTRY_PORT,
  SUPERSTEP_ENDPOINT_PORT  a single one
  SUPERSTEP_PROJECTS       folders with projects, separated by ":"; default examples
  SUPERSTEP_POLICIES       folder with a policy per environment; default policies
  TEMPORAL_ADDRESS         a Temporal server elsewhere; then none is started
`;

/** What a person sees once everything runs. */
export function describeStack({ addresses, home }: Stack): string {
  const lines = [
    ['Temporal', addresses.temporal],
    ['Web UI', addresses.temporalUi],
    ['registry', `${addresses.registry} (prod), …/dev, …/staging: MLFLOW_TRACKING_URI, and a web page`],
    ['', `prod asks who you are: user admin, password in ${adminTokenFile(join(home, 'prod'))}`],
    ['evidence pages', addresses.evidence],
    ...Object.entries(addresses.endpoints).map(([name, url]) => [`endpoint ${name}`, url]),
    ['state and logs', home],
  ];
  const list = lines.map(([name = '', value = '']) => `  ${name.padEnd(18)}${value}`).join('\n');
  return `Superstep is up.\n${list}\n\nTry: npm run temporal -- workflow list -n prod\nCtrl-C stops everything.`;
}

async function up(args: readonly string[]): Promise<number> {
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(HELP);
    return 0;
  }
  if (args.length > 0) {
    process.stderr.write(`npm start takes no arguments, but got "${args.join(' ')}"\n\n${HELP}`);
    return 2;
  }
  return runUntilStopped(async (signal) => {
    const stack = await startStack({ signal });
    await governByTheClock(process.env, stack.addresses.temporal).catch(async (error: unknown) => {
      await stack.stop();
      throw error;
    });
    process.stdout.write(`${describeStack(stack)}\n`);
    return stack;
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await runMain(() => up(process.argv.slice(2)));
