import { join } from 'node:path';
import { type BenchContext, processFile } from './context.ts';
import { type Figure, least, limitOf, percentile } from './figures.ts';
import type { GatesBench } from './gates-process.ts';
import { type Measured, runChild } from './measured-child.ts';

const GATES = 2_000;
const FULL_GATES = 10_000;
const ANSWERS = 20;
const CACHED = 50;

/** What gates cost that wait: memory of the worker while ever more are open, and how soon one of them answers. */
export async function benchGates({ folder, signal, report, full }: BenchContext): Promise<Figure[]> {
  const gates = full ? FULL_GATES : GATES;
  report(`${gates} promotions that wait at their gates, a worker that caches ${CACHED}`);
  const { result } = await runChild<Measured<GatesBench>>({
    entry: processFile('gates-process'),
    job: { home: join(folder, 'gates'), gates, answers: ANSWERS, cached: CACHED },
    ...{ folder, signal },
    onProgress: (note, seconds) => report(`${note}, ${Math.round(seconds)} s`),
  });
  const { residentMb, openingSeconds, answerMs, promotedMs } = result.result;
  const how = `promoteModel on a development server of its own, activities that answer at once, at most ${CACHED} workflows in the worker's cache`;
  // By then the cache is full and all code is loaded.
  const early = residentMb[1] ?? Number.NaN;
  const late = residentMb.at(-1) ?? Number.NaN;
  const answer = least(answerMs);
  const before = `the same with ${gates / 5} open`;
  return [
    {
      ...{ name: `worker's memory with ${gates.toLocaleString('en-US')} open gates, against a fifth of them` },
      ...{ value: late / early, unit: '×', target: { atMost: 1.1 }, samples: residentMb },
      note: `${how}; resident memory of the process, after each tenth of the gates: ${residentMb.map((mb) => mb.toFixed(0)).join(', ')} MB. Opening took ${openingSeconds.toFixed(0)} s, ${(gates / openingSeconds).toFixed(1)} gates a second.`,
    },
    {
      ...{ name: `memory of the worker with ${gates.toLocaleString('en-US')} open gates`, value: late, unit: 'MB' },
      ...{ limit: limitOf(late, before, early), samples: residentMb, note: how },
    },
    {
      ...{ name: 'decision at a gate that is out of the cache, to its answer, p95' },
      ...{ value: percentile(answerMs, 95), unit: 'ms', target: { atMost: 1_000 }, samples: answerMs },
      limit: limitOf(percentile(answerMs, 95), 'the fastest of them', answer),
      note: `${how}; ${ANSWERS} of the first half of the gates, one after the other, by the update \`decide\`: the worker replays the history first. Least ${answer.toFixed(0)} ms, largest ${Math.max(...answerMs).toFixed(0)} ms; to the end of the promotion least ${least(promotedMs).toFixed(0)} ms, largest ${Math.max(...promotedMs).toFixed(0)} ms.`,
    },
  ];
}
