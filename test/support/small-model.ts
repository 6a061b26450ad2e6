import type { LightGbmNode } from '../../learning/lightgbm.ts';
import { writeOnnx } from '../../learning/onnx-writer.ts';

export const SMALL_MODEL_FEATURES = ['hour', 'view.late_rate'] as const;

/** A model of one tree: late when the hour is after 17, by the late rate, which may be missing, before. */
export function smallModel(): Uint8Array {
  const split = (feature: number, threshold: number, left: LightGbmNode, right: LightGbmNode): LightGbmNode => ({
    split_feature: feature,
    threshold,
    decision_type: '<=',
    default_left: true,
    missing_type: 'NaN',
    left_child: left,
    right_child: right,
  });
  const tree = split(0, 17, split(1, 0.3, { leaf_value: -2 }, { leaf_value: -0.5 }), { leaf_value: 1 });
  return writeOnnx(
    {
      objective: 'binary sigmoid:1',
      num_class: 1,
      average_output: false,
      max_feature_idx: 1,
      tree_info: [{ tree_index: 0, tree_structure: tree }],
    },
    { features: SMALL_MODEL_FEATURES, facts: { snapshot: 3 } },
  );
}

/** What the model says for an hour and a late rate, null where missing. */
export function smallModelScore(hour: number | null, lateRate: number | null): number {
  const logOdds = hour !== null && hour > 17 ? 1 : lateRate !== null && Math.fround(lateRate) > 0.3 ? -0.5 : -2;
  return 1 / (1 + Math.exp(-logOdds));
}
