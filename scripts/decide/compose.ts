import { createHash } from 'node:crypto';
import {
  type Decision,
  type DecisionCondition,
  decisionStatement,
  signStatement,
} from '../../contracts/decision-statement.ts';
import type { DsseEnvelope, Signer } from '../../contracts/dsse.ts';
import { SHORTEST_DIGEST } from '../../contracts/approval.ts';
import { MESSAGE_NAMES, type WaitingGate } from '../../contracts/messages.ts';
import { messageForPerson } from '../message-for-person.ts';

/** What a person decides. */
export interface Answer {
  readonly decision: Decision;
  readonly comment: string;
  readonly conditions: readonly DecisionCondition[];
}

/** A statement of the decision on what the gate waits on, signed by the key's owner. */
export function signAnswer(gate: WaitingGate, answer: Answer, signer: Signer, now: Date): DsseEnvelope {
  const { keys, ground } = gate.rules;
  const owner = keys.find((key) => key.keyId === signer.keyId)?.owner;
  if (owner === undefined) throw messageForPerson(`the gate does not know key ${signer.keyId}`);
  const { decision, comment } = answer;
  const said = { decision, comment, ...withConditions(answer) };
  const stated = { ...said, approver: owner, decidedAt: now.toISOString(), proof: 'signature' as const };
  return signStatement(decisionStatement(ground, stated), signer);
}

/** The message of somebody whose name is taken for proof. @throws when it is not said whose answer it is */
export function claimAnswer(
  gate: WaitingGate,
  answer: Answer,
  as: string | undefined,
): Readonly<Record<string, unknown>> {
  const { approvers } = gate.rules;
  const approver = as ?? (approvers.length === 1 ? approvers[0] : undefined);
  if (approver === undefined || !approvers.includes(approver)) {
    const found = approver === undefined ? 'say whose answer it is' : `"${approver}" is no approver here`;
    throw messageForPerson(`${found}: --as ${approvers.join(' or --as ')}`);
  }
  const { decision, comment } = answer;
  const evidence = gate.evidenceDigest.slice(0, SHORTEST_DIGEST);
  return { decision, approver, comment, evidence, ...withConditions(answer) };
}

/** Left out where there are none. */
function withConditions({ conditions }: Answer): Partial<Pick<Answer, 'conditions'>> {
  return conditions.length === 0 ? {} : { conditions };
}

/** Arguments of the Temporal CLI that send a message as the update `decide`; sent twice it is one update. */
export function updateArguments(
  target: { readonly address: string; readonly environment: string; readonly workflowId: string },
  message: Readonly<Record<string, unknown>>,
): string[] {
  const input = JSON.stringify(message);
  const updateId = createHash('sha256').update(input).digest('hex').slice(0, 32);
  const { address, environment, workflowId } = target;
  const where = ['--address', address, '-n', environment, '-w', workflowId];
  return [
    'workflow',
    'update',
    'execute',
    ...where,
    '--name',
    MESSAGE_NAMES.decide,
    '--update-id',
    updateId,
    '--input',
    input,
  ];
}

/** What the registry's server is asked: the transition request that the gate is, answered by whoever the token names. */
export function restRequest(
  gate: WaitingGate,
  answer: Answer,
): { readonly path: string; readonly body: Readonly<Record<string, unknown>> } {
  const { model, version, requestId } = gate.rules.ground;
  const approving = answer.decision === 'approve';
  return {
    path: `/api/2.0/mlflow/transition-requests/${answer.decision}`,
    body: {
      name: model,
      version: String(version),
      stage: 'Production',
      ...(approving ? { archive_existing_versions: true } : {}),
      comment: answer.comment,
      request_id: requestId,
      evidence: gate.evidenceDigest,
      ...withConditions(answer),
    },
  };
}
