import { SuperstepError } from '../../contracts/failure-types.ts';
import { isTokenShaped } from './token-format.ts';

/** The headers of a request, as Node's HTTP server gives them. */
export type RequestHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

/** What a request shows of who sent it; nothing is checked yet. */
export type Credentials =
  | { readonly kind: 'none' }
  /** A token of ours; Basic names its owner too. */
  | { readonly kind: 'token'; readonly token: string; readonly user: string | null }
  /** Something with the shape of a JWT. */
  | { readonly kind: 'jwt'; readonly jwt: string };

/** Providers put groups into their tokens, so that those of several kilobytes are real; nothing real is longer. */
const LONGEST_HEADER = 8_192;
const JWT = /^[\w-]+\.[\w-]+\.[\w-]+$/;

/**
 * Reads the header `Authorization`: Bearer, or Basic as MLflow's clients send it (user name, and the token as
 * password).
 *
 * @throws NotAuthenticated for anything else
 */
export function readCredentials(headers: RequestHeaders): Credentials {
  const header = headers['authorization'];
  if (header === undefined) return { kind: 'none' };
  if (typeof header !== 'string') throw notAuthenticated('it has several Authorization headers; send one');
  if (header.length > LONGEST_HEADER) {
    throw notAuthenticated(`its Authorization header has more than ${LONGEST_HEADER} characters`);
  }
  const [, scheme = '', value = ''] = /^([A-Za-z]+) +(\S+) *$/.exec(header) ?? [];
  switch (scheme.toLowerCase()) {
    case 'bearer':
      return bearer(value);
    case 'basic':
      return basic(value);
    default:
      throw notAuthenticated('its Authorization header is neither "Bearer <token>" nor "Basic <name and token>"');
  }
}

function bearer(value: string): Credentials {
  if (isTokenShaped(value)) return { kind: 'token', token: value, user: null };
  if (JWT.test(value)) return { kind: 'jwt', jwt: value };
  throw unknownCredentials();
}

function basic(value: string): Credentials {
  const text = Buffer.from(value, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  const token = text.slice(colon + 1);
  if (colon < 0 || !isTokenShaped(token)) throw unknownCredentials();
  return { kind: 'token', token, user: text.slice(0, colon) };
}

/** The one answer to whatever is wrong, so that it tells nothing about who exists. */
export function unknownCredentials(): SuperstepError {
  return notAuthenticated(
    'its token is not known here; send a valid one as "Authorization: Bearer ss_…", or as the password beside its owner\'s name (MLFLOW_TRACKING_USERNAME, MLFLOW_TRACKING_PASSWORD)',
  );
}

/** A 401 with what is wrong with the request. */
export function notAuthenticated(what: string): SuperstepError {
  return new SuperstepError('NotAuthenticated', `the request does not show who sent it: ${what}`);
}
