import {
  ApplicationFailure,
  condition,
  defineSignal,
  defineUpdate,
  setDefaultSignalHandler,
  setHandler,
} from '@temporalio/workflow';
import {
  type ApprovalState,
  approvalsMissing,
  approvalOutcome,
  type ApproverNews,
  countDecision,
  type CountedDecision,
  judgeDecision,
  type Judgement,
  noDecisions,
  refreshApprovers,
} from '../contracts/approval.ts';
import { type ApprovalRules, escalatedRules } from '../contracts/approval-rules.ts';
import { type DecisionMessage, readDecision } from '../contracts/decision-message.ts';
import type { Decision } from '../contracts/decision-statement.ts';
import { type DecideAnswer, MESSAGE_NAMES } from '../contracts/messages.ts';
import type { RecordedDecision } from '../contracts/promote-model.ts';
import { groundMovedSignal } from './wake-gates.ts';

export const approveSignal = defineSignal<[unknown]>(MESSAGE_NAMES.approve);
export const rejectSignal = defineSignal<[unknown]>(MESSAGE_NAMES.reject);
/** An update beside the signals, since it answers: it says what is still missing, and refuses what cannot count. */
export const decideUpdate = defineUpdate<DecideAnswer, [unknown]>(MESSAGE_NAMES.decide);

/** A message that came, in the order of coming; judged when its turn comes. */
export interface ReceivedDecision {
  readonly sequence: number;
  readonly via: 'signal' | 'update';
  readonly message: DecisionMessage | undefined;
  /** The opening of the gate that it was sent to; 0 when the gate was not open. */
  readonly opening: number;
  judgement?: Judgement;
}

// Details are short; a flood of made-up names must not grow them.
const STRAYS_KEPT = 20;

// A result of more than 2 MB could not be delivered, and anybody may send 4 kB as often as they like.
const UNCOUNTED_REPORTED = 100;

/** What the gate knows while it waits: messages that came, decisions that count, and whether its ground has moved. */
export class ApprovalGate {
  #state: ApprovalState = noDecisions;
  #unread: ReceivedDecision[] = [];
  #received = 0;
  #openings = 0;
  #groundMoved = false;
  readonly #strays = new Set<string>();
  #straysShown = 0;
  readonly recorded: RecordedDecision[] = [];

  get state(): ApprovalState {
    return this.#state;
  }

  /** For the result: the decisions that counted, and the latest of the others. The registry has them all. */
  get reported(): RecordedDecision[] {
    const latest = new Set(this.recorded.filter((decision) => !decision.counted).slice(-UNCOUNTED_REPORTED));
    return this.recorded.filter((decision) => decision.counted || latest.has(decision));
  }

  get hasNews(): boolean {
    return this.#groundMoved || this.#unread.length > 0 || this.#strays.size > this.#straysShown;
  }

