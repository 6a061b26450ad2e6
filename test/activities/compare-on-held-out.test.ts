import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { comparableOr, joinScores } from '../../activities/champion-scores.ts';
import { withScratchFolder } from '../../activities/child-process.ts';
import { compareOnHeldOut, type ComparisonReport, judgement } from '../../activities/compare-on-held-out.ts';
import type { DataDependencies } from '../../activities/data-dependencies.ts';
import { SuperstepError } from '../../contracts/failure-types.ts';
import type { PinnedBundle } from '../../contracts/pinned-bundle.ts';
import type { ComparisonResult } from '../../contracts/promote-model.ts';
import type { DatasetRef } from '../../contracts/training.ts';
import { buildDataset } from '../../lakehouse/dataset.ts';
import { type ArtifactStore, createArtifactStore } from '../../registry/artifact-store.ts';
import type { Registry } from '../../registry/registry.ts';
import { type FlightsLake, flightsLake, withFiles, withTraining } from '../lakehouse/flights-lake.ts';
import { writeTinyModel } from '../support/tiny-onnx.ts';
import { candidate, PINNED, VERSION } from '../workflows/sample-values.ts';
import { startChildrenUnderTsx } from './child-loader.ts';

const AS_OF = '2001-02-20T00:00:00.000Z';
const HOLDOUT_FROM = '2001-02-14T00:00:00.000Z';
const CHAMPION = 6;
const FEATURES = ['hour', 'distance'];
const LABELS = 'training/labels.sql';

let flights: FlightsLake;
let artifacts: ArtifactStore;
let challenger: PinnedBundle;
let dataset: DatasetRef;
startChildrenUnderTsx();
beforeAll(async () => {
  flights = await flightsLake();
  artifacts = createArtifactStore({ folder: join(flights.folder, 'artifacts') });
  // The baseline of the example needs features that this model does without.
  const { gates } = flights.bundle.definition;
  challenger = withFiles(withTraining(flights.bundle, { features: FEATURES }), {
    [gates.comparison.baseline.sql]: 'SELECT _file, _row, 0.2 + distance / 1e6 AS score FROM dataset',
  });
  const snapshot = await flights.refresh(AS_OF);
  const file = join(flights.folder, 'dataset.parquet');
  const built = await buildDataset(flights.lake, challenger, {
    snapshot,
    refreshedAsOf: AS_OF,
    asOf: AS_OF,
    withLabels: true,
    file,
  });
  const data = await artifacts.putFile(file);
  dataset = { ...built, data, holdoutFrom: HOLDOUT_FROM, snapshot, asOf: AS_OF };
});
afterAll(() => flights.remove());

/** Flights are later in the evening: this is better than chance, whatever "late" means. Gives the model's file. */
function byTheHour(features = FEATURES, weight = 0.1): string {
  const weights = features.map((name) => (name === 'hour' ? weight : 0));
  return writeTinyModel(flights.folder, 'model', features, weights, -2).file;
}

/** Compares the challenger with a champion that was trained from `bundle`. */
async function compareWith(
  bundle: PinnedBundle,
  model: string,
  damage: (file: string) => Promise<void> = () => Promise.resolve(),
): Promise<ComparisonResult> {
  const championFile = await artifacts.putFile(model);
  const own = { ...PINNED, bundle: await artifacts.putJson(challenger) };
  const old = { ...PINNED, projectDigest: '0d'.repeat(32), bundle: await artifacts.putJson(bundle) };
  const sides = new Map([
    [VERSION, { pinned: own, onnx: await artifacts.putFile(byTheHour()) }],
    [CHAMPION, { pinned: old, onnx: championFile }],
  ]);
  const versionOf = (version: number) => ({
    model: PINNED.model,
    version,
    runId: String(version),
    onnx: sides.get(version)?.onnx,
  });
  // What a comparison asks of the registry.
  const registry = {
    getModelVersion: (_model: string, version: number) => Promise.resolve(versionOf(version)),
    productionVersion: () => Promise.resolve(versionOf(CHAMPION)),
    getRun: (id: string) => {
      const side = sides.get(Number(id));
      const made = { 'model/model.onnx': side?.onnx };
      return Promise.resolve({ runId: id, inputs: { pinned: side?.pinned, dataset }, artifacts: made });
    },
  } as unknown as Registry;
  await damage(artifacts.path(championFile));
  const deps: DataDependencies = {
    lake: flights.lake,
    registry,
    artifacts,
    exports: flights.folder,
    lightgbmLib: '',
    threads: 1,
  };
  const subject = candidate({ pinned: own, snapshot: dataset.snapshot, asOf: AS_OF });
  return new MockActivityEnvironment().run(() =>
    withScratchFolder(flights.folder, (folder) => compareOnHeldOut(deps, subject, folder)),
  );
}

