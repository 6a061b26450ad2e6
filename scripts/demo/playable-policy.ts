import type { Policy } from '../../contracts/schemas/policy.ts';
import { approversMissing, quorumText } from '../../contracts/quorum.ts';
import { effectivePolicy } from '../../projects/effective-policy.ts';
import { messageForPerson } from '../message-for-person.ts';

/** In whose name the commands that a gate prints answer. */
const PLAYED = 'governance';

/**
 * Makes sure that one person at a terminal, who proves nothing, can answer the gates of a model: the demo has no keys and
 * no second approver.
 *
 * @throws a message for people otherwise
 */
export function requirePlayable(policy: Policy, model: string, file: string): void {
  const { approvers, proof, quorum } = effectivePolicy(policy, model, undefined).policy.approval;
  const found: string[] = [];
  if (proof !== 'claimed') found.push(`approvals of ${model} need a ${proof} as proof`);
  if (!approvers.includes(PLAYED) || approversMissing(quorum, [[PLAYED]]) > 0)
    found.push(`they need ${quorumText(quorum, approvers)}`);
  if (found.length === 0) return;
  throw messageForPerson(
    `the demo answers its gates as ${PLAYED}, alone and by that name only, but by ${file} ${found.join(' and ')}. Let SUPERSTEP_POLICIES name a folder with another prod.yaml for it, such as the one that came with Superstep.`,
  );
}
