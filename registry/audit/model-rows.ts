import type { Knex } from 'knex';
import type { AuditRow } from './chain.ts';
import { fromStored, type StoredAuditRow } from './rows.ts';

/** A name that a model had, while it had it. ISO instants, the first one exclusive. */
export interface NameSpan {
  readonly name: string;
  readonly from: string;
  readonly until: string;
}

const BEFORE_ALL = '';
const OPEN_END = '9999-12-31T23:59:59.999Z';

/** The audit of a model under all the names that it had, in order. Rows keep the name of their time. */
export async function selectRowsOfModel(knex: Knex, model: string): Promise<AuditRow[]> {
  const rows: AuditRow[] = [];
  for (const { name, from, until } of await namesOf(knex, model)) {
    const found = await knex('activity_log')
      .where({ model: name })
      .andWhere('at', '>', from)
      .andWhere('at', '<=', until)
      .select<StoredAuditRow[]>('*');
    rows.push(...found.map(fromStored));
  }
  return rows.sort((a, b) => a.sequence - b.sequence);
}

/** Follows renames back. A name may have been another model's before, or may be so afterwards. */
export async function namesOf(knex: Knex, model: string): Promise<NameSpan[]> {
  const renames = await knex('renamed_models')
    .orderBy('sequence')
    .select<{ old_name: string; new_name: string; at: string }[]>('*');
  const spans: NameSpan[] = [];
  let name = model;
  let until = OPEN_END;
  for (let i = renames.length; ;) {
    const givenAway = renames.slice(0, i).findLastIndex((rename) => rename.old_name === name);
    const from = renames[givenAway]?.at ?? BEFORE_ALL;
    spans.push({ name, from, until });
    const taken = renames.slice(0, i).findLastIndex((rename) => rename.new_name === name);
    const rename = renames[taken];
    if (rename === undefined || taken <= givenAway) return spans;
    i = taken;
    ({ old_name: name, at: until } = rename);
  }
}
