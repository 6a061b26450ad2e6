/**
 * Every failure that Superstep raises: `ApplicationFailure.type` on the wire, the `type` of a `SuperstepError` inside.
 * docs/errors.md explains each; a test holds the two in step, both ways.
 *
 * `retryable` is the class: the caller's, the data's, the model's and the state's faults come back the same on every
 * try and are not retried; weather is.
 */
export const FAILURE_TYPES = {
  // The caller's fault: found at the edge, before anything runs.
  InvalidProject: { retryable: false },
  InvalidPolicy: { retryable: false },
  InvalidInput: { retryable: false },
  UnknownProject: { retryable: false },
  UnknownModel: { retryable: false },
  UnknownResource: { retryable: false },
  AlreadyExists: { retryable: false },
  DirtyProject: { retryable: false },
  // The data's fault.
  SchemaMismatch: { retryable: false },
  ExpectationFailed: { retryable: false },
  EmptyDataset: { retryable: false },
  StaleFeatures: { retryable: false },
  LeakDetected: { retryable: false },
  QueryFailed: { retryable: false },
  // The model's fault.
  TrainingDiverged: { retryable: false },
  ParityFailed: { retryable: false },
  UnsupportedOperator: { retryable: false },
  // Of the model, or of the machine's memory: several tries have shown that it does not pass.
  ChildProcessKilled: { retryable: false },
  OutOfMemory: { retryable: false },
  // The state's fault.
  IllegalTransition: { retryable: false },
  StaleDecision: { retryable: false },
  ChecksumMismatch: { retryable: false },
  NotAuthorized: { retryable: false },
  NotAuthenticated: { retryable: false },
  // Weather: passes by itself.
  RegistryUnavailable: { retryable: true },
  LakeUnavailable: { retryable: true },
  SourceUnavailable: { retryable: true },
  ArtifactStoreFull: { retryable: true },
  ChildProcessFailed: { retryable: true },
} as const;

export type FailureType = keyof typeof FAILURE_TYPES;

/**
 * A fault with a name from {@link FAILURE_TYPES}. The message names the culprit, what was expected, what was found and
 * what to do. Domain code throws it; one activity interceptor maps it to Temporal's `ApplicationFailure`.
 */
export class SuperstepError extends Error {
  override readonly name = 'SuperstepError';
  readonly type: FailureType;
  /** Facts for programs, JSON only: file, line, table, counts. */
  readonly details: Readonly<Record<string, unknown>>;

  constructor(type: FailureType, message: string, details: Readonly<Record<string, unknown>> = {}) {
    super(message);
    this.type = type;
    this.details = details;
  }
}
