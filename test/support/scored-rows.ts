import { seededRandom } from '../../learning/seeded-random.ts';
import { scoreBin, scoreHistogram, type ScoreHistogram } from '../../learning/score-histogram.ts';

export interface ScoredRow {
  readonly day: string;
  readonly label: number;
  readonly score: number;
}

/** A histogram of single rows. */
export function histogramOf(rows: readonly ScoredRow[]): ScoreHistogram {
  return scoreHistogram(rows.map(({ day, label, score }) => ({ day, label, bin: scoreBin(score), count: 1 })));
}

/** Reproducible standard normal numbers (Box-Muller). */
export function normals(seed: number): () => number {
  const uniform = seededRandom(seed);
  return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}

/** `2001-05-<number>`, from 1. */
export function mayDay(number: number): string {
  return `2001-05-${String(number).padStart(2, '0')}`;
}
