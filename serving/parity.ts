import { loadPredictor } from './predictor.ts';

export interface ParityJob {
  readonly modelFile: string;
  /** The model file's digest; any other file is refused. */
  readonly sha256: string;
  /** Names of the model's inputs, where its file has none. */
  readonly inputNames?: readonly string[];
  /** A value for each input of the model; null is a missing one. */
  readonly rows: readonly (readonly (number | null)[])[];
  /** What the trainer scored those rows with. */
  readonly scores: readonly number[];
  readonly threads: number;
}

export interface ParityJobResult {
  /** The largest difference of a row; a very large number where one of the two is no number. */
  readonly maxDifference: number;
}

/**
 * How far the serving predictor's scores lie from those that the trainer left.
 *
 * Errors: those of `loadPredictor` and of its `predict`.
 */
export async function measureDifference(job: ParityJob): Promise<ParityJobResult> {
  const predictor = await loadPredictor(job.modelFile, {
    threads: job.threads,
    expectedSha256: job.sha256,
    ...(job.inputNames === undefined ? {} : { features: job.inputNames }),
  });
  try {
    const rows = Float32Array.from(job.rows.flat(), (value) => value ?? Number.NaN);
    const scores = await predictor.predict(rows, job.rows.length);
    const maxDifference = scores.reduce(
      (most, score, i) => Math.max(most, Math.abs(score - (job.scores[i] ?? Number.NaN))),
      0,
    );
    // JSON has no NaN: written down as it is, a difference that is no number would read as none at all.
    return { maxDifference: Number.isFinite(maxDifference) ? maxDifference : Number.MAX_VALUE };
  } finally {
    await predictor.release();
  }
}
