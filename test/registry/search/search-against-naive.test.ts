import fc from 'fast-check';
import type { Knex } from 'knex';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { insertAll } from '../../../registry/database.ts';
import { compileLoggedModelSearch, compileRunSearch } from '../../../registry/search/compile-search.ts';
import { openTestDatabase, type TestDatabase } from '../test-database.ts';
import { undone } from './undone.ts';
import { byBytes, holds, inOrder, type Order, type Question, type Row } from './naive-search.ts';

/** Texts that somebody's LIKE, collation or case table reads otherwise than another's. */
const TEXTS = [
  '',
  'a',
  'A',
  'ab',
  'aB',
  '%',
  '_',
  '*',
  '?',
  '[a]',
  'é',
  'É',
  'ß',
  'a\nb',
  "it's",
  '\\',
  'a.b',
  'ä%',
  '😀',
  '￮',
];
const PATTERNS = [...TEXTS, 'a%', '%B', '_', '__', '%_%', 'É%', '[a%', '%*', '%%a%%', '\\%', 'a_b', '^a', '😀', 'a-z'];
const METRICS = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -1, 0, 0.5, 1, 1e300];
const KEYS = ['a', 'b c', 'é/x'];
const TIMES = [0, 5, 1_700_000_000_000];

const text = fc.constantFrom(...TEXTS);
const key = fc.constantFrom(...KEYS);

/** A value that the database keeps: infinities are stored as the greatest numbers. */
const stored = (value: number): number =>
  Number.isNaN(value) ? value : Math.max(-Number.MAX_VALUE, Math.min(Number.MAX_VALUE, value));

const keyed = <T>(value: fc.Arbitrary<T>) => fc.dictionary(key, value, { maxKeys: 3, noNullPrototype: true });

const rowParts = {
  name: text,
  status: fc.constantFrom('RUNNING', 'FINISHED'),
  start: fc.constantFrom(...TIMES),
  end: fc.constantFrom(null, ...TIMES),
  metrics: keyed(fc.uniqueArray(fc.constantFrom(...METRICS), { minLength: 1, maxLength: 3, comparator: 'SameValue' })),
  params: keyed(text),
  tags: keyed(text),
};

const quotedKey = (name: string): string => `\`${name}\``;
const quotedText = (value: string): string => (value.includes("'") ? `"${value}"` : `'${value}'`);

/** A question, and how a client writes it. */
interface Asked {
  readonly question: Question;
  readonly written: string;
}

const textual = fc.oneof(
  fc.record({ operator: fc.constantFrom('=', '!='), value: text }),
  fc.record({ operator: fc.constantFrom('LIKE', 'ILIKE', 'ilike'), value: fc.constantFrom(...PATTERNS) }),
);
const presence = fc.record({ operator: fc.constantFrom('IS NULL', 'IS NOT NULL'), value: fc.constant('') });
const listing = fc.record({
  operator: fc.constantFrom('IN', 'NOT IN'),
  value: fc.uniqueArray(text, { minLength: 1, maxLength: 3 }),
});
const numeric = (values: readonly number[]) =>
  fc.record({
    operator: fc.constantFrom('=', '!=', '<', '<=', '>', '>='),
    value: fc.constantFrom(...values),
  });
const METRIC_VALUES = [-1, 0, 0.25, 0.5, 1, 1e300, Infinity, -Infinity].map(stored);
const TIME_VALUES = [-1e30, -0.5, 0, 4.5, 5, 5.5, 1_700_000_000_000, 1e300];

function ask(
  kind: Question['kind'],
  name: string,
  left: string,
  compared: Pick<Question, 'operator' | 'value'>,
): Asked {
  const { operator, value } = compared;
  const right =
    typeof value === 'number'
      ? String(value)
      : typeof value === 'string'
        ? quotedText(value)
        : `(${value.map(quotedText).join(', ')})`;
  const question = { kind, key: name, operator: operator.toUpperCase(), value };
  return { question, written: operator.startsWith('IS') ? `${left} ${operator}` : `${left} ${operator} ${right}` };
}

const onKeys = fc.oneof(
  fc.tuple(key, numeric(METRIC_VALUES)).map(([k, c]) => ask('metric', k, `metrics.${quotedKey(k)}`, c)),
  fc.tuple(key, fc.oneof(textual, presence)).map(([k, c]) => ask('param', k, `param.${quotedKey(k)}`, c)),
  fc.tuple(key, fc.oneof(textual, presence)).map(([k, c]) => ask('tag', k, `tags."${k}"`, c)),
);
const runQuestion = fc.oneof(
  onKeys,
  textual.map((c) => ask('text', 'name', '`Run name`', c)),
  textual.map((c) => ask('text', 'status', 'attributes.status', c)),
  numeric(TIME_VALUES).map((c) => ask('number', 'start', 'start_time', c)),
  numeric(TIME_VALUES).map((c) => ask('number', 'end', 'run.end_time', c)),
  fc
    .tuple(fc.constantFrom('name', 'digest', 'context'), fc.oneof(textual, listing))
    .map(([k, c]) => ask('dataset', k, `datasets.${k}`, c)),
);
const loggedQuestion = fc.oneof(
  onKeys,
  fc.oneof(textual, listing).map((c) => ask('text', 'name', 'name', c)),
  fc.oneof(textual, listing).map((c) => ask('text', 'type', 'model_type', c)),
  numeric(TIME_VALUES).map((c) => ask('number', 'start', 'creation_time', c)),
);

