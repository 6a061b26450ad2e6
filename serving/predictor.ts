import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import proto from 'onnx-proto';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { SuperstepError } from '../contracts/failure-types.ts';

/** A loaded binary classifier. */
export interface Predictor {
  /** Names of the inputs in order, from the model file. */
  readonly features: readonly string[];
  /** The model file's metadata, `features` among it. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Of the file's bytes, lower-case hex. */
  readonly sha256: string;
  /**
   * Probability of label 1 for each row. `rows`: float32 row by row, `count * features.length` values, NaN where
   * missing. Blocks the thread while it computes (40 us for one row, some 2.5 us a row in large batches).
   */
  readonly predict: (rows: Float32Array, count: number) => Promise<Float32Array>;
  readonly release: () => Promise<void>;
}

export interface PredictorOptions {
  readonly threads: number;
  /** Refuses any other file. */
  readonly expectedSha256?: string;
}

const INPUT = 'features';
const OUTPUT = 'probability';

/**
 * Loads an ONNX classifier from a file or its bytes: input `features` float32 [rows, K], output `probability`
 * float32 [rows, 1], names of the features as a JSON list in its metadata.
 *
 * Errors: `ChecksumMismatch` for another file than expected, `UnsupportedOperator` for a file that is no such model or
 * has an operator that the runtime lacks.
 */
export async function loadPredictor(
  model: string | Uint8Array,
  { threads, expectedSha256 }: PredictorOptions,
): Promise<Predictor> {
  const bytes = typeof model === 'string' ? await readFile(model) : model;
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  if (expectedSha256 !== undefined && sha256 !== expectedSha256) {
    throw new SuperstepError(
      'ChecksumMismatch',
      `the model file has sha256 ${sha256}; expected ${expectedSha256}. The file was changed or damaged: restore it or train again`,
      { expected: expectedSha256, found: sha256 },
    );
  }
  const metadata = readMetadata(bytes, sha256);
  const features = readFeatures(metadata, sha256);
  const session = await createSession(bytes, threads, sha256);
  await checkSignature(session, features.length, sha256);
  return {
    features,
    metadata,
    sha256,
    predict: async (rows, count) => {
      if (rows.length !== count * features.length) {
        throw new SuperstepError(
          'InvalidInput',
          `got ${rows.length} values for ${count} rows; expected ${features.length} a row: ${features.join(', ')}`,
        );
      }
      if (count === 0) return new Float32Array(0);
      const output = await session.run({ [INPUT]: new Tensor('float32', rows, [count, features.length]) });
      return output[OUTPUT]?.data as Float32Array;
    },
    release: () => session.release(),
  };
}

function readMetadata(bytes: Uint8Array, sha256: string): Record<string, string> {
  try {
    const { metadataProps } = proto.onnx.ModelProto.decode(bytes);
    return Object.fromEntries(metadataProps.map(({ key, value }) => [key ?? '', value ?? '']));
  } catch (error) {
    throw unsupported(sha256, `it cannot be read as ONNX: ${messageOf(error)}`);
  }
}

function readFeatures(metadata: Readonly<Record<string, string>>, sha256: string): readonly string[] {
  try {
    const features: unknown = JSON.parse(metadata['features'] ?? 'null');
    if (Array.isArray(features) && features.every((name) => typeof name === 'string')) return features;
  } catch {
    // Falls through to the one message for a list that is not there or is none.
  }
  throw unsupported(sha256, 'its metadata has no JSON list of names under "features"');
}

async function createSession(bytes: Uint8Array, threads: number, sha256: string): Promise<InferenceSession> {
  try {
    return await InferenceSession.create(bytes, {
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      // Errors only: what is wrong comes as an exception.
      logSeverityLevel: 3,
    });
  } catch (error) {
    throw unsupported(sha256, `the runtime refuses it: ${messageOf(error)}`);
  }
}

async function checkSignature(session: InferenceSession, features: number, sha256: string): Promise<void> {
  const input = session.inputMetadata.find(({ name }) => name === INPUT);
  const output = session.outputMetadata.find(({ name }) => name === OUTPUT);
  const fits =
    session.inputNames.length === 1 &&
    input?.isTensor === true &&
    input.type === 'float32' &&
    input.shape[1] === features &&
    output?.isTensor === true &&
    output.type === 'float32' &&
    output.shape[1] === 1;
  if (fits) return;
  await session.release();
  throw unsupported(
    sha256,
    `it takes ${session.inputNames.join(', ')} and gives ${session.outputNames.join(', ')}; expected "${INPUT}" float32 [rows, ${features}] and "${OUTPUT}" float32 [rows, 1]`,
  );
}

function unsupported(sha256: string, reason: string): SuperstepError {
  return new SuperstepError('UnsupportedOperator', `the model file ${sha256.slice(0, 12)} cannot be used: ${reason}`, {
    sha256,
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