/** A project of before, whose feature view the lake does not have any more. */
function withGoneView(): PinnedBundle {
  const { definition, files } = challenger;
  const view = definition.feature_views['route_history'];
  if (view === undefined) throw new Error('the example has no view "route_history"');
  return {
    ...challenger,
    files: { ...files, 'features/gone.sql': files[view.sql] ?? '' },
    definition: {
      ...definition,
      feature_views: { ...definition.feature_views, gone: { ...view, sql: 'features/gone.sql' } },
      training: { ...definition.training, features: ['hour', 'gone.late_rate_7d'] },
    },
  };
}

describe('compareOnHeldOut', () => {
  it("judges a champion of other labels on the challenger's", async () => {
    const champion = withFiles(challenger, {
      [LABELS]: (challenger.files[LABELS] ?? '').replace('delay > 15', 'delay > 45'),
    });
    const result = await compareWith(champion, byTheHour());
    expect(result).toMatchObject({ champion: CHAMPION, reference: 'champion' });
    // The same model on the same rows and labels: no difference, and the labels are those of the challenger's rows.
    expect(result.difference.value).toBe(0);
    expect(result.referenceAuc).toEqual(result.challengerAuc);
    expect(result.referenceAuc.value).toBeGreaterThan(0.55);
    const { challenger: own, reference } = await artifacts.readJson<ComparisonReport>(result.report);
    const [held] = await flights.rows(
      `SELECT count(*)::INTEGER AS rows, sum(late)::INTEGER AS positives FROM read_parquet('${artifacts.path(dataset.data)}')
       WHERE event_time >= TIMESTAMP '${HOLDOUT_FROM.slice(0, 10)}'`,
    );
    expect(own).toMatchObject({ ...held });
    expect(reference).toMatchObject({ ...held });
  });

  it('lets the baseline stand in for a champion whose feature view is gone', async () => {
    const result = await compareWith(withGoneView(), byTheHour(['hour', 'gone.late_rate_7d']));
    expect(result).toMatchObject({ champion: CHAMPION, reference: 'baseline', verdict: 'inconclusive' });
    expect(result.summary).toContain(`Champion version ${CHAMPION} could not be scored on these rows (StaleFeatures: `);
    expect(result.summary).toContain('gold.gone is not in snapshot');
    expect(result.summary).toContain('the baseline stood in for it');
    const logged = await flights.rows(
      `SELECT champion_version, verdict FROM lake.gold."${PINNED.project.replaceAll('-', '_')}_comparison_metrics"
       WHERE verdict = 'inconclusive' AND champion_version IS NULL`,
    );
    expect(logged).toHaveLength(1);
  });

  it('lets the baseline stand in for a champion that knows only some of the rows', async () => {
    const { spine } = challenger.definition.training;
    const fewer = withFiles(challenger, { [spine]: `${challenger.files[spine]}\nWHERE distance > 500` });
    const result = await compareWith(fewer, byTheHour());
    expect(result).toMatchObject({ reference: 'baseline', verdict: 'inconclusive' });
    expect(result.summary).toMatch(/SchemaMismatch: \d+ of \d+ rows have one score/);
  });

  it('fails on a champion file that is not what was registered', async () => {
    const model = byTheHour(FEATURES, 0.2);
    const damage = (file: string): Promise<void> => appendFile(file, 'more');
    await expect(compareWith(withFiles(challenger, {}), model, damage)).rejects.toMatchObject({
      type: 'ChecksumMismatch',
    });
  });
});

