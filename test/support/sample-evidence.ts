import type {
  CalibrationBin,
  CandidateEvidence,
  DecisionCommand,
  ModelMetrics,
  SliceMetrics,
} from '../../contracts/evidence.ts';
import { renderModelCard } from '../../console/model-card.ts';

const sha = (digit: string): string => digit.repeat(64);

export const SAMPLE_DIGEST = '3f9c61a0b2de4c7781f0c5a9e6d2b3417a8c9d0e1f2a3b4c5d6e7f8091a2b3c4';

export const SAMPLE_COMMANDS: readonly DecisionCommand[] = [
  {
    purpose: 'Approve',
    command:
      `npm run temporal -- workflow update execute -n prod --workflow-id promote-model/flights-delay/4 --name decide ` +
      `--input '{"decision":"approve","approver":"governance","comment":"<why>","evidence":"3f9c61a0b2de"}'`,
  },
  {
    purpose: 'Reject',
    command:
      `npm run temporal -- workflow update execute -n prod --workflow-id promote-model/flights-delay/4 --name decide ` +
      `--input '{"decision":"reject","approver":"governance","comment":"<why>","evidence":"3f9c61a0b2de"}'`,
  },
];

/** Believable evidence of a flights model that beat the champion; every number is made up. */
export function sampleEvidence(changes: Partial<CandidateEvidence> = {}): CandidateEvidence {
  const evidence: Omit<CandidateEvidence, 'modelCard'> = {
    schema: 1,
    environment: 'prod',
    model: 'flights-delay',
    version: 4,
    createdFrom: {
      runId: '5b0c2f6e9a3d41c8',
      projectDigest: 'a1b2c3d4'.repeat(8),
      policyDigest: '9e8f70c1'.repeat(8),
      commit: '488af46e0c1d2b3a4958677685940312fedcba98',
      clean: true,
      snapshot: 118,
      asOf: '2001-05-15T00:00:00.000Z',
      workflowId: 'train-model/flights-delay/2001-05-15',
    },
    data: {
      trainFrom: '2001-01-01T00:00:00.000Z',
      holdoutFrom: '2001-05-01T00:00:00.000Z',
      until: '2001-05-15T00:00:00.000Z',
      trainRows: 1_962_318,
      holdoutRows: 229_874,
      positives: 38_116,
      newestTrainingRowAgeDays: 14.2,
    },
    gates: sampleGates(),
    metrics: {
      challenger: sampleMetrics(0.7441, 0.0061, 0.58),
      reference: { kind: 'champion', version: 3, metrics: sampleMetrics(0.7298, 0.0067, 0.64) },
      difference: { value: 0.0143, lower: 0.0098, upper: 0.0188 },
      margin: 0.002,
      confidence: 0.95,
    },
    importance: sampleImportance(),
    slices: sampleSlices(),
    sliceFloor: 0.6,
    params: { num_leaves: 31, num_iterations: 100, learning_rate: 0.1, min_data_in_leaf: 200, lambda_l2: 1, seed: 7 },
    trials: [
      { params: { num_leaves: 31, learning_rate: 0.1 }, auc: 0.7388 },
      { params: { num_leaves: 63, learning_rate: 0.08 }, auc: 0.7361 },
      { params: { num_leaves: 15, learning_rate: 0.2 }, auc: 0.7302 },
    ],
    artifacts: {
      onnx: { sha256: sha('d'), bytes: 412_380 },
      native: { sha256: sha('e'), bytes: 356_112 },
      dataset: { sha256: sha('f'), bytes: 48_113_920 },
      parity_sample: { sha256: sha('7'), bytes: 912 },
    },
  };
  const { createdFrom, data, metrics, slices, params, importance } = evidence;
  const modelCard = renderModelCard({
    model: evidence.model,
    version: evidence.version,
    project: 'flights-delay',
    description: 'Will a flight arrive more than 15 minutes late?',
    owner: 'flights-team',
    algorithm: 'gradient-boosted trees (LightGBM), served as ONNX',
    label: 'late',
    features: importance.map(({ feature }) => feature),
    sources: ['flights (npm:vega-datasets/data/flights-3m.parquet)'],
    params,
    createdFrom,
    data,
    metrics: metrics.challenger,
    confidence: metrics.confidence,
    slices,
    limitations: ['Weather is not among the features: sudden storms are seen only through the delays they cause.'],
  });
  return { ...evidence, modelCard, ...changes };
}

