import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FeatureImportance } from '../../contracts/evidence.ts';
import type { ParitySample } from '../../learning/model-files.ts';
import { trainModel, type TrainJob } from '../../learning/train-model.ts';
import { loadPredictor } from '../../serving/predictor.ts';
import { FLIGHT_FEATURES, HOLDOUT_FROM, writeFlights } from '../support/delayed-flights.ts';
import { nativeParts } from '../support/native-parts.ts';

// As train-process.ts does.
process.env['OMP_WAIT_POLICY'] ??= 'PASSIVE';

let folder: string;
let job: TrainJob;
const silent = async (): Promise<void> => {};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'train-model-'));
  job = {
    lightgbmLib: nativeParts().lightgbmLib,
    datasetFile: join(folder, 'flights.parquet'),
    features: FLIGHT_FEATURES,
    label: 'late',
    holdoutFrom: HOLDOUT_FROM,
    holdout: '6d',
    params: { num_leaves: 7, num_iterations: 20, learning_rate: 0.2, min_data_in_leaf: 10 },
    tune: { trials: 3, max_rows: 2000 },
    seed: 7,
    threads: 1,
    metadata: { snapshot: 12, projectDigest: 'abc' },
    outFolder: join(folder, 'first'),
  };
  await writeFlights(job.datasetFile);
});
afterAll(() => rm(folder, { recursive: true }));

async function contents(files: Readonly<Record<string, string>>): Promise<Buffer[]> {
  return Promise.all(Object.values(files).map((file) => readFile(file)));
}

/** The job on a dataset with other rows. */
async function jobOn(select: string, name: string): Promise<TrainJob> {
  const datasetFile = join(folder, `${name}.parquet`);
  await writeFlights(datasetFile, { select });
  return { ...job, datasetFile, outFolder: join(folder, name) };
}

describe('trainModel', () => {
  it('gives the same bytes on each run, for any number of threads', async () => {
    const first = await trainModel(job, silent);
    expect(first).toMatchObject({ trainRows: 4800, holdoutRows: 1200 });
    const expected = await contents({ ...first.files });
    for (const threads of [1, 2]) {
      const again = await trainModel({ ...job, threads, outFolder: join(folder, `again-${threads}`) }, silent);
      expect(again).toEqual({ ...first, files: again.files });
      expect(await contents({ ...again.files })).toEqual(expected);
    }
  });

  it('writes a model that the predictor reproduces, missing values included', async () => {
    const { files } = await trainModel(job, silent);
    const sample = JSON.parse(await readFile(files.paritySample, 'utf8')) as ParitySample;
    const predictor = await loadPredictor(files.onnx, { threads: 1 });
    expect(predictor.features).toEqual([...FLIGHT_FEATURES]);
    expect(sample.features).toEqual([...FLIGHT_FEATURES]);
    expect(sample.rows).toHaveLength(1200 + FLIGHT_FEATURES.length + 1);
    for (const column of FLIGHT_FEATURES.keys()) expect(sample.rows.some((row) => row[column] === null)).toBe(true);
    const values = Float32Array.from(sample.rows.flat(), (value) => value ?? Number.NaN);
    const scores = await predictor.predict(values, sample.rows.length);
    await predictor.release();
    sample.scores.forEach((score, row) => expect(Math.abs(score - (scores[row] ?? 0))).toBeLessThan(1e-6));
  });

  it('finds what matters, largest first', async () => {
    const { files } = await trainModel(job, silent);
    const importance = JSON.parse(await readFile(files.importance, 'utf8')) as FeatureImportance[];
    expect(
      importance
        .slice(0, 2)
        .map(({ feature }) => feature)
        .sort(),
    ).toEqual(['hour', 'view.late_rate']);
    expect(importance.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 12);
    expect(importance.map(({ meanAbsShap }) => -meanAbsShap)).toEqual(
      importance.map(({ meanAbsShap }) => -meanAbsShap).sort((a, b) => a - b),
    );
  });

  it('judges trials on the window before the held-out one, and takes the best', async () => {
    const { trials, params } = await trainModel(job, silent);
    expect(trials).toHaveLength(3);
    expect(trials[0]?.params).toEqual(job.params);
    const best = Math.max(...trials.map(({ auc }) => auc));
    expect(params).toEqual(trials.find(({ auc }) => auc === best)?.params);
    expect(best).toBeGreaterThan(0.75);
  });

  it('never lets the held-out rows into trials or training', async () => {
    const honest = await trainModel(job, silent);
    const flipped = await jobOn(
      `* REPLACE (CASE WHEN event_time < '2001-05-25' THEN late ELSE 1 - late END AS late)`,
      'flipped',
    );
    const blind = await trainModel(flipped, silent);
    expect(blind.trials).toEqual(honest.trials);
    expect(await readFile(blind.files.onnx)).toEqual(await readFile(honest.files.onnx));
  });

  it('trains without tuning, and takes the held-out length from the rows where none is given', async () => {
    const { holdout, tune, ...plain } = job;
    expect(await trainModel({ ...plain, outFolder: join(folder, 'plain') }, silent)).toMatchObject({
      params: job.params,
      trials: [],
    });
    // 1,200 rows from 25 May on last until shortly before 31 May.
    expect(holdout).toBe('6d');
    const tuned = { ...plain, ...(tune && { tune }), outFolder: join(folder, 'derived') };
    expect((await trainModel(tuned, silent)).trials).toHaveLength(3);
  });

  it('reports each tree', async () => {
    const notes: string[] = [];
    await trainModel(job, async (_done, _total, note) => void notes.push(note));
    expect(notes).toContain('trial 3 of 3: tree 20 of 20');
    expect(notes.filter((note) => note.startsWith('training: tree'))).toHaveLength(20);
    expect(notes).toContainEqual(expect.stringMatching(/^training: tree 20 of 20, log loss 0\.\d{4}$/));
  });

  it.each([
    ['rows of one label', '* REPLACE (1 AS late)', 'EmptyDataset', /4800 rows that all have label 1 before 2001-05-25/],
    [
      'no rows to train on',
      `* REPLACE (event_time + INTERVAL 40 DAY AS event_time)`,
      'EmptyDataset',
      /no labelled rows before/,
    ],
    [
      'no rows to hold out',
      `* REPLACE (event_time - INTERVAL 10 DAY AS event_time)`,
      'EmptyDataset',
      /no labelled rows from 2001-05-25/,
    ],
    [
      'labels that are no labels',
      '* REPLACE (late + 1 AS late)',
      'InvalidInput',
      /rows before .* have a label that is neither 0 nor 1/,
    ],
    ['a missing feature', '* EXCLUDE (noise)', 'SchemaMismatch', /no column "noise"/],
  ])('refuses %s', async (name, select, type, message) => {
    const bad = await jobOn(select, name.replaceAll(' ', '-'));
    await expect(trainModel(bad, silent)).rejects.toMatchObject({
      type,
      message: expect.stringMatching(message) as string,
    });
  });

  it('refuses to tune where the window before the held-out one has no rows to fit on', async () => {
    await expect(trainModel({ ...job, holdout: '30d' }, silent)).rejects.toMatchObject({
      type: 'EmptyDataset',
      message: expect.stringContaining('to fit trials on') as string,
    });
  });
});
