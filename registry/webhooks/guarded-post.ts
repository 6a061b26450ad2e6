import { lookup } from 'node:dns';
import { request as requestHttp, type ClientRequest } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { LookupFunction } from 'node:net';
import { hostOf, isListed, isPublicAddress, parseTarget, type AllowList } from './address-guard.ts';

/** Bodies are made small; this is the last line. */
export const MOST_BODY_BYTES = 256 * 1024;
const ANSWER_WITHIN_MS = 30_000;

export interface PostInput {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What came of it: an answer's status, or why there was none, in words that tell a caller nothing of our network. */
export type PostResult =
  { readonly status: number } | { readonly problem: 'no answer' | 'no connection' | 'address not allowed' };

export interface PostOptions {
  readonly allow: AllowList;
  /** Milliseconds from the start to the answer's headers; the default is 30 s. */
  readonly answerWithinMs?: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Posts JSON. The target's name is looked up once, each address that it stands for is judged, and the connection goes to
 * one of just these. Redirects are answers like others; the answer's body is not read.
 *
 * @throws InvalidInput for a URL that the rules refuse; RangeError for a body that is too large
 */
export async function guardedPost(input: PostInput, options: PostOptions): Promise<PostResult> {
  const url = parseTarget(input.url, options);
  const body = Buffer.from(input.body);
  if (body.byteLength > MOST_BODY_BYTES) throw new RangeError(`a body of ${body.byteLength} bytes`);
  const headers = { ...input.headers, 'content-type': 'application/json', 'content-length': body.byteLength };
  const late = AbortSignal.timeout(options.answerWithinMs ?? ANSWER_WITHIN_MS);
  const signal = options.signal === undefined ? late : AbortSignal.any([late, options.signal]);
  const open = url.protocol === 'https:' ? requestHttps : requestHttp;
  // No agent: a kept connection would go to an address that was judged under an older policy.
  const request = open(url, {
    method: 'POST',
    headers,
    agent: false,
    signal,
    lookup: guardedLookup(url, options.allow),
  });
  return answerOf(request, body, late);
}

function answerOf(request: ClientRequest, body: Buffer, late: AbortSignal): Promise<PostResult> {
  return new Promise((resolve) => {
    request.once('response', (response) => {
      response.on('error', () => undefined);
      response.destroy();
      resolve({ status: response.statusCode ?? 0 });
    });
    request.on('error', (error) => {
      if (error instanceof AddressRefused) resolve({ problem: 'address not allowed' });
      else resolve({ problem: late.aborted ? 'no answer' : 'no connection' });
    });
    request.end(body);
  });
}

class AddressRefused extends Error {}

/** Gives the connection only addresses that were judged: what is asked later may be answered otherwise. */
function guardedLookup(url: URL, allow: AllowList): LookupFunction {
  const host = hostOf(url);
  const isAllowed = (address: string): boolean =>
    isListed(host, address, allow) || (url.protocol === 'https:' && isPublicAddress(address));
  return (hostname, options, done) => {
    lookup(hostname, { ...options, all: true }, (error, found) => {
      if (error !== null) return done(error, '');
      // One bad address among good ones is somebody's try: none of them is used.
      const bad = found.find(({ address }) => !isAllowed(address));
      const [first] = found;
      if (bad !== undefined || first === undefined) return done(new AddressRefused('address not allowed'), '');
      if (options.all === true) done(null, found);
      else done(null, first.address, first.family);
    });
  };
}
