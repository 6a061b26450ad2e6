import koffi from 'koffi';
import { SuperstepError } from '../contracts/failure-types.ts';
import type { Matrix } from './matrix.ts';

export type LightGbmParams = Readonly<Record<string, string | number>>;

export interface TrainOptions {
  readonly params: LightGbmParams;
  readonly iterations: number;
  readonly seed: number;
  readonly threads: number;
}

/** Binned training rows inside the library; the matrix they came from may be dropped. Free it when done. */
export interface TrainingSet {
  readonly handle: unknown;
  readonly rows: number;
  /** Mean log loss of the best constant prediction: what a model must at least beat on its own training rows. */
  readonly constantLoss: number;
  readonly free: () => void;
}

export type PredictionKind = 'response' | 'raw' | 'contributions';

/** A trained model inside the library. Free it when done. */
export interface Booster {
  /** Trees that were grown; fewer than asked for when no split is left that helps. */
  readonly iterations: number;
  /**
   * `response`: probabilities, `raw`: log odds, one a row. `contributions`: SHAP values of the log odds, features + 1 a
   * row, the last being the expected value.
   */
  readonly predict: (matrix: Matrix, kind: PredictionKind) => Float64Array;
  /** The model as LightGBM's JSON. */
  readonly dump: () => LightGbmDump;
  /** The model in LightGBM's own text format, the same for any number of threads. */
  readonly text: () => string;
  readonly free: () => void;
}

export interface LightGbmDump {
  readonly objective: string;
  readonly num_class: number;
  readonly average_output: boolean;
  readonly max_feature_idx: number;
  readonly tree_info: readonly { readonly tree_index: number; readonly tree_structure: LightGbmNode }[];
}

export interface LightGbmLeaf {
  readonly leaf_value: number;
}

export interface LightGbmSplit {
  readonly split_feature: number;
  readonly threshold: number | string;
  readonly decision_type: string;
  readonly default_left: boolean;
  readonly missing_type: string;
  readonly left_child: LightGbmNode;
  readonly right_child: LightGbmNode;
}

export type LightGbmNode = LightGbmLeaf | LightGbmSplit;

/** Called after each tree, with the mean log loss on the training rows where it was measured. */
export type IterationListener = (done: number, trainLogLoss: number | undefined) => Promise<void>;

export interface LightGbm {
  /** Bins the rows. `labels`: one 0 or 1 a row. */
  readonly createTrainingSet: (
    matrix: Matrix,
    labels: Float32Array,
    names: readonly string[],
    options: { readonly seed: number; readonly threads: number },
  ) => TrainingSet;
  /** Grows the trees one by one and lets the event loop run in between. */
  readonly train: (set: TrainingSet, options: TrainOptions, onIteration: IterationListener) => Promise<Booster>;
}

const FLOAT32 = 0;
const LABEL_TYPE = 0;
const PREDICT_TYPE: Readonly<Record<PredictionKind, number>> = { response: 0, raw: 1, contributions: 3 };
/** Measuring the loss reads every row; each tenth tree is often enough to see it run away. */
const LOSS_EVERY = 10;
/** So much worse than a constant may a model be before it counts as diverged. */
const LOSS_TOLERANCE = 0.01;

/**
 * Loads LightGBM's C library (4.x) and binds what training a binary classifier needs. Its calls block the thread, so
 * it belongs in a child process.
 *
 * Models are reproducible bit for bit, for any number of threads: deterministic, row-wise histograms, fixed seed. NaN
 * is a missing value, zero is not.
 */
export function loadLightGbm(libraryPath: string): LightGbm {
  const api = bind(libraryPath);
  return {
    createTrainingSet: (matrix, labels, names, options) => createTrainingSet(api, matrix, labels, names, options),
    train: (set, options, onIteration) => train(api, set, options, onIteration),
  };
}

type Api = ReturnType<typeof bind>;

function bind(libraryPath: string) {
  const library = load(libraryPath);
  const lastError = library.func('const char* LGBM_GetLastError()');
  /** Declares a function that answers 0 or an error; the error becomes an exception. */
  const declare = (name: string, parameters: string): ((...values: unknown[]) => void) => {
    const call = library.func(`int ${name}(${parameters})`);
    return (...values) => {
      if (call(...values) !== 0) throw libraryError(name, String(lastError()));
    };
  };
  const asText = 'void* b, int start, int num, int importance, int64_t size, _Out_ int64_t* length, void* out';
  return {
    datasetFromMatrix: declare(
      'LGBM_DatasetCreateFromMat',
      'const void* data, int type, int32_t rows, int32_t columns, int row_major, const char* params, void* reference, _Out_ void** out',
    ),
    datasetSetField: declare('LGBM_DatasetSetField', 'void* d, const char* name, const void* data, int n, int type'),
    datasetSetNames: declare('LGBM_DatasetSetFeatureNames', 'void* d, const char** names, int n'),
    datasetFree: declare('LGBM_DatasetFree', 'void* d'),
    boosterCreate: declare('LGBM_BoosterCreate', 'void* d, const char* params, _Out_ void** out'),
    boosterUpdate: declare('LGBM_BoosterUpdateOneIter', 'void* b, _Out_ int* finished'),
    boosterIterations: declare('LGBM_BoosterGetCurrentIteration', 'void* b, _Out_ int* iterations'),
    boosterEvaluate: declare('LGBM_BoosterGetEval', 'void* b, int data, _Out_ int* length, void* out'),
    boosterDump: declare('LGBM_BoosterDumpModel', asText),
    boosterSave: declare('LGBM_BoosterSaveModelToString', asText),
    boosterPredict: declare(
      'LGBM_BoosterPredictForMat',
      'void* b, const void* data, int type, int32_t rows, int32_t columns, int row_major, int kind, int start, int num, const char* params, _Out_ int64_t* length, void* out',
    ),
    boosterFree: declare('LGBM_BoosterFree', 'void* b'),
  };
}

