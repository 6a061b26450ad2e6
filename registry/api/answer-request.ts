import { randomUUID } from 'node:crypto';
import { namesDigest } from '../../contracts/approval.ts';
import { type FailureType, SuperstepError } from '../../contracts/failure-types.ts';
import type { Decision, DecisionCondition } from '../../contracts/decision-statement.ts';
import type { Policy } from '../../contracts/schemas/policy.ts';
import type { Caller } from '../identity/caller.ts';
import { actor } from '../models/act.ts';
import { requireMayCancel, type AskedTransition } from '../models/asked-transitions.ts';
import { requireCommentText } from '../models/comments.ts';
import type { TransitionRequest } from '../open-requests.ts';
import type { Stage } from '../stages.ts';
import type { Fields } from './fields.ts';
import { actOf, wakeGates, type TransitionRoutesDeps } from './model-deps.ts';
import { readInstant } from './model-fields.ts';
import { activityJson, type ActivityType } from './model-json.ts';
import { approversOf, mayAnswer } from './request-actions.ts';
import type { RestCall } from './route.ts';

const ANSWERED = { approve: 'APPROVED_REQUEST', reject: 'REJECTED_REQUEST' } as const;

/**
 * Approves or rejects a request. At the gate of Production that is a decision, which the gate judges like one that came
 * by signal or update; one that does not count is recorded with the reason, whoever refuses it. A request for Archived
 * or None has no gate and is answered by hand.
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
  const comment = call.fields.optionalText('comment') ?? '';
  if (comment !== '') requireCommentText(comment);
  const { toStage: to } = asked.request;
  if (to === 'Archived' || to === 'None') return answerByHand(decision, asked, call, comment, deps);
  const said = { decision, comment, evidence: call.fields.optionalText('evidence') ?? '' };
  try {
    return await decideAtGate(said, asked, call, deps);
  } catch (error) {
    if (to === 'Production' && isRefusal(error)) await keepRefused(said, asked, call, error, deps);
    throw error;
  }
}

/** What a caller says at a gate. */
interface Said {
  readonly decision: Decision;
  readonly comment: string;
  /** The digest that was looked at; empty where the caller does not say. */
  readonly evidence: string;
}

/** Not weather: a decision that was understood and does not count. */
const REFUSALS: readonly FailureType[] = ['InvalidInput', 'NotAuthorized', 'StaleDecision'];

function isRefusal(error: unknown): error is SuperstepError {
  return error instanceof SuperstepError && REFUSALS.includes(error.type);
}

/** A decision that does not count is evidence, too: of who tried. Strangers without a name are only turned away. */
async function keepRefused(
  said: Said,
  { request }: AskedTransition,
  { caller }: RestCall,
  { message }: SuperstepError,
  { registry }: TransitionRoutesDeps,
): Promise<void> {
  if (caller.proof === 'anonymous') return;
  const { id: requestId, model, version } = request;
  await registry.recordDecision({
    naturalKey: `rest/${randomUUID()}`,
    ...{ model, version, requestId, approver: caller.name, ...said },
    counted: false,
    whyNot: message,
    receivedVia: 'rest',
  });
}

async function decideAtGate(
  { decision, comment, evidence }: Said,
  { request, from }: AskedTransition,
  { caller, fields }: RestCall,
  { gates, attest, now, policy, registry }: TransitionRoutesDeps,
): Promise<object> {
  requireMayAnswer(request, from, caller, (await policy()).approval);
  const workflowId = await waitingWorkflow(request, registry);
  // Whoever says which evidence was looked at is not taken to have seen what came after it.
  if (evidence !== '' && !namesDigest(evidence, request.evidenceDigest ?? ''))
    throw notYet(
      request,
      `rests on evidence ${request.evidenceDigest ?? 'none'}, not on ${evidence}; look at it again`,
    );
  const message = await attest({ caller, request, decision, comment, conditions: readConditions(fields) });
  const answer = await gates.decide({ workflowId, message });
  if (!answer.counted) {
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

function requireMayAnswer(request: TransitionRequest, from: Stage, caller: Caller, approval: Policy['approval']): void {
  if (mayAnswer(request, from, caller, approval)) return;
  const { toStage: to, model } = request;
  const roles = to === 'Production' ? `, or one of the roles ${approversOf(request, approval).join(', ')}` : '';
  throw new SuperstepError(
    'NotAuthorized',
    `"${caller.name}" may not answer requests for ${to} of ${model}; that needs the right over ${to}${roles}`,
    { caller: caller.name, model, stage: to },
  );
}

/** The workflow whose gate waits. @throws StaleDecision when none does */
async function waitingWorkflow(
  request: TransitionRequest,
  registry: TransitionRoutesDeps['registry'],
): Promise<string> {
  const { toStage: to, workflowId, status } = request;
  if (to === 'Staging') {
    throw notYet(
      request,
      `is answered by the compliance gate of ${workflowId ?? 'promoteModel'}, not by hand; cancel it to take it back`,
    );
  }
  if (status === 'open' && workflowId !== null) return workflowId;
  const phase = await registry.phaseOfAsked(request);
  throw notYet(
    request,
    `is in its ${phase} phase: its gate is not open and there is no evidence to decide on yet; decide again once it waits`,
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
