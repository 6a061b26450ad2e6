import proto, { type onnx } from 'onnx-proto';
import { SuperstepError } from '../contracts/failure-types.ts';
import type { LightGbmDump, LightGbmNode, LightGbmSplit } from './lightgbm.ts';

export interface OnnxMetadata {
  /** Names of the model's inputs, in order. */
  readonly features: readonly string[];
  /** More facts about the model: data snapshot, project digest. Nothing that differs between two equal runs. */
  readonly facts: Readonly<Record<string, string | number>>;
}

/** Name of the input, float32 [rows, features]. */
const INPUT = 'features';
/** Name of the output, float32 [rows, 1]. */
const OUTPUT = 'probability';

/**
 * Writes a binary LightGBM classifier as ONNX (opset 17, ai.onnx.ml 3): TreeEnsembleRegressor, then Sigmoid (its
 * post_transform LOGISTIC is silently ignored where there is one target). Agrees with LightGBM to about 2e-7 on
 * float32 inputs. Equal inputs give equal bytes.
 *
 * Errors: `UnsupportedOperator` for what this form cannot say: categorical splits, zero as a missing value, other
 * objectives.
 */
export function writeOnnx(dump: LightGbmDump, metadata: OnnxMetadata): Uint8Array {
  if (!/^binary sigmoid:1(\s|$)/.test(dump.objective) || dump.average_output) {
    throw unsupported(`objective "${dump.objective}"`, 'a boosted model with objective "binary sigmoid:1"');
  }
  const width = metadata.features.length;
  if (dump.max_feature_idx + 1 !== width) {
    throw unsupported(`${dump.max_feature_idx + 1} inputs`, `${width}, one for each feature`);
  }
  const model = proto.onnx.ModelProto.create({
    irVersion: 8,
    producerName: 'superstep',
    opsetImport: [
      { domain: '', version: 17 },
      { domain: 'ai.onnx.ml', version: 3 },
    ],
    graph: {
      name: 'classifier',
      node: [
        {
          name: 'trees',
          opType: 'TreeEnsembleRegressor',
          domain: 'ai.onnx.ml',
          input: [INPUT],
          output: ['log_odds'],
          attribute: treeAttributes(dump),
        },
        { name: 'link', opType: 'Sigmoid', input: ['log_odds'], output: [OUTPUT] },
      ],
      input: [tensor(INPUT, width)],
      output: [tensor(OUTPUT, 1)],
    },
    metadataProps: metadataProps(metadata),
  });
  return proto.onnx.ModelProto.encode(model).finish();
}

function metadataProps({ features, facts }: OnnxMetadata): onnx.IStringStringEntryProto[] {
  const entries = Object.entries(facts).map(([key, value]) => ({ key, value: String(value) }));
  entries.sort((a, b) => (a.key < b.key ? -1 : 1));
  return [{ key: 'features', value: JSON.stringify(features) }, ...entries.filter(({ key }) => key !== 'features')];
}

function tensor(name: string, width: number): onnx.IValueInfoProto {
  const shape = { dim: [{ dimParam: 'rows' }, { dimValue: width }] };
  return { name, type: { tensorType: { elemType: proto.onnx.TensorProto.DataType.FLOAT, shape } } };
}

interface TreeNodes {
  readonly treeIds: number[];
  readonly nodeIds: number[];
  readonly features: number[];
  readonly thresholds: number[];
  readonly modes: ('BRANCH_LEQ' | 'LEAF')[];
  readonly trueIds: number[];
  readonly falseIds: number[];
  readonly missingTracksTrue: number[];
  readonly leafTrees: number[];
  readonly leafNodes: number[];
  readonly leafWeights: number[];
}

