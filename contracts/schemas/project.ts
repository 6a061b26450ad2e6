import { z } from 'zod';
import { cron, duration, kebabName, relativePath, snakeName } from './primitives.ts';

/** A file that rows come from. Bronze adds `_file` and `_row`, since sources have no key and real duplicates. */
const sourceSchema = z.strictObject({
  format: z.enum(['parquet', 'csv']),
  /** `npm:<package>/<file>`, or a path relative to the project folder, or an absolute path. Globs are allowed. */
  path: z.string().min(1),
  /** Column that says when the row happened; the row itself is known then. */
  event_time: snakeName,
  /** Columns that become known after the row: SQL for the instant, over the row's raw columns. NULL to whoever looks earlier. */
  known_later: z.record(snakeName, z.string().min(1)).default({}),
});

const expectationSchema = z.strictObject({
  name: snakeName,
  /** A SQL condition over the table's columns. A row breaks it when it is FALSE, not when it is NULL. */
  expect: z.string().min(1),
  on_violation: z.enum(['drop', 'quarantine', 'stop']),
});

export const bronzeTableSchema = z.strictObject({
  source: snakeName,
  description: z.string().optional(),
});

export const silverTableSchema = z.strictObject({
  sql: relativePath,
  /** A promise that a row depends only on the bronze rows with the same key: makes refreshes incremental. Without it the table is rebuilt each time. */
  key: z.array(snakeName).min(1).optional(),
  event_time: snakeName.optional(),
  expectations: z.array(expectationSchema).default([]),
  description: z.string().optional(),
});

const featureViewSchema = z.strictObject({
  sql: relativePath,
  entity: z.array(snakeName).min(1),
  event_time: snakeName,
  known_at: snakeName,
  /** How long a row may be used after its event time. */
  ttl: duration,
  /** A promise that a row depends only on silver rows whose event time lies at most this far before its own known-at. */
  lookback: duration.optional(),
  /** Keep the latest row per key for online look-up as well. */
  online: z.boolean().default(false),
  description: z.string().optional(),
});