const orderOn = (fields: readonly (readonly [Order['kind'], string, string])[]) =>
  fc.uniqueArray(
    fc
      .tuple(
        fc.oneof(
          fc.constantFrom(...fields),
          fc
            .tuple(fc.constantFrom('metric' as const, 'param' as const, 'tag' as const), key)
            .map(([kind, k]) => [kind, k, `${kind}.${quotedKey(k)}`] as const),
        ),
        fc.boolean(),
      )
      .map(([[kind, name, written], descending]) => ({ kind, key: name, written, descending })),
    { maxLength: 3, selector: ({ written }) => written },
  );
const runOrder = orderOn([
  ['text', 'name', 'run_name'],
  ['text', 'status', 'status'],
  ['number', 'start', 'created'],
  ['number', 'end', 'end_time'],
]);
/** The best of those above a bar: such a search goes another way, along the metric's index. */
const bestAboveABar = fc
  .tuple(
    key,
    fc.array(numeric(METRIC_VALUES), { minLength: 1, maxLength: 2 }),
    fc.boolean(),
    fc.array(runQuestion, { maxLength: 2 }),
    runOrder,
  )
  .map(([k, bars, descending, others, rest]) => {
    const first = { kind: 'metric' as const, key: k, written: `metric.${quotedKey(k)}`, descending };
    const questions = [...bars.map((bar) => ask('metric', k, `metrics.${quotedKey(k)}`, bar)), ...others];
    return [questions, [first, ...rest.filter(({ written }) => written !== first.written)]] as const;
  });
const loggedOrder = orderOn([
  ['text', 'name', 'name'],
  ['text', 'type', 'attributes.model_type'],
]);

interface Part {
  readonly name: string;
  readonly status: string;
  readonly start: number;
  readonly end: number | null;
  readonly metrics: Readonly<Record<string, readonly number[]>>;
  readonly params: Readonly<Record<string, string>>;
  readonly tags: Readonly<Record<string, string>>;
}

const datasets = fc.array(fc.record({ name: text, digest: text, context: fc.option(text) }), { maxLength: 2 });
const runs = fc.array(fc.tuple(fc.record<Part>(rowParts), datasets), { minLength: 1, maxLength: 8 });
const models = fc.array(fc.tuple(fc.record<Part>(rowParts), fc.option(text)), { minLength: 1, maxLength: 8 });

const texts = (owner: string, id: string, values: Readonly<Record<string, string>>): object[] =>
  Object.entries(values).map(([k, value]) => ({ [owner]: id, key: k, value }));
const metricRow = (k: string, value: number) => ({ key: k, value: stored(value) || 0, is_nan: Number.isNaN(value) });

async function insertRun(trx: Knex, id: string, part: Part): Promise<void> {
  const { name, status, start, end } = part;
  await trx('runs').insert({ id, experiment_id: 0, name, status, started_ms: start, ended_ms: end });
  await insertAll(trx, 'params', texts('run_id', id, part.params));
  await insertAll(trx, 'tags', texts('run_id', id, part.tags));
  const latest = Object.entries(part.metrics).map(([k, values]) => metricRow(k, values[0] ?? 0));
  await insertAll(
    trx,
    'latest_metrics',
    latest.map((row) => ({ run_id: id, step: 0, timestamp_ms: 0, ...row })),
  );
}

async function insertDatasets(trx: Knex, id: string, found: Row['datasets']): Promise<void> {
  for (const [i, { name, digest, context }] of found.entries()) {
    const dataset = { experiment_id: 0, name, digest, source_type: '', source: '' };
    const row = { name, digest };
    await trx('datasets').insert(dataset).onConflict(['experiment_id', 'name', 'digest']).ignore();
    const dataset_id = (await trx('datasets').where(row).first<{ id: number }>('id')).id;
    await trx('run_datasets').insert({ run_id: id, dataset_id });
    if (context === null) continue;
    await trx('run_dataset_tags').insert({ run_id: id, dataset_id, key: 'mlflow.data.context', value: context });
    await trx('run_dataset_tags').insert({ run_id: id, dataset_id, key: `other ${i}`, value: 'a' });
  }
}

