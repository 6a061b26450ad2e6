import type { DuckDBConnection } from '@duckdb/node-api';
import { SuperstepError } from '../contracts/failure-types.ts';
import type { PinnedBundle } from '../contracts/pinned-bundle.ts';
import type { RefreshPlan } from '../contracts/refresh-features.ts';
import { buildOrder } from './build-order.ts';
import { happenedWithin, surfacedWithin } from './known-by.ts';
import type { CommitRecord, Lake } from './lake.ts';
import { readingSource, sourceScan } from './source-scan.ts';
import { identifier, timestampLiteral } from './sql-text.ts';
import { type BronzeSpec, definitionDigest } from './table-specs.ts';
import { refuseForeignTables } from './table-owners.ts';

export interface RefreshRequest {
  /** ISO instant. */
  readonly asOf: string;
  readonly full: boolean;
  /** Absolute paths of each source's files. */
  readonly sourceFiles: Readonly<Record<string, readonly string[]>>;
}

interface Found {
  readonly newRows: number;
  readonly surfacedRows: number;
  /** Event time of the earliest row in the source, ISO. */
  readonly first: string | undefined;
}

/**
 * Decides what a refresh will do: its base, its tables in build order, how many rows are new and how many surfaced. It
 * becomes full by itself when the definition of the tables is not the one that the base was made with, since increments
 * of one definition cannot be added to rows of another.
 *
 * An as-of before the last refresh's has no new data, unless the tables are to be rebuilt as of then (`full`).
 *
 * Throws `EmptyDataset` for an as-of before the data, `InvalidProject` for tables of another project, and what reading
 * the sources throws.
 */
export async function planRefresh(
  lake: Lake,
  bundle: PinnedBundle,
  ids: { readonly project: string; readonly projectDigest: string },
  request: RefreshRequest,
  signal?: AbortSignal,
): Promise<RefreshPlan> {
  const { project, projectDigest } = ids;
  const asOf = new Date(request.asOf).toISOString();
  const published = await lake.published(project);
  // The lake knows all of an earlier instant already, and more: a reader with that as-of does not see the rest.
  const known = published !== undefined && asOf <= published.asOf;
  const redefined =
    published !== undefined &&
    asOf >= published.asOf &&
    published.details['definitionDigest'] !== definitionDigest(bundle);
  const full = request.full || redefined;
  const base = published === undefined ? null : { snapshot: published.snapshot, asOf: published.asOf };
  return lake.work(async (c) => {
    const order = await buildOrder(c, bundle);
    const tables = order.map((t) => t.spec.table);
    await refuseForeignTables(c, project, tables);
    const nothing = { key: '', project, asOf, full, base, sourceFiles: request.sourceFiles, tables };
    const counts: Found[] = [];
    const count = async (since: RefreshPlan['base']): Promise<void> => {
      for (const { spec } of order) {
        if (spec.kind !== 'bronze') continue;
        counts.push(await countNew(c, spec, request.sourceFiles[spec.sourceName] ?? [], bundle.folder, since, asOf));
      }
    };
    if (!full && known) {
      // Nothing new is no answer to an instant at which there was nothing at all.
      if (base !== null && asOf < base.asOf) await count(null);
      if (counts.length > 0 && counts.every((found) => found.newRows === 0)) throw beforeTheData(project, asOf, counts);
      return { ...nothing, outcome: 'no-new-data', newRows: 0, surfacedRows: 0 };
    }

    const since = full ? null : base;
    await count(since);
    const newRows = counts.reduce((sum, found) => sum + found.newRows, 0);
    const surfacedRows = counts.reduce((sum, found) => sum + found.surfacedRows, 0);
    if (since === null && newRows === 0) throw beforeTheData(project, asOf, counts);
    return {
      ...nothing,
      key: refreshKey(project, projectDigest, published, asOf, full),
      outcome: newRows + surfacedRows === 0 ? 'no-new-data' : 'refresh',
      newRows,
      surfacedRows,
    };
  }, signal);
}

/**
 * The natural key names what the refresh starts from by snapshot as well: after a full rebuild as of an earlier instant,
 * the same increment is other work.
 */
function refreshKey(
  project: string,
  projectDigest: string,
  base: CommitRecord | undefined,
  asOf: string,
  full: boolean,
): string {
  const from = base === undefined ? 'start' : `${base.asOf}@${base.snapshot}`;
  return `refresh/${project}/${projectDigest.slice(0, 12)}/${from}..${asOf}${full ? '/full' : ''}`;
}

async function countNew(
  c: DuckDBConnection,
  spec: BronzeSpec,
  files: readonly string[],
  folder: string,
  since: RefreshPlan['base'],
  asOf: string,
): Promise<Found> {
  const scan = await sourceScan(c, spec, files, folder);
  const eventTime = identifier(spec.source.event_time);
  const isNew =
    since === null ? `${eventTime} <= ${timestampLiteral(asOf)}` : happenedWithin(spec.source, since.asOf, asOf);
  const surfaced = since === null ? 'false' : surfacedWithin(spec.source, since.asOf, asOf);
  const found = await readingSource(spec, () =>
    c.runAndReadAll(
      `SELECT count(*) FILTER (${isNew})::DOUBLE, count(*) FILTER (${surfaced})::DOUBLE,
         epoch_ms(CAST(min(${eventTime}) AS TIMESTAMP))::DOUBLE FROM ${scan}`,
    ),
  );
  const [newRows, surfacedRows, first] = found.getRows()[0] as [number, number, number | null];
  return { newRows, surfacedRows, first: first === null ? undefined : new Date(first).toISOString() };
}

function beforeTheData(project: string, asOf: string, counts: readonly Found[]): SuperstepError {
  const first = counts
    .flatMap((found) => found.first ?? [])
    .sort()
    .at(0);
  const found =
    first === undefined ? 'its sources have no row with an event time' : `its first row happens at ${first}`;
  return new SuperstepError(
    'EmptyDataset',
    `as of ${asOf} nothing of ${project} had happened: ${found}; choose a later as-of`,
    { asOf, ...(first === undefined ? {} : { first }) },
  );
}
