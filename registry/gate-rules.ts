import type { Knex } from 'knex';
import type { ApprovalRules } from '../contracts/approval-rules.ts';
import { candidateRules } from '../contracts/candidate-rules.ts';
import { wasEscalated } from './gate-notices.ts';
import type { TransitionRequest } from './open-requests.ts';

/**
 * By which rules a gate counts, as the registry kept them when it opened; without keys, which are those of the moment.
 * Undefined for gates that earlier versions opened, which kept none.
 */
export async function rulesOfGate(knex: Knex, request: TransitionRequest): Promise<ApprovalRules | undefined> {
  const { id: requestId, basis, model, version, requestedBy: requester, evidenceDigest } = request;
  if (basis === null) return undefined;
  const escalated = await wasEscalated(knex, requestId);
  const opened = { requestId, evidenceDigest: evidenceDigest ?? '', keys: [], escalated };
  return candidateRules({ ...basis, model, version, requester }, opened);
}