  receive(payload: unknown, via: 'signal' | 'update', decision?: Decision): ReceivedDecision {
    const opening = this.#state.phase === 'early' ? 0 : this.#openings;
    const received = { sequence: ++this.#received, via, message: readDecision(payload, decision), opening };
    this.#unread.push(received);
    return received;
  }

  /** A signal that nobody listens to, most likely misspelt. */
  receiveStray(name: string): void {
    if (this.#strays.size < STRAYS_KEPT) this.#strays.add(name.slice(0, 100));
  }

  /** Names of stray signals, for the details; what has been shown is no news any more. */
  showStrays(): readonly string[] {
    this.#straysShown = this.#strays.size;
    return [...this.#strays];
  }

  groundHasMoved(): void {
    this.#groundMoved = true;
  }

  takeGroundMoved(): boolean {
    const moved = this.#groundMoved;
    this.#groundMoved = false;
    return moved;
  }

  /** Opens the gate on evidence. Decisions on earlier evidence lapse. */
  open(rules: ApprovalRules): void {
    this.#openings++;
    this.#state = { phase: 'open', rules, counted: [] };
  }

  /** Shuts the gate until it opens on other evidence. */
  shut(): void {
    this.#state = noDecisions;
  }

  close(): void {
    this.#state = { ...this.#state, phase: 'closed' };
  }

  /** Opens the closed gate once more, on the same evidence: what counts goes on counting. */
  resume(): void {
    this.#state = { ...this.#state, phase: 'open' };
  }

  /** Lets other roles decide too, from now on. */
  escalate(to: readonly string[]): void {
    const { rules } = this.#state;
    if (rules !== undefined) this.#state = { ...this.#state, rules: escalatedRules(rules, to) };
  }

  /** Takes note of keys and people that changed; decisions of those who left lapse, and the record says so. */
  refresh(news: ApproverNews): void {
    const { state, lapsed } = refreshApprovers(this.#state, news);
    this.#state = state;
    for (const decision of lapsed) this.#lapse(decision);
  }

  #lapse({ approver, decision }: CountedDecision): void {
    const at = this.recorded.findLastIndex((r) => r.counted && r.approver === approver && r.decision === decision);
    const record = this.recorded[at];
    const whyNot = 'counts no longer: the approver has left, or the key or the role was revoked';
    if (record !== undefined) this.recorded[at] = { ...record, counted: false, whyNot };
  }

  /**
   * Takes the next message and judges it against the gate as it stands now. Only a message that was sent to this very
   * opening can count: where the policy asks for no evidence, nothing else tells it from an answer to what came before.
   */
  judgeNext(): ReceivedDecision | undefined {
    const received = this.#unread.shift();
    if (received === undefined) return undefined;
    const judgement = judgeDecision(received.opening === this.#openings ? this.#state : noDecisions, received.message);
    if (judgement.counts && received.message !== undefined)
      this.#state = countDecision(this.#state, received.message, judgement);
    received.judgement = judgement;
    this.recorded.push(recordOf(received, judgement));
    return received;
  }
}

/** Creates the gate and registers its handlers: before the first await, so that no message can come too early. */
export function listenForDecisions(): ApprovalGate {
  const gate = new ApprovalGate();
  setHandler(approveSignal, (payload) => void gate.receive(payload, 'signal', 'approve'), {
    description: 'Approve: { approver, comment, evidence }, or { envelope } with a signed statement',
  });
  setHandler(rejectSignal, (payload) => void gate.receive(payload, 'signal', 'reject'), {
    description: 'Reject: { approver, comment, evidence }, or { envelope } with a signed statement',
  });
  setHandler(groundMovedSignal, () => gate.groundHasMoved(), {
    description: 'Sent by Superstep: look at the registry again',
  });
  setDefaultSignalHandler((name) => gate.receiveStray(name));
  setHandler(decideUpdate, (payload) => answerDecision(gate, payload), {
    validator: (payload) => refuseWhatCannotCount(gate, payload),
    description: 'Approve or reject, with an answer: { decision, approver, comment, evidence }, or { envelope }',
  });
  return gate;
}

async function answerDecision(gate: ApprovalGate, payload: unknown): Promise<DecideAnswer> {
  const received = gate.receive(payload, 'update');
  await condition(() => received.judgement !== undefined);
  const outcome = approvalOutcome(gate.state);
  return {
    decision: received.message?.decision === 'approve' ? 'approve' : 'reject',
    counted: received.judgement?.counts ?? false,
    missing: approvalsMissing(gate.state),
    ...(outcome === undefined ? {} : { outcome }),
  };
}

function refuseWhatCannotCount(gate: ApprovalGate, payload: unknown): void {
  const judgement = judgeDecision(gate.state, readDecision(payload));
  if (!judgement.counts) throw ApplicationFailure.nonRetryable(`Not counted: ${judgement.whyNot}`, judgement.failure);
}

function recordOf(received: ReceivedDecision, judgement: Judgement): RecordedDecision {
  return {
    approver: received.message?.approver ?? '',
    decision: received.message?.decision ?? '',
    comment: received.message?.comment ?? '',
    counted: judgement.counts,
    via: received.via,
    ...(judgement.counts
      ? judgement.proof === 'claimed'
        ? {}
        : { proof: judgement.proof }
      : { whyNot: judgement.whyNot }),
  };
}
