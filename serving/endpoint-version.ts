import { batchSameTick, type Score } from './endpoint-batching.ts';

/** The version of a model that the registry has in Production, and its file. */
export interface ProductionModel {
  readonly model: string;
  readonly version: number;
  readonly file: string;
  readonly sha256: string;
  readonly bytes: number;
  /** Names of the model's inputs, where its file has none. */
  readonly features?: readonly string[];
}

/** What the endpoint needs of a loaded model. */
export interface EndpointPredictor {
  readonly features: readonly string[];
  readonly sha256: string;
  predict(rows: Float32Array, count: number): Promise<Float32Array>;
  release(): Promise<void> | void;
}

export type LoadEndpointPredictor = (
  file: string,
  options: { threads: number; expectedSha256: string; features?: readonly string[] },
) => Promise<EndpointPredictor>;

/** A version in memory, and how many requests use it. */
export interface LoadedVersion {
  readonly version: number;
  readonly sha256: string;
  readonly predictor: EndpointPredictor;
  readonly score: Score;
  users: number;
  retired: boolean;
}

/** A loaded version, held by a request: `done` must be called exactly once, after the last use. */
export interface HeldVersion {
  readonly version: number;
  readonly features: readonly string[];
  readonly score: Score;
  readonly done: () => void;
}

/** Loads a version, its digest checked, and warms it with one run. Whatever fails leaves nothing behind. */
export async function loadVersion(
  loadPredictor: LoadEndpointPredictor,
  wanted: ProductionModel,
  maxRows: number,
): Promise<LoadedVersion> {
  // One row costs tens of microseconds: a second thread would only hurt the tail.
  const predictor = await loadPredictor(wanted.file, {
    threads: 1,
    expectedSha256: wanted.sha256,
    ...(wanted.features === undefined ? {} : { features: wanted.features }),
  });
  try {
    const scores = await predictor.predict(new Float32Array(predictor.features.length), 1);
    if (scores.length !== 1) throw new RangeError(`the warm-up run gave ${scores.length} scores for 1 row`);
  } catch (error) {
    await predictor.release();
    throw error;
  }
  const score = batchSameTick((rows, count) => predictor.predict(rows, count), maxRows);
  return { version: wanted.version, sha256: wanted.sha256, predictor, score, users: 0, retired: false };
}

export interface VersionUse {
  /** Takes a version for one request. */
  readonly hold: (loaded: LoadedVersion) => HeldVersion;
  /** Releases a version that takes no more requests, once its last one is answered. */
  readonly retire: (loaded: LoadedVersion | undefined) => void;
  /** Settles when all that was to be released is. */
  readonly released: () => Promise<void>;
}

/** Counts who uses which version, and releases what nobody needs any more. */
export function createVersionUse(log: (line: string) => void): VersionUse {
  const releases = new Set<Promise<void>>();
  const release = (loaded: LoadedVersion): void => {
    const running = Promise.resolve(loaded.predictor.release())
      .catch((error: unknown) => log(`a model could not be released: ${messageOf(error)}`))
      .finally(() => releases.delete(running));
    releases.add(running);
  };
  return {
    hold: (loaded) => {
      loaded.users++;
      const done = (): void => {
        loaded.users--;
        if (loaded.retired && loaded.users === 0) release(loaded);
      };
      return { version: loaded.version, features: loaded.predictor.features, score: loaded.score, done };
    },
    retire: (loaded) => {
      if (loaded === undefined) return;
      loaded.retired = true;
      if (loaded.users === 0) release(loaded);
    },
    released: async () => void (await Promise.all(releases)),
  };
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
