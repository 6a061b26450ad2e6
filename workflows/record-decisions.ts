import type { Judgement } from '../contracts/approval.ts';
import type { CandidateInput, RecordDecisionInput } from '../contracts/promote-model.ts';
import { promotion } from './activities.ts';
import type { ApprovalGate } from './approval-gate.ts';

/** Judges the messages that came and records each, counted or not. */
export async function recordDecisions(
  gate: ApprovalGate,
  subject: CandidateInput,
  requestId: string | null,
): Promise<void> {
  for (let received = gate.judgeNext(); received !== undefined; received = gate.judgeNext()) {
    const { judgement, message, sequence, via } = received;
    const counted = judgement?.counts === true;
    await promotion.recordDecision.executeWithOptions(
      { summary: `${message?.decision || 'message'}, ${counted ? '' : 'not '}counted` },
      [{ ...subject, requestId, sequence, message: message ?? null, counted, via, ...howJudged(judgement) }],
    );
  }
}

/** What a judgement says, for the record. */
function howJudged(judgement: Judgement | undefined): Partial<RecordDecisionInput> {
  if (judgement === undefined) return {};
  if (!judgement.counts) return { whyNot: judgement.whyNot };
  const { counts: _, ...standing } = judgement;
  return standing;
}
