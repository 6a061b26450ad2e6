import { describe, expect, it } from 'vitest';
import { batchSameTick } from '../../serving/endpoint-batching.ts';

/** Doubles the first column of rows that are two wide, and notes the size of each run. */
function doubling() {
  const runs: number[] = [];
  const score = (rows: Float32Array, count: number): Promise<Float32Array> => {
    runs.push(count);
    return Promise.resolve(Float32Array.from({ length: count }, (_, i) => (rows[i * 2] ?? NaN) * 2));
  };
  return { runs, score };
}

describe('batchSameTick', () => {
  it('joins what comes in one turn and gives each its own answer', async () => {
    const { runs, score } = doubling();
    const batched = batchSameTick(score, 100);
    const answers = await Promise.all([
      batched(new Float32Array([1, 0]), 1),
      batched(new Float32Array([2, 0, 3, 0]), 2),
      batched(new Float32Array([4, 0]), 1),
    ]);
    expect(answers.map((answer) => [...answer])).toEqual([[2], [4, 6], [8]]);
    expect(runs).toEqual([4]);
    expect([...(await batched(new Float32Array([5, 0]), 1))]).toEqual([10]);
    expect(runs).toEqual([4, 1]);
  });

  it('keeps a batch within its limit and never splits a request', async () => {
    const { runs, score } = doubling();
    const batched = batchSameTick(score, 3);
    await Promise.all([2, 2, 1, 5, 1].map((count) => batched(new Float32Array(count * 2), count)));
    expect(runs).toEqual([2, 3, 5, 1]);
  });

  it('fails each request of a run that fails, and the next run works', async () => {
    let broken = true;
    const batched = batchSameTick((rows, count) => {
      if (broken) return Promise.reject(new Error('out of memory'));
      return Promise.resolve(rows.slice(0, count));
    }, 10);
    const outcomes = await Promise.allSettled([1, 2].map((count) => batched(new Float32Array(count), count)));
    expect(outcomes.map((outcome) => outcome.status)).toEqual(['rejected', 'rejected']);
    broken = false;
    expect([...(await batched(new Float32Array([7]), 1))]).toEqual([7]);
  });

  it('refuses answers of the wrong length instead of handing them to the wrong request', async () => {
    const batched = batchSameTick(() => Promise.resolve(new Float32Array(1)), 10);
    await expect(batched(new Float32Array(2), 2)).rejects.toThrow('the model gave 1 scores for 2 rows');
  });
});
