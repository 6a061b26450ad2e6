import { SHORTEST_DIGEST } from '../contracts/approval.ts';
import { COMMENT_PLACEHOLDER } from '../contracts/decision-message.ts';
import type { DecisionCommand } from '../contracts/evidence.ts';
import type { PrepareEvidenceInput } from '../contracts/promote-model.ts';
import type { PromotionDependencies } from './promotion-dependencies.ts';

/** What a person pastes to answer: what answers back first; where names are no proof, only what proves itself. */
export function decisionCommands(
  { temporalAddress, environment }: Pick<PromotionDependencies, 'temporalAddress' | 'environment'>,
  { workflowId, candidate }: Pick<PrepareEvidenceInput, 'workflowId' | 'candidate'>,
  digest: string,
): DecisionCommand[] {
  const { proof = 'claimed' } = candidate.approval;
  const evidence = digest.slice(0, SHORTEST_DIGEST);
  const address = `--address ${temporalAddress} -n ${environment}`;
  const update = `npm run temporal -- workflow update execute ${address} -w ${workflowId} --name decide`;
  if (proof === 'claimed') return claimCommands(update, `${address} -w ${workflowId}`, evidence);
  const decide = (decision: string): string =>
    `npm run decide -- ${decision} ${workflowId} ${address} --evidence ${evidence} --comment '${COMMENT_PLACEHOLDER}'`;
  return [
    { purpose: 'Approve', command: decide('approve') },
    { purpose: 'Reject', command: decide('reject') },
    ...(proof === 'signature'
      ? [{ purpose: 'Send what was signed elsewhere', command: `${update} --input-file DECISION.json` }]
      : []),
  ];
}

/** The update first, since it answers back; the signals beside it. */
function claimCommands(update: string, where: string, evidence: string): DecisionCommand[] {
  const payload = (fields: Readonly<Record<string, string>>): string =>
    `'${JSON.stringify({ ...fields, approver: 'governance', comment: COMMENT_PLACEHOLDER, evidence })}'`;
  const signal = `npm run temporal -- workflow signal ${where}`;
  return [
    { purpose: 'Approve', command: `${update} --input ${payload({ decision: 'approve' })}` },
    { purpose: 'Reject', command: `${update} --input ${payload({ decision: 'reject' })}` },
    { purpose: 'Approve by signal', command: `${signal} --name approve --input ${payload({})}` },
    { purpose: 'Reject by signal', command: `${signal} --name reject --input ${payload({})}` },
  ];
}
