import type { Knex } from 'knex';
import type { AuditRow } from './chain.ts';
import { fromStored, type StoredAuditRow } from './rows.ts';

/** A name that a model had: in rows behind `after`, up to and with `until`. Rows keep the name of their time. */
export interface NameSpan {
  readonly name: string;
  readonly after: number;
  /** Null while it is called so. */
  readonly until: number | null;
}

/** The audit of a model under all the names that it had, in order. */
export async function selectRowsOfModel(knex: Knex, model: string): Promise<AuditRow[]> {
  const rows: AuditRow[] = [];
  for (const { name, after, until } of await namesOf(knex, model)) {
    const query = knex('activity_log').where({ model: name }).andWhere('id', '>', after).orderBy('id');
    if (until !== null) void query.andWhere('id', '<=', until);
    rows.push(...(await query.select<StoredAuditRow[]>('*')).map(fromStored));
  }
  return rows;
}

/** Whether a row of this number lies in the span. */
export function isWithin({ after, until }: NameSpan, sequence: number): boolean {
  return sequence > after && (until === null || sequence <= until);
}

/** An act that gave a model another name; its row still bears the old one. */
interface Renaming {
  readonly id: number;
  readonly from: string;
  readonly to: string | undefined;
}

/** The names of a model, oldest first. A name may have been another model's before, and may be so again. */
export async function namesOf(knex: Knex, model: string): Promise<NameSpan[]> {
  const moved = knex('renamed_models').where({ old_name: model }).orWhere({ new_name: model });
  if ((await moved.first<{ sequence: number } | undefined>('sequence')) === undefined) {
    return [{ name: model, after: 0, until: null }];
  }
  let renamings = await selectRenamings(knex);
  const spans: NameSpan[] = [];
  let name = model;
  let until: number | null = null;
  for (;;) {
    const given = renamings.findLast((renaming) => renaming.from === name)?.id ?? 0;
    const taken = renamings.findLast((renaming) => renaming.to === name && renaming.id > given);
    spans.unshift({ name, after: taken?.id ?? given, until });
    if (taken === undefined) return spans;
    ({ from: name, id: until } = taken);
    const before = taken.id;
    renamings = renamings.filter((renaming) => renaming.id < before);
  }
}

async function selectRenamings(knex: Knex): Promise<Renaming[]> {
  const rows = await knex('activity_log')
    .whereIn('action', ['RENAMED_MODEL', 'DELETED_MODEL'])
    .orderBy('id')
    .select<Pick<StoredAuditRow, 'id' | 'model' | 'details'>[]>('id', 'model', 'details');
  return rows.map(({ id, model, details }) => {
    const said = details === null ? undefined : (JSON.parse(details) as { readonly newName?: string } | null);
    return { id: Number(id), from: model, to: said?.newName };
  });
}
