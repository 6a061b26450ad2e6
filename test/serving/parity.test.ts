import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { measureDifference, type ParityJob, type ParityJobResult } from '../../serving/parity.ts';
import { runChild } from '../support/child-run.ts';
import { SMALL_MODEL_FEATURES, smallModel, smallModelScore } from '../support/small-model.ts';

const SAMPLE = [
  { hour: 18, rate: 0.1 },
  { hour: 5, rate: 0.9 },
  { hour: 17, rate: null },
];
let folder: string;
let job: ParityJob;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'parity-'));
  const model = smallModel();
  job = {
    modelFile: join(folder, 'model.onnx'),
    sha256: createHash('sha256').update(model).digest('hex'),
    rows: SAMPLE.map(({ hour, rate }) => [hour, rate]),
    scores: SAMPLE.map(({ hour, rate }) => smallModelScore(hour, rate)),
    threads: 1,
  };
  await writeFile(job.modelFile, model);
});
afterAll(() => rm(folder, { recursive: true }));

describe('measureDifference', () => {
  it('is nothing to speak of where the trainer scored alike, and else the largest of a row', async () => {
    expect(SMALL_MODEL_FEATURES).toHaveLength(2);
    expect((await measureDifference(job)).maxDifference).toBeLessThan(1e-6);
    const scores = job.scores.map((score, row) => score + [0, -0.25, 0.125][row]!);
    expect((await measureDifference({ ...job, scores })).maxDifference).toBeCloseTo(0.25, 6);
  });

  it('never takes what is no number for none', async () => {
    for (const scores of [job.scores.slice(1), job.scores.map(() => Number.NaN)]) {
      expect((await measureDifference({ ...job, scores })).maxDifference).toBe(Number.MAX_VALUE);
    }
  });

  it('refuses another file, and rows of another width', async () => {
    await expect(measureDifference({ ...job, sha256: '0'.repeat(64) })).rejects.toMatchObject({
      type: 'ChecksumMismatch',
    });
    await expect(measureDifference({ ...job, rows: [[1]] })).rejects.toMatchObject({ type: 'InvalidInput' });
  });
});

describe('parity-process', () => {
  it('prints its result, or what failed', async () => {
    const measured = await runChild<ParityJobResult>('serving/parity-process.ts', job);
    expect(measured.messages.at(-1)).toMatchObject({ kind: 'result', result: await measureDifference(job) });
    const refused = await runChild('serving/parity-process.ts', { ...job, sha256: 'f'.repeat(64) });
    expect(refused.messages.at(-1)).toMatchObject({ kind: 'failure', type: 'ChecksumMismatch' });
  });
});
