import type { OnnxSignature, OnnxTensor } from './onnx-signature.ts';

/** The name of a run's folder with its model, and of the file in it. */
export const MODEL_FOLDER = 'model';
export const MODEL_FILE = 'model.onnx';

export interface MlmodelInput {
  readonly runId: string;
  /** ISO instant that belongs to the run: no clock, so that a repeated call writes the same file. */
  readonly createdAt: string;
  /** Of the ONNX file. */
  readonly bytes: number;
  readonly sha256: string;
  readonly signature: OnnxSignature;
}

/** One flavor of an `MLmodel` file. */
type Flavor = Readonly<Record<string, unknown>>;

/** What an `MLmodel` file says. */
export interface Mlmodel {
  readonly artifact_path: string;
  readonly flavors: { readonly onnx: Flavor; readonly python_function: Flavor };
  readonly model_size_bytes: number;
  readonly run_id: string;
  readonly signature: { readonly inputs: string; readonly outputs: string | null; readonly params: null };
  readonly utc_time_created: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * The `MLmodel` file that makes an ONNX file loadable for MLflow's clients, by the flavors onnx and pyfunc. As JSON it
 * is YAML too.
 */
export function buildMlmodel({ runId, createdAt, bytes, sha256, signature }: MlmodelInput): Mlmodel {
  return {
    artifact_path: MODEL_FOLDER,
    flavors: {
      onnx: {
        data: MODEL_FILE,
        providers: ['CPUExecutionProvider'],
        onnx_session_options: null,
        code: null,
      },
      python_function: { loader_module: 'mlflow.onnx', data: MODEL_FILE },
    },
    model_size_bytes: bytes,
    run_id: runId,
    signature: signatureOf(signature),
    utc_time_created: new Date(createdAt).toISOString().replace('T', ' ').replace('Z', '000'),
    metadata: { 'superstep.onnx_sha256': sha256 },
  };
}

/** The entry of a run's tag `mlflow.log-model.history`, by which MLflow's UI tells that a folder holds a model. */
export function logModelHistory({ artifact_path, flavors, run_id, utc_time_created }: Mlmodel): string {
  return JSON.stringify([{ artifact_path, flavors, run_id, utc_time_created }]);
}

/** Each part is a JSON text of its own. Columns where their names are known, so that data frames fit. */
function signatureOf({ inputs, outputs, features }: OnnxSignature): Mlmodel['signature'] {
  const column = COLUMN_TYPES.get(inputs[0]?.dtype ?? '');
  const taken =
    features === null || column === undefined
      ? inputs.map(tensorSpec)
      : features.map((name) => ({ name, type: column, required: true }));
  return {
    inputs: JSON.stringify(taken),
    outputs: outputs === null ? null : JSON.stringify(outputs.map(tensorSpec)),
    params: null,
  };
}

/**
 * MLflow's names for the types of columns. Data frames hold float64, which MLflow refuses for float (it only widens) and
 * narrows by itself when it feeds the model.
 */
const COLUMN_TYPES: ReadonlyMap<string, string> = new Map([
  ['float32', 'double'],
  ['float64', 'double'],
  ['int32', 'integer'],
  ['int64', 'long'],
  ['bool', 'boolean'],
  ['object', 'string'],
]);

function tensorSpec({ name, dtype, shape }: OnnxTensor): object {
  return { name, type: 'tensor', 'tensor-spec': { dtype, shape } };
}
