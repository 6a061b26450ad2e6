import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { scoreFile, type ScoreJob, type ScoreJobResult } from '../../serving/score-file.ts';
import { runChild } from '../support/child-run.ts';
import { runSql, writeFlights } from '../support/delayed-flights.ts';
import { smallModel, smallModelScore } from '../support/small-model.ts';

const ROWS = 10_000;
let folder: string;
let job: ScoreJob;
const silent = async (): Promise<void> => {};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'score-'));
  const model = smallModel();
  job = {
    modelFile: join(folder, 'model.onnx'),
    sha256: createHash('sha256').update(model).digest('hex'),
    inputFile: join(folder, 'flights.parquet'),
    outputFile: join(folder, 'scores.parquet'),
    batchRows: 3000,
    threads: 1,
  };
  await writeFile(job.modelFile, model);
  await writeFlights(job.inputFile, { rows: ROWS });
});
afterAll(() => rm(folder, { recursive: true }));

async function scoresAndInputs(outputFile: string): Promise<Record<string, unknown>[]> {
  return runSql(
    `SELECT score, hour, "view.late_rate"::FLOAT AS rate FROM '${job.inputFile}' POSITIONAL JOIN '${outputFile}'`,
  );
}

describe('scoreFile', () => {
  it('writes one score a row, in the order of the input, whatever the size of a batch', async () => {
    for (const batchRows of [500, 3000, 100_000]) {
      const outputFile = join(folder, `scores-${batchRows}.parquet`);
      const progress: number[] = [];
      const result = await scoreFile({ ...job, batchRows, outputFile }, async (done) => void progress.push(done));
      expect(result.rows).toBe(ROWS);
      expect(progress.at(-1)).toBe(ROWS);
      const rows = await scoresAndInputs(outputFile);
      expect(rows).toHaveLength(ROWS);
      const wrong = rows.filter(({ score, hour, rate }) => {
        const expected = smallModelScore(Number(hour), rate === null ? null : Number(rate));
        return Math.abs(Number(score) - expected) > 1e-6;
      });
      expect(wrong).toEqual([]);
    }
  });

  it('replaces an earlier output whole, and leaves nothing else behind', async () => {
    const before = await readdir(folder);
    await scoreFile({ ...job, outputFile: join(folder, 'scores-500.parquet') }, silent);
    expect(await readdir(folder)).toEqual(before);
    const failing = { ...job, features: ['hour', 'gone'], outputFile: join(folder, 'never.parquet') };
    await expect(scoreFile(failing, silent)).rejects.toMatchObject({
      type: 'SchemaMismatch',
      details: { column: 'gone' },
    });
    expect(await readdir(folder)).toEqual(before);
  });

  it('takes the model’s inputs from other columns where told so', async () => {
    const outputFile = join(folder, 'renamed.parquet');
    await scoreFile({ ...job, features: ['distance', 'noise'], outputFile }, silent);
    const rows = await runSql(
      `SELECT score, distance FROM '${job.inputFile}' POSITIONAL JOIN '${outputFile}' LIMIT 50`,
    );
    for (const { score, distance } of rows) {
      if (Number(distance) > 17) expect(score).toBeCloseTo(smallModelScore(18, 0), 6);
    }
    await expect(scoreFile({ ...job, features: ['hour'] }, silent)).rejects.toMatchObject({ type: 'SchemaMismatch' });
  });

  it('scores an empty file to an empty one', async () => {
    const inputFile = join(folder, 'empty.parquet');
    await writeFlights(inputFile, { rows: 1, select: '* EXCLUDE (noise), 1 AS one' });
    await runSql(
      `COPY (SELECT * FROM '${inputFile}' WHERE false) TO '${join(folder, 'none.parquet')}' (FORMAT parquet)`,
    );
    const outputFile = join(folder, 'no-scores.parquet');
    expect(await scoreFile({ ...job, inputFile: join(folder, 'none.parquet'), outputFile }, silent)).toMatchObject({
      rows: 0,
    });
    expect(await runSql(`SELECT * FROM '${outputFile}'`)).toEqual([]);
  });

  it('refuses a model that is not the expected one', async () => {
    await expect(scoreFile({ ...job, sha256: '0'.repeat(64) }, silent)).rejects.toMatchObject({
      type: 'ChecksumMismatch',
    });
  });
});

describe('score-process', () => {
  it('prints progress, then its result', async () => {
    const { messages, exitCode } = await runChild<ScoreJobResult>('serving/score-process.ts', job);
    expect(exitCode).toBe(0);
    expect(messages.slice(0, -1).every(({ kind }) => kind === 'progress')).toBe(true);
    expect(messages.at(-1)).toMatchObject({ kind: 'result', result: { rows: ROWS } });
  });

  it('prints what failed', async () => {
    const { messages, exitCode } = await runChild('serving/score-process.ts', { ...job, sha256: 'f'.repeat(64) });
    expect(exitCode).toBe(1);
    expect(messages.at(-1)).toMatchObject({ kind: 'failure', type: 'ChecksumMismatch' });
  });
});
