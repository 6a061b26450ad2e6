import { DEEPEST_JSON, jsonDepth } from '../json-depth.ts';
import { RestError } from './rest-errors.ts';

export interface RequestParts {
  readonly method: string;
  readonly contentType: string | undefined;
  readonly query: Readonly<Record<string, unknown>>;
  readonly params: Readonly<Record<string, unknown>>;
  /** The body's bytes; undefined when there is none. */
  readonly body: Buffer | undefined;
}

/**
 * All values of a request in one: body over query, path over both. A GET reads a body only when it has no query; a
 * DELETE takes either. What is no JSON counts as `{}`, so that the first required field is what is missing.
 *
 * @throws RestError INVALID_PARAMETER_VALUE for a POST or PUT of another content type, JSON that is no object or is
 * nested too deeply
 */
export function requestValues({ method, contentType, query, params, body }: RequestParts): Record<string, unknown> {
  if (method === 'POST' || method === 'PUT') requireJson(contentType);
  const readsBody = method !== 'GET' || Object.keys(query).length === 0;
  return { ...query, ...(readsBody && body !== undefined ? parseBody(body) : {}), ...params };
}

function requireJson(contentType: string | undefined): void {
  const type = contentType?.split(';')[0]?.trim().toLowerCase();
  if (type === 'application/json') return;
  throw new RestError(
    'INVALID_PARAMETER_VALUE',
    `Bad Request. Content-Type must be application/json; found ${type === undefined ? 'none' : 'another one'}`,
  );
}

function parseBody(body: Buffer): object {
  const first = parseText(body.toString('utf8'));
  // R's and Java's clients have sent JSON inside of a JSON text.
  const parsed = typeof first === 'string' ? parseText(first) : first;
  if (parsed === undefined || parsed === null) return {};
  if (typeof parsed === 'object' && !Array.isArray(parsed)) return parsed;
  throw new RestError('INVALID_PARAMETER_VALUE', 'the body must be a JSON object');
}

function parseText(text: string): unknown {
  if (jsonDepth(text) > DEEPEST_JSON) {
    throw new RestError('INVALID_PARAMETER_VALUE', `the body is nested more than ${DEEPEST_JSON} levels deep`);
  }
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