const trainingSchema = z.strictObject({
  /** One row per prediction: keys, `event_time`, request-time features. Scoring uses the same. */
  spine: relativePath,
  /** The spine's key, the label, and `known_at`: training and monitoring only. */
  labels: relativePath,
  key: z.array(snakeName).min(1).default(['_file', '_row']),
  label: snakeName,
  /** `view.column` from a feature view, or a column of the spine. */
  features: z
    .array(z.string().regex(/^_?[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?$/, 'expected "column" or "view.column"'))
    .min(1),
  split: z.strictObject({ holdout: duration }),
  trainer: z.strictObject({
    kind: z.literal('lightgbm'),
    params: z
      .strictObject({
        num_leaves: z.int().min(2).max(1024).default(31),
        num_iterations: z.int().min(1).max(5000).default(100),
        learning_rate: z.number().positive().max(1).default(0.1),
        min_data_in_leaf: z.int().min(1).default(20),
        feature_fraction: z.number().positive().max(1).default(1),
        lambda_l2: z.number().min(0).default(0),
      })
      .prefault({}),
    /** Random search over the window before the held-out one; the first trial is `params` itself. */
    tune: z.strictObject({ trials: z.int().min(1).max(100), max_rows: z.int().min(1000).default(200_000) }).optional(),
    seed: z.int().min(0).max(2_147_483_647).default(7),
  }),
});

const gatesSchema = z.strictObject({
  compliance: z
    .strictObject({
      slices: z
        .strictObject({
          by: snakeName,
          min_rows: z.int().min(1).default(1000),
          auc_at_least: z.number().min(0).max(1),
        })
        .optional(),
      tags: z.array(z.string().min(1)).default([]),
    })
    .prefault({}),
  comparison: z.strictObject({
    metric: z.enum(['auc']).default('auc'),
    /** The least gain that is worth a change. */
    margin: z.number().min(-1).max(1).default(0),
    block: z.enum(['day']).default('day'),
    /** Columns key and `score` over `dataset`, the rows that the candidate is judged on. Stands in where there is no Production. */
    baseline: z.strictObject({ sql: relativePath }),
  }),
});

export const monitorSchema = z.strictObject({
  window: duration,
  baseline: z.enum(['training']).default('training'),
  /** The least share of a window's rows that must have landed with a label. */
  min_labelled: z.number().min(0).max(1).default(0.9),
  /** A window with a larger share of rows refused by expectations failed its data-quality checks: nothing is retrained on it. */
  max_refused: z.number().min(0).max(1).default(0.05),
  drift: z
    .strictObject({
      psi_at_least: z.number().positive().default(0.25),
      alpha: z.number().positive().max(0.5).default(0.05),
    })
    .prefault({}),
  retrain: z
    .strictObject({
      when: z.enum(['quality', 'never']).default('quality'),
      /** Retrain when the upper bound of the window's quality lies more than this below the baseline's. */
      tolerance: z.number().min(0).max(1).default(0.01),
      cool_down: duration.default('7d'),
      at_most: z
        .string()
        .regex(/^[1-9]\d* per [1-9]\d*[hd]$/, 'expected "<count> per <duration>", for example "2 per 30d"')
        .default('2 per 30d'),
    })
    .prefault({}),
});

const TABLE_NAME = /^(bronze|silver)\.[a-z][a-z0-9_]*$/;

/**
 * Tables by name. The prefix says which shape a table must have, so a mistake is answered with the fields of that shape
 * and not with those of a union. Gold is what feature views and the engine itself write.
 */
const tablesSchema = z.record(z.string(), z.unknown()).transform((tables, context) => {
  const parsed: Record<string, BronzeTableDefinition | SilverTableDefinition> = {};
  for (const [name, table] of Object.entries(tables)) {
    if (!TABLE_NAME.test(name)) {
      const message = 'expected "bronze.<name>" or "silver.<name>"';
      context.issues.push({ code: 'invalid_key', origin: 'record', issues: [], path: [name], message, input: tables });
      continue;
    }
    const shape = name.startsWith('bronze.') ? bronzeTableSchema : silverTableSchema;
    // Zod's own entry point rather than safeParse: the issues keep what the caller's error map needs to explain them.
    const result = shape._zod.run({ value: table, issues: [] }, { async: false });
    if (result instanceof Promise) throw new TypeError('the table schemas are synchronous');
    context.issues.push(...z.core.util.prefixIssues(name, result.issues));
    // Of this shape when there is no issue; with one, the whole is refused.
    parsed[name] = result.value as BronzeTableDefinition | SilverTableDefinition;
  }
  return parsed;
});

export const projectSchema = z.strictObject({
  project: kebabName,
  description: z.string().min(1),
  owner: z.string().min(1),
  /** The policy's tier that the project believes to be in; governance confirms it. */
  risk_tier: kebabName.optional(),
  sources: z.record(snakeName, sourceSchema),
  tables: tablesSchema,
  feature_views: z.record(snakeName, featureViewSchema).default({}),
  training: trainingSchema,
  gates: gatesSchema,
  monitor: monitorSchema,
  schedules: z
    .strictObject({
      refresh: cron.optional(),
      score: cron.optional(),
      monitor: cron.optional(),
      retrain: cron.optional(),
    })
    .default({}),
});

/** project.yaml, defaults filled in. */
export type ProjectDefinition = z.output<typeof projectSchema>;
export type SourceDefinition = z.output<typeof sourceSchema>;
type BronzeTableDefinition = z.output<typeof bronzeTableSchema>;
export type SilverTableDefinition = z.output<typeof silverTableSchema>;
export type ExpectationDefinition = z.output<typeof expectationSchema>;
export type FeatureViewDefinition = z.output<typeof featureViewSchema>;
export type MonitorDefinition = z.output<typeof monitorSchema>;
