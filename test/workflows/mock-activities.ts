import type { AdoptionActivities } from '../../activities/adoption-activities.ts';
import type { AuditActivities } from '../../activities/audit-activities.ts';
import type { DatasetActivities } from '../../activities/dataset-activities.ts';
import type { DeliveryActivities } from '../../activities/delivery-activities.ts';
import type { MonitoringActivities } from '../../activities/monitoring-activities.ts';
import type { PredictionActivities } from '../../activities/prediction-activities.ts';
import type { ProjectActivities } from '../../activities/project-activities.ts';
import type { PromotionActivities } from '../../activities/promotion-activities.ts';
import type { RecertificationActivities } from '../../activities/recertification-activities.ts';
import type { RefreshActivities } from '../../activities/refresh-activities.ts';
import type { RegistrationActivities } from '../../activities/registration-activities.ts';
import type { RetrainingActivities } from '../../activities/retraining-activities.ts';
import type { TrainingActivities } from '../../activities/training-activities.ts';
import {
  AS_OF,
  candidate,
  comparison,
  CHAMPION,
  DATASET,
  EVALUATION,
  evidenceDigest,
  gateResult,
  monitored,
  PINNED,
  PLAN,
  preparedEvidence,
  PROJECT,
  SCORING,
  artifact,
  staged,
  TRAINED,
  VERSION,
} from './sample-values.ts';

/** Every activity that a workflow may call. */
export type Activities = ProjectActivities &
  AdoptionActivities &
  RegistrationActivities &
  PromotionActivities &
  RetrainingActivities &
  RecertificationActivities &
  AuditActivities &
  DeliveryActivities &
  RefreshActivities &
  DatasetActivities &
  PredictionActivities &
  MonitoringActivities &
  TrainingActivities;

export type ActivityName = keyof Activities;
type Input<Name extends ActivityName> = Parameters<Activities[Name]>[0];

/** Activities whose answers a test sets, and which remember what they were asked. */
export interface MockActivities {
  /** For a worker. Looks up the present answer at each call. */
  readonly activities: Activities;
  /** Forgets all calls; answers as the happy path does, except for these. */
  answer(changes?: Partial<Activities>): void;
  /** What an activity was asked, in order. */
  calls<Name extends ActivityName>(name: Name): readonly Input<Name>[];
  /** Names of all activities that were called, in order. */
  order(): readonly ActivityName[];
}

export function mockActivities(): MockActivities {
  let answers: Activities = happyPath();
  let log: { readonly name: ActivityName; readonly input: unknown }[] = [];
  const activity = (name: ActivityName) => (input: unknown) => {
    log.push({ name, input });
    return (answers[name] as (input: unknown) => Promise<unknown>)(input);
  };
  const names = Object.keys(answers) as ActivityName[];
  return {
    activities: Object.fromEntries(names.map((name) => [name, activity(name)])) as unknown as Activities,
    answer: (changes = {}) => {
      answers = { ...happyPath(), ...changes };
      log = [];
    },
    calls: <Name extends ActivityName>(name: Name) =>
      log.filter((call) => call.name === name).map((call) => call.input as Input<Name>),
    order: () => log.map((call) => call.name),
  };
}

/** Everything passes; the evidence of each comparison of a run has a digest of its own. */
function happyPath(): Activities {
  return {
    ...edges(),
    ...promotions(),
    ...adoptions(),
    ...recertifications(),
    ...audits(),
    deliverBatch: async () => ({ outcome: 'nothing-left', delivered: 3 }),
    ...lakeAndTraining(),
  };
}

function edges(): ProjectActivities & RegistrationActivities & RetrainingActivities {
  return {
    acceptInput: async ({ input, now }) => {
      const given = input as { readonly project: string; readonly asOf?: string };
      const window = { from: '2001-04-24T00:00:00.000Z', until: AS_OF };
      return { input: { ...window, ...given }, asOf: given.asOf ?? now, pinned: PINNED, environment: 'prod' };
    },
    logTrainingRun: async () => ({ runId: '5b0c2f6e9a3d41c8', metrics: { auc: 0.744 } }),
    registerModelVersion: async () => ({ model: PROJECT, version: VERSION }),
    requestStaging: async () => undefined,
    selectProductionModel: async () => SCORING,
    decideRetraining: async () => ({ action: 'none', reasons: ['nothing to do'], retraining: null }),
    releaseRetrainingLease: async () => undefined,
  };
}