function load(libraryPath: string): ReturnType<typeof koffi.load> {
  try {
    return koffi.load(libraryPath);
  } catch (error) {
    throw new SuperstepError(
      'ChildProcessFailed',
      `LightGBM's library "${libraryPath}" cannot be loaded: ${error instanceof Error ? error.message : String(error)}. ` +
        'Run set-up again; on Linux it needs the package libgomp1',
      { libraryPath },
    );
  }
}

function libraryError(call: string, message: string): SuperstepError {
  return new SuperstepError('TrainingDiverged', `LightGBM refused ${call}: ${message}`, { call });
}

function parameterText(params: LightGbmParams): string {
  return Object.entries(params)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ');
}

/** What makes models reproducible and handles missing values as the ONNX writer expects. */
function fixedParams(seed: number, threads: number): LightGbmParams {
  return {
    verbosity: -1,
    deterministic: 'true',
    force_row_wise: 'true',
    use_missing: 'true',
    zero_as_missing: 'false',
    // Else a set that was binned for one min_data_in_leaf refuses another, and trials share one set.
    feature_pre_filter: 'false',
    seed,
    num_threads: threads,
  };
}

function createTrainingSet(
  api: Api,
  matrix: Matrix,
  labels: Float32Array,
  names: readonly string[],
  { seed, threads }: { readonly seed: number; readonly threads: number },
): TrainingSet {
  const { rows, columns, values } = matrix;
  const out = [null];
  api.datasetFromMatrix(values, FLOAT32, rows, columns, 1, parameterText(fixedParams(seed, threads)), null, out);
  const handle = out[0];
  api.datasetSetNames(handle, names, names.length);
  api.datasetSetField(handle, 'label', labels, rows, LABEL_TYPE);
  return { handle, rows, constantLoss: constantLoss(labels), free: () => api.datasetFree(handle) };
}

async function train(
  api: Api,
  set: TrainingSet,
  { params, iterations, seed, threads }: TrainOptions,
  onIteration: IterationListener,
): Promise<Booster> {
  const out = [null];
  const text = parameterText({ objective: 'binary', ...params, ...fixedParams(seed, threads) });
  api.boosterCreate(set.handle, text, out);
  const handle = out[0];
  try {
    for (let done = 1; done <= iterations; done++) {
      const finished = [0];
      api.boosterUpdate(handle, finished);
      const last = done === iterations || finished[0] === 1;
      const loss = last || done % LOSS_EVERY === 0 ? trainLogLoss(api, handle, done, set.constantLoss) : undefined;
      await onIteration(done, loss);
      await new Promise((resolve) => setImmediate(resolve));
      if (finished[0] === 1) break;
    }
    return booster(api, handle, threads);
  } catch (error) {
    api.boosterFree(handle);
    throw error;
  }
}

function constantLoss(labels: Float32Array): number {
  const rate = labels.reduce((sum, label) => sum + label, 0) / labels.length;
  return rate <= 0 || rate >= 1 ? 0 : -(rate * Math.log(rate) + (1 - rate) * Math.log(1 - rate));
}

/** LightGBM clips the loss, so that a model that ran away shows as one that is worse than a constant, not as infinity. */
function trainLogLoss(api: Api, handle: unknown, iteration: number, worst: number): number {
  const losses = new Float64Array(8);
  api.boosterEvaluate(handle, 0, [0], losses);
  const loss = losses[0] ?? Number.NaN;
  if (loss <= worst + LOSS_TOLERANCE) return loss;
  throw new SuperstepError(
    'TrainingDiverged',
    `after ${iteration} trees the log loss on the training rows is ${loss}; expected at most that of a constant, ${worst}. ` +
      'Lower learning_rate, or raise lambda_l2 or min_data_in_leaf',
    { iteration, loss: String(loss), constantLoss: worst },
  );
}

function booster(api: Api, handle: unknown, threads: number): Booster {
  const iterations = [0];
  api.boosterIterations(handle, iterations);
  const text = (call: Api['boosterDump']): string => {
    const length = [0];
    call(handle, 0, -1, 0, 0, length, null);
    const size = Number(length[0]);
    const buffer = Buffer.alloc(size);
    call(handle, 0, -1, 0, size, length, buffer);
    return buffer.toString('utf8', 0, size - 1);
  };
  return {
    iterations: iterations[0] ?? 0,
    predict: ({ values, rows, columns }, kind) => {
      const out = new Float64Array(kind === 'contributions' ? rows * (columns + 1) : rows);
      const params = parameterText({ num_threads: threads, verbosity: -1 });
      api.boosterPredict(handle, values, FLOAT32, rows, columns, 1, PREDICT_TYPE[kind], 0, -1, params, [0], out);
      return out;
    },
    dump: () => JSON.parse(text(api.boosterDump)) as LightGbmDump,
    // The text ends with the parameters; the number of threads is no part of the model.
    text: () => text(api.boosterSave).replace(/^\[num_threads: \d+\]$/m, '[num_threads: 0]'),
    free: () => api.boosterFree(handle),
  };
}
