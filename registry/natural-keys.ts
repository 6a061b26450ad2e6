import type { Knex } from 'knex';
import { sha256Hex } from './canonical-json.ts';

/** 32 hex digits that are the same for the same natural key: the id of a row that a repeated call finds again. */
export function idFromKey(kind: string, naturalKey: string): string {
  return sha256Hex(`${kind}\n${naturalKey}`).slice(0, 32);
}

/**
 * The row that stands under a natural key, or the key for a new one: whoever had the key before may stand no more, and
 * keeps it.
 */
export async function standingUnder<Row>(
  naturalKey: string,
  find: (key: string) => Promise<Row | undefined>,
  stands: (row: Row) => boolean,
): Promise<{ readonly key: string; readonly known?: Row }> {
  let key = naturalKey;
  for (let bearer = 2; ; bearer++) {
    const known = await find(key);
    if (known === undefined) return { key };
    if (stands(known)) return { key, known };
    key = `${naturalKey}#${bearer}`;
  }
}

/** What an operation answered when it was done under this key; undefined when it was not. */
export async function completedResult<T>(trx: Knex, operation: string, naturalKey: string): Promise<T | undefined> {
  const row = await trx('completed_operations')
    .where({ operation, natural_key: naturalKey })
    .first<{ result: string } | undefined>('result');
  return row === undefined ? undefined : (JSON.parse(row.result) as T);
}

/** Keeps an operation's answer, in the transaction that did it. */
export async function completeOperation<T>(
  trx: Knex,
  operation: string,
  naturalKey: string,
  result: T,
  at: string,
): Promise<T> {
  await trx('completed_operations').insert({
    operation,
    natural_key: naturalKey,
    result: JSON.stringify(result),
    completed_at: at,
  });
  return result;
}
