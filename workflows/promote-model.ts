import {
  allHandlersFinished,
  ApplicationFailure,
  CancellationScope,
  condition,
  isCancellation,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import { approvalOutcome, type ApproverNews } from '../contracts/approval.ts';
import { candidateRules } from '../contracts/candidate-rules.ts';
import type { Freeze } from '../contracts/freeze.ts';
import type { GateResult } from '../contracts/gates.ts';
import type {
  CandidateInput,
  ComparisonResult,
  OpenedApproval,
  PinnedPromotion,
  PreparedEvidence,
  PromoteModelInput,
  PromoteModelResult,
  PromotionOutcome,
  PromotionStep,
} from '../contracts/promote-model.ts';
import { mlGate, mlVersion } from '../contracts/search-attributes.ts';
import { datasets, promotion } from './activities.ts';
import { pinCandidate } from './adopt-version.ts';
import { followPromotion } from './after-promotion.ts';
import { type ApprovalGate, listenForDecisions } from './approval-gate.ts';
import { approvalResult } from './approval-result.ts';
import { type Answer, ApprovalWait, type WaitingRequest, type WaitState } from './approval-wait.ts';
import { promotionDetails } from './promotion-details.ts';
import { recordDecisions } from './record-decisions.ts';
import { beginStory, type Story } from './story.ts';
import { wakeGates } from './wake-gates.ts';

/** An opened gate and its evidence. */
type OpenGate = Extract<OpenedApproval, { outcome: 'open' }> & { readonly evidence: PreparedEvidence };

/** What became of an approved version; a freeze is what it waits for. */
type Promoted = 'promoted' | 'undone' | 'superseded' | 'champion-changed' | 'approvals-lapsed' | Freeze;

/**
 * Carries one registered version through the gates: compliance, comparison, a person's approval, promotion, serving.
 * A gate that says no is a result. If the champion changes while the gate waits, the comparison runs again and
 * decisions lapse. If the policy changes before the gate opens, all gates judge again.
 */
export async function promoteModel(input: PromoteModelInput): Promise<PromoteModelResult> {
  const gate = listenForDecisions();
  const story = beginStory('Promotion');
  const run = new Promotion(input, gate, story);
  const candidate = await pinCandidate(input, story);
  story.about(candidate.model, candidate.asOf);
  upsertSearchAttributes([{ key: mlVersion, value: String(candidate.version) }]);
  const { workflowId, runId } = workflowInfo();
  const result = await run.decide({ candidate, workflowId, runId });
  await condition(allHandlersFinished);
  return result;
}

/** The state of one promotion: what its gates said so far. */
class Promotion {
  readonly #input: PromoteModelInput;
  readonly #gate: ApprovalGate;
  readonly #story: Story;
  #gates: GateResult[] = [];
  #steps: readonly PromotionStep[] = [];
  #evidence: PreparedEvidence | undefined;
  /** The request that waits in the registry. */
  #openRequest: string | null = null;
  #previous: number | null = null;

  constructor(input: PromoteModelInput, gate: ApprovalGate, story: Story) {
    this.#input = input;
    this.#gate = gate;
    this.#story = story;
  }

  /** Runs the gates; however a run ends before its promotion, cancelled or failed, it leaves no request behind. */
  async decide(subject: CandidateInput): Promise<PromoteModelResult> {
    try {
      return await this.#passGates(subject);
    } catch (error) {
      await CancellationScope.nonCancellable(() => this.#withdraw(subject, isCancellation(error)));
      throw error;
    }
  }

  async #passGates(subject: CandidateInput): Promise<PromoteModelResult> {
    let pinned = subject;
    for (;;) {
      const result = await this.#passGatesOfPolicy(pinned);
      if (result !== 'rules-changed') return result;
      pinned = { ...subject, candidate: await pinCandidate(this.#input, this.#story) };
    }
  }

  /** Until the end, or until the policy that they judge by turns out to be another one by now. */
  async #passGatesOfPolicy(subject: CandidateInput): Promise<PromoteModelResult | 'rules-changed'> {
    if ((await this.#checkCompliance(subject)).verdict === 'fail')
      return this.#finish(subject, 'failed-compliance', null);
    for (;;) {
      const { comparison, verdict } = await this.#compare(subject);
      if (verdict === 'fail') return this.#finish(subject, 'failed-comparison', null);
      const opened = await this.#openApproval(subject, comparison);
      if (opened.outcome === 'champion-changed') continue;
      if (opened.outcome === 'rules-changed') return opened.outcome;
      if (opened.outcome === 'superseded') return this.#finish(subject, 'superseded', null);
      const outcome = await this.#answerGate(subject, opened, comparison);
      if (outcome !== 'champion-changed') return this.#finish(subject, outcome, opened.requestId);
      this.#gate.shut();
    }
  }

  async #withdraw(subject: CandidateInput, cancelled: boolean): Promise<void> {
    if (this.#openRequest === null) return;
    const comment = cancelled ? 'The promotion was cancelled.' : 'The promotion failed; its workflow says why.';
    await promotion.closeApproval.executeWithOptions({ summary: 'withdraw the request' }, [
      { ...subject, requestId: this.#openRequest, outcome: 'cancelled', by: 'superstep', comment },
    ]);
  }

  async #checkCompliance(subject: CandidateInput): Promise<GateResult> {
    this.#enter('compliance', 'Checking tags, documentation, signature, parity and lineage against the policy.');
    const compliance = await promotion.checkCompliance.executeWithOptions({ summary: 'compliance gate' }, [subject]);
    this.#gates = [compliance];
    return compliance;
  }

  async #compare(subject: CandidateInput): Promise<{ comparison: ComparisonResult; verdict: GateResult['verdict'] }> {
    this.#enter('comparison', 'Scoring challenger and champion on the same pinned rows.');
    const comparison = await datasets.compareModels.executeWithOptions({ summary: 'comparison gate' }, [
      { candidate: subject.candidate },
    ]);
    const result = await promotion.recordComparison.executeWithOptions(
      { summary: `comparison: ${comparison.verdict}` },
      [{ ...subject, comparison }],
    );
    this.#gates = [...this.#gates.filter((g) => g.gate !== 'comparison'), result];
    return { comparison, verdict: result.verdict };
  }

  /** Shows the evidence and opens the gate, unless its ground has moved: a newer candidate was first, or another champion. */
  async #openApproval(
    subject: CandidateInput,
    comparison: ComparisonResult,
  ): Promise<OpenGate | Exclude<OpenedApproval, { outcome: 'open' }>> {
    this.#enter('approval', 'Writing the evidence page.');
    const evidence = await promotion.prepareEvidence.executeWithOptions({ summary: 'evidence page' }, [
      { ...subject, gates: this.#gates, comparison },
    ]);
    this.#evidence = evidence;
    const { parent } = workflowInfo();
    const opened = await CancellationScope.nonCancellable(() =>
      // A request that was opened and not heard of could not be withdrawn, nor could gates that it closed be woken.
      promotion.openApproval.executeWithOptions({ summary: 'ask for Production' }, [
        { ...subject, evidence, champion: comparison.champion, superstep: parent?.workflowId ?? null },
      ]),
    );
    if (opened.outcome !== 'open') return opened;
    this.#openRequest = opened.requestId;
    const woken = opened.superseded.map((older) => older.workflowId).filter((id) => id !== null);
    await CancellationScope.nonCancellable(() => wakeGates(woken));
    const { requestId, requester, keys = [] } = opened;
    const ground = { requestId, evidenceDigest: evidence.digest, keys, requester };
    this.#gate.open(candidateRules(subject.candidate, ground));
    return { ...opened, evidence };
  }

  /** Waits for an answer and carries it out; where it cannot take effect yet, the gate waits on. */
  async #answerGate(
    subject: CandidateInput,
    opened: OpenGate,
    comparison: ComparisonResult,
  ): Promise<'promoted' | 'undone' | Exclude<Answer, 'approved'>> {
    const wait = new ApprovalWait(this.#gate, this.#waitingRequest(subject, opened, comparison), (state) =>
      this.#tellWaiting(subject.candidate, state),
    );
    for (;;) {
      const answer = await wait.untilAnswered();
      this.#gate.close();
      const outcome = await this.#carryOut(subject, opened, comparison, answer);
      if (typeof outcome === 'object') wait.hold(outcome);
      else if (outcome === 'approvals-lapsed') this.#enter('approval', 'Approvals have lapsed; waiting for others.');
      else return outcome;
      this.#gate.resume();
    }
  }

  #waitingRequest(subject: CandidateInput, opened: OpenGate, { champion }: ComparisonResult): WaitingRequest {
    const { requestId, evidence } = opened;
    const openedAt = opened.openedAt === undefined ? Date.now() : Date.parse(opened.openedAt);
    const deadline =
      opened.until === undefined ? openedAt + subject.candidate.expiresAfterMs : Date.parse(opened.until);
    return { subject, requestId, evidence, champion, openedAt, deadline };
  }

  async #carryOut(
    subject: CandidateInput,
    opened: OpenGate,
    comparison: ComparisonResult,
    answer: Answer,
  ): Promise<Promoted | Exclude<Answer, 'approved'>> {
    if (answer === 'approved') return this.#promote(subject, opened, comparison);
    if (answer === 'rejected' || answer === 'expired') return this.#refuse(subject, opened.requestId, answer);
    return answer;
  }

  /** Archives the candidate; the registry has the last word, since another hand may have closed the request before. */
  async #refuse(
    subject: CandidateInput,
    requestId: string,
    outcome: 'rejected' | 'expired',
  ): Promise<'rejected' | 'expired' | 'superseded'> {
    const rejection = this.#gate.state.counted.find((message) => message.decision === 'reject');
    const { status } = await promotion.closeApproval.executeWithOptions(
      { summary: `${outcome}: archive the candidate` },
      [
        {
          ...subject,
          requestId,
          outcome,
          by: rejection?.approver ?? 'superstep',
          comment: rejection?.comment ?? 'Nobody decided in time.',
        },
      ],
    );
    this.#openRequest = null;
    return status === outcome ? outcome : 'superseded';
  }

  async #promote(
    subject: CandidateInput,
    { requestId, evidence }: OpenGate,
    comparison: ComparisonResult,
  ): Promise<Promoted> {
    this.#enter('promotion', 'Approved. Promoting in one registry transaction.');
    const approvedBy = this.#gate.state.counted.map(({ approver }) => approver);
    // Cancelled in the middle, a run would not know whether its version serves.
    return CancellationScope.nonCancellable(async () => {
      const promoted = await promotion.promoteModelVersion.executeWithOptions(
        { summary: 'archive the old, promote the new' },
        [{ ...subject, requestId, evidenceDigest: evidence.digest, champion: comparison.champion }],
      );
      if (promoted.outcome === 'approvals-lapsed') this.#letLapse(promoted);
      if (promoted.outcome === 'frozen') return promoted.freeze;
      if (promoted.outcome !== 'promoted') return promoted.outcome;
      this.#openRequest = null;
      const { previous, steps } = promoted;
      const after = await followPromotion({ ...subject, requestId, previous, approvedBy, evidence }, steps);
      this.#steps = after.steps;
      if (after.undone) return 'undone';
      this.#previous = previous;
      return 'promoted';
    });
  }

  #letLapse(news: ApproverNews): void {
    this.#gate.refresh(news);
    if (approvalOutcome(this.#gate.state) !== 'approved') return;
    // Asking the registry again would only get the same answer.
    throw ApplicationFailure.nonRetryable('the registry counts fewer approvals than the gate', 'NotAuthorized');
  }

  async #finish(
    subject: CandidateInput,
    outcome: PromotionOutcome,
    requestId: string | null,
  ): Promise<PromoteModelResult> {
    this.#gate.close();
    const approval = approvalResult(outcome, this.#gate.state);
    if (approval !== undefined) this.#gates.push(approval);
    // Messages that came too late, or for a gate that never opened, are recorded like all others.
    await recordDecisions(this.#gate, subject, requestId);
    this.#story.phase('done', `**${outcome}**\n\n${this.#details(subject.candidate)}`);
    return {
      outcome,
      model: subject.candidate.model,
      version: subject.candidate.version,
      previousVersion: this.#previous,
      gates: this.#gates,
      evidenceDigest: this.#evidence?.digest ?? null,
      decisions: this.#gate.reported,
      steps: this.#steps,
    };
  }

  #enter(name: 'compliance' | 'comparison' | 'approval' | 'promotion', sentence: string): void {
    if (name !== 'promotion') upsertSearchAttributes([{ key: mlGate, value: name }]);
    this.#story.phase(name, `${sentence}\n\n${this.#details()}`);
  }

  #tellWaiting(candidate: PinnedPromotion, { until, freeze }: WaitState): void {
    const { rules } = this.#gate.state;
    if (this.#evidence === undefined || rules === undefined) return;
    const { url, digest, commands } = this.#evidence;
    const gate = { evidenceUrl: url, evidenceDigest: digest, commands, rules, until };
    const waits =
      freeze === undefined
        ? `**Waiting for a decision**, until ${until}.`
        : `**Approved**, and promoted when the freeze ends, ${freeze.until}: ${freeze.reasons.join('; ')}. Until then another approver may reject.`;
    this.#story.waitFor(
      { ...gate, ...(freeze === undefined ? {} : { freeze }) },
      `${waits}\n\n${this.#details(candidate, true)}`,
    );
  }

  #details(candidate?: PinnedPromotion, waiting = false): string {
    return promotionDetails({
      gates: this.#gates,
      decisions: this.#gate.recorded,
      steps: this.#steps,
      strays: this.#gate.showStrays(),
      ...(candidate === undefined ? {} : { candidate }),
      ...(this.#evidence === undefined ? {} : { evidence: this.#evidence }),
      ...(this.#gate.state.rules === undefined ? {} : { rules: this.#gate.state.rules }),
      waiting,
    });
  }
}
