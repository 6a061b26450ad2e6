import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach } from 'vitest';
import { SuperstepError } from '../../contracts/failure-types.ts';

const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** A folder of its own, removed after the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'superstep-projects-'));
  folders.push(folder);
  return folder;
}

/** Writes files by relative path below a folder. */
export function writeFiles(folder: string, files: Readonly<Record<string, string | Uint8Array>>): string {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
  return folder;
}

export const PROJECT_YAML = `project: ice-cream
description: Will it sell out?
owner: kiosk
sources:
  sales:
    format: csv
    path: sales.csv
    event_time: sold_at
    known_later:
      returned: "sold_at + to_days(1)"
tables:
  bronze.sales: { source: sales }
  silver.sales:
    sql: silver/sales.sql
    key: [_file, _row]
    expectations:
      - { name: priced, expect: "price > 0", on_violation: quarantine }
feature_views:
  kiosk_day:
    sql: features/kiosk_day.sql
    entity: [kiosk]
    event_time: day
    known_at: known_at
    ttl: 7d
training:
  spine: training/spine.sql
  labels: training/labels.sql
  label: sold_out
  features: [kiosk_day.sales_7d, temperature]
  split: { holdout: 14d }
  trainer: { kind: lightgbm }
gates:
  compliance: { slices: { by: kiosk, auc_at_least: 0.6 } }
  comparison: { margin: 0.002, baseline: { sql: training/baseline.sql } }
monitor: { window: 7d }
schedules: { refresh: "0 3 * * *" }
`;

const SQL_FILES = {
  'silver/sales.sql': 'SELECT * FROM bronze.sales\n',
  'features/kiosk_day.sql': 'SELECT kiosk, day, day AS known_at, count(*) AS sales_7d FROM silver.sales GROUP BY ALL\n',
  'training/spine.sql': 'SELECT _file, _row, sold_at AS event_time, kiosk, temperature FROM silver.sales\n',
  'training/labels.sql': 'SELECT _file, _row, sold_out, sold_at AS known_at FROM silver.sales\n',
  'training/baseline.sql': 'SELECT _file, _row, 0.5 AS score FROM dataset\n',
} as const;

/** A small valid project, changed by `edit` of its project.yaml and by `files`. */
export function projectFolder(
  edit: (yaml: string) => string = (yaml) => yaml,
  files: Readonly<Record<string, string | Uint8Array>> = {},
): string {
  const folder = temporaryFolder();
  return writeFiles(folder, { 'project.yaml': edit(PROJECT_YAML), ...SQL_FILES, ...files });
}

/** The SuperstepError that a piece of work ends in; any other end fails the test. */
export async function failureOf(work: () => unknown): Promise<SuperstepError> {
  try {
    await work();
  } catch (error) {
    if (error instanceof SuperstepError) return error;
    throw error;
  }
  throw new Error('expected a SuperstepError, but nothing was thrown');
}