describe('joinScores', () => {
  const HELD_OUT = `SELECT 'f' AS _file, i AS _row, TIMESTAMP '2001-02-01' + to_hours(i::INTEGER) AS event_time,
    i % 2 AS late FROM range(4) AS r(i)`;

  async function joined(scored: string): Promise<Record<string, unknown>[]> {
    const heldOut = join(flights.folder, 'few.parquet');
    const file = join(flights.folder, 'joined.parquet');
    await flights.lake.work(async (c) => {
      await c.run(`COPY (${HELD_OUT}) TO '${heldOut}' (FORMAT parquet)`);
      await joinScores(c, { heldOut, label: 'late', key: ['_file', '_row'], scored: `(${scored})`, file });
    });
    return flights.rows(
      `SELECT hour(event_time)::INTEGER AS hour, late::INTEGER AS late, score::DOUBLE AS score FROM '${file}' ORDER BY 1`,
    );
  }

  it('takes time and label from the judged rows and the score from the row of the same key', async () => {
    const rows = await joined(
      `SELECT 'f' AS _file, i::VARCHAR AS _row, 1 AS late, TIMESTAMP '1999-01-01' AS event_time, i / 8 AS score
       FROM range(7) AS r(i) ORDER BY i DESC`,
    );
    expect(rows).toEqual([0, 1, 2, 3].map((hour) => ({ hour, late: hour % 2, score: hour / 8 })));
  });

  it.each([
    ['no score for a row', `SELECT 'f' AS _file, i AS _row, 0.5 AS score FROM range(3) AS r(i)`],
    [
      'two scores for one row and none for another',
      `SELECT 'f' AS _file, i // 2 * 2 AS _row, 0.5 AS score FROM range(4) AS r(i)`,
    ],
    ['a score that is no probability', `SELECT 'f' AS _file, i AS _row, 'NaN'::FLOAT AS score FROM range(4) AS r(i)`],
    ['no key', `SELECT i AS _row, 0.5 AS score FROM range(4) AS r(i)`],
  ])('refuses %s', async (_what, scored) => {
    await expect(joined(scored)).rejects.toMatchObject({ type: 'SchemaMismatch' });
  });
});

describe('a champion that cannot be scored', () => {
  it.each([
    'StaleFeatures',
    'SchemaMismatch',
    'QueryFailed',
    'EmptyDataset',
    'InvalidInput',
    'UnsupportedOperator',
    'ChildProcessKilled',
    'OutOfMemory',
  ] as const)('%s is an answer, with the first line of why', async (type) => {
    const scores = await comparableOr(() => Promise.reject(new SuperstepError(type, 'a view is gone\nmore')));
    expect(scores).toEqual({ comparable: false, why: `${type}: a view is gone` });
  });

  it.each(['ChecksumMismatch', 'LakeUnavailable', 'ChildProcessFailed', 'UnknownModel'] as const)(
    '%s is a failure',
    async (type) => {
      const failure = new SuperstepError(type, 'no');
      await expect(comparableOr(() => Promise.reject(failure))).rejects.toBe(failure);
    },
  );

  it.each([
    ['pass', 'inconclusive'],
    ['inconclusive', 'inconclusive'],
    ['fail', 'fail'],
  ] as const)('turns %s against the baseline into %s', (verdict, expected) => {
    const judged = judgement({ verdict, summary: 'AUC changes.' }, 6, { comparable: false, why: 'gone' });
    expect(judged).toMatchObject({ reference: 'baseline', verdict: expected });
    expect(judged.summary).toContain('Champion version 6 could not be scored on these rows (gone)');
  });
});
