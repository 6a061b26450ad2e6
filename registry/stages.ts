import { SuperstepError } from '../contracts/failure-types.ts';

/** MLflow's stages. */
export const STAGES = ['None', 'Staging', 'Production', 'Archived'] as const;
export type Stage = (typeof STAGES)[number];

/** Why a version moves; each cause has moves of its own. */
export type MoveCause = 'gate' | 'promotion' | 'rollback' | 'direct';

const MOVES: Readonly<Record<MoveCause, Readonly<Record<Stage, readonly Stage[]>>>> = {
  // A gate may be asked again for whatever is not in Production.
  gate: {
    None: ['Staging', 'Archived'],
    Staging: ['Staging', 'Archived'],
    Archived: ['Staging', 'Archived'],
    Production: [],
  },
  promotion: { None: [], Staging: ['Production'], Archived: [], Production: ['Archived'] },
  // The target of a rollback may be on its way through the gates again, or have been moved by hand.
  rollback: { None: ['Production'], Staging: ['Production'], Archived: ['Production'], Production: ['Archived'] },
  // By hand: whether somebody may is for the guard of side doors to say.
  direct: { None: STAGES, Staging: STAGES, Archived: STAGES, Production: STAGES },
};

/** The tag that says why a version is archived; gone when it leaves Archived. */
export const ARCHIVED_REASON_TAG = 'archived.reason';

export interface VersionInStage {
  readonly model: string;
  readonly version: number;
  readonly stage: Stage;
}

/** @throws IllegalTransition with the current stage, the wanted one, and what this cause allows */
export function requireMove(cause: MoveCause, version: VersionInStage, to: Stage): void {
  const allowed = MOVES[cause][version.stage];
  if (allowed.includes(to)) return;
  const choice = allowed.length === 0 ? 'no other stage' : allowed.join(' or ');
  throw new SuperstepError(
    'IllegalTransition',
    `${version.model} version ${version.version} is in ${version.stage}; a ${cause} may move it to ${choice}, not to ${to}`,
    { model: version.model, version: version.version, current: version.stage, wanted: to, allowed },
  );
}
