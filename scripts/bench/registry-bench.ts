import type { BenchContext } from './context.ts';
import { type Figure, limitOf, percentile, type Target } from './figures.ts';
import { count, type TimedCall, timedCalls } from './registry-calls.ts';
import {
  CLIENTS,
  crowd,
  type Crowd,
  CROWD_BATCH,
  LOGGED_BATCH,
  type Transitions,
  transitionsAmongLoggers,
} from './registry-crowd.ts';
import type { Filling } from './registry-fill.ts';
import { type BenchedServer, type MissingServer, type ServerName, startServers } from './registry-servers.ts';

interface Size {
  readonly filling: Filling;
  readonly crowdSeconds: number;
  readonly transitionSeconds: number;
}

const WHOLE: Size = { filling: { runs: 100_000, versions: 10_000 }, crowdSeconds: 60, transitionSeconds: 40 };
const QUICK: Size = { filling: { runs: 5_000, versions: 500 }, crowdSeconds: 5, transitionSeconds: 5 };
const ROUNDS = 3;
/** MLflow's server has four workers, and each wants to get warm. */
// A server that takes half a minute for a call is known well enough after one a round.
const LONGEST_TURN_MS = 10_000;
const WARM_UP = 8;

/** One measurement of each server that could be had; ours on SQLite is always among them. */
type ByServer<T> = ReadonlyMap<ServerName, T>;

/**
 * The registry's server over HTTP with much in its database, on SQLite and on PostgreSQL, against MLflow's own server
 * by the same calls. All servers run throughout and take turns, so that the machine's moods are in all figures.
 */
export async function benchRegistry(context: BenchContext): Promise<Figure[]> {
  const size = context.quick ? QUICK : WHOLE;
  const { servers, missing } = await startServers(context, size.filling);
  try {
    const figures: Figure[] = [];
    for (const call of timedCalls(size.filling)) {
      context.report(call.name);
      const asked = servers.filter(({ name }) => call.beyondMlflow !== true || name !== 'mlflow server');
      figures.push(...callFigures(call, await inTurns(asked, call, context.signal)));
    }
    const crowds = await one(servers, context, `${CLIENTS} clients for ${size.crowdSeconds} s`, ({ client }) =>
      crowd(client, size.crowdSeconds),
    );
    const moves = await one(servers, context, `stage transitions for ${size.transitionSeconds} s`, (server) =>
      transitionsAmongLoggers(server.client, size.transitionSeconds, server.backUp),
    );
    return withMissing([...figures, ...crowdFigures(crowds, size), ...transitionFigures(moves, size)], missing);
  } finally {
    for (const { stop } of servers) await stop();
  }
}

async function inTurns(
  servers: readonly BenchedServer[],
  { ready, repeats }: TimedCall,
  signal: AbortSignal,
): Promise<ByServer<readonly number[]>> {
  const calls = await Promise.all(
    servers.map(async ({ name, client }) => ({ name, call: await ready(client), times: [] as number[] })),
  );
  let i = 0;
  for (const { call } of calls) {
    const turn = performance.now();
    for (let warm = 0; warm < WARM_UP && performance.now() - turn < LONGEST_TURN_MS; warm++) await call(i++);
  }
  for (let round = 0; round < ROUNDS; round++) {
    for (const { call, times } of calls) {
      const turn = performance.now();
      for (let repeat = 0; repeat < repeats; repeat++) {
        signal.throwIfAborted();
        if (repeat > 0 && performance.now() - turn > LONGEST_TURN_MS) break;
        const started = performance.now();
        await call(i++);
        times.push(performance.now() - started);
      }
    }
  }
  return new Map(calls.map(({ name, times }) => [name, times]));
}

async function one<T>(
  servers: readonly BenchedServer[],
  { report, signal }: BenchContext,
  what: string,
  measure: (server: BenchedServer) => Promise<T>,
): Promise<ByServer<T>> {
  const found = new Map<ServerName, T>();
  for (const server of servers) {
    signal.throwIfAborted();
    report(`${server.name}: ${what}`);
    found.set(server.name, await measure(server));
  }
  return found;
}

