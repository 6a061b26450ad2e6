import { cpSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { loadProject } from '../../projects/load-project.ts';
import { toPinnedBundle } from '../../projects/pin-project.ts';
import { effectivePolicy } from '../../projects/effective-policy.ts';
import { loadPolicy } from '../../projects/load-policy.ts';
import { failureOf, projectFolder, temporaryFolder, writeFiles } from './project-folder.ts';

const EXAMPLES = fileURLToPath(new URL('../../examples/', import.meta.url));
const POLICIES = fileURLToPath(new URL('../../policies/', import.meta.url));

/** What is wrong with a changed project, as `line:column: path: …` lines without the file. */
async function mistakesOf(
  edit: (yaml: string) => string,
  files: Readonly<Record<string, string | Uint8Array>> = {},
  expectedName?: string,
): Promise<string[]> {
  const folder = projectFolder(edit, files);
  const failure = await failureOf(() => loadProject(folder, expectedName));
  expect(failure.type).toBe('InvalidProject');
  return failure.message
    .split('\n')
    .map((line) => line.replace(`${folder}/project.yaml:`, '').replace(`${folder}/`, ''));
}

describe('loadProject', () => {
  it('loads a valid project with its SQL files', async () => {
    const loaded = await loadProject(projectFolder(), 'ice-cream');
    expect(Object.keys(loaded.files)).toEqual([
      'features/kiosk_day.sql',
      'silver/sales.sql',
      'training/baseline.sql',
      'training/labels.sql',
      'training/spine.sql',
    ]);
    expect(loaded.definition.training.trainer.params.num_leaves).toBe(31);
    expect(loaded.digest).toMatch(/^[0-9a-f]{64}$/);
  });

  it('loads the example of this repository', async () => {
    const loaded = await loadProject(join(EXAMPLES, 'flights-delay'), 'flights-delay');
    expect(Object.keys(loaded.definition.feature_views)).toContain('route_history');
  });

  it('gives the same digest wherever the folder lies, however lines end and fields are ordered', async () => {
    const first = await loadProject(projectFolder());
    const folder = projectFolder(
      (yaml) => `\uFEFF${yaml.replace(/^(owner: .*\n)/m, '')}owner: kiosk\n`.replaceAll('\n', '\r\n'),
      {
        'silver/sales.sql': 'SELECT * FROM bronze.sales\r\n',
      },
    );
    const second = await loadProject(folder);
    expect(second.digest).toBe(first.digest);
    const { policy } = await loadPolicy(POLICIES, 'prod');
    const effective = effectivePolicy(policy, 'kiosk', undefined);
    const bundles = [first, second].map((loaded) =>
      JSON.stringify({ ...toPinnedBundle(loaded, effective), folder: '' }),
    );
    expect(bundles[1]).toBe(bundles[0]);
  });

  it.each([
    ['a default', (yaml: string) => yaml.replace('label: sold_out', 'label: sold_off'), {}],
    ['a SQL file', (yaml: string) => yaml, { 'silver/sales.sql': 'SELECT *, 1 AS one FROM bronze.sales\n' }],
  ])('gives another digest when %s changes', async (_, edit, files) => {
    const [before, after] = [await loadProject(projectFolder()), await loadProject(projectFolder(edit, files))];
    expect(after.digest).not.toBe(before.digest);
  });

  it('orders tables and views so that each comes after those it reads', async () => {
    const loaded = await loadProject(
      projectFolder((yaml) => yaml.replace('tables:\n', 'tables:\n  silver.a: { sql: silver/a.sql }\n'), {
        'silver/a.sql': 'SELECT * FROM silver.sales',
        'training/labels.sql': 'SELECT * FROM silver.a',
      }),
    );
    expect(Object.keys(loaded.definition.tables)).toEqual(['bronze.sales', 'silver.sales', 'silver.a']);
  });

  it.each<[string, (yaml: string) => string, string]>([
    [
      'an unknown field',
      (y) => y.replace('label: sold_out', 'lable: sold_out'),
      '28:3: training.lable: found an unknown field; expected one of spine, labels, key, label, features, split, trainer; did you mean "label"?',
    ],
    [
      'bronze with silver fields',
      (y) => y.replace('{ source: sales }', '{ sql: silver/sales.sql }'),
      '12:19: tables.bronze.sales.sql: found an unknown field; expected one of source, description',
    ],
    [
      'silver with bronze fields',
      (y) => y.replace('    sql: silver/sales.sql\n', '    source: sales\n'),
      '14:5: tables.silver.sales.source: found an unknown field; expected one of sql, key, event_time, expectations, description',
    ],
    [
      'a table of another layer',
      (y) => y.replace('bronze.sales: {', 'brnze.sales: {'),
      '12:3: tables.brnze.sales: found the name "brnze.sales"; expected "bronze.<name>" or "silver.<name>"',
    ],
    [
      'an unknown action on violation',
      (y) => y.replace('quarantine', 'quarantene'),
      '17:60: tables.silver.sales.expectations[0].on_violation: found "quarantene"; expected "drop", "quarantine" or "stop"; did you mean "quarantine"?',
    ],
    [
      'an undeclared source',
      (y) => y.replace('{ source: sales }', '{ source: sale }'),
      '12:27: tables.bronze.sales.source: found "sale"; expected a declared source: "sales"; did you mean "sales"?',
    ],
    [
      'a source of no table',
      (y) => y.replace('{ source: sales }', '{ source: sale }'),
      '5:3: sources.sales: found a source of no table; expected a table "bronze.sales: { source: sales }" under tables, or the source removed',
    ],
    [
      'an undeclared feature view',
      (y) => y.replace('kiosk_day.sales_7d', 'kisk_day.sales_7d'),
      '29:14: training.features[0]: found "kisk_day.sales_7d"; expected a declared feature view: "kiosk_day"; did you mean "kiosk_day"?',
    ],
    [
      'the label among the features',
      (y) => y.replace('temperature]', 'sold_out]'),
      '29:34: training.features[1]: found the label itself; expected what is known when the row is scored',
    ],
    [
      'a feature twice',
      (y) => y.replace('temperature]', 'kiosk_day.sales_7d]'),
      '29:34: training.features[1]: found "kiosk_day.sales_7d" again; expected each entry once',
    ],
    [
      'an entity column as a feature',
      (y) => y.replace('sales_7d,', 'kiosk,'),
      '29:14: training.features[0]: found "kiosk_day.kiosk"; expected a feature of kiosk_day, not its entity, event_time or known_at column',
    ],
    [
      'a late event time',
      (y) => y.replace('      returned:', '      sold_at:'),
      '10:7: sources.sales.known_later.sold_at: found the event time "sold_at" as known later; expected other columns: the event time is known with the row',
    ],
    [
      'a bad column name',
      (y) => y.replace('      returned:', '      Re-turned:'),
      '10:7: sources.sales.known_later.Re-turned: found the name "Re-turned"; expected lower-case letters, digits and "_", for example "late_rate_7d"',
    ],
    [
      'a key column twice',
      (y) => y.replace('[_file, _row]', '[_row, _row]'),
      '15:17: tables.silver.sales.key[1]: found "_row" again; expected each entry once',
    ],
    [
      'a bad duration',
      (y) => y.replace('ttl: 7d', 'ttl: a week'),
      '24:10: feature_views.kiosk_day.ttl: found "a week"; expected a whole number and s, m, h or d, for example "14d"',
    ],
    [
      'a name of our own tables',
      (y) => y.replaceAll('kiosk_day:', 'kiosk_predictions:').replace('kiosk_day.sales', 'kiosk_predictions.sales'),
      '19:3: feature_views.kiosk_predictions: found a name such as Superstep gives to its own tables (gold.kiosk_predictions); expected another name',
    ],
    [
      'a file outside',
      (y) => y.replace('training/spine.sql', '../spine.sql'),
      '26:10: training.spine: found "../spine.sql"; expected a path inside the project folder, written with "/", for example "silver/flights.sql"',
    ],
    [
      'a missing file',
      (y) => y.replace('training/spine.sql', 'training/spin.sql'),
      '26:10: training.spine: found "training/spin.sql": no such file; expected a SQL file in the project folder',
    ],
    [
      'a folder for a file',
      (y) => y.replace('training/spine.sql', 'training'),
      '26:10: training.spine: found "training": a folder; expected a SQL file in the project folder',
    ],
    [
      'a bad schedule',
      (y) => y.replace('"0 3 * * *"', '"0 25 * * *"'),
      '36:23: schedules.refresh: found "0 25 * * *"; expected five cron fields (minute, hour, day, month, weekday), for example "0 3 * * *"',
    ],
    [
      'no source',
      (y) => y.replace(/sources:\n(?: {2}.*\n)+/, 'sources: {}\n'),
      '4:1: sources: found no source; expected at least one',
    ],
  ])('refuses %s with line and column', async (_, edit, expected) => {
    expect(await mistakesOf(edit)).toContain(expected);
  });

  it('lists all mistakes at once', async () => {
    const mistakes = await mistakesOf((y) =>
      y.replace('temperature]', 'sold_out]').replace('source: sales', 'source: sale'),
    );
    expect(mistakes).toHaveLength(3);
  });

  it('refuses a project that bears another name', async () => {
    expect(await mistakesOf((y) => y, {}, 'hot-dogs')).toEqual([
      '1:10: project: found "ice-cream"; expected "hot-dogs", the name asked for',
    ]);
  });

  it.each<[string, Record<string, string | Uint8Array>, string]>([
    [
      'no statement',
      { 'training/spine.sql': '-- later\n' },
      'training/spine.sql:1:1: found no statement; expected a SELECT',
    ],
    [
      'another statement',
      { 'training/spine.sql': '-- careful\nDROP TABLE silver.sales' },
      'training/spine.sql:2:1: found a statement that begins with "DROP"; expected a plain SELECT (or WITH … SELECT)',
    ],
    [
      'two statements',
      { 'training/spine.sql': 'SELECT 1;\nSELECT 2' },
      'training/spine.sql:1:9: found ";" and more after it; expected a single SELECT',
    ],
    [
      'an open string',
      { 'training/spine.sql': "SELECT 'a\nFROM silver.sales" },
      'training/spine.sql:1:8: found a comment, string or name that is never closed; expected its end',
    ],
    [
      'an undeclared table',
      { 'training/spine.sql': 'SELECT *\nFROM silver.sale' },
      'training/spine.sql:2:6: found silver.sale; expected a table or feature view that project.yaml declares: "bronze.sales", "silver.sales" or "gold.kiosk_day"; did you mean "silver.sales"?',
    ],
    [
      'a silver table over gold',
      { 'silver/sales.sql': 'SELECT * FROM bronze.sales, gold.kiosk_day' },
      'silver/sales.sql:1:29: found gold.kiosk_day; expected a bronze or silver table that project.yaml declares: "bronze.sales" or "silver.sales"',
    ],
    [
      'a table that reads itself',
      { 'silver/sales.sql': 'SELECT * FROM bronze.sales, silver.sales' },
      '13:3: tables.silver.sales: found a table that reads itself; expected SQL files over tables that come before',
    ],
    [
      'a table that is not read',
      { 'silver/sales.sql': 'SELECT 1 AS one' },
      '12:3: tables.bronze.sales: found a table that no SQL file reads; expected a SQL file over it, or the table removed',
    ],
    [
      'bytes that are no text',
      { 'training/spine.sql': Uint8Array.of(0x53, 0xff, 0xfe) },
      '26:10: training.spine: found "training/spine.sql": bytes that are not UTF-8; expected a SQL file in the project folder',
    ],
    [
      'a file too large',
      { 'training/spine.sql': 'x'.repeat(1_048_577) },
      '26:10: training.spine: found "training/spine.sql": 1048577 bytes; at most 1048576 are read; expected a SQL file in the project folder',
    ],
  ])('refuses SQL with %s', async (_, files, expected) => {
    expect((await mistakesOf((y) => y, files)).join('\n')).toContain(expected);
  });

  it('does not take a column of an alias for a table', async () => {
    const folder = projectFolder((y) => y, { 'training/spine.sql': 'SELECT silver.price FROM silver.sales AS silver' });
    await expect(loadProject(folder)).resolves.toBeDefined();
  });

  it('follows links inside the folder and refuses those that lead out', async () => {
    const outside = writeFiles(temporaryFolder(), { 'spine.sql': 'SELECT 1 FROM silver.sales' });
    const folder = projectFolder();
    rmSync(join(folder, 'training/spine.sql'));
    symlinkSync('labels.sql', join(folder, 'training/spine.sql'));
    await expect(loadProject(folder)).resolves.toBeDefined();
    rmSync(join(folder, 'training/spine.sql'));
    symlinkSync(join(outside, 'spine.sql'), join(folder, 'training/spine.sql'));
    const failure = await failureOf(() => loadProject(folder));
    expect(failure.message).toContain(
      'project.yaml:26:10: training.spine: found "training/spine.sql": a link that leads out of the project folder',
    );
  });

  it('does not wait for a named pipe', async () => {
    const folder = projectFolder();
    rmSync(join(folder, 'training/spine.sql'));
    execFileSync('env', ['mkfifo', join(folder, 'training/spine.sql')]);
    expect((await failureOf(() => loadProject(folder))).message).toContain('something that is not a file');
  });

  it('answers a folder without project.yaml, and none at all', async () => {
    const empty = temporaryFolder();
    for (const folder of [empty, join(empty, 'nowhere')]) {
      const failure = await failureOf(() => loadProject(folder));
      expect(failure.message).toBe(`${folder}/project.yaml:1:1: found no such file; expected a project file in YAML`);
    }
  });

  it('reads a copy of a project as the project', async () => {
    const original = projectFolder();
    const copy = join(temporaryFolder(), 'copy');
    cpSync(original, copy, { recursive: true });
    writeFileSync(join(copy, 'notes.txt'), 'not part of it');
    expect((await loadProject(copy)).digest).toBe((await loadProject(original)).digest);
  });
});
