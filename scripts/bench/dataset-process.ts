import { buildDataset } from '../../lakehouse/dataset.ts';
import { ALL_KNOWN, flightsBundle, type LakeJob, withLake } from './flights.ts';
import { runMeasuredJob } from './measured-child.ts';

/** Point-in-time rows of all flights with a known label, as training gets them. */
await runMeasuredJob(async (job: LakeJob & { readonly snapshot: number; readonly file: string }) => {
  const { bundle } = await flightsBundle();
  const { snapshot, file } = job;
  return withLake(job, (lake) =>
    buildDataset(lake, bundle, { snapshot, refreshedAsOf: ALL_KNOWN, asOf: ALL_KNOWN, withLabels: true, file }),
  );
});
