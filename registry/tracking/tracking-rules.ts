import { posix } from 'node:path';
import { SuperstepError } from '../../contracts/failure-types.ts';

const LONGEST_KEY = 250;
const LONGEST_PARAM = 6_000;
const LONGEST_TAG = 8_000;
const LONGEST_EXPERIMENT_TAG = 5_000;
const LONGEST_EXPERIMENT_NAME = 500;
const LONGEST_LOCATION = 2_048;
const DECODINGS = 10;

/**
 * The key of a metric, param or tag. Clients make file names of it, so it must be a path that stays where it is.
 *
 * @param at the field that an error names, such as `params[0].key`
 * @throws InvalidInput
 */
export function requireKey(key: string, at: string): void {
  requireLength(key, LONGEST_KEY, at);
  const isPath = posix.normalize(key) === key && !key.endsWith('/') && !/^(?:\.$|\.\.|\/)/.test(key);
  if (isPath && /^[\p{L}\p{N}_/.\- :]+$/u.test(key)) return;
  throw new SuperstepError(
    'InvalidInput',
    `Invalid value ${JSON.stringify(key)} for parameter '${at}' supplied: names are letters, digits, underscores, dashes, periods, spaces, colons and slashes, and do not lead upwards or start with a slash`,
    { parameter: at },
  );
}

/** A param's value as it is kept: longer ones are cut, as MLflow's server does by default. */
export function storedParam(value: string): string {
  return cut(value, LONGEST_PARAM);
}

/** A run tag's value as it is kept. */
export function storedTag(value: string): string {
  return cut(value, LONGEST_TAG);
}

/** @throws InvalidInput */
export function requireExperimentTag(key: string, value: string, at: string): void {
  requireKey(key, `${at}key`);
  requireLength(value, LONGEST_EXPERIMENT_TAG, `${at}value`);
}

/** @throws InvalidInput */
export function requireExperimentName(name: string, at: string): void {
  requireLength(name, LONGEST_EXPERIMENT_NAME, at);
  if (name.trim() === '') {
    throw new SuperstepError('InvalidInput', `Invalid value "" for parameter '${at}' supplied: expected a name`);
  }
}

/** @throws InvalidInput with the words that callers match on */
export function requireLength(value: string, longest: number, at: string): void {
  if (value.length <= longest) return;
  throw new SuperstepError('InvalidInput', `'${at}' exceeds the maximum length of ${longest} characters`, {
    parameter: at,
    found: value.length,
  });
}

/**
 * Refuses a location that would take part in path joining in more ways than one: fragments, parameters, a way upwards
 * in any encoding, references to other runs or models.
 *
 * @throws InvalidInput
 */
export function requireArtifactLocation(location: string): void {
  requireLength(location, LONGEST_LOCATION, 'artifact_location');
  const decoded = decodeFully(location);
  const problem =
    (/[\p{Cc}\\]/u.test(decoded) && 'it holds a control character or a backslash') ||
    (/[#;]/.test(decoded) && 'it has a fragment or parameters') ||
    (decoded.split(/[/?&=]/).some((segment) => segment.trim() === '..') && 'it leads upwards') ||
    (/^(?:runs|models):/i.test(decoded) && 'it refers to a run or a model');
  if (problem === false) return;
  throw new SuperstepError(
    'InvalidInput',
    `Invalid value ${JSON.stringify(location.slice(0, 200))} for parameter 'artifact_location' supplied: ${problem}`,
    { parameter: 'artifact_location' },
  );
}

/**
 * The number of an experiment in the tables.
 *
 * @throws InvalidInput for what is no whole number; UnknownResource for one that no experiment can have
 */
export function experimentNumber(id: string): number {
  if (!/^\d+$/.test(id)) {
    throw new SuperstepError(
      'InvalidInput',
      `Invalid value ${JSON.stringify(id.slice(0, 100))} for parameter 'experiment_id' supplied: expected a whole number`,
    );
  }
  if (id.length > 9) throw unknownExperiment(id);
  return Number(id);
}

export function unknownExperiment(id: string | number): SuperstepError {
  return new SuperstepError('UnknownResource', `No Experiment with id=${id} exists`, { experimentId: String(id) });
}

export function unknownRun(runId: string): SuperstepError {
  return new SuperstepError('UnknownResource', `Run with id=${runId.slice(0, 100)} not found`, { runId });
}

function cut(value: string, longest: number): string {
  if (value.length <= longest) return value;
  const piece = value.slice(0, longest);
  // Half a character could not be stored, and the same value logged again would look like another one.
  return /[\ud800-\udbff]$/.test(piece) ? piece.slice(0, -1) : piece;
}

function decodeFully(text: string): string {
  let decoded = text;
  for (let i = 0; i < DECODINGS && decoded.includes('%'); i++) {
    try {
      decoded = decodeURIComponent(decoded);
    } catch {
      break;
    }
  }
  return decoded;
}
