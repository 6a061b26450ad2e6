import { everyApprover } from '../../contracts/candidate-rules.ts';
import type { Policy } from '../../contracts/schemas/policy.ts';
import type { Caller } from '../identity/caller.ts';
import { rightToMove } from '../models/act.ts';
import type { TransitionRequest } from '../open-requests.ts';
import type { Stage } from '../stages.ts';

/**
 * Whether the caller may answer a request: with the right over its target stage or, at the gate of Production, in a role
 * that may decide there at some time. Whether the answer counts, and counts yet, is the gate's to say.
 */
export function mayAnswer(
  request: TransitionRequest,
  from: Stage,
  caller: Caller,
  approval: Policy['approval'],
): boolean {
  if (caller.may(rightToMove(from, request.toStage), request.model)) return true;
  const roles = caller.rolesFor(request.model);
  return request.toStage === 'Production' && roles.some((role) => approversOf(request, approval).includes(role));
}

/** By the rules that the gate was opened by; before that, by the policy of today. */
export function approversOf({ basis }: TransitionRequest, { approvers, escalate }: Policy['approval']): string[] {
  return everyApprover(basis?.approval ?? { approvers, ...(escalate === undefined ? {} : { escalate }) });
}

/** Databricks' words for what the caller may do with a request that waits. */
export function availableActions(
  request: TransitionRequest,
  from: Stage,
  caller: Caller,
  approval: Policy['approval'],
): string[] {
  const answers = mayAnswer(request, from, caller, approval) && isAnswerable(request);
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
