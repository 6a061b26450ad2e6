import type { z } from 'zod';
import { didYouMeanHint } from './did-you-mean.ts';
import { oneOf } from './mistakes.ts';

/** What a schema has against a value: where, whether at the key or at the value, and in which words. */
interface SchemaMistake {
  readonly path: readonly PropertyKey[];
  readonly at: 'key' | 'value';
  /** What was found, where the schema knows it better than the document. */
  readonly found?: string;
  readonly expected: string;
}

export type SchemaCheck<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly mistakes: readonly SchemaMistake[] };

const KINDS: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a mapping',
  record: 'a mapping of names to values',
};

/** What a bound counts: one, several. */
const UNITS: Readonly<Record<string, readonly [one: string, several: string]>> = {
  string: [' character', ' characters'],
  array: [' entry', ' entries'],
};

/** Looking for what was meant takes time; a mapping with more unknown fields than this has other problems. */
const HINTS_AT_MOST = 100;

/** The fields of a strict object, from the schema that raised the issue. */
function fieldsOf(issue: z.core.$ZodRawIssue): readonly string[] {
  const definition = (issue.inst as z.core.$ZodType | undefined)?._zod.def;
  return definition !== undefined && 'shape' in definition ? Object.keys(definition.shape as object) : [];
}

function boundText(issue: z.core.$ZodRawIssue<z.core.$ZodIssueTooSmall | z.core.$ZodIssueTooBig>): string {
  const [inclusive, exclusive, bound] =
    issue.code === 'too_small' ? ['at least', 'more than', issue.minimum] : ['at most', 'less than', issue.maximum];
  const unit = UNITS[issue.origin]?.[bound === 1 ? 0 : 1] ?? '';
  return `${issue.inclusive === false ? exclusive : inclusive} ${bound}${unit}`;
}

/** What the schema would have accepted, in words. Messages that a schema brings itself win over these. */
function expectedText(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type': {
      const fields = issue.expected === 'object' ? fieldsOf(issue) : [];
      const kind = KINDS[issue.expected] ?? `a value of type ${issue.expected}`;
      return fields.length === 0 ? kind : `${kind} with the fields ${fields.join(', ')}`;
    }
    case 'invalid_value':
      return (
        oneOf(issue.values) +
        (typeof issue.input === 'string' ? didYouMeanHint(issue.input, issue.values.map(String)) : '')
      );
    case 'too_small':
    case 'too_big':
      return boundText(issue);
    case 'invalid_format':
    case 'not_multiple_of':
    case 'unrecognized_keys':
    case 'invalid_union':
    case 'invalid_key':
    case 'invalid_element':
    case 'custom':
      return undefined;
  }
}

/** Parses `input`; on failure says everything that is wrong with it, not only the first. */
export function checkSchema<T>(schema: z.ZodType<T>, input: unknown): SchemaCheck<T> {
  const allowedFields = new Map<string, readonly string[]>();
  const result = schema.safeParse(input, {
    error: (issue) => {
      if (issue.code === 'unrecognized_keys') allowedFields.set(JSON.stringify(issue.path ?? []), fieldsOf(issue));
      return expectedText(issue);
    },
  });
  if (result.success) return { ok: true, value: result.data };
  const wrongKind = new Set(
    result.error.issues.flatMap((i) => (i.code === 'invalid_type' ? [JSON.stringify(i.path)] : [])),
  );
  const mistakes = result.error.issues.flatMap((issue): SchemaMistake[] => {
    // A list where a text should stand is not also too short a text.
    if (issue.code !== 'invalid_type' && wrongKind.has(JSON.stringify(issue.path))) return [];
    if (issue.code === 'unrecognized_keys') {
      const allowed = allowedFields.get(JSON.stringify(issue.path)) ?? [];
      return issue.keys.map((key, index) => ({
        path: [...issue.path, key],
        at: 'key',
        found: 'an unknown field',
        expected: `one of ${allowed.join(', ')}${index < HINTS_AT_MOST ? didYouMeanHint(key, allowed) : ''}`,
      }));
    }
    const isKey = issue.code === 'invalid_key';
    const message = (isKey ? issue.issues[0]?.message : undefined) ?? issue.message;
    const expected = message.replace(/^expected /, '');
    return [isKey ? keyMistake(issue.path, expected) : { path: issue.path, at: 'value', expected }];
  });
  return { ok: false, mistakes };
}

function keyMistake(path: readonly PropertyKey[], expected: string): SchemaMistake {
  return { path, at: 'key', found: `the name ${JSON.stringify(String(path.at(-1)))}`, expected };
}
