import { condition } from '@temporalio/workflow';
import { approvalOutcome, approvalsMissing } from '../contracts/approval.ts';
import type { Freeze } from '../contracts/freeze.ts';
import { nextGateEvent, type GateEvent } from '../contracts/gate-clock.ts';
import type { CandidateInput, PreparedEvidence } from '../contracts/promote-model.ts';
import { promotion } from './activities.ts';
import type { ApprovalGate } from './approval-gate.ts';
import { recordDecisions } from './record-decisions.ts';

/** How the wait at the approval gate ended. */
export type Answer = 'approved' | 'rejected' | 'expired' | 'superseded' | 'champion-changed';

/** A request for Production that waits, and what it rests on. */
export interface WaitingRequest {
  readonly subject: CandidateInput;
  readonly requestId: string;
  readonly evidence: PreparedEvidence;
  /** The Production version that the evidence compares with; null for none. */
  readonly champion: number | null;
  /** Milliseconds since 1970. */
  readonly openedAt: number;
  /** When it expires, as long as nothing is approved. */
  readonly deadline: number;
}

/** What the wait is for at the moment. */
export interface WaitState {
  /** ISO instant of the expiry. */
  readonly until: string;
  /** Set while an approved version waits for its end. */
  readonly freeze?: Freeze;
}

type Event = GateEvent | { readonly what: 'thaw'; readonly at: number };

const SECOND_MS = 1_000;
// A freeze that is lifted, or made longer, is noticed after a day.
const LONGEST_FREEZE_WAIT_MS = 86_400_000;

const SUMMARIES: Readonly<Record<Event['what'], string>> = {
  expire: 'waiting for a decision',
  escalate: 'waiting for a decision, then asking a second role',
  remind: 'waiting for a decision, then reminding',
  thaw: 'approved, waiting for the freeze to end',
};

/**
 * The wait at one opened gate, by durable timers: it counts what people decide, reminds them, asks a second role,
 * expires; and holds what is approved through a freeze, in which a reject still closes it and nothing expires.
 */
export class ApprovalWait {
  readonly #gate: ApprovalGate;
  readonly #request: WaitingRequest;
  readonly #tell: (state: WaitState) => void;
  #deadline: number;
  #reminded = 0;
  #escalated = false;
  #frozen: { readonly freeze: Freeze; readonly since: number } | undefined;

  /** `tell` shows what the wait is for, each time that may have changed. */
  constructor(gate: ApprovalGate, request: WaitingRequest, tell: (state: WaitState) => void) {
    this.#gate = gate;
    this.#request = request;
    this.#tell = tell;
    this.#deadline = request.deadline;
  }

  /** The policy promotes nothing now: the next wait is for the end of the freeze. */
  hold(freeze: Freeze): void {
    this.#frozen = { freeze, since: Date.now() };
  }

  async untilAnswered(): Promise<Answer> {
    for (;;) {
      this.#show();
      const event = this.#nextEvent();
      const left = event.at - Date.now();
      const woken =
        this.#gate.hasNews ||
        (left > 0 && (await condition(() => this.#gate.hasNews, left, { summary: SUMMARIES[event.what] })));
      if (!woken && event.what === 'expire') return 'expired';
      if (!woken) await this.#happen(event);
      const answer = await this.#takeNews();
      if (answer !== undefined) return answer;
    }
  }

  #show(): void {
    const until = new Date(this.#deadline).toISOString();
    this.#tell({ until, ...(this.#frozen === undefined ? {} : { freeze: this.#frozen.freeze }) });
  }

  #nextEvent(): Event {
    if (this.#frozen !== undefined) {
      const { freeze, since } = this.#frozen;
      // The registry's clock says when it is over; this one may be ahead of it.
      const wait = Math.min(Math.max(Date.parse(freeze.until) - since, SECOND_MS), LONGEST_FREEZE_WAIT_MS);
      return { what: 'thaw', at: since + wait };
    }
    const { openedAt, subject } = this.#request;
    const { remindEveryMs, escalate } = subject.candidate.approval;
    const escalateAfterMs = this.#escalated ? undefined : escalate?.afterMs;
    const times = { openedAt, deadline: this.#deadline, reminded: this.#reminded, remindEveryMs, escalateAfterMs };
    return nextGateEvent(times, Date.now());
  }

  async #happen(event: Event): Promise<void> {
    // What was compared and approved before a freeze may stand no more.
    if (event.what === 'thaw') this.#gate.groundHasMoved();
    if (event.what !== 'remind' && event.what !== 'escalate') return;
    const { subject, requestId, evidence, openedAt } = this.#request;
    const { open, keys } = await promotion.tellGate.executeWithOptions(
      { summary: event.what === 'remind' ? `reminder ${event.number}` : 'ask a second role' },
      [
        {
          ...subject,
          requestId,
          evidence,
          openedAt: new Date(openedAt).toISOString(),
          until: new Date(this.#deadline).toISOString(),
          event: event.what === 'remind' ? { what: 'remind', number: event.number } : { what: 'escalate' },
          escalated: this.#escalated,
          missing: approvalsMissing(this.#gate.state),
        },
      ],
    );
    if (event.what === 'remind') this.#reminded = event.number;
    else this.#escalate(keys);
    // Another hand has closed it, and the signal that says so may be lost.
    if (!open) this.#gate.groundHasMoved();
  }

  #escalate(keys: Parameters<ApprovalGate['refresh']>[0]['keys']): void {
    this.#escalated = true;
    this.#gate.escalate(this.#request.subject.candidate.approval.escalate?.to ?? []);
    this.#gate.refresh({ keys, left: [] });
  }

  async #takeNews(): Promise<Answer | undefined> {
    const { subject, requestId } = this.#request;
    if (this.#gate.takeGroundMoved()) {
      const ended = await this.#lookAtGround();
      if (ended !== undefined) return ended;
      // Whoever woke it may have lifted the freeze: the registry is asked to promote again.
      this.#thaw();
    }
    await recordDecisions(this.#gate, subject, requestId);
    const outcome = approvalOutcome(this.#gate.state);
    if (outcome === 'approved') return this.#frozen === undefined ? outcome : undefined;
    this.#thaw();
    return outcome;
  }

  async #lookAtGround(): Promise<'superseded' | 'champion-changed' | undefined> {
    const { subject, requestId, champion } = this.#request;
    const approvers = this.#gate.state.counted.map(({ approver }) => approver);
    const standing = await promotion.approvalStanding.executeWithOptions({ summary: 'has the ground moved?' }, [
      { ...subject, requestId, approvers },
    ]);
    // Closed by another hand: a newer candidate, or a rollback that put this very version into Production.
    if (standing.request !== 'open') return 'superseded';
    if (standing.champion !== champion) return 'champion-changed';
    if (standing.keys !== undefined) this.#gate.refresh({ keys: standing.keys, left: standing.left ?? [] });
    return undefined;
  }

  /** Where approvals lapsed in a freeze, people have as long to decide as they had before it. */
  #thaw(): void {
    if (this.#frozen === undefined) return;
    this.#deadline += Date.now() - this.#frozen.since;
    this.#frozen = undefined;
  }
}
