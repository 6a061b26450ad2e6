import { SuperstepError } from '../../contracts/failure-types.ts';

const LONGEST_TOKEN = 100;

/** The token of the page that begins behind `offset` rows, in MLflow's own form. */
export function pageTokenOf(offset: number): string {
  // The blank is MLflow's: recorded answers hold it.
  return Buffer.from(`{"offset": ${offset}}`).toString('base64');
}

/**
 * How many rows the page leaves out: 0 for no token or an empty one.
 * @throws InvalidInput for a text that `pageTokenOf` never gave
 */
export function offsetOf(pageToken: string | undefined): number {
  if (pageToken === undefined || pageToken === '') return 0;
  const offset = pageToken.length > LONGEST_TOKEN ? undefined : offsetIn(pageToken);
  if (offset !== undefined) return offset;
  throw new SuperstepError(
    'InvalidInput',
    `invalid page_token ${JSON.stringify(pageToken.slice(0, LONGEST_TOKEN))}; expected the next_page_token of an earlier answer`,
    {},
  );
}

function offsetIn(pageToken: string): number | undefined {
  if (!/^[A-Za-z0-9+/]+=*$/.test(pageToken)) return undefined;
  const found = /^\{"offset": ?(\d{1,15})\}$/.exec(Buffer.from(pageToken, 'base64').toString('latin1'));
  return found === null ? undefined : Number(found[1]);
}
