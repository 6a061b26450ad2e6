import { describe, expect, it } from 'vitest';
import { loadLightGbm, type Booster } from '../../learning/lightgbm.ts';
import { seededRandom } from '../../learning/seeded-random.ts';
import { nativeParts } from '../support/native-parts.ts';

// As train-process.ts does.
process.env['OMP_WAIT_POLICY'] ??= 'PASSIVE';

const lightgbm = loadLightGbm(nativeParts().lightgbmLib);
const names = ['hour', 'view.late_rate', 'distance'];
const rows = 4000;
const random = seededRandom(11);
const values = Float32Array.from({ length: rows * 3 }, (_, at) => (at % 21 === 1 ? Number.NaN : random()));
const labels = Float32Array.from({ length: rows }, (_, row) => {
  const at = row * 3;
  return (values[at] ?? 0) + (values[at + 1] || 0.2) + random() > 1.5 ? 1 : 0;
});
const matrix = { values, rows, columns: 3 };
const noListener = async (): Promise<void> => {};

async function withBooster<T>(
  params: Record<string, number>,
  threads: number,
  use: (booster: Booster) => T,
  onIteration: (done: number, loss: number | undefined) => Promise<void> = noListener,
): Promise<T> {
  const set = lightgbm.createTrainingSet(matrix, labels, names, { seed: 7, threads });
  try {
    const booster = await lightgbm.train(set, { params, iterations: 25, seed: 7, threads }, onIteration);
    try {
      return use(booster);
    } finally {
      booster.free();
    }
  } finally {
    set.free();
  }
}

describe('loadLightGbm', () => {
  it('trains tree by tree, and the loss falls', async () => {
    const heard: [number, number | undefined][] = [];
    const iterations = await withBooster(
      { num_leaves: 7 },
      1,
      (booster) => booster.iterations,
      async (done, loss) => void heard.push([done, loss]),
    );
    expect(iterations).toBe(25);
    expect(heard.map(([done]) => done)).toEqual(Array.from({ length: 25 }, (_, index) => index + 1));
    const losses = heard.flatMap(([, loss]) => loss ?? []);
    expect(losses).toHaveLength(3);
    expect(losses[2]).toBeLessThan(losses[0] ?? 0);
  });

  it('gives the same model for one and two threads, also with random feature choice', async () => {
    const params = { num_leaves: 15, feature_fraction: 0.7 };
    const one = await withBooster(params, 1, (booster) => booster.text());
    const two = await withBooster(params, 2, (booster) => booster.text());
    expect(two).toBe(one);
    expect(one).toContain('feature_names=hour view.late_rate distance');
  });

  it('explains: SHAP values and the expected value add up to the raw score', async () => {
    await withBooster({ num_leaves: 7 }, 1, (booster) => {
      const shap = booster.predict(matrix, 'contributions');
      booster.predict(matrix, 'raw').forEach((raw, row) => {
        const sum = shap.slice(row * 4, row * 4 + 4).reduce((total, value) => total + value, 0);
        expect(Math.abs(sum - raw)).toBeLessThan(1e-12);
      });
    });
  });

  it('stops when asked to between two trees', async () => {
    const stopped = withBooster(
      {},
      1,
      () => undefined,
      (done) => (done === 3 ? Promise.reject(new Error('stop')) : noListener()),
    );
    await expect(stopped).rejects.toThrow('stop');
  });

  it('says TrainingDiverged when a model runs away', async () => {
    const trained = withBooster({ learning_rate: 1e6 }, 1, () => undefined);
    await expect(trained).rejects.toMatchObject({
      type: 'TrainingDiverged',
      message: expect.stringContaining('Lower learning_rate') as string,
    });
  });

  it('says what it cannot load and what to do', () => {
    expect(() => loadLightGbm('/nowhere/lib_lightgbm.so')).toThrow(
      /"\/nowhere\/lib_lightgbm.so" cannot be loaded.*libgomp1/s,
    );
  });
});
