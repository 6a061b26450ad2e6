import { messageForPerson, printableError } from '../message-for-person.ts';
import { cacheFolder } from './cache.ts';
import { ensureDuckdbExtensions } from './duckdb-extensions.ts';
import { ensureLightgbm } from './lightgbm.ts';
import { ensureMlflowUi } from './mlflow-ui.ts';
import type { Report } from './report.ts';
import { ensureTemporalCli } from './temporal-cli.ts';

/** What does not come with npm. */
export interface NativeParts {
  /** Absolute path; null when TEMPORAL_ADDRESS names a server, so that none is started here. */
  readonly temporalCli: string | null;
  /** Folder with `<name>.duckdb_extension` files. */
  readonly duckdbExtensions: string;
  /** Absolute path of LightGBM's C library. */
  readonly lightgbmLib: string;
  /** Folder of MLflow's web UI; null when it could not be had: then the registry serves its API alone. */
  readonly mlflowUi: string | null;
}

/**
 * Finds or makes the native parts, all ladders at once, and checks what is kept by sha256. With everything in place it
 * takes a fraction of a second and reports nothing. What is missing is told in one error for all parts.
 */
export async function ensureNativeParts(report: Report, env: NodeJS.ProcessEnv = process.env): Promise<NativeParts> {
  const cache = cacheFolder(env);
  const [cli, duckdb, lightgbm, mlflowUi] = await Promise.allSettled([
    env['TEMPORAL_ADDRESS'] ? null : ensureTemporalCli(cache, env, report),
    ensureDuckdbExtensions(cache, report),
    ensureLightgbm(cache, env, report),
    ensureMlflowUi(cache, report),
  ]);
  if (cli.status === 'fulfilled' && duckdb.status === 'fulfilled' && lightgbm.status === 'fulfilled') {
    return {
      temporalCli: cli.value,
      duckdbExtensions: duckdb.value,
      lightgbmLib: lightgbm.value,
      mlflowUi: mlflowUi.status === 'fulfilled' ? mlflowUi.value : null,
    };
  }
  const reasons = [cli, duckdb, lightgbm].flatMap((part) =>
    part.status === 'rejected' ? [printableError(part.reason)] : [],
  );
  throw messageForPerson(`Superstep cannot be set up.\n\n${reasons.join('\n\n')}`);
}
