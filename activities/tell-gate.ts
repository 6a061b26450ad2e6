import { everyApprover } from '../contracts/candidate-rules.ts';
import type { PinnedPromotion, PreparedEvidence, TellGateInput, ToldGate } from '../contracts/promote-model.ts';
import type { Registry } from '../registry/registry.ts';

/** What a person has to know to answer a gate, for whoever is told by these roles. */
export function gateDetails(
  { model, version }: Pick<PinnedPromotion, 'model' | 'version'>,
  { url, digest, commands }: PreparedEvidence,
  approvers: readonly string[],
): Readonly<Record<string, unknown>> {
  return { model, version, evidenceUrl: url, evidenceDigest: digest, commands, approvers };
}

/** Tells those who may decide that a gate still waits; an escalation tells the second role too, which may decide from now on. */
export async function tellGate(registry: Registry, input: TellGateInput): Promise<ToldGate> {
  const { candidate, workflowId, runId, requestId, evidence, event, escalated, missing, until, openedAt } = input;
  const { model, version, approval } = candidate;
  const everybody = everyApprover(approval);
  const isEscalation = event.what === 'escalate';
  const approvers = escalated || isEscalation ? everybody : approval.approvers;
  const period = isEscalation ? approval.escalate?.afterMs : approval.remindEveryMs;
  const waited = howLong((period ?? 0) * (isEscalation ? 1 : event.number));
  const wanted = missing === 1 ? 'one more approval' : `${missing} more approvals`;
  const asked = isEscalation ? `; ${approval.escalate?.to.join(', ') ?? ''} may decide too` : '';
  const open = await registry.tellGate({
    model,
    version,
    requestId,
    action: isEscalation ? 'GATE_ESCALATED' : 'GATE_REMINDED',
    number: isEscalation ? 1 : event.number,
    by: 'superstep',
    comment: `has waited ${waited} for ${wanted}${asked}`,
    evidenceDigest: evidence.digest,
    workflowId,
    workflowRunId: runId,
    details: { ...gateDetails(candidate, evidence, approvers), openedAt, until, waited },
  });
  const { keys } = await registry.approverNews(model, everybody, []);
  return { open, keys };
}

/** `2 d 4 h`, `1 min 30 s`: the two largest units that it has. */
export function howLong(milliseconds: number): string {
  const units = [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['min', 60_000],
    ['s', 1_000],
  ] as const;
  let rest = milliseconds;
  const parts = units.flatMap(([unit, size]) => {
    const count = Math.floor(rest / size);
    rest -= count * size;
    return count === 0 ? [] : [`${count} ${unit}`];
  });
  return parts.slice(0, 2).join(' ') || 'a moment';
}