function promotions(): PromotionActivities & Pick<DatasetActivities, 'compareModels'> {
  let comparisons = 0;
  return {
    pinPromotion: async () => candidate(),
    checkCompliance: async () => gateResult('compliance'),
    compareModels: async () => {
      comparisons++;
      return comparison();
    },
    recordComparison: async ({ comparison: { verdict } }) => gateResult('comparison', verdict),
    prepareEvidence: async (input) => preparedEvidence(input, evidenceDigest(Math.max(1, comparisons))),
    openApproval: async ({ evidence }) => ({
      outcome: 'open',
      requestId: `request-${evidence.digest.slice(0, 4)}`,
      superseded: [],
    }),
    approvalStanding: async () => ({ request: 'open', champion: CHAMPION }),
    recordDecision: async () => undefined,
    closeApproval: async ({ outcome }) => ({ status: outcome }),
    promoteModelVersion: async ({ champion }) => ({
      outcome: 'promoted',
      previous: champion,
      steps: [
        { step: 'archive-previous', status: champion === null ? 'skipped' : 'done' },
        { step: 'close-request', status: 'done' },
        { step: 'enter-production', status: 'done' },
        { step: 'record-history', status: 'done' },
      ],
    }),
    tellGate: async () => ({ open: true, keys: [] }),
    confirmServing: async ({ version }) => ({ step: 'serve', status: 'done', note: `serves version ${version}` }),
    rebaseMonitor: async () => ({ step: 'rebase-monitor', status: 'done', note: 'its profile' }),
    notifyPromoted: async () => ({ step: 'notify', status: 'done' }),
    undoPromotion: async ({ previous }) => ({ undone: true, note: `version ${previous} is back`, waitingGates: [] }),
    rollBackVersion: async () => ({
      outcome: 'rolled-back',
      model: PROJECT,
      from: VERSION,
      to: CHAMPION,
      waitingGates: [],
    }),
  };
}

function adoptions(): AdoptionActivities {
  return {
    beginAdoption: async () => ({ candidate: candidate(), onnx: TRAINED.onnx, columns: null }),
    recordAdoption: async () => ({ runId: '5b0c2f6e9a3d41c8' }),
  };
}

function recertifications(): RecertificationActivities {
  return {
    modelsInProduction: async () => ({ models: [PROJECT], input: {} }),
    recertifyModel: async ({ model }) => ({ model, version: VERSION, findings: [] }),
  };
}

function audits(): AuditActivities {
  const envelope = { payloadType: 'head', payload: '', signatures: [{ keyid: 'key', sig: '' }] } as const;
  return {
    archiveHistories: async () => ({ archived: 2 }),
    signAuditHead: async () => ({ sequence: 12, envelope, places: [{ file: 'heads.jsonl' }] }),
    writeAuditHead: async () => 'written',
    reconcileRegistry: async () => ({ outcome: 'whole', count: 0, findings: [] }),
  };
}

function lakeAndTraining(): RefreshActivities &
  PredictionActivities &
  MonitoringActivities &
  TrainingActivities &
  Omit<DatasetActivities, 'compareModels'> {
  return {
    planRefresh: async () => PLAN,
    stageTable: async ({ table }) => staged(table),
    adoptRefresh: async ({ plan, staged: tables }) => ({
      snapshot: 42,
      tables: plan.tables.map((table) => ({ table, rows: 117_000, total: 2_000_000 })),
      expectations: tables.flatMap(({ table, expectations }) => expectations.map((e) => ({ table, ...e }))),
    }),
    recordStoppedRefresh: async () => undefined,
    prepareTrainingData: async () => DATASET,
    evaluateModel: async () => EVALUATION,
    trainModel: async () => TRAINED,
    checkParity: async () => ({ rows: 5_000, maxDifference: 1.8e-7, tolerance: 1e-5 }),
    buildScoringRows: async () => ({ data: artifact('9'), rows: 114_000, snapshot: 42, asOf: AS_OF }),
    scoreRows: async ({ data: _ }) => ({ scores: artifact('0'), rows: 114_000 }),
    publishPredictions: async () => ({ table: 'gold.predictions', snapshot: 43 }),
    exportPredictions: async ({ sink }) => `exports/${sink.path}`,
    monitorWindow: async () => monitored(),
  };
}
