import type { Caller } from '../identity/caller.ts';
import { rightToMove } from '../models/act.ts';
import type { TransitionRequest } from '../open-requests.ts';
import type { Stage } from '../stages.ts';

/**
 * Whether the caller may answer a request: with the right over its target stage or, at the gate of Production, in an
 * approver's role. Whether the answer counts is the gate's to say.
 */
export function mayAnswer(
  request: TransitionRequest,
  from: Stage,
  caller: Caller,
  approvers: readonly string[],
): boolean {
  if (caller.may(rightToMove(from, request.toStage), request.model)) return true;
  const roles = caller.rolesFor(request.model);
  return request.toStage === 'Production' && roles.some((role) => approvers.includes(role));
}

/** Databricks' words for what the caller may do with a request that waits. */
export function availableActions(
  request: TransitionRequest,
  from: Stage,
  caller: Caller,
  approvers: readonly string[],
): string[] {
  const answers = mayAnswer(request, from, caller, approvers) && isAnswerable(request);
  const cancels = request.requestedBy === caller.name || caller.may(rightToMove(from, request.toStage), request.model);
  return [
    ...(answers ? ['APPROVE_TRANSITION_REQUEST', 'REJECT_TRANSITION_REQUEST'] : []),
    ...(cancels ? ['CANCEL_TRANSITION_REQUEST'] : []),
  ];
}

/** Staging is answered by the compliance gate, and Production only once its gate is open on evidence. */
export function isAnswerable({ toStage, status }: TransitionRequest): boolean {
  if (toStage === 'Staging') return false;
  return toStage !== 'Production' || status === 'open';
}
