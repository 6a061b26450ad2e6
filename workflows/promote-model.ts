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
import { type ApprovalGate, listenForDecisions } from './approval-gate.ts';
import { approvalResult } from './approval-result.ts';
import { promotionDetails } from './promotion-details.ts';
import { recordDecisions } from './record-decisions.ts';
import { beginStory, type Story } from './story.ts';
import { wakeGates } from './wake-gates.ts';

/** How the wait at the approval gate ended. */
type Answer = 'approved' | 'rejected' | 'expired' | 'superseded' | 'champion-changed';

/**
 * Carries one registered version through the gates: compliance, comparison, a person's approval, promotion, serving.
 * A gate that says no is a result. If the champion changes while the gate waits, the comparison runs again and
 * decisions lapse.
 */
export async function promoteModel(input: PromoteModelInput): Promise<PromoteModelResult> {
  const gate = listenForDecisions();
  const story = beginStory('Promotion');
  const run = new Promotion(gate, story);
  const candidate = await promotion.pinPromotion.executeWithOptions(
    { summary: 'pin the candidate and today’s policy' },
    [{ input }],
  );
  story.about(candidate.model, candidate.asOf);
  upsertSearchAttributes([{ key: mlVersion, value: String(candidate.version) }]);
  const { workflowId, runId } = workflowInfo();
  const result = await run.decide({ candidate, workflowId, runId });
  await condition(allHandlersFinished);
  return result;
}

/** The state of one promotion: what its gates said so far. */
class Promotion {
  readonly #gate: ApprovalGate;
  readonly #story: Story;
  #gates: GateResult[] = [];
  #steps: PromotionStep[] = [];
  #evidence: PreparedEvidence | undefined;
  /** The request that waits in the registry. */
  #openRequest: string | null = null;
  #previous: number | null = null;

  constructor(gate: ApprovalGate, story: Story) {
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
    if ((await this.#checkCompliance(subject)).verdict === 'fail')
      return this.#finish(subject, 'failed-compliance', null);
    for (;;) {
      const { comparison, verdict } = await this.#compare(subject);
      if (verdict === 'fail') return this.#finish(subject, 'failed-comparison', null);
      const opened = await this.#openApproval(subject, comparison);
      if (opened.outcome === 'champion-changed') continue;
      if (opened.outcome === 'superseded') return this.#finish(subject, 'superseded', null);
      const { requestId } = opened;
      const outcome = await this.#answerGate(subject, requestId, comparison);
      if (outcome !== 'champion-changed') return this.#finish(subject, outcome, requestId);
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
  async #openApproval(subject: CandidateInput, comparison: ComparisonResult): Promise<OpenedApproval> {
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
    return opened;
  }

  /** Waits for an answer and carries it out; where approvals lapsed before they took effect, the gate waits on. */
  async #answerGate(
    subject: CandidateInput,
    requestId: string,
    comparison: ComparisonResult,
  ): Promise<'promoted' | Exclude<Answer, 'approved'>> {
    const deadline = Date.now() + subject.candidate.expiresAfterMs;
    for (;;) {
      const answer = await this.#waitForAnswer(subject, requestId, comparison, deadline);
      this.#gate.close();
      const outcome = await this.#carryOut(subject, requestId, comparison, answer);
      if (outcome !== 'approvals-lapsed') return outcome;
      this.#enter('approval', 'Approvals have lapsed; waiting for others.');
      this.#gate.resume();
    }
  }

  async #waitForAnswer(
    subject: CandidateInput,
    requestId: string,
    comparison: ComparisonResult,
    deadline: number,
  ): Promise<Answer> {
    for (;;) {
      this.#tellWaiting(subject.candidate, deadline);
      const remaining = deadline - Date.now();
      const woken =
        this.#gate.hasNews ||
        (remaining > 0 &&
          (await condition(() => this.#gate.hasNews, remaining, { summary: 'waiting for a decision' })));
      if (!woken) return 'expired';
      if (this.#gate.takeGroundMoved()) {
        const approvers = this.#gate.state.counted.map(({ approver }) => approver);
        const standing = await promotion.approvalStanding.executeWithOptions({ summary: 'has the ground moved?' }, [
          { ...subject, requestId, approvers },
        ]);
        // Closed by another hand: a newer candidate, or a rollback that put this very version into Production.
        if (standing.request !== 'open') return 'superseded';
        if (standing.champion !== comparison.champion) return 'champion-changed';
        if (standing.keys !== undefined) this.#gate.refresh({ keys: standing.keys, left: standing.left ?? [] });
      }
      await recordDecisions(this.#gate, subject, requestId);
      const outcome = approvalOutcome(this.#gate.state);
      if (outcome !== undefined) return outcome;
    }
  }

  async #carryOut(
    subject: CandidateInput,
    requestId: string,
    comparison: ComparisonResult,
    answer: Answer,
  ): Promise<'promoted' | 'approvals-lapsed' | Exclude<Answer, 'approved'>> {
    if (answer === 'approved') return this.#promote(subject, requestId, comparison);
    if (answer === 'rejected' || answer === 'expired') return this.#refuse(subject, requestId, answer);
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
    requestId: string,
    comparison: ComparisonResult,
  ): Promise<'promoted' | 'superseded' | 'champion-changed' | 'approvals-lapsed'> {
    this.#enter('promotion', 'Approved. Promoting in one registry transaction.');
    const evidenceDigest = this.#evidence?.digest ?? '';
    const promoted = await CancellationScope.nonCancellable(() =>
      // Cancelled in the middle, a run would not know whether its version serves.
      promotion.promoteModelVersion.executeWithOptions({ summary: 'archive the old, promote the new' }, [
        { ...subject, requestId, evidenceDigest, champion: comparison.champion },
      ]),
    );
    if (promoted.outcome === 'approvals-lapsed') this.#letLapse(promoted);
    if (promoted.outcome !== 'promoted') return promoted.outcome;
    this.#openRequest = null;
    this.#previous = promoted.previous;
    this.#steps = [...promoted.steps];
    const { model, version } = subject.candidate;
    const serving = await promotion.confirmServing.executeWithOptions({ summary: 'is the endpoint serving it?' }, [
      { model, version },
    ]);
    this.#steps.push(serving);
    return 'promoted';
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

  #tellWaiting(candidate: PinnedPromotion, deadline: number): void {
    const { rules } = this.#gate.state;
    if (this.#evidence === undefined || rules === undefined) return;
    const { url, digest, commands } = this.#evidence;
    const until = new Date(deadline).toISOString();
    const gate = { evidenceUrl: url, evidenceDigest: digest, commands, rules, until };
    this.#story.waitFor(gate, `**Waiting for a decision**, until ${until}.\n\n${this.#details(candidate, true)}`);
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
