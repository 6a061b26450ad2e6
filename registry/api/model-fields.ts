import { invalidValue, type Fields } from './fields.ts';
import type { Tag } from '../models/read-models.ts';
import { STAGES, type Stage } from '../stages.ts';
import type { VersionName } from '../version-notes.ts';

const LARGEST_VERSION = 2_147_483_647;

/** `name` and `version`; the version may be text or number. @throws InvalidInput */
export function versionName(fields: Fields): VersionName {
  const model = fields.text('name');
  const text = fields.id('version');
  const version = Number(text);
  if (!/^\d+$/.test(text) || version < 1 || version > LARGEST_VERSION) {
    throw invalidValue('version', text, 'the number of a version');
  }
  return { model, version };
}

/** A stage in any case. @throws InvalidInput */
export function readStage(text: string, parameter: string): Stage {
  const stage = STAGES.find((name) => name.toLowerCase() === text.toLowerCase());
  if (stage === undefined) throw invalidValue(parameter, text, `one of ${STAGES.join(', ')}`);
  return stage;
}

/** `tags`: keys with values; an absent value is empty. @throws InvalidInput */
export function readTags(fields: Fields): Tag[] {
  return fields.list('tags').map((tag) => ({ key: tag.text('key'), value: tag.optionalText('value') ?? '' }));
}

/** An instant in ISO, as the registry keeps it. @throws InvalidInput */
export function readInstant(text: string, parameter: string): string {
  const at = new Date(text);
  if (!Number.isNaN(at.getTime())) return at.toISOString();
  throw invalidValue(parameter, text, 'an instant such as 2001-05-01T00:00:00Z');
}
