import type { BomSubject } from '../../../../registry/audit/pack/ml-bom.ts';
import type { EvaluationRun } from '../../../../registry/audit/pack/evaluation.ts';
import { sampleEvidence } from '../../../support/sample-evidence.ts';

const sha = (digit: string): string => digit.repeat(64);
const artifact = (digit: string) => ({ uri: `artifact:sha256/${sha(digit)}`, sha256: sha(digit), bytes: 10 });

/** A version as `trainModel` registers it. */
export const SUBJECT: BomSubject = {
  environment: 'prod',
  model: 'flights-delay',
  version: 4,
  onnx: artifact('a'),
  inputs: {
    pinned: {
      project: 'flights-delay',
      projectDigest: sha('b'),
      policyDigest: sha('c'),
      commit: '1'.repeat(40),
      bundle: artifact('d'),
    },
    dataset: {
      data: artifact('e'),
      rows: 1000,
      from: '2001-01-01T00:00:00.000Z',
      until: '2001-04-01T00:00:00.000Z',
      snapshot: 12,
    },
    trigger: 'manual',
  },
  params: { num_leaves: '31' },
  artifacts: { 'model.onnx': artifact('a'), 'model-card.md': artifact('f') },
  runId: 'run-1',
  workflowId: 'train-model/flights-delay/1',
  startedAt: '2001-05-01T00:00:00.000Z',
  endedAt: '2001-05-01T00:01:00.000Z',
  client: null,
  description: 'Will it be late?',
  owner: 'flights-team',
  metrics: { auc: 0.744 },
  evidence: sampleEvidence(),
  at: '2001-06-01T00:00:00.000Z',
};

/** How the environment judged what a client brought. */
export const EVALUATION: EvaluationRun = {
  runId: 'run-2',
  inputs: { ...SUBJECT.inputs, workflowId: 'promote-model/flights-delay/4' },
  metrics: { auc: 0.741 },
  artifacts: { 'model/model.onnx': artifact('a'), 'evaluation.json': artifact('9') },
  startedAt: '2001-05-02T00:00:00.000Z',
  endedAt: '2001-05-02T00:01:00.000Z',
};

/** A version that a client brought along. */
export const STRANGER: BomSubject = {
  ...SUBJECT,
  onnx: null,
  inputs: {},
  params: {},
  artifacts: {},
  metrics: {},
  runId: null,
  workflowId: null,
  startedAt: null,
  endedAt: null,
  client: {
    source: 's3://elsewhere/model',
    runId: null,
    proof: 'token',
    registeredBy: 'scientist',
    registeredAt: '2001-05-01T00:00:00.000Z',
    commit: null,
  },
  description: '',
  owner: '',
  evidence: undefined,
};
