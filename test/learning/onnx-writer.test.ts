import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LightGbmDump, LightGbmNode, LightGbmSplit } from '../../learning/lightgbm.ts';
import { floorToFloat32, writeOnnx } from '../../learning/onnx-writer.ts';
import { loadPredictor } from '../../serving/predictor.ts';

function dumpOf(...trees: LightGbmNode[]): LightGbmDump {
  return {
    objective: 'binary sigmoid:1',
    num_class: 1,
    average_output: false,
    max_feature_idx: 1,
    tree_info: trees.map((tree_structure, tree_index) => ({ tree_index, tree_structure })),
  };
}

const split = (more: Partial<LightGbmSplit>): LightGbmSplit => ({
  split_feature: 0,
  threshold: 0.5,
  decision_type: '<=',
  default_left: false,
  missing_type: 'NaN',
  left_child: { leaf_value: -1 },
  right_child: { leaf_value: 1 },
  ...more,
});
const metadata = { features: ['hour', 'view.late_rate'], facts: { snapshot: 12, projectDigest: 'abc' } };

/** LightGBM's own rule (`Tree::NumericalDecision`), on doubles. */
function decide(node: LightGbmNode, row: readonly number[]): number {
  if ('leaf_value' in node) return node.leaf_value;
  const raw = row[node.split_feature] ?? Number.NaN;
  const value = Number.isNaN(raw) && node.missing_type !== 'NaN' ? 0 : raw;
  const left = Number.isNaN(value) ? node.default_left : value <= Number(node.threshold);
  return decide(left ? node.left_child : node.right_child, row);
}

describe('floorToFloat32', () => {
  it('is the largest float32 that is not above', () => {
    expect(floorToFloat32(0.1)).toBeLessThanOrEqual(0.1);
    expect(floorToFloat32(0.25)).toBe(0.25);
    expect(floorToFloat32(1e300)).toBe(3.4028234663852886e38);
    expect(floorToFloat32(-1e-60)).toBe(-1.401298464324817e-45);
    expect(floorToFloat32(1e-60)).toBe(0);
  });

  it('keeps the answer of x <= threshold for every float32 x', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true }), fc.float({ noNaN: true }), (threshold, x) => {
        for (const value of [x, Math.fround(threshold)]) {
          expect(value <= floorToFloat32(threshold)).toBe(value <= threshold);
        }
      }),
    );
  });
});

describe('writeOnnx', () => {
  const leaf = fc.record({ leaf_value: fc.double({ min: -3, max: 3, noNaN: true }) });
  const tree = fc.letrec<{ node: LightGbmNode }>((tie) => ({
    node: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      leaf,
      fc.record({
        split_feature: fc.integer({ min: 0, max: 1 }),
        threshold: fc.constantFrom(-1.5, -0.1, -1e-35, 0, 1.0000000180025095e-35, 0.1, 0.7, 1e300),
        decision_type: fc.constant('<='),
        default_left: fc.boolean(),
        missing_type: fc.constantFrom('NaN', 'None'),
        left_child: tie('node'),
        right_child: tie('node'),
      }),
    ),
  })).node;

  it('decides each row as LightGBM does, missing values included', async () => {
    const values = [Number.NaN, -Infinity, -1.5, -0.1, 0, 0.1, 0.5, 0.7, 2, Infinity].map(Math.fround);
    const rows = values.flatMap((a) => values.map((b) => [a, b]));
    await fc.assert(
      fc.asyncProperty(fc.array(tree, { minLength: 1, maxLength: 3 }), async (trees) => {
        const predictor = await loadPredictor(writeOnnx(dumpOf(...trees), metadata), { threads: 1 });
        const scores = await predictor.predict(new Float32Array(rows.flat()), rows.length);
        await predictor.release();
        rows.forEach((row, index) => {
          const logOdds = trees.reduce((sum, one) => sum + decide(one, row), 0);
          expect(scores[index]).toBeCloseTo(1 / (1 + Math.exp(-logOdds)), 6);
        });
      }),
      { numRuns: 50 },
    );
  });

  it('names features, snapshot and digest, and gives equal bytes for equal inputs', async () => {
    const bytes = writeOnnx(dumpOf(split({})), metadata);
    const reordered = { ...metadata, facts: { projectDigest: 'abc', snapshot: 12 } };
    expect(Buffer.compare(bytes, writeOnnx(dumpOf(split({})), reordered))).toBe(0);
    const predictor = await loadPredictor(bytes, { threads: 1 });
    expect(predictor.features).toEqual(metadata.features);
    expect(predictor.metadata).toEqual({
      features: '["hour","view.late_rate"]',
      projectDigest: 'abc',
      snapshot: '12',
    });
    await predictor.release();
  });

  it.each([
    ['zero as a missing value', dumpOf(split({ missing_type: 'Zero' }))],
    ['a categorical split', dumpOf(split({ decision_type: '==', threshold: '1||2' }))],
    ['another objective', { ...dumpOf(split({})), objective: 'regression' }],
    ['another sigmoid', { ...dumpOf(split({})), objective: 'binary sigmoid:2' }],
    ['a random forest', { ...dumpOf(split({})), average_output: true }],
    ['another number of features', { ...dumpOf(split({})), max_feature_idx: 4 }],
  ])('refuses %s', (_, dump) => {
    expect(() => writeOnnx(dump, metadata)).toThrow(expect.objectContaining({ type: 'UnsupportedOperator' }));
  });

  it('refuses leaves that float32 cannot hold', () => {
    expect(() => writeOnnx(dumpOf({ leaf_value: 1e300 }), metadata)).toThrow(
      expect.objectContaining({ type: 'TrainingDiverged' }),
    );
  });
});
