import { join } from 'node:path';
import { type BenchContext, processFile } from './context.ts';
import { type Figure, limitOf, percentile } from './figures.ts';
import { type Measured, runChild } from './measured-child.ts';
import type { PromotionBench } from './promotion-process.ts';

const RUNS = 40;

/** What the engine itself adds: to each step, and between an approval and what it sets going. */
export async function benchWorkflows({ folder, signal, report }: BenchContext): Promise<Figure[]> {
  report(`${RUNS} promotions with activities that answer at once`);
  const job = { home: join(folder, 'promotions'), runs: RUNS };
  const { result } = await runChild<Measured<PromotionBench>>({
    ...{ entry: processFile('promotion-process'), job, folder, signal },
  });
  const { stepMs, approvalMs, roundTripMs } = result.result;
  const how = `promoteModel on a development server of its own, workers idle, activities that answer at once, ${RUNS} runs; times of the server's histories`;
  const limit = 'p95 of one signal’s round trip';
  const roundTrip = percentile(roundTripMs, 95);
  const figure = (name: string, samples: readonly number[], atMost: number, note: string): Figure => {
    const value = percentile(samples, 95);
    const spread = `p50 ${percentile(samples, 50).toFixed(1)} ms, largest ${Math.max(...samples).toFixed(1)} ms`;
    return {
      ...{ name, value, unit: 'ms', target: { atMost }, samples },
      limit: limitOf(value, limit, roundTrip),
      note: `${note}. ${spread}.`,
    };
  };
  return [
    figure('approval signal to the next activity running, p95', approvalMs, 1000, how),
    figure('step overhead (activity scheduled to started), p95', stepMs, 100, `${how}; every activity, on both queues`),
  ];
}
