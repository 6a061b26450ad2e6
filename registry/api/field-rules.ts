import type { Tag } from '../tracking/experiments.ts';
import { invalidValue, missing, type Fields } from './fields.ts';

/** The run that a request names; clients send one spelling, the other, or both. */
export function runIdOf(fields: Fields): string {
  const runId = fields.optionalId('run_id') || fields.optionalId('run_uuid');
  if (runId === undefined || runId === '') throw missing('run_id');
  return runId;
}

/** Keys and values of a list; a value may be empty or absent. */
export function tagsOf(fields: Fields, name: string): Tag[] {
  return fields.list(name).map((tag) => ({ key: tag.text('key'), value: tag.optionalText('value') ?? '' }));
}

/**
 * How many results the caller wants; `fallback` when it does not say.
 *
 * @throws InvalidInput outside of 1..most
 */
export function maxResultsOf(fields: Fields, most: number, fallback: number): number {
  const found = fields.optionalInteger('max_results') ?? fallback;
  if (found >= 1 && found <= most) return found;
  throw invalidValue('max_results', found, `an integer between 1 and ${most}`);
}
