import type { NotificationPolicy } from '../../contracts/schemas/notifications.ts';
import { offsetOf, pageTokenOf } from '../search/page-token.ts';
import { parseTarget } from '../webhooks/address-guard.ts';
import { invalidValue, type Fields } from './fields.ts';

const MOST_PER_PAGE = 1000;
/** What a header may hold; line ends would make another one. */
const SECRET = /^[\x20-\x7e]{1,4096}$/;

/** The URL as it will be called. @throws InvalidInput for one that no event may be sent to */
export function targetOf(url: string, policy: NotificationPolicy): string {
  return parseTarget(url, policy).href;
}

/** A secret; null to take it away, undefined when nothing is said. Its value is in no error. @throws InvalidInput */
export function secretOf(fields: Fields, name: string): string | null | undefined {
  const secret = fields.optionalText(name);
  if (secret === undefined) return undefined;
  if (secret === '') return null;
  if (SECRET.test(secret)) return secret;
  throw invalidValue(name, '<hidden>', 'at most 4096 letters, digits and signs of ASCII');
}

/** The part of a list that a call asks for, and the token of the next one. @throws InvalidInput */
export function pageOf<T>(all: readonly T[], fields: Fields, usual: number) {
  const size = fields.optionalInteger('max_results') ?? usual;
  if (size < 1 || size > MOST_PER_PAGE) throw invalidValue('max_results', size, `1 to ${MOST_PER_PAGE}`);
  const offset = offsetOf(fields.optionalText('page_token'));
  const next = offset + size;
  return {
    items: all.slice(offset, next),
    ...(next < all.length ? { next_page_token: pageTokenOf(next) } : {}),
  };
}