async function insertModel(trx: Knex, id: string, part: Part, type: string | null): Promise<void> {
  const { name, start } = part;
  const times = { created_ms: start, updated_ms: start };
  const rest = { experiment_id: 0, artifact_uri: '', status: 'LOGGED_MODEL_READY', model_type: type };
  await trx('logged_models').insert({ id, name, ...times, ...rest });
  await insertAll(trx, 'logged_model_params', texts('model_id', id, part.params));
  await insertAll(trx, 'logged_model_tags', texts('model_id', id, part.tags));
  const rows = Object.entries(part.metrics).flatMap(([k, values]) =>
    values.map((value, i) => ({ run_id: 'r', model_id: id, step: -i, timestamp_ms: 0, ...metricRow(k, value) })),
  );
  await insertAll(trx, 'metrics', rows);
}

describe('search, held against a reader of every row', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await openTestDatabase();
  });
  afterAll(() => database.close());

  it('finds the same runs in the same order', async () => {
    const any = fc.tuple(fc.array(runQuestion, { maxLength: 3 }), runOrder);
    const asked = fc.array(fc.oneof(any, bestAboveABar), { minLength: 15, maxLength: 15 });
    await fc.assert(
      fc.asyncProperty(runs, asked, (parts, searches) =>
        undone(database.db, async (trx) => {
          const rows: Row[] = [];
          for (const [i, [part, unfiltered]] of parts.entries()) {
            const id = `r${i}`;
            const own = unfiltered.filter(
              (a, at) => unfiltered.findIndex((b) => a.name === b.name && a.digest === b.digest) === at,
            );
            await insertRun(trx, id, part);
            await insertDatasets(trx, id, own);
            // Only the latest value of a run's metric is searched.
            const metrics = Object.fromEntries(
              Object.entries(part.metrics).map(([k, [first]]) => [k, [stored(first ?? 0)]]),
            );
            const { name, status, start, end, params, tags } = part;
            rows.push({ id, texts: { name, status }, numbers: { start, end }, metrics, params, tags, datasets: own });
          }
          for (const [questions, order] of searches) {
            const query = trx('runs').select<{ id: string }[]>('runs.id').where('runs.experiment_id', 0);
            const filter = questions.map(({ written }) => written).join(' AND ');
            const orderBy = order.map(({ written, descending }) => `${written} ${descending ? 'DESC' : 'ASC'}`);
            compileRunSearch({ filter, orderBy })(query);
            const expected = inOrder(
              rows.filter((row) => questions.every(({ question }) => holds(row, question))),
              order,
              (a, b) => (b.numbers['start'] ?? 0) - (a.numbers['start'] ?? 0) || byBytes(a.id, b.id),
            );
            expect(
              (await query).map(({ id }) => id),
              `${filter} / ${orderBy.join()}`,
            ).toEqual(expected.map(({ id }) => id));
          }
        }),
      ),
      { numRuns: 40 },
    );
  });

  it('finds the same logged models in the same order', async () => {
    const asked = fc.array(fc.tuple(fc.array(loggedQuestion, { maxLength: 3 }), loggedOrder), {
      minLength: 15,
      maxLength: 15,
    });
    await fc.assert(
      fc.asyncProperty(models, asked, (parts, searches) =>
        undone(database.db, async (trx) => {
          await insertRun(trx, 'r', { name: '', status: '', start: 0, end: 0, metrics: {}, params: {}, tags: {} });
          const rows: Row[] = [];
          for (const [i, [part, type]] of parts.entries()) {
            const id = `m-${i}`;
            await insertModel(trx, id, part, type);
            const metrics = Object.fromEntries(
              Object.entries(part.metrics).map(([k, values]) => [k, values.map(stored)]),
            );
            const { name, start, params, tags } = part;
            rows.push({ id, texts: { name, type }, numbers: { start }, metrics, params, tags, datasets: [] });
          }
          for (const [questions, order] of searches) {
            const query = trx('logged_models').select<{ id: string }[]>('logged_models.id');
            const filter = questions.map(({ written }) => written).join(' AND ');
            const orderBy = order.map(({ written, descending }) => ({ fieldName: written, ascending: !descending }));
            compileLoggedModelSearch({ filter, orderBy })(query);
            const expected = inOrder(
              rows.filter((row) => questions.every(({ question }) => holds(row, question))),
              order,
              (a, b) => (b.numbers['start'] ?? 0) - (a.numbers['start'] ?? 0) || byBytes(a.id, b.id),
            );
            const shown = `${filter} / ${JSON.stringify(orderBy)}`;
            expect(
              (await query).map(({ id }) => id),
              shown,
            ).toEqual(expected.map(({ id }) => id));
          }
        }),
      ),
      { numRuns: 40 },
    );
  });
});
