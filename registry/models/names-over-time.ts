import type { Knex } from 'knex';

/** A stretch of the audit in which a model went by a name: rows after `after`, up to and with `until`. */
export interface NamedStretch {
  readonly name: string;
  readonly after: number;
  /** Null while it is called so. */
  readonly until: number | null;
}

/** A row of the audit with which a model left its name. */
interface Leaving {
  readonly id: number;
  readonly model: string;
  readonly details: string | null;
}

/**
 * The names of a model, oldest first. Rows of the audit keep the name of their time, and names come free again: without
 * this, a model would show what another one of its name did, and lose what it did under its old one.
 */
export async function namesOverTime(knex: Knex, model: string): Promise<readonly NamedStretch[]> {
  const moved = knex('renamed_models').where({ old_name: model }).orWhere({ new_name: model });
  if ((await moved.first('sequence')) === undefined) return [{ name: model, after: 0, until: null }];
  const leavings = await knex('activity_log')
    .whereIn('action', ['RENAMED_MODEL', 'DELETED_MODEL'])
    .orderBy('id')
    .select<Leaving[]>('id', 'model', 'details');
  const stretches: NamedStretch[] = [];
  let name = model;
  let until: number | null = null;
  for (;;) {
    const { left, taken } = boundsOf(name, until, leavings);
    stretches.unshift({ name, after: taken?.id ?? left, until });
    if (taken === undefined) return stretches;
    // The row of the renaming itself still bears the old name.
    name = taken.model;
    until = taken.id;
  }
}

/** The row with which the name's last bearer before `until` left it, and the later one with which this bearer took it. */
function boundsOf(
  name: string,
  until: number | null,
  leavings: readonly Leaving[],
): { readonly left: number; readonly taken: Leaving | undefined } {
  const before = leavings.filter(({ id }) => until === null || id < until);
  const left = before.findLast((row) => row.model === name)?.id ?? 0;
  return { left, taken: before.findLast((row) => row.id > left && newNameOf(row) === name) };
}

function newNameOf({ details }: Leaving): string | undefined {
  const named: unknown = details === null ? undefined : JSON.parse(details);
  if (typeof named !== 'object' || named === null || !('newName' in named)) return undefined;
  return typeof named.newName === 'string' ? named.newName : undefined;
}
