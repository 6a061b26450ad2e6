import { createHash } from 'node:crypto';
import type { PinnedBundle } from '../contracts/pinned-bundle.ts';
import type {
  ExpectationDefinition,
  FeatureViewDefinition,
  SourceDefinition,
  SilverTableDefinition,
} from '../contracts/schemas/project.ts';
import { type ProjectSql, projectSqlOf } from './project-sql.ts';
import { SuperstepError } from '../contracts/failure-types.ts';

/** Bronze rows are known by where they stood in their source. */
export const BRONZE_KEY: readonly string[] = ['_file', '_row'];

export interface BronzeSpec {
  readonly kind: 'bronze';
  readonly table: string;
  readonly description: string;
  readonly sourceName: string;
  readonly source: SourceDefinition;
}

export interface SilverSpec {
  readonly kind: 'silver';
  readonly table: string;
  readonly description: string;
  readonly sql: ProjectSql;
  readonly key: readonly string[] | undefined;
  readonly eventTime: string | undefined;
  readonly expectations: readonly ExpectationDefinition[];
}

export interface FeatureViewSpec {
  readonly kind: 'gold';
  readonly table: string;
  readonly description: string;
  readonly sql: ProjectSql;
  readonly view: FeatureViewDefinition;
}

export type TableSpec = BronzeSpec | SilverSpec | FeatureViewSpec;

/** Every table that a refresh of the project builds; feature views are the tables `gold.<view>`. */
export function tableSpecs(bundle: PinnedBundle): TableSpec[] {
  const { definition } = bundle;
  const tables = Object.entries(definition.tables).map(([table, t]): TableSpec => {
    if (!('source' in t)) return silverSpec(bundle, table, t);
    const source = definition.sources[t.source];
    if (source === undefined) {
      throw new SuperstepError(
        'InvalidProject',
        `${table} reads source "${t.source}", which project.yaml does not declare; declared are ${Object.keys(definition.sources).join(', ')}`,
      );
    }
    const description = t.description ?? `Rows of source ${t.source} as ingested`;
    return { kind: 'bronze', table, description, sourceName: t.source, source };
  });
  const views = Object.entries(definition.feature_views).map(([name, view]): TableSpec => ({
    kind: 'gold',
    table: `gold.${name}`,
    description: view.description ?? `Feature view ${name} of ${definition.project}`,
    sql: projectSqlOf(bundle, view.sql),
    view,
  }));
  return [...tables, ...views];
}

function silverSpec(bundle: PinnedBundle, table: string, t: SilverTableDefinition): SilverSpec {
  return {
    kind: 'silver',
    table,
    description: t.description ?? `Cleaned by ${t.sql}`,
    sql: projectSqlOf(bundle, t.sql),
    key: t.key,
    eventTime: t.event_time,
    expectations: t.expectations,
  };
}

/** The columns by which rows of a table are replaced; none where it is rebuilt or only ever added to. */
export function keyOf(spec: TableSpec): readonly string[] | undefined {
  if (spec.kind === 'bronze') return BRONZE_KEY;
  return spec.kind === 'silver' ? spec.key : undefined;
}

/** Whether refused rows of the table are kept, in {@link quarantineOf}. */
export function hasQuarantine(spec: TableSpec): spec is SilverSpec {
  return spec.kind === 'silver' && spec.expectations.some((e) => e.on_violation === 'quarantine');
}

export function quarantineOf(table: string): string {
  return `${table}_quarantine`;
}

/** sha256 over all that decides what the tables hold: increments of one definition cannot be added to another's rows. */
export function definitionDigest(bundle: PinnedBundle): string {
  const specs = tableSpecs(bundle).map((spec) => {
    if (spec.kind === 'bronze') return [spec.table, spec.source];
    if (spec.kind === 'silver') return [spec.table, spec.sql.text, spec.key, spec.eventTime, spec.expectations];
    const { entity, event_time, known_at, lookback } = spec.view;
    return [spec.table, spec.sql.text, entity, event_time, known_at, lookback];
  });
  return createHash('sha256').update(JSON.stringify(specs)).digest('hex');
}
