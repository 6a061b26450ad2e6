import { join } from 'node:path';
import type { PinnedBundle } from '../../contracts/pinned-bundle.ts';
import { type Lake, openLake } from '../../lakehouse/lake.ts';
import { effectivePolicy } from '../../projects/effective-policy.ts';
import { loadPolicy } from '../../projects/load-policy.ts';
import { loadProject } from '../../projects/load-project.ts';
import { toPinnedBundle } from '../../projects/pin-project.ts';
import { resolveSourceFiles } from '../../projects/source-files.ts';
import { ROOT } from '../stack/stack-home.ts';

/** By then all three million flights have landed. */
export const ALL_KNOWN = '2001-07-03T00:00:00.000Z';
/** June is held out; January to May train. */
export const JUNE = '2001-06-01T00:00:00.000Z';
export const JULY = '2001-07-01T00:00:00.000Z';

/** Where a bench's lake is, and what its engine may use: what a data worker has by default. */
export interface LakeJob {
  readonly folder: string;
  readonly extensionsFolder: string;
  readonly threads: number;
  readonly memoryLimit: string;
}

/** The example project, as a worker of prod would pin it. */
export async function flightsBundle(): Promise<{ readonly bundle: PinnedBundle; readonly digest: string }> {
  const loaded = await loadProject(join(ROOT, 'examples', 'flights-delay'));
  const { policy } = await loadPolicy(join(ROOT, 'policies'), 'prod');
  return { bundle: toPinnedBundle(loaded, effectivePolicy(policy, 'flights-delay', undefined)), digest: loaded.digest };
}

export async function flightsSources({ definition, folder }: PinnedBundle): Promise<Record<string, string[]>> {
  const files: Record<string, string[]> = {};
  for (const [name, source] of Object.entries(definition.sources)) {
    files[name] = await resolveSourceFiles(source.path, folder);
  }
  return files;
}

/** Opens the lake of a job, lets `work` have it and closes it. */
export async function withLake<T>(job: LakeJob, work: (lake: Lake) => Promise<T>): Promise<T> {
  const lake = await openLake({
    catalogFile: join(job.folder, 'lake.sqlite'),
    dataFolder: join(job.folder, 'lake'),
    scratchFolder: join(job.folder, 'scratch'),
    extensionsFolder: job.extensionsFolder,
    threads: job.threads,
    memoryLimit: job.memoryLimit,
  });
  try {
    return await work(lake);
  } finally {
    await lake.close();
  }
}