function treeAttributes(dump: LightGbmDump): onnx.IAttributeProto[] {
  const nodes: TreeNodes = {
    treeIds: [],
    nodeIds: [],
    features: [],
    thresholds: [],
    modes: [],
    trueIds: [],
    falseIds: [],
    missingTracksTrue: [],
    leafTrees: [],
    leafNodes: [],
    leafWeights: [],
  };
  dump.tree_info.forEach((tree, index) => addNode(nodes, tree.tree_structure, index, { next: 0 }));
  const { INT, INTS, FLOATS, STRINGS } = proto.onnx.AttributeProto.AttributeType;
  const ints = (name: string, values: number[]): onnx.IAttributeProto => ({ name, type: INTS, ints: values });
  const floats = (name: string, values: number[]): onnx.IAttributeProto => ({ name, type: FLOATS, floats: values });
  return [
    ints('nodes_treeids', nodes.treeIds),
    ints('nodes_nodeids', nodes.nodeIds),
    ints('nodes_featureids', nodes.features),
    floats('nodes_values', nodes.thresholds),
    { name: 'nodes_modes', type: STRINGS, strings: nodes.modes.map((mode) => Buffer.from(mode)) },
    ints('nodes_truenodeids', nodes.trueIds),
    ints('nodes_falsenodeids', nodes.falseIds),
    ints('nodes_missing_value_tracks_true', nodes.missingTracksTrue),
    ints('target_treeids', nodes.leafTrees),
    ints('target_nodeids', nodes.leafNodes),
    ints(
      'target_ids',
      nodes.leafTrees.map(() => 0),
    ),
    floats('target_weights', nodes.leafWeights),
    { name: 'n_targets', type: INT, i: 1 },
  ];
}

/** Appends a node and all below it, depth first; answers its id within the tree. */
function addNode(nodes: TreeNodes, node: LightGbmNode, tree: number, ids: { next: number }): number {
  const id = ids.next++;
  const split = isSplit(node) ? node : undefined;
  const at = nodes.treeIds.push(tree) - 1;
  nodes.nodeIds.push(id);
  nodes.features.push(split?.split_feature ?? 0);
  nodes.thresholds.push(split === undefined ? 0 : floorToFloat32(thresholdOf(split)));
  nodes.modes.push(split === undefined ? 'LEAF' : 'BRANCH_LEQ');
  nodes.missingTracksTrue.push(split !== undefined && missingGoesLeft(split) ? 1 : 0);
  nodes.trueIds.push(0);
  nodes.falseIds.push(0);
  if (isSplit(node)) {
    nodes.trueIds[at] = addNode(nodes, node.left_child, tree, ids);
    nodes.falseIds[at] = addNode(nodes, node.right_child, tree, ids);
  } else {
    if (!Number.isFinite(Math.fround(node.leaf_value))) {
      throw new SuperstepError(
        'TrainingDiverged',
        `tree ${tree} has a leaf of ${node.leaf_value}; expected a finite number. Lower learning_rate or raise lambda_l2`,
        { tree },
      );
    }
    nodes.leafTrees.push(tree);
    nodes.leafNodes.push(id);
    nodes.leafWeights.push(node.leaf_value);
  }
  return id;
}

function isSplit(node: LightGbmNode): node is LightGbmSplit {
  return 'split_feature' in node;
}

function thresholdOf({ decision_type, threshold }: LightGbmSplit): number {
  if (decision_type !== '<=' || typeof threshold !== 'number') {
    throw unsupported(`a split "${decision_type} ${threshold}"`, 'numeric splits "<=": encode categories as numbers');
  }
  return threshold;
}

/** What LightGBM does with NaN (its `Tree::NumericalDecision`): the default side, or, with missing type None, as 0. */
function missingGoesLeft(split: LightGbmSplit): boolean {
  switch (split.missing_type) {
    case 'NaN':
      return split.default_left;
    case 'None':
      return thresholdOf(split) >= 0;
    default:
      throw unsupported(`missing type "${split.missing_type}"`, 'NaN or None: train with zero_as_missing=false');
  }
}

/**
 * The largest float32 that is not above a float64. For every float32 x, `x <= t` then keeps its answer; rounding to
 * nearest would flip rows whose value lies between.
 */
export function floorToFloat32(value: number): number {
  const rounded = Math.fround(value);
  if (!(rounded > value)) return rounded;
  const bits = new DataView(new ArrayBuffer(4));
  bits.setFloat32(0, rounded);
  // One step down: towards zero for positive numbers, away from it for negative ones and for -0.
  bits.setInt32(0, bits.getInt32(0) + (rounded > 0 ? -1 : 1));
  return bits.getFloat32(0);
}

function unsupported(found: string, expected: string): SuperstepError {
  return new SuperstepError(
    'UnsupportedOperator',
    `the model has ${found}, which cannot be written as ONNX; expected ${expected}`,
  );
}
