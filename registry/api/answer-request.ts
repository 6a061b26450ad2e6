import { randomUUID } from 'node:crypto';
import { namesDigest } from '../../contracts/approval.ts';
import { SuperstepError } from '../../contracts/failure-types.ts';
import type { Decision, DecisionCondition } from '../../contracts/decision-statement.ts';
import { actor } from '../models/act.ts';
import { requireMayCancel, type AskedTransition } from '../models/asked-transitions.ts';
import { requireCommentText } from '../models/comments.ts';
import type { Fields } from './fields.ts';
import { actOf, wakeGates, type TransitionRoutesDeps } from './model-deps.ts';
import { readInstant } from './model-fields.ts';
import { activityJson, type ActivityType } from './model-json.ts';
import { mayAnswer } from './request-actions.ts';
import type { RestCall } from './route.ts';

const ANSWERED = { approve: 'APPROVED_REQUEST', reject: 'REJECTED_REQUEST' } as const;

/**
 * Approves or rejects a request. At the gate of Production that is a decision, which the gate judges like one that came
 * by signal or update; a request for Archived or None has no gate and is answered by hand.
 *
 * @throws StaleDecision while no gate is open, or for a decision that does not count
 * @throws NotAuthorized
 */
export async function answerRequest(
  decision: Decision,
  asked: AskedTransition,
  call: RestCall,
  deps: TransitionRoutesDeps,
): Promise<object> {
  const { request, from } = asked;
  const { toStage: to, model } = request;
  const comment = call.fields.optionalText('comment') ?? '';
  if (comment !== '') requireCommentText(comment);
  if (to === 'Archived' || to === 'None') return answerByHand(decision, asked, call, comment, deps);
  const { approval } = await deps.policy();
  if (!mayAnswer(request, from, call.caller, approval.approvers)) {
    throw new SuperstepError(
      'NotAuthorized',
      `"${call.caller.name}" may not answer requests for ${to} of ${model}; that needs the right over ${to}${to === 'Production' ? `, or one of the roles ${approval.approvers.join(', ')}` : ''}`,
      { caller: call.caller.name, model, stage: to },
    );
  }
  return decideAtGate(decision, asked, call, comment, deps);
}

async function decideAtGate(
  decision: Decision,
  { request, from }: AskedTransition,
  { caller, fields }: RestCall,
  comment: string,
  { registry, gates, attest, now }: TransitionRoutesDeps,
): Promise<object> {
  const { toStage: to, workflowId } = request;
  if (to === 'Staging') {
    throw notYet(
      request,
      `is answered by the compliance gate of ${workflowId ?? 'promoteModel'}, not by hand; cancel it to take it back`,
    );
  }
  if (request.status !== 'open' || workflowId === null) {
    const phase = await registry.phaseOfAsked(request);
    throw notYet(
      request,
      `is in its ${phase} phase: its gate is not open and there is no evidence to decide on yet; decide again once it waits`,
    );
  }
  // Whoever says which evidence was looked at is not taken to have seen what came after it.
  const seen = fields.optionalText('evidence') ?? '';
  if (seen !== '' && !namesDigest(seen, request.evidenceDigest ?? ''))
    throw notYet(request, `rests on evidence ${request.evidenceDigest ?? 'none'}, not on ${seen}; look at it again`);
  const message = await attest({ caller, request, decision, comment, conditions: readConditions(fields) });
  const answer = await gates.decide({ workflowId, message });
  if (!answer.counted) {
    const { id: requestId, model, version } = request;
    await registry.recordDecision({
      naturalKey: `rest/${randomUUID()}`,
      model,
      version,
      requestId,
      approver: caller.name,
      decision,
      comment,
      evidence: seen,
      counted: false,
      whyNot: answer.whyNot,
      receivedVia: 'rest',
    });
    throw new SuperstepError(answer.failure, `the gate of ${workflowId} does not count this: ${answer.whyNot}`, {
      requestId: request.id,
    });
  }
  const missing = answer.missing === 0 ? 'the gate has its answer' : `the gate waits for ${answer.missing} more`;
  return activityOf(
    ANSWERED[decision],
    { request, from },
    caller.name,
    comment,
    now(),
    decision === 'reject' ? 'one reject closes the gate' : missing,
  );
}

/** What an approval asks for later: `conditions: [{ condition, due }]`, beyond Databricks' call. */
function readConditions(fields: Fields): DecisionCondition[] {
  return fields
    .list('conditions')
    .map((one) => ({ condition: one.text('condition'), due: readInstant(one.text('due'), 'due') }));
}

function notYet({ id, model, version, toStage }: AskedTransition['request'], why: string): SuperstepError {
  return new SuperstepError('StaleDecision', `the request of ${model} version ${version} for ${toStage} ${why}`, {
    requestId: id,
  });
}

async function answerByHand(
  decision: Decision,
  asked: AskedTransition,
  call: RestCall,
  comment: string,
  deps: TransitionRoutesDeps,
): Promise<object> {
  const { registry, now } = deps;
  const act = await actOf(call, deps);
  if (decision === 'reject') {
    await registry.rejectByHand(asked.request, comment, act);
  } else {
    const { wake } = await registry.approveByHand(asked.request, comment, act);
    await wakeGates(deps, wake);
  }
  return activityOf(ANSWERED[decision], asked, call.caller.name, comment, now());
}

/**
 * Takes a request back: its requester may, and whoever decides on its stage. An open gate closes and its version is
 * archived; a promotion whose gate is not open yet goes on, and asks in the name of the engine.
 *
 * @throws NotAuthorized
 */
export async function cancelRequest(
  asked: AskedTransition,
  call: RestCall,
  deps: TransitionRoutesDeps,
): Promise<object> {
  const { registry, now } = deps;
  const { request } = asked;
  const comment = call.fields.optionalText('comment') ?? '';
  requireMayCancel(request, call.caller);
  const act = await actOf(call, deps);
  if (request.toStage === 'Production' && request.status === 'open') {
    const closing = { requestId: request.id, outcome: 'cancelled' as const, ...actor(act) };
    await registry.closeApproval({ ...closing, comment: comment === '' ? 'The request was taken back.' : comment });
    if (request.workflowId !== null) await wakeGates(deps, [request.workflowId]);
  } else {
    await registry.withdrawAsked(request, comment, act);
  }
  return activityOf('CANCELLED_REQUEST', asked, call.caller.name, comment, now());
}

function activityOf(
  type: ActivityType,
  { request, from }: AskedTransition,
  by: string,
  comment: string,
  at: Date,
  systemComment?: string,
): object {
  return activityJson({
    id: request.id,
    type,
    at: at.toISOString(),
    by,
    from,
    to: request.toStage,
    comment,
    ...(systemComment === undefined ? {} : { systemComment }),
  });
}
