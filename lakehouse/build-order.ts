import type { DuckDBConnection } from '@duckdb/node-api';
import { SuperstepError } from '../contracts/failure-types.ts';
import type { PinnedBundle } from '../contracts/pinned-bundle.ts';
import { readsOf } from './project-sql.ts';
import { type TableSpec, tableSpecs } from './table-specs.ts';

export interface OrderedTable {
  readonly spec: TableSpec;
  /** Tables of the project that its SQL reads, as `layer.name`. */
  readonly reads: readonly string[];
  /** Whether each refresh makes it anew: a silver table without key, or one that reads such a table. */
  readonly rebuilt: boolean;
}

const LAYERS = ['bronze', 'silver', 'gold'] as const;

/**
 * The project's tables, each after those it reads. `QueryFailed` for SQL that is no single SELECT or names a table that
 * the project does not build (or one of a later layer); `InvalidProject` for a circle.
 */
export async function buildOrder(c: DuckDBConnection, bundle: PinnedBundle): Promise<OrderedTable[]> {
  const specs = tableSpecs(bundle);
  const waiting: Omit<OrderedTable, 'rebuilt'>[] = [];
  for (const spec of specs) waiting.push({ spec, reads: await readsWithin(c, spec, specs) });

  const ordered: OrderedTable[] = [];
  const done = new Set<string>();
  const isRebuilt = (table: string): boolean => ordered.some((t) => t.spec.table === table && t.rebuilt);
  for (const layer of LAYERS) {
    let open = waiting.filter((t) => t.spec.kind === layer);
    while (open.length > 0) {
      const ready = open.filter((t) => t.reads.every((table) => done.has(table)));
      if (ready.length === 0) {
        throw new SuperstepError(
          'InvalidProject',
          `${open.map((t) => t.spec.table).join(', ')} read one another in a circle; let one of them read only tables that come before`,
        );
      }
      for (const table of ready) done.add(table.spec.table);
      for (const { spec, reads } of ready) {
        const rebuilt = spec.kind === 'silver' && (spec.key === undefined || reads.some(isRebuilt));
        ordered.push({ spec, reads, rebuilt });
      }
      open = open.filter((t) => !done.has(t.spec.table));
    }
  }
  return ordered;
}

async function readsWithin(c: DuckDBConnection, spec: TableSpec, specs: readonly TableSpec[]): Promise<string[]> {
  if (spec.kind === 'bronze') return [];
  const readable = specs.filter((s) => LAYERS.indexOf(s.kind) <= LAYERS.indexOf(spec.kind)).map((s) => s.table);
  const mentions = await readsOf(c, spec.sql);
  const stranger = mentions.find((m) => !readable.includes(m.table));
  if (stranger !== undefined) {
    throw new SuperstepError(
      'QueryFailed',
      `${spec.sql.file}, line ${stranger.line}: ${spec.table} cannot read ${stranger.table}; this project lets it read ${readable.filter((t) => t !== spec.table).join(', ')}`,
      { file: spec.sql.file, line: stranger.line },
    );
  }
  return mentions.map((m) => m.table);
}
