import type { Knex } from 'knex';
import { SuperstepError } from '../../contracts/failure-types.ts';
import { writeActivity } from '../activity-log.ts';
import type { Caller, Right } from '../identity/caller.ts';
import { findProduction } from '../model-versions.ts';
import { selectRequests } from '../open-requests.ts';
import type { Stage } from '../stages.ts';
import { guardChange, type DirectChange } from './side-door.ts';

/** Who changes the registry by hand, and what the environment lets be changed so. */
export interface Act {
  readonly caller: Caller;
  /** `direct_changes` of the policy. */
  readonly directChanges: 'allowed' | 'refused';
  /** Why the caller wants to break the glass, if it does. */
  readonly breakGlassReason?: string | undefined;
}

/** The tag that carries the reason for clients that have no other place for it. Only who holds the right may set it. */
export const BREAK_GLASS_TAG = 'break_glass_reason';

/** The names under which the caller's deeds are written down. */
export function actor({ caller }: Act): { readonly by: string; readonly proof: Caller['proof'] } {
  return { by: caller.name, proof: caller.proof };
}

/** The right to change what is in a stage, or to bring something there. What has not been through a gate is its makers'. */
export function rightOver(stages: readonly Stage[]): Right {
  if (stages.includes('Production')) return 'manage-production';
  return stages.some((stage) => stage !== 'None') ? 'manage-staging' : 'contribute';
}

/** The right to move a version: that of the stages which it leaves and enters, and never less than a manager's. */
export function rightToMove(from: Stage, to: Stage): Right {
  const right = rightOver([from, to]);
  return right === 'contribute' ? 'manage-staging' : right;
}

export interface Passed {
  /** Whether the change goes through for break-glass alone. */
  readonly brokeGlass: boolean;
  /** The reason that was given for it. */
  readonly reason: string;
}

/**
 * Holds a change against the guard of side doors, in the transaction that makes it. What goes through by break-glass is
 * written into the audit at once.
 *
 * @throws NotAuthorized that says why, and what to do instead
 */
export async function passGuard(trx: Knex, act: Act, model: string, change: DirectChange, at: string): Promise<Passed> {
  const production = (await findProduction(trx, model))?.version ?? null;
  const waiting = await selectRequests(trx, { model, to_stage: 'Production', status: 'open' });
  const onTheWay = [
    ...(await selectRequests(trx, { model, to_stage: 'Production', status: 'asked' })),
    ...(await selectRequests(trx, { model, to_stage: 'Staging', status: 'open' })),
  ];
  const version = 'version' in change ? change.version : 0;
  const held = act.caller.may('break-glass', model);
  const reason = held ? (act.breakGlassReason ?? (await reasonInTag(trx, model, version)) ?? null) : null;
  const verdict = guardChange(change, {
    model,
    directChanges: act.directChanges,
    production,
    waiting: waiting.map((request) => request.version),
    onTheWay: onTheWay.map((request) => request.version),
    breakGlass: { held, reason },
  });
  if (!verdict.allowed) {
    throw new SuperstepError('NotAuthorized', `${verdict.why}; ${verdict.instead}`, {
      model,
      change: change.kind,
      production,
    });
  }
  if (!verdict.brokeGlass) return { brokeGlass: false, reason: '' };
  // A reason serves once.
  await tagsOf(trx, model, version).where({ key: BREAK_GLASS_TAG }).delete();
  await writeActivity(trx, {
    at,
    model,
    version,
    action: 'BROKE_GLASS',
    ...actor(act),
    comment: verdict.reason,
    details: { against: verdict.against, change: { ...change } },
  });
  return { brokeGlass: true, reason: verdict.reason };
}

async function reasonInTag(trx: Knex, model: string, version: number): Promise<string | undefined> {
  const row = await tagsOf(trx, model, version)
    .where({ key: BREAK_GLASS_TAG })
    .first<{ value: string } | undefined>('value');
  return row?.value;
}

function tagsOf(trx: Knex, model: string, version: number): Knex.QueryBuilder {
  return version === 0
    ? trx('registered_model_tags').where({ model })
    : trx('model_version_tags').where({ model, version });
}
