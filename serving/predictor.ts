import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { SuperstepError } from '../contracts/failure-types.ts';
import { featureNames, messageOf, readMetadata, unsupported } from './onnx-metadata.ts';

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
  /** Names of the model's inputs, for a file that does not name them in its metadata. */
  readonly features?: readonly string[];
}

/** The output that our own writer makes; a file with one of this name may have others beside it. */
const OUTPUT = 'probability';

/**
 * Loads an ONNX classifier from a file or its bytes: one input, float32 [rows, K]; an output `probability`, or else one
 * single float32 output, of shape [rows], [rows, 1], or [rows, 2] with label 1 in the second column; names of the
 * features as a JSON list in its metadata, or given with it.
 *
 * Errors: `ChecksumMismatch` for another file than expected, `UnsupportedOperator` for a file that is no such model,
 * has an operator that the runtime lacks, or cannot score the rows that it is given, `OutOfMemory` for one that asks
 * for more memory than there is, when it is loaded or when it scores.
 */
export async function loadPredictor(
  model: string | Uint8Array,
  { threads, expectedSha256, features: given }: PredictorOptions,
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
  const features = featureNames(metadata, given, sha256);
  const session = await createSession(bytes, threads, sha256);
  const { input, output, width } = await readSignature(session, features.length, sha256);
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
      const answer = await run(session, { [input]: new Tensor('float32', rows, [count, features.length]) }, sha256);
      const values = answer[output]?.data as Float32Array;
      if (values.length !== count * width) {
        throw unsupported(sha256, `it gives ${values.length} values for ${count} rows; expected ${width} a row`);
      }
      return width === 1 ? values : values.filter((_, i) => i % 2 === 1);
    },
    release: () => session.release(),
  };
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
    throw faultOf(error, sha256, 'the runtime refuses it');
  }
}

async function run(
  session: InferenceSession,
  feeds: InferenceSession.FeedsType,
  sha256: string,
): Promise<InferenceSession.ReturnType> {
  try {
    return await session.run(feeds);
  } catch (error) {
    throw faultOf(error, sha256, 'the runtime cannot score rows with it');
  }
}

/** What the runtime cannot do it will not do at another try either; memory may come back. It has no type for that. */
function faultOf(error: unknown, sha256: string, what: string): SuperstepError {
  const found = messageOf(error);
  if (!/alloc/i.test(found)) return unsupported(sha256, `${what}: ${found}`);
  return new SuperstepError(
    'OutOfMemory',
    `the model file ${sha256.slice(0, 12)} asks for more memory than there is: ${what}: ${found}`,
    { sha256 },
  );
}

interface Signature {
  readonly input: string;
  readonly output: string;
  /** Values of the output for a row: 1, or 2 with label 1 second. */
  readonly width: 1 | 2;
}

type TensorOfModel = InferenceSession['inputMetadata'][number];

/** Finds what to feed and what to read. Releases the session of a file that is no such model. */
async function readSignature(session: InferenceSession, features: number, sha256: string): Promise<Signature> {
  const [input, ...others] = session.inputMetadata;
  const numbers = session.outputMetadata.flatMap((tensor) => {
    const width = scoreWidth(tensor);
    return width === undefined ? [] : [{ output: tensor.name, width }];
  });
  const score = numbers.find(({ output }) => output === OUTPUT) ?? (numbers.length === 1 ? numbers[0] : undefined);
  if (input !== undefined && others.length === 0 && takesRows(input, features) && score !== undefined) {
    return { input: input.name, ...score };
  }
  await session.release();
  throw unsupported(
    sha256,
    `it takes ${session.inputMetadata.map(described).join(', ')} and gives ${session.outputMetadata.map(described).join(', ')}; expected one input float32 [rows, ${features}], and one output float32 [rows], [rows, 1] or [rows, 2], or one named "${OUTPUT}" among others`,
  );
}

function takesRows(tensor: TensorOfModel, features: number): boolean {
  return tensor.isTensor && tensor.type === 'float32' && tensor.shape.length === 2 && fits(tensor.shape[1], features);
}

/** How many values a row has in an output that can be a score; undefined for one that cannot. */
function scoreWidth(tensor: TensorOfModel): 1 | 2 | undefined {
  if (!tensor.isTensor || tensor.type !== 'float32') return undefined;
  const [, columns, ...more] = tensor.shape;
  if (more.length > 0) return undefined;
  if (columns === undefined || columns === 1) return 1;
  return columns === 2 ? 2 : undefined;
}

/** A dimension without a number takes any. */
function fits(dimension: number | string | undefined, wanted: number): boolean {
  return typeof dimension === 'string' || dimension === wanted || (typeof dimension === 'number' && dimension < 0);
}

function described(tensor: TensorOfModel): string {
  return tensor.isTensor ? `"${tensor.name}" ${tensor.type} [${tensor.shape.join(', ')}]` : `"${tensor.name}"`;
}
