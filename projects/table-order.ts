import type { ProjectDefinition } from '../contracts/schemas/project.ts';
import { sortedByKey } from './project-files.ts';
import { tablesNamed } from './sql-text.ts';

/**
 * Names in an order in which each comes after those it reads; ties by name, so that equal content gives equal order.
 *
 * @param reads what each name reads; other names are ignored
 * @returns the order, and names that read each other in a circle, if any
 */
export function dependencyOrder(reads: Readonly<Record<string, readonly string[]>>): {
  readonly order: readonly string[];
  readonly circle: readonly string[];
} {
  const waiting = new Set(Object.keys(reads).sort());
  const awaited = (name: string): string | undefined => (reads[name] ?? []).find((read) => waiting.has(read));
  const order: string[] = [];
  for (;;) {
    const ready = [...waiting].find((name) => awaited(name) === undefined);
    if (ready === undefined) return { order: [...order, ...waiting], circle: circleAmong(waiting, awaited) };
    waiting.delete(ready);
    order.push(ready);
  }
}

/** All that wait do so for another one, so following them from anywhere ends in a circle. */
function circleAmong(waiting: ReadonlySet<string>, awaited: (name: string) => string | undefined): string[] {
  const path: string[] = [];
  for (let name = [...waiting][0]; name !== undefined; name = awaited(name)) {
    if (path.includes(name)) return path.slice(path.indexOf(name));
    path.push(name);
  }
  return [];
}

/** What each table and feature view (as `gold.<view>`) reads, by its SQL. */
export function lakeReads(
  definition: ProjectDefinition,
  files: Readonly<Record<string, string>>,
): Record<string, readonly string[]> {
  const named = (file: string): string[] => tablesNamed(files[file] ?? '').map(({ table }) => table);
  return Object.fromEntries([
    ...Object.entries(definition.tables).map(
      ([name, table]) => [name, 'sql' in table ? named(table.sql) : []] as const,
    ),
    ...Object.entries(definition.feature_views).map(([name, view]) => [`gold.${name}`, named(view.sql)] as const),
  ]);
}

/**
 * The definition with sources, tables and views in dependency order, so that whoever builds them one after another can,
 * and that a reordered project.yaml gives the same bytes.
 */
export function inDependencyOrder(
  definition: ProjectDefinition,
  files: Readonly<Record<string, string>>,
): ProjectDefinition {
  const { order } = dependencyOrder(lakeReads(definition, files));
  const pick = <T>(record: Readonly<Record<string, T>>, prefix: string): Record<string, T> =>
    Object.fromEntries(
      order.flatMap((name) => {
        const key = name.startsWith(prefix) ? name.slice(prefix.length) : '';
        const value = record[key];
        return value === undefined ? [] : [[key, value]];
      }),
    );
  const sources = Object.entries(definition.sources).map(
    ([name, source]) => [name, { ...source, known_later: sortedByKey(source.known_later) }] as const,
  );
  return {
    ...definition,
    sources: sortedByKey(Object.fromEntries(sources)),
    tables: pick(definition.tables, ''),
    feature_views: pick(definition.feature_views, 'gold.'),
  };
}
