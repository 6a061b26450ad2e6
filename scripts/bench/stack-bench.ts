import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { messageForPerson } from '../message-for-person.ts';
import { ROOT } from '../stack/stack-home.ts';
import type { BenchContext } from './context.ts';
import { type Figure, least } from './figures.ts';

const STARTS = 3;
const UP = 'Superstep is up';
const GATE_WAITS = 'The gate waits';

/** `npm start` until it says that it is up, on a home that has been used before. */
export async function benchStartUp(context: BenchContext): Promise<Figure[]> {
  const seconds: number[] = [];
  for (let start = 0; start <= STARTS; start++) {
    context.report(`npm start, ${start === 0 ? 'the first time' : `again (${start} of ${STARTS})`}`);
    seconds.push(await startAndStop(context));
  }
  const [first = Number.NaN, ...again] = seconds;
  return [
    {
      name: 'npm start, second run',
      value: least(again),
      unit: 's',
      samples: again,
      note: `until everything answers: Temporal, six workers, three endpoints, the evidence pages; least of ${STARTS} starts on one home. The first start on an empty home took ${first.toFixed(1)} s.`,
    },
  ];
}

async function startAndStop({ folder, signal }: BenchContext): Promise<number> {
  const started = performance.now();
  const child = launch('up', [], { SUPERSTEP_HOME: join(folder, 'start-up'), SUPERSTEP_PORT: '0' });
  return whileRunning(child, signal, async () => {
    let said = '';
    for await (const line of createInterface({ input: child.stdout })) {
      said += `${line}\n`;
      if (line.startsWith(UP)) return (performance.now() - started) / 1000;
    }
    throw messageForPerson(`npm start ended before it was up; it said: ${said || 'nothing on stdout'}`);
  });
}

/** The whole demo, from its start to its end; its own summary goes to the terminal. */
export async function benchDemo(context: BenchContext): Promise<Figure[]> {
  context.report('npm run demo -- --exit');
  const started = performance.now();
  const child = launch('demo', ['--exit'], { SUPERSTEP_DEMO_HOME: join(context.folder, 'demo'), SUPERSTEP_PORT: '0' });
  let firstGate = Number.NaN;
  await whileRunning(child, context.signal, async () => {
    for await (const line of createInterface({ input: child.stdout })) {
      context.report(line);
      if (Number.isNaN(firstGate) && line.includes(GATE_WAITS)) firstGate = (performance.now() - started) / 60_000;
    }
    const [code] = child.exitCode === null ? ((await once(child, 'exit')) as [number | null]) : [child.exitCode];
    if (code !== 0) throw messageForPerson(`the demo ended with code ${code}; its messages are above`);
  });
  const minutes = (performance.now() - started) / 60_000;
  return [
    {
      name: 'npm run demo -- --exit',
      value: minutes,
      unit: 'min',
      target: { atMost: 10 },
      samples: [minutes],
      note: 'wall time from a warm set-up, three million flights, 1 March to 30 June; measured once.',
    },
    {
      name: 'npm run demo, until the first gate waits',
      value: firstGate,
      unit: 'min',
      samples: [firstGate],
      note: 'of the same run. On a fresh clone the set-up comes before it: what it does depends on the network and on what is installed.',
    },
  ];
}

type LaunchedProcess = ChildProcess & { readonly stdout: NonNullable<ChildProcess['stdout']> };

function launch(script: string, args: readonly string[], env: Readonly<Record<string, string>>): LaunchedProcess {
  // No terminal on stdin: a gate that would ask a person is answered by the command that is printed.
  return spawn(process.execPath, [join(ROOT, 'scripts', 'launch.mjs'), script, ...args], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...process.env, ...env },
  });
}

/** Lets `work` have a child process and ends it in order afterwards, also when the bench is interrupted. */
async function whileRunning<T>(child: ChildProcess, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  const closed = once(child, 'exit');
  const stop = (): void => void child.kill('SIGTERM');
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await work();
  } finally {
    signal.removeEventListener('abort', stop);
    stop();
    if (child.exitCode === null && child.signalCode === null) await closed;
  }
}
