import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TrainJobResult } from '../../learning/train-model.ts';
import { runChild } from '../support/child-run.ts';
import { FLIGHT_FEATURES, HOLDOUT_FROM, writeFlights } from '../support/delayed-flights.ts';
import { nativeParts } from '../support/native-parts.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'train-process-'));
  await writeFlights(join(folder, 'flights.parquet'));
});
afterAll(() => rm(folder, { recursive: true }));

const job = () => ({
  lightgbmLib: nativeParts().lightgbmLib,
  datasetFile: join(folder, 'flights.parquet'),
  features: FLIGHT_FEATURES,
  label: 'late',
  holdoutFrom: HOLDOUT_FROM,
  params: { num_leaves: 7, num_iterations: 5 },
  seed: 7,
  threads: 1,
  metadata: {},
  outFolder: join(folder, 'out'),
});

describe('train-process', () => {
  it('prints nothing but its messages, the result last', async () => {
    const { messages, exitCode } = await runChild<TrainJobResult>('learning/train-process.ts', job());
    expect(exitCode).toBe(0);
    expect(messages.filter(({ kind }) => kind === 'progress').length).toBeGreaterThan(5);
    expect(messages.at(-1)).toMatchObject({ kind: 'result', result: { trainRows: 4800, holdoutRows: 1200 } });
  });

  it('leaves between two trees when its parent is gone', async () => {
    const long = { ...job(), params: { num_leaves: 7, num_iterations: 1_000_000 } };
    const { messages, exitCode } = await runChild('learning/train-process.ts', long, 'training: tree 3 of');
    expect(exitCode).toBe(2);
    expect(messages.every(({ kind }) => kind === 'progress')).toBe(true);
  });
});
