import type { ArtifactRef } from '../contracts/references.ts';
import type { ParityResult } from '../contracts/train-model.ts';
import type { ModelFile } from '../contracts/training.ts';
import type { ParitySample } from '../learning/model-files.ts';
import type { ArtifactStore } from '../registry/artifact-store.ts';
import { PARITY_TOLERANCE } from '../registry/compliance-gate.ts';
import { loadPredictor } from '../serving/predictor.ts';

/** How far the serving predictor's scores lie from the trainer's own, over a sample that the trainer left. */
export async function measureParity(
  artifacts: ArtifactStore,
  {
    onnx,
    sample: sampleRef,
    threads,
    features,
  }: ModelFile & { readonly sample: ArtifactRef; readonly threads: number },
): Promise<ParityResult> {
  const sample = await artifacts.readJson<ParitySample>(sampleRef);
  const predictor = await loadPredictor(artifacts.path(onnx), {
    threads,
    expectedSha256: onnx.sha256,
    ...(features === undefined ? {} : { features }),
  });
  try {
    const rows = Float32Array.from(sample.rows.flat(), (value) => value ?? Number.NaN);
    const scores = await predictor.predict(rows, sample.rows.length);
    const maxDifference = scores.reduce(
      (most, score, i) => Math.max(most, Math.abs(score - (sample.scores[i] ?? Number.NaN))),
      0,
    );
    // JSON has no NaN: written down as it is, a difference that is no number would read as none at all.
    const difference = Number.isFinite(maxDifference) ? maxDifference : Number.MAX_VALUE;
    return { rows: sample.rows.length, maxDifference: difference, tolerance: PARITY_TOLERANCE };
  } finally {
    await predictor.release();
  }
}