function only([value = Number.NaN]: readonly number[]): number {
  return value;
}

interface OneFigure {
  readonly name: string;
  readonly unit: string;
  readonly target?: Target;
  readonly note: string;
}

/** A figure for each of our servers, against MLflow's where that was measured. */
function againstMlflow<T>(
  measured: ByServer<T>,
  samplesOf: (one: T) => readonly number[],
  valueOf: (samples: readonly number[]) => number,
  describe: (one: T) => OneFigure,
): Figure[] {
  const theirs = measured.get('mlflow server');
  const limit = theirs === undefined ? undefined : valueOf(samplesOf(theirs));
  return [...measured]
    .filter(([server]) => server !== 'mlflow server')
    .map(([server, found]) => {
      const samples = samplesOf(found);
      const value = valueOf(samples);
      const { name, ...rest } = describe(found);
      // Nothing is a multiple of no errors.
      const compared = limit === undefined || limit === 0 ? {} : { limit: limitOf(value, 'mlflow server', limit) };
      return { ...rest, name: server === 'Superstep' ? name : `${name}, on PostgreSQL`, value, samples, ...compared };
    });
}

function callFigures({ name, percent, atMost, note }: TimedCall, measured: ByServer<readonly number[]>): Figure[] {
  return againstMlflow(
    measured,
    (times) => times,
    (times) => percentile(times, percent),
    (times) => ({
      name: `${name}, p${percent}`,
      unit: 'ms',
      ...(atMost === undefined ? {} : { target: { atMost } }),
      note: `${note} ${spread(times)}`,
    }),
  );
}

function crowdFigures(measured: ByServer<Crowd>, { crowdSeconds }: Size): Figure[] {
  const bad = ({ errors, lost }: Crowd): number => errors.length + lost;
  return [
    ...againstMlflow(
      measured,
      ({ calls, seconds }) => [calls / seconds],
      only,
      ({ calls }) => ({
        name: `${CLIENTS} clients at once, calls a second`,
        unit: '/s',
        note: `making runs, logging batches of ${CROWD_BATCH} metrics, setting tags, reading and searching, for ${crowdSeconds} s: ${count(calls)} calls; clients and server share the cores.`,
      }),
    ),
    ...againstMlflow(
      measured,
      (found) => [bad(found)],
      only,
      ({ errors, lost }) => ({
        name: `${CLIENTS} clients at once, errors and lost writes`,
        unit: '',
        target: { atMost: 0 },
        note: `of the same calls; every run, batch and tag that was acknowledged is looked for afterwards: ${errors.length} errors, ${lost} lost.${firstOf(errors)}`,
      }),
    ),
  ];
}

function transitionFigures(measured: ByServer<Transitions>, { transitionSeconds }: Size): Figure[] {
  return againstMlflow(
    measured,
    ({ times }) => times,
    (times) => percentile(times, 99),
    ({ times, batches, backups, errors }) => ({
      name: 'stage transition while clients log and backups run, p99',
      unit: 'ms',
      note: `${count(times.length)} transitions one after the other for ${transitionSeconds} s, while ${CLIENTS} clients logged ${count(batches)} batches of ${LOGGED_BATCH} metrics and ${backups} backups were made one after the other (MLflow: without backups); ${errors.length} errors.${firstOf(errors)} ${spread(times)}`,
    }),
  );
}

function spread(times: readonly number[]): string {
  const ms = (time: number): string => `${time.toFixed(1)} ms`;
  return `Least ${ms(Math.min(...times))}, p50 ${ms(percentile(times, 50))}, p95 ${ms(percentile(times, 95))}, most ${ms(Math.max(...times))}.`;
}

function firstOf(errors: readonly string[]): string {
  return errors[0] === undefined ? '' : ` The first: ${errors[0]}.`;
}

/** Says in every note who could not be measured. */
function withMissing(figures: readonly Figure[], missing: readonly MissingServer[]): Figure[] {
  const said = missing.map(({ name, why }) => ` Without ${name}: ${why}.`).join('');
  return figures.map((figure) => ({ ...figure, note: `${figure.note}${said}` }));
}
