import { setMaxListeners } from 'node:events';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { loadPolicy } from '../projects/load-policy.ts';
import { requirePlayable } from './demo/playable-policy.ts';
import { playTimeLapse, type TimeLapse } from './demo/time-lapse.ts';
import { type DemoTimes, summarize } from './demo/summary.ts';
import { createTemporalCommands } from './demo/temporal-commands.ts';
import { messageForPerson, runMain } from './message-for-person.ts';
import { runUntilStopped } from './stack/run-until-stopped.ts';
import { lockHome, ROOT } from './stack/stack-home.ts';
import { describeStack, startStack, type Stack } from './up.ts';

const HELP = `npm run demo [-- --exit]: the whole story on three million real flights, as a time-lapse in prod.

It stands at 1 March 2001 and runs to 30 June, week by week: refresh, a first model, a gate that a person answers,
batch scores, a monitor, and the retraining that the monitor asks for. Every Temporal CLI command is printed before it
runs. At a terminal you are asked at each gate; elsewhere the printed command approves. It plays in a home folder of its
own, emptied at each start, and stays up until Ctrl-C.

  --exit                   end when the story is told
  SUPERSTEP_DEMO_HOME      its folder; default .superstep-demo
  SUPERSTEP_PORT           as for npm start
  SUPERSTEP_POLICIES       folder with the prod.yaml that its gates judge by; default policies
`;

const PROJECT = 'flights-delay';
const FROM = '2001-03-01T00:00:00.000Z';
const UNTIL = '2001-07-01T00:00:00.000Z';

await runMain(async () => {
  const args = process.argv.slice(2);
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(HELP);
    return 0;
  }
  const unknown = args.find((arg) => arg !== '--exit');
  if (unknown !== undefined) throw messageForPerson(`npm run demo does not know "${unknown}"\n\n${HELP}`);
  const home = resolve(process.env['SUPERSTEP_DEMO_HOME'] || join(ROOT, '.superstep-demo'));
  const policies = resolve(process.env['SUPERSTEP_POLICIES'] || join(ROOT, 'policies'));
  requirePlayable((await loadPolicy(policies, 'prod')).policy, PROJECT, join(policies, 'prod.yaml'));
  // The process began before this script: packages that a fresh clone lacked were installed meanwhile.
  const started = Math.round(performance.timeOrigin);
  return runUntilStopped(
    async (signal) => {
      await emptyHome(home);
      return startStack({ home, environments: ['prod'], signal });
    },
    async (stack, signal) => {
      await tellStory(stack, signal, started);
      return args.includes('--exit') ? 'end' : 'stay';
    },
  );
});

/** Empties the demo's own folder, unless a demo runs on it. */
async function emptyHome(home: string): Promise<void> {
  await mkdir(home, { recursive: true });
  const release = await lockHome(home);
  await rm(home, { recursive: true, force: true });
  await release();
}

async function tellStory(stack: Stack, signal: AbortSignal, started: number): Promise<void> {
  const { addresses, temporalCli } = stack;
  if (temporalCli === null)
    throw messageForPerson(
      'the demo runs Temporal CLI commands, and there is no CLI; unset TEMPORAL_ADDRESS, so that set-up finds or makes one',
    );
  const print = (line: string): void => void process.stdout.write(`${line}\n`);
  const connection = await Connection.connect({ address: addresses.temporal });
  // A call that still waits when its connection is closed would be tried again by the client, out of anybody's reach.
  const calls = new AbortController();
  try {
    const client = new Client({ connection, namespace: 'prod' });
    const stage = {
      project: PROJECT,
      namespace: 'prod',
      from: FROM,
      until: UNTIL,
      client,
      print,
      signal,
      endpoint: addresses.endpoints.prod ?? '',
    };
    const commands = createTemporalCommands({
      cli: temporalCli,
      address: addresses.temporal,
      namespace: 'prod',
      client,
      print,
    });
    print(describeStack(stack));
    const up = Date.now();
    const ended = AbortSignal.any([signal, calls.signal]);
    // Every call of the story listens to it.
    setMaxListeners(0, ended);
    const story = await connection.withAbortSignal(ended, () => playTimeLapse({ ...stage, commands }));
    const waitedFrom = story.supersteps[0]?.waitedFrom ?? null;
    const times: DemoTimes = {
      setUp: up - started,
      firstGate: waitedFrom === null ? null : Date.parse(waitedFrom) - started,
      story: Date.now() - up,
    };
    const links = await linksOf(story, client, addresses.temporalUi);
    print(`\n${summarize(story, times, (id) => links.get(id) ?? addresses.temporalUi)}`);
    await writeFile(join(stack.home, 'demo-summary.json'), JSON.stringify({ times, ...story }, null, 2));
    print(
      `Everything of it: ${addresses.temporalUi}/namespaces/prod/workflows, and ${join(stack.home, 'demo-summary.json')}`,
    );
  } finally {
    calls.abort();
    await connection.close();
  }
}

/** Links into the Web UI, which wants the run id as well. */
async function linksOf({ supersteps }: TimeLapse, client: Client, ui: string): Promise<Map<string, string>> {
  const links = new Map<string, string>();
  for (const { id } of supersteps) {
    const { runId } = await client.workflow.getHandle(id).describe();
    links.set(id, `${ui}/namespaces/prod/workflows/${encodeURIComponent(id)}/${runId}/timeline`);
  }
  return links;
}
