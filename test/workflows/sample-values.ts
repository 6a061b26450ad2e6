import type { MonitoredWindow } from '../../contracts/monitor-model.ts';
import type { GateResult } from '../../contracts/gates.ts';
import type {
  CandidateInput,
  ComparisonResult,
  PinnedPromotion,
  PreparedEvidence,
} from '../../contracts/promote-model.ts';
import type { ArtifactRef } from '../../contracts/references.ts';
import type { RefreshPlan, StagedTable } from '../../contracts/refresh-features.ts';
import type { ScoringModel } from '../../contracts/score-batch.ts';
import type { EvaluationSummary } from '../../contracts/train-model.ts';
import type { DatasetRef, PinnedProject, TrainedModel } from '../../contracts/training.ts';

/** What mocked activities answer with: believable, the same on every machine. */
export const PROJECT = 'flights-delay';
export const AS_OF = '2001-05-01T00:00:00.000Z';
export const VERSION = 7;
export const CHAMPION = 6;

export function artifact(digit: string, bytes = 1_000): ArtifactRef {
  const sha256 = digit.repeat(64);
  return { uri: `artifact:sha256/${sha256}`, sha256, bytes };
}

export const PINNED: PinnedProject = {
  project: PROJECT,
  model: PROJECT,
  projectDigest: 'a1'.repeat(32),
  policyDigest: 'b2'.repeat(32),
  bundle: artifact('c'),
  commit: '0123456789abcdef0123456789abcdef01234567',
  clean: true,
};

export const PLAN: RefreshPlan = {
  outcome: 'refresh',
  key: `refresh/${PROJECT}/${AS_OF}`,
  project: PROJECT,
  asOf: AS_OF,
  full: false,
  base: { snapshot: 41, asOf: '2001-04-24T00:00:00.000Z' },
  sourceFiles: { flights: ['flights-3m.parquet'] },
  tables: ['bronze.flights', 'silver.flights', 'gold.route_history'],
  newRows: 114_000,
  surfacedRows: 3_000,
};

export function staged(table: string, changes: Partial<StagedTable> = {}): StagedTable {
  return {
    table,
    rows: 117_000,
    file: `staging/${table}.parquet`,
    expectations: [{ name: 'sane_distance', action: 'quarantine', broken: 2, total: 117_000 }],
    ...changes,
  };
}

export const DATASET: DatasetRef = {
  data: artifact('d', 48_000_000),
  rows: 2_000_000,
  positives: 340_000,
  from: '2001-01-01T00:00:00.000Z',
  until: AS_OF,
  holdoutFrom: '2001-04-17T00:00:00.000Z',
  snapshot: 42,
  asOf: AS_OF,
  features: ['hour', 'distance', 'route_history.late_rate_7d'],
  key: ['_file', '_row'],
};

export const TRAINED: TrainedModel = {
  onnx: artifact('e', 400_000),
  native: artifact('f', 350_000),
  paritySample: artifact('1'),
  importance: artifact('2'),
  params: { num_leaves: 31, learning_rate: 0.1 },
  trials: [
    { params: { num_leaves: 31 }, auc: 0.738 },
    { params: { num_leaves: 63 }, auc: 0.736 },
  ],
  trainRows: 1_770_000,
  holdoutRows: 230_000,
};

export const EVALUATION: EvaluationSummary = {
  auc: { value: 0.744, lower: 0.738, upper: 0.75 },
  logLoss: 0.394,
  brier: 0.121,
  rows: 230_000,
  positives: 38_000,
  report: artifact('3'),
  baselineProfile: artifact('4'),
};

/** The digest of the evidence of the n-th comparison of a run. */
export function evidenceDigest(round = 1): string {
  return `${round}f9c61a0b2de4c77`.repeat(4);
}

export function candidate(changes: Partial<PinnedPromotion> = {}): PinnedPromotion {
  return {
    environment: 'prod',
    pinned: PINNED,
    model: PROJECT,
    version: VERSION,
    runId: '5b0c2f6e9a3d41c8',
    asOf: AS_OF,
    snapshot: 42,
    approval: { approvers: ['governance', 'ml-lead'], quorum: 1, evidenceRequired: true },
    expiresAfterMs: 48 * 3_600_000,
    ...changes,
  };
}

export function gateResult(gate: GateResult['gate'], verdict: GateResult['verdict'] = 'pass'): GateResult {
  return {
    gate,
    verdict,
    checks: [{ name: gate === 'compliance' ? 'parity' : 'auc', verdict, expected: 'at most 1e-5', found: '1.8e-7' }],
    summary: `The ${gate} gate says ${verdict}.`,
  };
}

export function comparison(changes: Partial<ComparisonResult> = {}): ComparisonResult {
  return {
    champion: CHAMPION,
    reference: 'champion',
    verdict: 'pass',
    challengerAuc: EVALUATION.auc,
    referenceAuc: { value: 0.73, lower: 0.723, upper: 0.737 },
    difference: { value: 0.014, lower: 0.01, upper: 0.018 },
    margin: 0.002,
    confidence: 0.95,
    rows: 230_000,
    summary: 'Better by 0.0140.',
    report: artifact('5'),
    ...changes,
  };
}

export function preparedEvidence({ workflowId }: CandidateInput, digest: string): PreparedEvidence {
  const base = `npm run temporal -- workflow update execute -n prod -w ${workflowId} --name decide`;
  return {
    digest,
    document: artifact('6'),
    page: artifact('7'),
    url: `http://127.0.0.1:8234/prod/${PROJECT}/${VERSION}/${digest.slice(0, 12)}`,
    commands: [
      { purpose: 'Approve', command: `${base} --input '{"decision":"approve","evidence":"${digest.slice(0, 12)}"}'` },
      { purpose: 'Reject', command: `${base} --input '{"decision":"reject","evidence":"${digest.slice(0, 12)}"}'` },
    ],
  };
}

export const SCORING: ScoringModel = { model: PROJECT, version: CHAMPION, onnx: artifact('8'), pinned: PINNED };

export function monitored(changes: Partial<MonitoredWindow> = {}): MonitoredWindow {
  return {
    verdict: 'healthy',
    reasons: ['quality 0.7310 is within 0.01 of the baseline'],
    summary: {
      from: '2001-04-24T00:00:00.000Z',
      until: AS_OF,
      rows: 114_000,
      labelledShare: 0.98,
      labelMean: 0.17,
      quality: { value: 0.731, lower: 0.725, upper: 0.737 },
      baselineQuality: { value: 0.738, lower: 0.732, upper: 0.744 },
      driftScore: 0.08,
      driftedColumns: [],
      model: PROJECT,
      version: CHAMPION,
    },
    dataQuality: { refusedShare: 0.001, stopped: false },
    ...changes,
  };
}
