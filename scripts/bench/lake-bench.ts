import { join } from 'node:path';
import { type BenchContext, lakeJob, processFile } from './context.ts';
import { type Figure, least, limitOf } from './figures.ts';
import { type Measured, runChild } from './measured-child.ts';
import { type Prepared, refresh } from './prepared.ts';

const RUNS = 2;

/** A full refresh of three million rows against the same SQL by DuckDB alone, in turns. */
export async function benchRefresh(context: BenchContext, prepared: Prepared): Promise<Figure[]> {
  const ours: Measured<unknown>[] = [(await prepared.lake()).measured];
  const bare: Measured<unknown>[] = [await bareRefresh(context, 1)];
  for (let run = 2; run <= RUNS; run++) {
    ours.push((await refresh(context, `lake-${run}`)).measured);
    bare.push(await bareRefresh(context, run));
  }
  const cpu = ours.map(({ usage }) => usage.cpuSeconds);
  const wall = ours.map(({ usage }) => usage.wallSeconds);
  const peak = ours.map(({ usage }) => usage.peakMb / 1024);
  const bareLeast = (of: (usage: Measured<unknown>['usage']) => number): number =>
    least(bare.map(({ usage }) => of(usage)));
  const name = 'the same SQL by DuckDB alone';
  return [
    {
      name: 'full refresh of 3,000,000 rows: CPU',
      value: least(cpu),
      unit: 's',
      limit: limitOf(
        least(cpu),
        name,
        bareLeast((usage) => usage.cpuSeconds),
      ),
      samples: cpu,
      note: 'bronze, silver, three feature views and their adoption in a process of its own, 2 threads; least of the runs. The engine adds increments, expectations and the checks of keys.',
    },
    {
      name: 'full refresh of 3,000,000 rows: wall time',
      value: least(wall),
      unit: 's',
      limit: limitOf(
        least(wall),
        name,
        bareLeast((usage) => usage.wallSeconds),
      ),
      samples: wall,
      note: 'of the same runs; whatever else runs on the machine makes it longer.',
    },
    {
      name: 'full refresh of 3,000,000 rows: peak memory',
      value: Math.max(...peak),
      unit: 'GB',
      target: { atMost: 1.5 },
      limit: limitOf(Math.max(...peak), name, Math.max(...bare.map(({ usage }) => usage.peakMb / 1024))),
      samples: peak,
      note: 'largest resident set of the process, with DuckDB limited to 1 GB as in a worker; the largest of the runs.',
    },
  ];
}

async function bareRefresh(context: BenchContext, run: number): Promise<Measured<unknown>> {
  context.report('the same SQL by DuckDB alone');
  const { folder, signal } = context;
  const job = { ...lakeJob(context, 'bare'), folder: join(folder, `bare-${run}`) };
  const { result } = await runChild<Measured<unknown>>({
    ...{ entry: processFile('bare-refresh-process'), job, folder, signal },
  });
  return result;
}
