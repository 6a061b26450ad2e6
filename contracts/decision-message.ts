import { areConditions, type Decision, type DecisionCondition, readSignedStatement } from './decision-statement.ts';
import type { DsseEnvelope } from './dsse.ts';

/** What `approve` and `reject` carry; `decide` carries `decision` beside it. Or an `envelope`, which says it all. */
export interface DecisionMessage {
  /** Empty only beside a `problem`. */
  readonly decision: Decision | '';
  /** A role of the policy when it is merely claimed; a person's name when it is signed. */
  readonly approver: string;
  readonly comment: string;
  /** The evidence digest shown where the gate waits; its first 12 hex digits will do when it is not signed. */
  readonly evidence: string;
  readonly conditions?: readonly DecisionCondition[];
  /** The signed statement that the other fields were read from; whether the signature holds is judged later. */
  readonly envelope?: DsseEnvelope;
  /** Why the message can never count, as far as it alone tells. */
  readonly problem?: string;
}

export const LONGEST_COMMENT = 4_000;
/** Stands in the printed commands where the reason goes; sent as it is, it would be the reason on record for ever. */
export const COMMENT_PLACEHOLDER = 'WHY';
const LONGEST_NAME = 100;

/**
 * Reads a message of unknown shape. What is missing or of the wrong type becomes empty text and what is too long is
 * cut, so that the gate can say what is wrong with it; what no database keeps is replaced. Undefined when it holds
 * neither a decision nor an envelope.
 *
 * @param decision what the signal's name says
 */
export function readDecision(payload: unknown, decision?: Decision): DecisionMessage | undefined {
  const fields = typeof payload === 'object' && payload !== null ? (payload as Readonly<Record<string, unknown>>) : {};
  const said = decision ?? fields['decision'];
  const stated = said === 'approve' || said === 'reject' ? said : undefined;
  const { envelope } = fields;
  if (envelope !== undefined && envelope !== null) return readSigned(envelope, fields, stated);
  return stated === undefined ? undefined : readClaim(fields, stated);
}

function readClaim(fields: Readonly<Record<string, unknown>>, decision: Decision | ''): DecisionMessage {
  const { conditions } = fields;
  return {
    decision,
    approver: text(fields['approver'], LONGEST_NAME),
    comment: text(fields['comment'], LONGEST_COMMENT + 1),
    evidence: text(fields['evidence'], LONGEST_NAME).toLowerCase(),
    ...(conditions === undefined || conditions === null ? {} : readConditions(conditions, decision)),
  };
}

function readSigned(
  envelope: unknown,
  fields: Readonly<Record<string, unknown>>,
  stated: Decision | undefined,
): DecisionMessage {
  const read = readSignedStatement(envelope);
  if (!read.ok) {
    const { conditions: _, ...claimed } = readClaim(fields, stated ?? '');
    return { ...claimed, problem: read.problem };
  }
  const { predicate } = read.value.statement;
  const { decision, conditions } = predicate;
  const contradicts = stated !== undefined && stated !== decision;
  return {
    decision,
    approver: text(predicate.approver, LONGEST_NAME),
    comment: text(predicate.comment, LONGEST_COMMENT + 1),
    evidence: predicate.evidenceDigest,
    ...(conditions === undefined ? {} : readConditions(conditions, decision)),
    envelope: read.value.envelope,
    ...(contradicts ? { problem: `it is sent as "${stated}", but its signed statement says "${decision}"` } : {}),
  };
}

function readConditions(conditions: unknown, decision: Decision | ''): Pick<DecisionMessage, 'conditions' | 'problem'> {
  if (decision === 'reject') return { problem: 'it has conditions; they go with an approval only' };
  if (!areConditions(conditions))
    return { problem: 'its conditions are none: expected a list of { "condition": text, "due": instant }' };
  const kept = conditions.map(({ condition, due }) => ({ condition: text(condition, LONGEST_COMMENT), due }));
  return { conditions: kept };
}

/** Text that every database keeps: no NUL, no half of a surrogate pair. */
function text(value: unknown, longest: number): string {
  if (typeof value !== 'string') return '';
  return value
    .slice(0, longest)
    .replaceAll('\0', '\uFFFD')
    .replace(/\p{Surrogate}/gu, '\uFFFD');
}
