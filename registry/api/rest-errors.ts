import { SuperstepError, type FailureType } from '../../contracts/failure-types.ts';

/** MLflow's error codes that this server gives, with their HTTP status. Clients retry 429 and 5xx for minutes. */
export const ERROR_STATUS = {
  BAD_REQUEST: 400,
  INVALID_PARAMETER_VALUE: 400,
  RESOURCE_ALREADY_EXISTS: 400,
  UNAUTHENTICATED: 401,
  PERMISSION_DENIED: 403,
  RESOURCE_DOES_NOT_EXIST: 404,
  ENDPOINT_NOT_FOUND: 404,
  RESOURCE_CONFLICT: 409,
  ABORTED: 409,
  RESOURCE_EXHAUSTED: 429,
  INTERNAL_ERROR: 500,
  NOT_IMPLEMENTED: 501,
  TEMPORARILY_UNAVAILABLE: 503,
} as const;
export type ErrorCode = keyof typeof ERROR_STATUS;

/** An error answer as clients read it. */
export interface RestErrorAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: {
    readonly error_code: ErrorCode;
    readonly message: string;
    readonly sqlstate?: string;
    readonly error_class?: string;
  };
}

/** A fault that only the protocol knows, such as a wrong method or a body that is too long. */
export class RestError extends Error {
  override readonly name = 'RestError';
  readonly code: ErrorCode;
  readonly status: number;

  constructor(code: ErrorCode, message: string, status: number = ERROR_STATUS[code]) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

const CODE_OF_FAILURE: Partial<Readonly<Record<FailureType, ErrorCode>>> = {
  UnknownModel: 'RESOURCE_DOES_NOT_EXIST',
  UnknownResource: 'RESOURCE_DOES_NOT_EXIST',
  AlreadyExists: 'RESOURCE_ALREADY_EXISTS',
  InvalidInput: 'INVALID_PARAMETER_VALUE',
  IllegalTransition: 'INVALID_PARAMETER_VALUE',
  ParityFailed: 'INVALID_PARAMETER_VALUE',
  UnsupportedOperator: 'INVALID_PARAMETER_VALUE',
  StaleDecision: 'RESOURCE_CONFLICT',
  NotAuthorized: 'PERMISSION_DENIED',
  NotAuthenticated: 'UNAUTHENTICATED',
  RegistryUnavailable: 'TEMPORARILY_UNAVAILABLE',
  // Sent again, a large file would meet the same full disk eight times.
  ArtifactStoreFull: 'ABORTED',
};

const ERROR_CLASS: Partial<Readonly<Record<ErrorCode, string>>> = {
  RESOURCE_DOES_NOT_EXIST: 'RESOURCE_NOT_FOUND',
  BAD_REQUEST: 'INVALID_PARAMETER_VALUE',
  INTERNAL_ERROR: 'CLIENT_INTERNAL_ERROR',
};

const HEADERS: Partial<Readonly<Record<ErrorCode, Readonly<Record<string, string>>>>> = {
  UNAUTHENTICATED: { 'www-authenticate': 'Basic realm="mlflow"' },
  TEMPORARILY_UNAVAILABLE: { 'retry-after': '1' },
};

/** The contract's answer to whatever was thrown. What is nobody's known fault is a bug: 500, without its details. */
export function restErrorOf(error: unknown): RestErrorAnswer {
  if (error instanceof RestError) return answer(error.code, error.message, error.status);
  if (error instanceof SuperstepError) {
    const code = CODE_OF_FAILURE[error.type];
    if (code !== undefined) return answer(code, error.message);
  }
  const refused = refusedByTheHttpLayer(error);
  if (refused !== undefined) return answer('INVALID_PARAMETER_VALUE', refused.message, refused.status);
  return answer('INTERNAL_ERROR', 'the registry failed at this; its log says why');
}

/** fastify's own objections carry a code and a status; those of 4xx blame the request. */
function refusedByTheHttpLayer(error: unknown): { readonly message: string; readonly status: number } | undefined {
  if (!(error instanceof Error) || !('code' in error) || !('statusCode' in error)) return undefined;
  const { code, statusCode } = error;
  if (typeof code !== 'string' || !code.startsWith('FST_') || typeof statusCode !== 'number') return undefined;
  if (statusCode < 400 || statusCode >= 500) return undefined;
  // A content type that cannot be read is 400 upstream.
  return { message: error.message, status: statusCode === 415 ? 400 : statusCode };
}

function answer(code: ErrorCode, message: string, status: number = ERROR_STATUS[code]): RestErrorAnswer {
  const body = { error_code: code, message };
  const headers = HEADERS[code] ?? {};
  if (code === 'NOT_IMPLEMENTED') return { status, headers, body };
  const sqlstate = code === 'INTERNAL_ERROR' ? 'XXM00' : 'KAM00';
  return { status, headers, body: { ...body, sqlstate, error_class: ERROR_CLASS[code] ?? code } };
}
