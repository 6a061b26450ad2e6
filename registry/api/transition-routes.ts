import { randomUUID } from 'node:crypto';
import { SuperstepError } from '../../contracts/failure-types.ts';
import { requireCommentText } from '../models/comments.ts';
import type { AskedTransition } from '../models/asked-transitions.ts';
import type { Stage } from '../stages.ts';
import type { VersionName } from '../version-notes.ts';
import { createDatabricksRoutes } from './databricks-routes.ts';
import { answerRequest, cancelRequest } from './answer-request.ts';
import { actOf, type TransitionRoutesDeps } from './model-deps.ts';
import { commentJson, requestJson } from './model-json.ts';
import { readStage, versionName } from './model-fields.ts';
import type { RestCall, RestRoute } from './route.ts';
import { availableActions } from './request-actions.ts';

const BASE = '/mlflow/transition-requests';

/**
 * The approval protocol of Databricks' workspace registry. A request for Staging or Production is the workflow's: it
 * starts or joins `promoteModel`, and its answers go to the gate that waits.
 */
export function createTransitionRoutes(deps: TransitionRoutesDeps): RestRoute[] {
  return [...createRequestRoutes(deps), ...createCommentRoutes(deps), ...createDatabricksRoutes(deps)];
}

function createRequestRoutes(deps: TransitionRoutesDeps): RestRoute[] {
  const { registry } = deps;
  return [
    { method: 'POST', path: `${BASE}/create`, needs: 'read', handle: (call) => createRequest(call, deps) },
    {
      method: 'GET',
      path: `${BASE}/list`,
      needs: 'read',
      handle: async ({ fields, caller }) => {
        const { approval } = await deps.policy();
        const waiting = await registry.waitingRequests(versionName(fields));
        const requests = waiting.map(({ request, from }) =>
          requestJson(request, from, availableActions(request, from, caller, approval)),
        );
        return requests.length === 0 ? {} : { requests };
      },
    },
    {
      method: 'POST',
      path: `${BASE}/approve`,
      needs: 'read',
      handle: async (call) => ({ activity: await answerRequest('approve', await findRequest(call, deps), call, deps) }),
    },
    {
      method: 'POST',
      path: `${BASE}/reject`,
      needs: 'read',
      handle: async (call) => ({ activity: await answerRequest('reject', await findRequest(call, deps), call, deps) }),
    },
    {
      method: 'DELETE',
      path: `${BASE}/delete`,
      needs: 'read',
      handle: async (call) => ({ activity: await cancelRequest(await findRequest(call, deps), call, deps) }),
    },
  ];
}

/** The row comes first, so that no workflow runs without its request; asking again starts what did not start. */
async function createRequest({ fields, caller }: RestCall, deps: TransitionRoutesDeps): Promise<object> {
  const { registry, gates, policy } = deps;
  const name = versionName(fields);
  const to = readStage(fields.text('stage'), 'stage');
  const comment = fields.optionalText('comment') ?? '';
  if (comment !== '') requireCommentText(comment);
  const asked = await registry.askTransition({ ...name, to, comment }, caller);
  const { from } = asked;
  let { request } = asked;
  if ((to === 'Production' || to === 'Staging') && request.workflowId === null) {
    const workflowId = await gates.startPromotion({ ...name, requestedBy: request.requestedBy });
    request = await registry.linkPromotion(request.id, workflowId);
  }
  const { approval } = await policy();
  return { request: requestJson(request, from, availableActions(request, from, caller, approval)) };
}

/** The request that waits for the stage that the call names. @throws UnknownResource */
async function findRequest({ fields }: RestCall, { registry }: TransitionRoutesDeps): Promise<AskedTransition> {
  const name = versionName(fields);
  const to = readStage(fields.text('stage'), 'stage');
  const creator = fields.optionalText('creator');
  const waiting = await registry.waitingRequests(name);
  const found = waiting.find(({ request }) => request.toStage === to && matches(request.requestedBy, creator));
  if (found !== undefined) return found;
  throw unknownRequest(name, to, waiting);
}

function matches(requestedBy: string, creator: string | undefined): boolean {
  return creator === undefined || creator === '' || creator === requestedBy;
}

function unknownRequest(
  { model, version }: VersionName,
  to: Stage,
  waiting: readonly AskedTransition[],
): SuperstepError {
  const there = waiting.map(({ request }) => `${request.toStage} by ${request.requestedBy}`).join(', ') || 'none';
  return new SuperstepError(
    'UnknownResource',
    `${model} version ${version} has no such request for ${to} that waits; it has: ${there}`,
    {
      model,
      version,
      stage: to,
    },
  );
}

function createCommentRoutes(deps: TransitionRoutesDeps): RestRoute[] {
  const { registry } = deps;
  const path = '/mlflow/comments';
  return [
    {
      method: 'POST',
      path: `${path}/create`,
      needs: 'read',
      handle: async ({ fields, caller }) => {
        const comment = fields.text('comment');
        const id = await registry.addClientComment({ ...versionName(fields), key: randomUUID(), comment }, caller);
        return { comment: commentJson(await registry.clientComment(id), caller) };
      },
    },
    {
      method: 'PATCH',
      path: `${path}/update`,
      needs: 'read',
      handle: async (call) => {
        const [id, text] = [call.fields.text('id'), call.fields.text('comment')];
        const comment = await registry.editComment(id, text, await actOf(call, deps));
        return { comment: commentJson(comment, call.caller) };
      },
    },
    {
      method: 'DELETE',
      path: `${path}/delete`,
      needs: 'read',
      handle: async (call) => {
        await registry.deleteComment(call.fields.text('id'), await actOf(call, deps));
        return {};
      },
    },
  ];
}
