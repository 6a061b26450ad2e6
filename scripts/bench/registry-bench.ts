import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { startRegistryProcess } from '../clients/registry-process.ts';
import { printableError } from '../message-for-person.ts';
import { runCommand } from '../setup/run-command.ts';
import { ROOT } from '../stack/stack-home.ts';
import type { BenchContext } from './context.ts';
import { type Figure, limitOf, percentile } from './figures.ts';
import { startMlflowServer } from './mlflow-server.ts';
import {
  callsAlone,
  callsOfACrowd,
  createRegistryClient,
  type Crowd,
  type RegistryTimes,
  tail,
  transitionsAmong,
} from './registry-calls.ts';
import { fillMlflow, fillSuperstep, type Filling } from './registry-fill.ts';

const FILLING: Filling = { runs: 100_000, versions: 10_000 };
const CROWD_SECONDS = 60;
const TRANSITION_SECONDS = 20;
const BACKUPS_WITHIN_MS = 120_000;

/** What one registry showed. */
interface Measured {
  readonly times: RegistryTimes;
  readonly crowd: Crowd;
  readonly transitionsMs: readonly number[];
}

/** The registry's server over HTTP, with a full database, against MLflow's own server by the same calls. */
export async function benchRegistry(context: BenchContext): Promise<Figure[]> {
  const ours = await measureSuperstep(context);
  let theirs: Measured | undefined;
  let missing = '';
  try {
    theirs = await measureMlflow(context);
  } catch (error) {
    missing = ` MLflow's own server could not be measured: ${printableError(error).split('\n')[0]}.`;
    context.report(missing);
  }
  return figures(ours, theirs, missing);
}

async function measureSuperstep({ folder, report, signal }: BenchContext): Promise<Measured> {
  const home = join(folder, 'registry');
  await mkdir(home, { recursive: true });
  report(`Superstep: ${FILLING.runs} runs, ${FILLING.versions} versions`);
  // The first start makes the tables.
  await (await startRegistryProcess(home)).stop();
  await fillSuperstep(join(home, 'dev', 'registry.sqlite'), FILLING);
  signal.throwIfAborted();
  const server = await startRegistryProcess(home);
  try {
    const backup = async (i: number): Promise<void> => {
      const args = [join(ROOT, 'scripts', 'launch.mjs'), 'db', 'backup', join(folder, `backup-${i}`), '-n', 'dev'];
      const env = { ...process.env, SUPERSTEP_HOME: home };
      await runCommand(process.execPath, args, { timeoutMs: BACKUPS_WITHIN_MS, env });
    };
    return await measure(`${server.url}/dev`, 'Superstep', report, backup);
  } finally {
    await server.stop();
  }
}

async function measureMlflow({ folder, report }: BenchContext): Promise<Measured> {
  const server = await startMlflowServer(join(folder, 'mlflow'), report);
  try {
    report('MLflow: the same rows');
    await fillMlflow(server.database, FILLING);
    return await measure(server.url, 'MLflow', report, () => Promise.resolve());
  } finally {
    await server.stop();
  }
}

async function measure(
  url: string,
  name: string,
  report: BenchContext['report'],
  backup: (i: number) => Promise<void>,
): Promise<Measured> {
  const client = createRegistryClient(url);
  report(`${name}: one client`);
  const times = await callsAlone(client);
  report(`${name}: 16 clients for ${CROWD_SECONDS} s`);
  const crowd = await callsOfACrowd(client, CROWD_SECONDS);
  report(`${name}: stage transitions while 16 clients log`);
  const others = (): Promise<unknown> => Promise.all([callsOfACrowd(client, TRANSITION_SECONDS), backup(1)]);
  return { times, crowd, transitionsMs: await transitionsAmong(client, others) };
}

function figures(ours: Measured, theirs: Measured | undefined, missing: string): Figure[] {
  const about = `over HTTP, SQLite, ${FILLING.runs.toLocaleString('en-US')} runs and a model with ${FILLING.versions.toLocaleString('en-US')} versions in it.${missing}`;
  const held = (value: number, pick: (measured: Measured) => number): Pick<Figure, 'limit'> =>
    theirs === undefined ? {} : { limit: limitOf(value, 'mlflow server, the same call', pick(theirs)) };
  const timed = (
    name: string,
    pick: (times: RegistryTimes) => readonly number[],
    atMost: number,
    percent = 50,
  ): Figure => {
    const value = percentile(pick(ours.times), percent);
    const compared = held(value, (measured) => percentile(pick(measured.times), percent));
    const unit = { value, unit: 'ms', target: { atMost }, samples: pick(ours.times) };
    return { name: `${name}, p${percent}`, ...unit, ...compared, note: about };
  };
  const { p99 } = tail(ours.transitionsMs);
  const perSecond = ours.crowd.calls / ours.crowd.seconds;
  const bad = ours.crowd.errors.length + ours.crowd.lost;
  const failed =
    theirs === undefined ? '' : ` MLflow's: ${theirs.crowd.errors.length} errors, ${theirs.crowd.lost} lost.`;
  return [
    timed('log-batch of 1,000 metrics', (times) => times.logBatchMs, 50, 95),
    timed('page of 100 of 10,000 versions', (times) => times.versionsMs, 50),
    timed('its next page', (times) => times.versionsLaterMs, 50),
    timed('search of 100,000 runs by a metric, 1 % match', (times) => times.selectiveSearchMs, 100),
    timed('the same, half match', (times) => times.unselectiveSearchMs, 100),
    timed('the same, ordered by the metric', (times) => times.orderedSearchMs, 100),
    {
      ...{ name: '16 clients at once: calls a second', value: perSecond, unit: '/s', samples: [perSecond] },
      ...held(perSecond, ({ crowd }) => crowd.calls / crowd.seconds),
      note: `batches of 20 metrics, tags, reads of a run, for ${CROWD_SECONDS} s; clients and server share the cores. ${about}`,
    },
    {
      ...{ name: '16 clients at once: errors and lost writes', value: bad, unit: '', target: { atMost: 0 } },
      samples: [bad],
      note: `of ${ours.crowd.calls} calls; each acknowledged batch is counted afterwards.${failed} ${ours.crowd.errors[0] ?? ''}`,
    },
    {
      ...{ name: 'stage transition while 16 clients log and a backup runs, p99', value: p99, unit: 'ms' },
      ...{ samples: ours.transitionsMs, ...held(p99, (measured) => tail(measured.transitionsMs).p99) },
      note: `one after the other for ${TRANSITION_SECONDS} s (MLflow without the backup). ${about}`,
    },
  ];
}
