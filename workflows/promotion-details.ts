import type { ApprovalRules } from '../contracts/approval-rules.ts';
import type { GateResult } from '../contracts/gates.ts';
import type { PinnedPromotion, PreparedEvidence, PromotionStep, RecordedDecision } from '../contracts/promote-model.ts';
import { quorumText } from '../contracts/quorum.ts';
import { markdownTable } from './story.ts';

/** What a promotion's current details show. */
export interface PromotionFacts {
  readonly gates: readonly GateResult[];
  readonly decisions: readonly RecordedDecision[];
  readonly steps: readonly PromotionStep[];
  readonly strays: readonly string[];
  readonly candidate?: PinnedPromotion;
  readonly evidence?: PreparedEvidence;
  /** By which the gate counts, once it has opened. */
  readonly rules?: ApprovalRules;
  /** Whether the gate waits: then the commands that answer it are shown. */
  readonly waiting: boolean;
}

// The server keeps 20 kB of details; a flood of messages must not push the commands out.
const DECISIONS_SHOWN = 20;

/** Current details of a promotion, in Markdown: the evidence, the gates, how to answer, decisions, steps. */
export function promotionDetails(facts: PromotionFacts): string {
  return [
    facts.waiting ? evidenceLink(facts.evidence) : undefined,
    facts.waiting ? whatCounts(facts.rules) : undefined,
    gateTable(facts.gates),
    facts.waiting ? howToAnswer(facts.evidence) : undefined,
    decisionTable(facts.decisions),
    stepTable(facts.steps),
    facts.strays.length === 0
      ? undefined
      : `Signals that nobody listens to, misspelt perhaps: ${facts.strays.map((s) => `\`${s}\``).join(', ')}. Expected \`approve\` or \`reject\`.`,
  ]
    .filter((part) => part !== undefined)
    .join('\n\n');
}

function evidenceLink(evidence: PreparedEvidence | undefined): string | undefined {
  return evidence === undefined
    ? undefined
    : `[Evidence page](${evidence.url}), digest \`${evidence.digest.slice(0, 12)}\``;
}

/** What the gate asks for; nothing where any one name will do, as the commands say it all then. */
function whatCounts(rules: ApprovalRules | undefined): string | undefined {
  if (rules === undefined) return undefined;
  const { approvers, quorum, proof, requester, separateRequester, standIns } = rules;
  if (proof === 'claimed' && quorum === 1 && !separateRequester && standIns === undefined) return undefined;
  const proved = proof === 'claimed' ? '' : `, proved by ${proof}`;
  const late =
    standIns === undefined
      ? ''
      : ` It has waited so long that ${standIns.join(', ')} may decide too, in anybody’s place.`;
  return `Asks for ${quorumText(quorum, approvers)}${proved}${separateRequester ? `; not from ${requester}, who asked for it` : ''}.${late}`;
}

function howToAnswer(evidence: PreparedEvidence | undefined): string | undefined {
  if (evidence === undefined) return undefined;
  const commands = evidence.commands.map(({ purpose, command }) => `${purpose}\n\n\`\`\`\n${command}\n\`\`\``);
  return commands.join('\n\n');
}

function gateTable(gates: readonly GateResult[]): string | undefined {
  if (gates.length === 0) return undefined;
  const rows = gates.flatMap((gate) => [
    [`**${gate.gate}**`, `**${gate.verdict}**`, '', gate.summary],
    ...gate.checks.map((check) => [check.name, check.verdict, check.expected, check.found]),
  ]);
  return markdownTable(['gate', 'verdict', 'expected', 'found'], rows);
}

function decisionTable(decisions: readonly RecordedDecision[]): string | undefined {
  if (decisions.length === 0) return undefined;
  const shown = decisions.slice(-DECISIONS_SHOWN);
  const someProved = shown.some((d) => d.proof !== undefined);
  const rows = shown.map((d) => [
    someProved ? `${d.approver.slice(0, 40)} (${d.proof ?? 'claimed'})` : d.approver.slice(0, 40),
    d.decision,
    d.via,
    d.counted ? 'counted' : `not counted: ${d.whyNot ?? ''}`,
    d.comment.slice(0, 120),
  ]);
  const more =
    decisions.length > shown.length
      ? `\n\n${decisions.length - shown.length} earlier messages are in the registry.`
      : '';
  return (
    markdownTable([someProved ? 'who (proof)' : 'who (claimed)', 'decision', 'by', 'counts', 'comment'], rows) + more
  );
}

function stepTable(steps: readonly PromotionStep[]): string | undefined {
  if (steps.length === 0) return undefined;
  return markdownTable(
    ['step', 'status', 'note'],
    steps.map((s) => [s.step, s.status, s.note ?? '']),
  );
}