function sampleGates(): CandidateEvidence['gates'] {
  const pass = (name: string, expected: string, found: string) => ({
    name,
    verdict: 'pass' as const,
    expected,
    found,
  });
  return [
    {
      gate: 'compliance',
      verdict: 'pass',
      summary: 'All 7 checks of the policy passed.',
      checks: [
        pass('signature', '12 float inputs, 1 probability, named as in the project', '12 inputs, 1 output'),
        pass('parity', 'ONNX equals LightGBM within 1e-5', 'largest difference 1.8e-7 over 5,000 rows'),
        pass('lineage', 'run, snapshot, project and policy digest', 'all recorded'),
        pass('model_card', 'owner, description, limitations', 'all filled in'),
        pass('clean_commit', 'the project equals its commit', '488af46e0c1d, clean'),
        pass('tag owner', 'a tag "owner"', 'flights-team'),
        pass('slices by origin', 'AUC at least 0.60 in each slice of 1,000 rows or more', 'lowest 0.641 (origin=MDW)'),
      ],
    },
    {
      gate: 'comparison',
      verdict: 'pass',
      summary: 'The challenger beats the champion by 0.0143 (95 %: 0.0098 to 0.0188) on the same 229,874 rows.',
      checks: [pass('difference in AUC', 'lower bound above 0', '0.0098'), pass('margin', 'at least 0.002', '0.0143')],
    },
  ];
}

function sampleMetrics(auc: number, half: number, bend: number): ModelMetrics {
  // For tpr = fpr^p the AUC is 1 / (1 + p).
  const power = 1 / auc - 1;
  const roc = Array.from({ length: 301 }, (_, i): [number, number] => [i / 300, (i / 300) ** power]);
  const calibration = Array.from({ length: 10 }, (_, i): CalibrationBin => {
    const predicted = 0.03 + i * 0.065;
    return {
      predicted,
      observed: predicted + (bend - 0.5) * 0.6 * Math.sin(i * 1.3) * (0.3 + i / 12),
      count: Math.round(46_000 * 0.72 ** i),
    };
  });
  return {
    auc: { value: auc, lower: auc - half, upper: auc + half },
    logLoss: 0.3941 + (0.75 - auc),
    brier: 0.1211 + (0.75 - auc) / 2,
    rows: 229_874,
    positives: 38_116,
    days: 14,
    roc,
    calibration,
  };
}

function sampleImportance(): CandidateEvidence['importance'] {
  const sizes: [string, number][] = [
    ['hour', 0.412],
    ['airport_hour.late_rate_24h', 0.371],
    ['route_history.late_rate_7d', 0.288],
    ['route_history.mean_delay_28d', 0.164],
    ['airport_hour.departures_3h', 0.121],
    ['day_of_week', 0.097],
    ['distance', 0.083],
    ['route_history.late_rate_28d', 0.071],
    ['airport_hour.mean_delay_6h', 0.065],
    ['route_history.flights_7d', 0.031],
    ['day_of_month', 0.018],
    ['is_weekend', 0.004],
  ];
  const sum = sizes.reduce((total, [, size]) => total + size, 0);
  return sizes.map(([feature, meanAbsShap]) => ({ feature, meanAbsShap, share: meanAbsShap / sum }));
}

function sampleSlices(): SliceMetrics[] {
  const airports = 'ORD DFW ATL LAX PHX STL DTW MSP LAS DEN IAH SFO CLT EWR PHL BOS LGA SEA BWI PIT SLC MCO MDW'.split(
    ' ',
  );
  return airports.map((airport, i) => {
    const value = 0.768 - i * 0.0058 + 0.012 * Math.sin(i * 2.1);
    const half = 0.006 + i * 0.0009;
    return {
      slice: `origin=${airport}`,
      rows: 12_950 - i * 468,
      auc: { value, lower: value - half, upper: value + half },
    };
  });
}
