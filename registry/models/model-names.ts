import { posix } from 'node:path';
import { SuperstepError } from '../../contracts/failure-types.ts';
import { misleadingIn } from '../look-alikes.ts';
import { STAGES } from '../stages.ts';

const LONGEST_ALIAS = 255;
const LONGEST_TAG_KEY = 250;
const LONGEST_TAG_VALUE = 100_000;
const LONGEST_NAME = 1_000;

/** A name for a registered model. Slashes are kept for names of the registry's own, such as those of deleted models. @throws InvalidInput */
export function requireModelName(name: string): void {
  if (name.trim() === '') throw invalid('a model name must not be empty');
  if (name.length > LONGEST_NAME)
    throw invalid(`a model name has at most ${LONGEST_NAME} characters, found ${name.length}`);
  if (/[/:\p{Cc}]/u.test(name) || name === '.' || name === '..' || posix.normalize(name) !== name) {
    throw invalid(`"${name}" is no name for a model; expected one without "/", ":", control characters, "." or ".."`);
  }
  const misleading = misleadingIn(name);
  if (misleading !== undefined) {
    throw invalid(`"${name}" is no name for a model: ${misleading}; it could be taken for another model's name`);
  }
}

/** @throws InvalidInput for a name that is no alias, one that the registry gives itself, or one that reads as a stage */
export function requireAlias(alias: string): void {
  if (alias === '' || alias.length > LONGEST_ALIAS || !/^[\w-]+$/.test(alias)) {
    throw invalid(
      `"${alias.slice(0, 100)}" is no alias; expected 1 to ${LONGEST_ALIAS} of letters, digits, "_" and "-"`,
    );
  }
  if (/^latest$/i.test(alias) || /^v\d+$/i.test(alias)) {
    throw invalid(`the alias "${alias}" is reserved; "latest" and "v<number>" name versions by themselves`);
  }
  // In ASCII, as an alias is, nothing else looks like one.
  const stage = STAGES.find((one) => one.toLowerCase() === alias.toLowerCase());
  if (stage !== undefined) {
    throw invalid(
      `the alias "${alias}" reads as the stage ${stage}, which gates and managers alone decide on; choose another one, and ask for a stage as models:/<name>/${stage}`,
    );
  }
}

/** @throws InvalidInput for a key or value of a model's or version's tag that is too long or, as a key, empty */
export function requireTag(key: string, value = ''): void {
  if (key.trim() === '') throw invalid('a tag needs a key');
  if (key.length > LONGEST_TAG_KEY)
    throw invalid(`a tag key has at most ${LONGEST_TAG_KEY} characters, found ${key.length}`);
  if (value.length > LONGEST_TAG_VALUE) {
    throw invalid(`a tag value has at most ${LONGEST_TAG_VALUE} characters, found ${value.length}`);
  }
}

function invalid(message: string): SuperstepError {
  return new SuperstepError('InvalidInput', message);
}
