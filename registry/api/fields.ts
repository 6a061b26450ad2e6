import { SuperstepError } from '../../contracts/failure-types.ts';

/**
 * The fields of a request, read leniently as MLflow's clients write them: snake_case asked for and camelCase found as
 * well, integers and booleans also as text, enums by name or by number. An empty text counts as absent where a field
 * is required. Everything else of a wrong type is the caller's fault, named by its path (`metrics[0].value`).
 *
 * All throw `InvalidInput`.
 */
export interface Fields {
  /** Whether the field is there and not null. */
  readonly has: (name: string) => boolean;
  /** Required and not empty. */
  readonly text: (name: string) => string;
  readonly optionalText: (name: string) => string | undefined;
  /** An id: a text, or an integer as some clients write it. Required. */
  readonly id: (name: string) => string;
  readonly optionalId: (name: string) => string | undefined;
  readonly integer: (name: string) => number;
  readonly optionalInteger: (name: string) => number | undefined;
  /** A double; `NaN`, `Infinity` and `-Infinity` come as text. */
  readonly number: (name: string) => number;
  readonly optionalNumber: (name: string) => number | undefined;
  readonly boolean: (name: string) => boolean;
  readonly optionalBoolean: (name: string) => boolean | undefined;
  /** One of the names, or its number counted from 1; undefined when absent. */
  readonly oneOf: <T extends string>(name: string, names: readonly T[]) => T | undefined;
  /** Objects in a list; empty when absent. */
  readonly list: (name: string) => readonly Fields[];
  /** An object; undefined when absent. */
  readonly object: (name: string) => Fields | undefined;
  /** Texts in a list, a single one also without it; empty when absent. */
  readonly texts: (name: string) => readonly string[];
  /** Ids in a list; empty when absent. */
  readonly ids: (name: string) => readonly string[];
}

/** Fields over parsed values; `path` is put before names in errors. */
export function createFields(values: Readonly<Record<string, unknown>>, path = ''): Fields {
  const find = (name: string): unknown => own(values, name) ?? own(values, camelCase(name));
  const optional =
    <T>(read: (value: unknown, at: string) => T) =>
    (name: string): T | undefined => {
      const value = find(name);
      return value === undefined ? undefined : read(value, path + name);
    };
  const required =
    <T>(read: (value: unknown, at: string) => T) =>
    (name: string): T => {
      const value = find(name);
      if (value === undefined || value === '') throw missing(path + name);
      return read(value, path + name);
    };
  const each =
    <T>(read: (value: unknown, at: string) => T) =>
    (name: string): readonly T[] =>
      listOf(find(name), path + name).map((item, i) => read(item, `${path}${name}[${i}]`));

  return {
    has: (name) => find(name) !== undefined,
    text: required(readText),
    optionalText: optional(readText),
    id: required(readId),
    optionalId: optional(readId),
    integer: required(readInteger),
    optionalInteger: optional(readInteger),
    number: required(readNumber),
    optionalNumber: optional(readNumber),
    boolean: required(readBoolean),
    optionalBoolean: optional(readBoolean),
    oneOf: (name, names) => {
      const value = find(name);
      return value === undefined || value === '' ? undefined : readEnum(value, names, path + name);
    },
    list: each(readObject),
    object: optional(readObject),
    texts: each(readText),
    ids: each(readId),
  };
}

/** The contract's error for a value that a field cannot take. */
export function invalidValue(name: string, value: unknown, expected: string): SuperstepError {
  const shown = (JSON.stringify(value) ?? 'undefined').slice(0, 200);
  return new SuperstepError(
    'InvalidInput',
    `Invalid value ${shown} for parameter '${name}' supplied: expected ${expected}`,
    { parameter: name },
  );
}

/** The contract's error for a required field that is absent. */
export function missing(name: string): SuperstepError {
  return new SuperstepError('InvalidInput', `Missing value for required parameter '${name}'.`, { parameter: name });
}

const INTEGER = /^[+-]?\d+$/;
const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;
const NOT_FINITE: Readonly<Record<string, number>> = { NaN: NaN, Infinity: Infinity, '-Infinity': -Infinity };

function readText(value: unknown, at: string): string {
  if (typeof value !== 'string') throw invalidValue(at, value, 'a text');
  // PostgreSQL's texts cannot hold it, and nothing of ours means it.
  if (value.includes('\0')) throw invalidValue(at, value, 'a text without the character NUL');
  // Half characters become what a database would make of them, so that a value read back is the value given.
  return value.replace(/\p{Surrogate}/gu, '\ufffd');
}

function readId(value: unknown, at: string): string {
  return typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : readText(value, at);
}

function readInteger(value: unknown, at: string): number {
  const number = typeof value === 'string' && INTEGER.test(value) ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isSafeInteger(number)) {
    throw invalidValue(at, value, `an integer between ${Number.MIN_SAFE_INTEGER} and ${Number.MAX_SAFE_INTEGER}`);
  }
  return number;
}

function readNumber(value: unknown, at: string): number {
  if (typeof value === 'number') return value;
  if (typeof value === 'string') {
    if (Object.hasOwn(NOT_FINITE, value)) return NOT_FINITE[value] ?? NaN;
    if (DECIMAL.test(value)) return Number(value);
  }
  throw invalidValue(at, value, 'a number, "NaN", "Infinity" or "-Infinity"');
}

function readBoolean(value: unknown, at: string): boolean {
  if (typeof value === 'boolean') return value;
  const word = typeof value === 'string' ? value.toLowerCase() : '';
  if (word === 'true' || word === 'false') return word === 'true';
  throw invalidValue(at, value, 'true or false');
}

function readEnum<T extends string>(value: unknown, names: readonly T[], at: string): T {
  const isNumber = typeof value === 'number' || (typeof value === 'string' && INTEGER.test(value));
  const found = isNumber ? names[Number(value) - 1] : names.find((name) => name === value);
  if (found === undefined) throw invalidValue(at, value, `one of ${names.join(', ')}`);
  return found;
}

function readObject(value: unknown, at: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalidValue(at, value, 'an object');
  return createFields(value as Record<string, unknown>, `${at}.`);
}

function listOf(value: unknown, at: string): readonly unknown[] {
  if (value === undefined) return [];
  if (Array.isArray(value)) return value;
  // A query string cannot tell a list of one from a text.
  if (typeof value === 'string') return [value];
  throw invalidValue(at, value, 'a list');
}

/** Undefined for what is absent, inherited or null. */
function own(values: Readonly<Record<string, unknown>>, name: string): unknown {
  return Object.hasOwn(values, name) ? (values[name] ?? undefined) : undefined;
}

/** Names that routes ask for, which are few; a batch asks for each a thousand times. */
const camelCased = new Map<string, string>();

function camelCase(name: string): string {
  const known = camelCased.get(name);
  if (known !== undefined) return known;
  const spelt = name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
  camelCased.set(name, spelt);
  return spelt;
}
