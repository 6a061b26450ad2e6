import proto from 'onnx-proto';
import { SuperstepError } from '../contracts/failure-types.ts';

/**
 * What an ONNX file says of itself, read without loading it into the runtime.
 *
 * @throws UnsupportedOperator for bytes that are no ONNX model
 */
export function readMetadata(bytes: Uint8Array, sha256: string): Readonly<Record<string, string>> {
  try {
    const { metadataProps } = proto.onnx.ModelProto.decode(bytes);
    return Object.fromEntries(metadataProps.map(({ key, value }) => [key ?? '', value ?? '']));
  } catch (error) {
    throw unsupported(sha256, `it cannot be read as ONNX: ${messageOf(error)}`);
  }
}

/**
 * Names of a model's inputs, in order: those of its own metadata, or else the given ones.
 *
 * @throws UnsupportedOperator where there are neither
 */
export function featureNames(
  metadata: Readonly<Record<string, string>>,
  given: readonly string[] | undefined,
  sha256: string,
): readonly string[] {
  try {
    const features: unknown = JSON.parse(metadata['features'] ?? 'null');
    if (Array.isArray(features) && features.every((name) => typeof name === 'string')) return features;
  } catch {
    // Falls through to the one message for a list that is not there or is none.
  }
  if (given !== undefined) return given;
  throw unsupported(sha256, 'its metadata has no JSON list of names under "features"');
}

export function unsupported(sha256: string, reason: string): SuperstepError {
  return new SuperstepError('UnsupportedOperator', `the model file ${sha256.slice(0, 12)} cannot be used: ${reason}`, {
    sha256,
  });
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
