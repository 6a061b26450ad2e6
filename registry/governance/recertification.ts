import { type Proof, provesEnough } from '../../contracts/approval-rules.ts';
import { durationMs } from '../../contracts/durations.ts';
import type { GateResult } from '../../contracts/gates.ts';
import { approversMissing, quorumText } from '../../contracts/quorum.ts';
import type { RecertificationFinding } from '../../contracts/recertify-models.ts';
import type { Policy } from '../../contracts/schemas/policy.ts';
import type { ApprovalCondition } from './conditions.ts';

/** What is in Production, held against today: everything that the rule looks at. */
export interface RecertificationFacts {
  readonly model: string;
  readonly version: number;
  /** The rules of today, with those of the model's tier. */
  readonly policy: Policy;
  /** Today's compliance gate over the version, waivers applied; with parity measured by today's libraries. */
  readonly compliance: GateResult;
  /** Who approved the version's promotion, also when a rollback brought it back; empty when it came through broken glass. */
  readonly approvals: readonly StandingApproval[];
  readonly enteredAt: string;
  readonly enteredThrough: string;
  readonly conditions: readonly ApprovalCondition[];
  /** When it was last recertified without findings, ISO; null for never. */
  readonly lastReview: string | null;
  /** ISO. */
  readonly now: string;
}

/** An approval that counted then. */
export interface StandingApproval {
  readonly approver: string;
  readonly roles: readonly string[];
  readonly proof: Proof;
}

/**
 * The rule of recertification: what would not pass today. It takes nothing out of Production; people decide that.
 * Pure, so that it can be held against a policy that is only being considered.
 */
export function recertificationFindings(facts: RecertificationFacts): RecertificationFinding[] {
  return [
    ...complianceFindings(facts),
    ...approvalFindings(facts),
    ...conditionFindings(facts),
    ...reviewFindings(facts),
  ];
}

function complianceFindings({ compliance }: RecertificationFacts): RecertificationFinding[] {
  return compliance.checks
    .filter((check) => check.verdict !== 'pass')
    .map(({ name, expected, found }) => ({
      kind: 'compliance',
      finding: `${name}: expected ${expected}; found ${found}`,
      remedy: 'retrain and promote a version that passes, roll back, or grant a waiver with an end',
    }));
}

function approvalFindings({ approvals, policy, enteredThrough }: RecertificationFacts): RecertificationFinding[] {
  const { approvers, quorum, proof } = policy.approval;
  const remedy = 'start promoteModel for a successor, which is approved by the rules of today';
  if (approvals.length === 0) {
    const finding = `nobody's approval stands behind it: it came through ${enteredThrough}`;
    return [{ kind: 'approval', finding, remedy }];
  }
  const [strong, weak] = [true, false].map((enough) =>
    approvals.filter((one) => provesEnough(one.proof, proof) === enough),
  ) as [StandingApproval[], StandingApproval[]];
  const entitled = strong.map(({ roles }) => roles.filter((role) => approvers.includes(role)));
  const missing = approversMissing(
    quorum,
    entitled.filter((roles) => roles.length > 0),
  );
  if (missing === 0) return [];
  const tooWeak = weak.map(({ approver, proof: shown }) => `${approver} by ${shown}`).join(', ');
  const because = tooWeak === '' ? '' : `; too weak a proof today: ${tooWeak}`;
  const finding = `today it would lack ${missing} approval${missing > 1 ? 's' : ''} of ${quorumText(quorum, approvers)}${because}`;
  return [{ kind: 'approval', finding, remedy }];
}

function conditionFindings({ conditions, now }: RecertificationFacts): RecertificationFinding[] {
  return conditions
    .filter(({ fulfilledAt, dueAt }) => fulfilledAt === null && dueAt <= now)
    .map(({ id, condition, dueAt, imposedBy }) => ({
      kind: 'condition',
      finding: `"${condition}", which ${imposedBy} asked for, was due at ${dueAt}`,
      remedy: `meet it and say so: npm run waivers -- fulfil ${id} --comment "…"`,
    }));
}

function reviewFindings({ policy, lastReview, enteredAt, now }: RecertificationFacts): RecertificationFinding[] {
  const { review_every: every } = policy;
  if (every === undefined) return [];
  const since = lastReview !== null && lastReview > enteredAt ? lastReview : enteredAt;
  const due = new Date(Date.parse(since) + durationMs(every)).toISOString();
  if (now < due) return [];
  return [
    {
      kind: 'review',
      finding: `it was last reviewed at ${since}; the policy asks for it every ${every}`,
      remedy: 'look at its monitors and evidence, then say so: npm run recertify -- --review --comment "…"',
    },
  ];
}
