import type { Stage } from '../stages.ts';

/** What somebody wants to change by hand, without asking at a gate. */
export type DirectChange =
  | { readonly kind: 'transition'; readonly version: number; readonly from: Stage; readonly to: Stage }
  /** `from` is where the alias points now; null when there is none. */
  | { readonly kind: 'set-alias'; readonly alias: string; readonly version: number; readonly from: number | null }
  | { readonly kind: 'delete-alias'; readonly alias: string; readonly from: number | null }
  | { readonly kind: 'delete-version'; readonly version: number }
  | { readonly kind: 'delete-model' }
  | { readonly kind: 'rename-model' };

/** The state that the change would meet, read in the transaction that would make it. */
export interface ChangeGround {
  readonly model: string;
  /** The environment's policy: whether Production may be changed without a gate. */
  readonly directChanges: 'allowed' | 'refused';
  /** The version in Production. */
  readonly production: number | null;
  /** Versions that wait for a decision at their gate. */
  readonly waiting: readonly number[];
  /** Versions that were asked for, whose promotion has not come to its gate yet. */
  readonly onTheWay: readonly number[];
  readonly breakGlass: BreakGlass;
}

/** Whether the caller holds the right, and the reason it gave; an empty reason is none. */
export interface BreakGlass {
  readonly held: boolean;
  readonly reason: string | null;
}

export type Guard =
  | { readonly allowed: true; readonly brokeGlass: false }
  /** Done against the rule `against`, which the history says for ever. */
  | { readonly allowed: true; readonly brokeGlass: true; readonly against: string; readonly reason: string }
  | { readonly allowed: false; readonly why: string; readonly instead: string };

const FREE: Guard = { allowed: true, brokeGlass: false };

/**
 * Whether a change by hand is let through. What is in Production changes through its gate alone, unless the policy
 * says otherwise; a version that waits at its gate stays what it is, whatever the policy says, so that its approvers
 * decide on what they saw, and one on its way there keeps its name. Break-glass, with a reason, opens all doors.
 */
export function guardChange(change: DirectChange, ground: ChangeGround): Guard {
  const objection = objectionTo(change, ground);
  if (objection === undefined) return FREE;
  const { held, reason } = ground.breakGlass;
  if (held && reason !== null && reason.trim() !== '') {
    return { allowed: true, brokeGlass: true, against: objection.why, reason: reason.trim() };
  }
  const glass = held ? '; or give a break_glass_reason, which is kept for ever and told to all who must know' : '';
  return { allowed: false, why: objection.why, instead: `${objection.instead}${glass}` };
}

interface Objection {
  readonly why: string;
  readonly instead: string;
}

function objectionTo(change: DirectChange, ground: ChangeGround): Objection | undefined {
  const atGate = waitingAmong(change, ground);
  if (atGate !== undefined) {
    return {
      why: `${ground.model} version ${atGate} waits at its gate`,
      instead: `let its approvers answer, or cancel the request (DELETE transition-requests/delete), then try again`,
    };
  }
  // Its promotion would go on with another model that takes the name. Moving it is free: that answers the request.
  const asked = unnamedAmong(change, ground.onTheWay);
  if (asked !== undefined) {
    return {
      why: `${ground.model} version ${asked} was asked for and is on its way to its gate`,
      instead: `let that end, or cancel the request (DELETE transition-requests/delete) and the workflow promote-model/${ground.model}/${asked}, then try again`,
    };
  }
  if (ground.directChanges === 'allowed') return undefined;
  return changesProduction(change, ground);
}

/** The version at a gate that the change would move, hide or call by another name. */
function waitingAmong(change: DirectChange, { waiting }: ChangeGround): number | undefined {
  if (change.kind !== 'transition') return unnamedAmong(change, waiting);
  return change.from === change.to ? undefined : waiting.find((version) => version === change.version);
}

/** Which of these versions the change would hide, or call by another name. */
function unnamedAmong(change: DirectChange, versions: readonly number[]): number | undefined {
  switch (change.kind) {
    case 'delete-version':
      return versions.find((version) => version === change.version);
    case 'delete-model':
    case 'rename-model':
      return versions[0];
    case 'transition':
    case 'set-alias':
    case 'delete-alias':
      return undefined;
  }
}

function changesProduction(change: DirectChange, ground: ChangeGround): Objection | undefined {
  const { model, production } = ground;
  const holds = `${model} version ${production} is in Production, where versions come and go through gates`;
  switch (change.kind) {
    case 'transition':
      return objectionToTransition(change, ground);
    case 'set-alias':
      if (change.from === change.version) return undefined;
      if (production === null || (change.version !== production && change.from !== production)) return undefined;
      return {
        why: `alias ${change.alias} would move ${change.version === production ? 'onto' : 'off'} it: ${holds}`,
        instead: change.version === production ? findIn(model) : askFor(model, change.version),
      };
    case 'delete-alias':
      if (production === null || change.from !== production) return undefined;
      return { why: `alias ${change.alias} would be taken off it: ${holds}`, instead: rollBack(model) };
    case 'delete-version':
      if (production === null || change.version !== production) return undefined;
      return { why: holds, instead: rollBack(model) };
    case 'delete-model':
    case 'rename-model':
      if (production === null) return undefined;
      return { why: holds, instead: `${rollBack(model)}, or keep the name` };
  }
}

function objectionToTransition(
  { version, from, to }: Extract<DirectChange, { kind: 'transition' }>,
  { model, production }: ChangeGround,
): Objection | undefined {
  if (from === to) return undefined;
  if (to === 'Production') {
    const place = production === null ? '' : ` in place of version ${production}`;
    return {
      why: `${model} version ${version} would enter Production${place} without a gate`,
      instead: askFor(model, version),
    };
  }
  if (from !== 'Production') return undefined;
  return { why: `${model} version ${version} would leave Production without a successor`, instead: rollBack(model) };
}

function askFor(model: string, version: number): string {
  return `ask for Production (POST transition-requests/create, or start promoteModel with id promote-model/${model}/${version})`;
}

/** For an alias: asked for again, what is in Production already would be refused. */
function findIn(model: string): string {
  return `clients find it as models:/${model}/Production; set an alias before the gate lets its version in (POST transition-requests/create)`;
}

function rollBack(model: string): string {
  return `promote another version, or start rollBackModel for ${model} (npm run registry -- roll-back --model ${model})`;
}
