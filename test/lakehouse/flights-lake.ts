import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import type { PinnedBundle } from '../../contracts/pinned-bundle.ts';
import type { StagedTable } from '../../contracts/refresh-features.ts';
import { policySchema } from '../../contracts/schemas/policy.ts';
import { adoptRefresh } from '../../lakehouse/adopt-refresh.ts';
import { type Lake, openLake } from '../../lakehouse/lake.ts';
import { planRefresh } from '../../lakehouse/plan-refresh.ts';
import { stageTable } from '../../lakehouse/stage-table.ts';
import { loadProject } from '../../projects/load-project.ts';
import { nativeParts } from '../support/native-parts.ts';

const FLIGHTS = join(import.meta.dirname, '../../node_modules/vega-datasets/data/flights-3m.parquet');
const EXAMPLE = join(import.meta.dirname, '../../examples/flights-delay');
const POLICY = policySchema.parse({
  compliance: {},
  comparison: {},
  rollback: { by: ['ml-lead'] },
  approval: { approvers: ['governance'] },
});

/** Five airports of the west until 20 February: 20,260 flights, 28 % of them late. */
export const SLICE_UNTIL = '2001-02-20T00:00:00Z';

/** A lake in a folder of its own, and the example project over a slice of the flights. */
export interface FlightsLake {
  readonly folder: string;
  readonly lake: Lake;
  readonly bundle: PinnedBundle;
  /** The slice as it lies in the source. */
  readonly sourceFile: string;
  /** Refreshes as of an instant, by what is new or fully; returns the snapshot. */
  refresh(asOf: string, options?: { readonly bundle?: PinnedBundle; readonly full?: boolean }): Promise<number>;
  rows(sql: string): Promise<Record<string, unknown>[]>;
  remove(): Promise<void>;
}

export async function flightsLake(): Promise<FlightsLake> {
  const folder = await mkdtemp(join(tmpdir(), 'flights-lake-'));
  const sourceFile = join(folder, 'source', 'flights.parquet');
  await mkdir(join(folder, 'source'));
  await writeSlice(sourceFile);
  const bundle = await flightsBundle(sourceFile);
  const lake = await openLake({
    catalogFile: join(folder, 'catalog.sqlite'),
    dataFolder: join(folder, 'data'),
    scratchFolder: join(folder, 'scratch'),
    extensionsFolder: nativeParts().duckdbExtensions,
    threads: 2,
    memoryLimit: '512MB',
  });
  return {
    folder,
    lake,
    bundle,
    sourceFile,
    refresh: (asOf, options = {}) => refresh(lake, options.bundle ?? bundle, asOf, options.full ?? false),
    rows: (sql) =>
      lake.work(async (c) => (await c.runAndReadAll(sql)).getRowObjectsJson() as Record<string, unknown>[]),
    async remove() {
      await lake.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function flightsBundle(source: string): Promise<PinnedBundle> {
  const { definition, files, folder } = await loadProject(EXAMPLE);
  const { flights } = definition.sources;
  if (flights === undefined) throw new Error('the example has no source "flights"');
  return {
    definition: { ...definition, sources: { flights: { ...flights, path: source } } },
    files,
    policy: POLICY,
    riskTier: { tier: 'standard', confirmed: true },
    folder,
  };
}

async function writeSlice(file: string): Promise<void> {
  const instance = await DuckDBInstance.create(':memory:');
  const c = await instance.connect();
  const airports = "('SFO', 'LAX', 'SEA', 'DEN', 'PHX')";
  await c.run(
    `COPY (FROM '${FLIGHTS}' WHERE origin IN ${airports} AND destination IN ${airports} AND date < '${SLICE_UNTIL}')
     TO '${file}' (FORMAT parquet)`,
  );
  c.closeSync();
  instance.closeSync();
}

async function refresh(lake: Lake, bundle: PinnedBundle, asOf: string, full: boolean): Promise<number> {
  const ids = { project: bundle.definition.project, projectDigest: 'test' };
  const flights = [bundle.definition.sources['flights']?.path ?? ''];
  const plan = await planRefresh(lake, bundle, ids, { asOf, full, sourceFiles: { flights } });
  const staged: StagedTable[] = [];
  for (const table of plan.tables) staged.push(await stageTable(lake, bundle, plan, table, staged));
  return (await adoptRefresh(lake, bundle, plan, staged)).snapshot;
}

/** The bundle with some SQL files replaced. */
export function withFiles(bundle: PinnedBundle, files: Readonly<Record<string, string>>): PinnedBundle {
  return { ...bundle, files: { ...bundle.files, ...files } };
}

/** The bundle with another `training` part. */
export function withTraining(
  bundle: PinnedBundle,
  change: Partial<PinnedBundle['definition']['training']>,
): PinnedBundle {
  return { ...bundle, definition: { ...bundle.definition, training: { ...bundle.definition.training, ...change } } };
}
