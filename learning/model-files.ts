import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ReportProgress } from '../contracts/child-process.ts';
import type { FeatureImportance } from '../contracts/evidence.ts';
import type { Booster } from './lightgbm.ts';
import type { Matrix, MatrixReader, RowRange } from './matrix.ts';
import { writeOnnx } from './onnx-writer.ts';

/** Paths of what training leaves behind; the contents are described at `TrainedModel`. */
export interface ModelFiles {
  readonly onnx: string;
  readonly native: string;
  readonly paritySample: string;
  readonly importance: string;
}

/** Rows with LightGBM's scores; NaN is null. What another runtime must reproduce. */
export interface ParitySample {
  readonly features: readonly string[];
  readonly rows: readonly (readonly (number | null)[])[];
  readonly scores: readonly number[];
}

export interface ModelFilesJob {
  readonly features: readonly string[];
  readonly metadata: Readonly<Record<string, string | number>>;
  readonly outFolder: string;
}

const PARITY_ROWS = 10_000;
const IMPORTANCE_ROWS = 5_000;
/** SHAP values of this many rows at a time, so that progress is seen in between. */
const SHAP_BATCH = 250;

/** Writes a trained model's files; each appears whole or not at all. */
export async function writeModelFiles(
  booster: Booster,
  reader: MatrixReader,
  heldOut: RowRange,
  { features, metadata, outFolder }: ModelFilesJob,
  report: ReportProgress,
): Promise<ModelFiles> {
  // Room for the rows with blanks, one a feature and one without any value.
  const sampleRows = Math.max(1, PARITY_ROWS - features.length - 1);
  const { matrix } = await reader.read({ ...heldOut, maxRows: sampleRows });
  const importance = await featureImportance(booster, spreadRows(matrix, IMPORTANCE_ROWS), features, report);
  const onnx = writeOnnx(booster.dump(), { features, facts: metadata });
  return {
    onnx: await writeWhole(join(outFolder, 'model.onnx'), onnx),
    native: await writeWhole(join(outFolder, 'model.txt'), booster.text()),
    paritySample: await writeWhole(
      join(outFolder, 'parity-sample.json'),
      JSON.stringify(paritySample(booster, matrix, features)),
    ),
    importance: await writeWhole(join(outFolder, 'importance.json'), JSON.stringify(importance)),
  };
}

/**
 * Held-out rows with their scores, and copies of some with blanks: for each feature one without it, and one without
 * any, since production meets missing values that the held-out window may not have.
 */
export function paritySample(booster: Booster, matrix: Matrix, features: readonly string[]): ParitySample {
  const { columns } = matrix;
  const values = new Float32Array(matrix.values.length + (columns + 1) * columns);
  values.set(matrix.values);
  for (let blank = 0; blank <= columns; blank++) {
    const from = (blank % matrix.rows) * columns;
    const row = matrix.values.slice(from, from + columns);
    if (blank === columns) row.fill(Number.NaN);
    else row[blank] = Number.NaN;
    values.set(row, matrix.values.length + blank * columns);
  }
  const rows = matrix.rows + columns + 1;
  const scores = booster.predict({ values, rows, columns }, 'response');
  const cells = (row: number): (number | null)[] =>
    Array.from(values.subarray(row * columns, (row + 1) * columns), (value) => (Number.isNaN(value) ? null : value));
  return { features, rows: Array.from({ length: rows }, (_, row) => cells(row)), scores: [...scores] };
}

async function featureImportance(
  booster: Booster,
  matrix: Matrix,
  features: readonly string[],
  report: ReportProgress,
): Promise<FeatureImportance[]> {
  const { rows, columns, values } = matrix;
  const sums = new Float64Array(columns);
  for (let from = 0; from < rows; from += SHAP_BATCH) {
    const batch = values.subarray(from * columns, Math.min(rows, from + SHAP_BATCH) * columns);
    const shap = booster.predict({ values: batch, rows: batch.length / columns, columns }, 'contributions');
    // The last of columns + 1 is the expected value, no feature.
    shap.forEach((value, at) => {
      const column = at % (columns + 1);
      if (column < columns) sums[column] = (sums[column] ?? 0) + Math.abs(value);
    });
    await report(Math.min(rows, from + SHAP_BATCH), rows, 'explaining the held-out rows');
  }
  const total = sums.reduce((sum, value) => sum + value, 0);
  return features
    .map((feature, column) => {
      const sum = sums[column] ?? 0;
      return { feature, meanAbsShap: sum / rows, share: total === 0 ? 0 : sum / total };
    })
    .sort((a, b) => b.meanAbsShap - a.meanAbsShap);
}

/** Every k-th row, so that the whole window is seen. */
function spreadRows({ values, rows, columns }: Matrix, limit: number): Matrix {
  const step = Math.ceil(rows / limit);
  const count = Math.ceil(rows / step);
  const picked = new Float32Array(count * columns);
  for (let row = 0; row < count; row++) {
    picked.set(values.subarray(row * step * columns, (row * step + 1) * columns), row * columns);
  }
  return { values: picked, rows: count, columns };
}

async function writeWhole(path: string, contents: string | Uint8Array): Promise<string> {
  const temporary = `${path}.${process.pid}.part`;
  await writeFile(temporary, contents);
  await rename(temporary, path);
  return path;
}
