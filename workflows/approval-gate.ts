import {
  ApplicationFailure,
  condition,
  defineSignal,
  defineUpdate,
  setDefaultSignalHandler,
  setHandler,
} from '@temporalio/workflow';
import {
  type ApprovalRules,
  type ApprovalState,
  approvalsMissing,
  approvalOutcome,
  countDecision,
  type Decision,
  type DecisionMessage,
  judgeDecision,
  type Judgement,
  noDecisions,
  readDecision,
} from '../contracts/approval.ts';
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
  judgement?: Judgement;
}

/** What the gate knows while it waits: messages that came, decisions that count, and whether its ground has moved. */
export class ApprovalGate {
  #state: ApprovalState = noDecisions;
  #unread: ReceivedDecision[] = [];
  #received = 0;
  #groundMoved = false;
  readonly recorded: RecordedDecision[] = [];
  /** Names of signals that nobody listens to: most likely misspelt. */
  readonly strays = new Set<string>();

  get state(): ApprovalState {
    return this.#state;
  }

  get hasNews(): boolean {
    return this.#groundMoved || this.#unread.length > 0;
  }

  receive(payload: unknown, via: 'signal' | 'update', decision?: Decision): ReceivedDecision {
    const received = { sequence: ++this.#received, via, message: readDecision(payload, decision) };
    this.#unread.push(received);
    return received;
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
    this.#state = { phase: 'open', rules, counted: [] };
  }

  close(): void {
    this.#state = { ...this.#state, phase: 'closed' };
  }

  /** Takes the next message and judges it against the gate as it stands now. */
  judgeNext(): ReceivedDecision | undefined {
    const received = this.#unread.shift();
    if (received === undefined) return undefined;
    const judgement = judgeDecision(this.#state, received.message);
    if (judgement.counts && received.message !== undefined) this.#state = countDecision(this.#state, received.message);
    received.judgement = judgement;
    this.recorded.push(recordOf(received, judgement));
    return received;
  }
}

/** Creates the gate and registers its handlers: before the first await, so that no message can come too early. */
export function listenForDecisions(): ApprovalGate {
  const gate = new ApprovalGate();
  setHandler(approveSignal, (payload) => void gate.receive(payload, 'signal', 'approve'), {
    description: 'Approve: { approver, comment, evidence }',
  });
  setHandler(rejectSignal, (payload) => void gate.receive(payload, 'signal', 'reject'), {
    description: 'Reject: { approver, comment, evidence }',
  });
  setHandler(groundMovedSignal, () => gate.groundHasMoved(), {
    description: 'Sent by Superstep: look at the registry again',
  });
  setDefaultSignalHandler((name) => void gate.strays.add(name.slice(0, 100)));
  setHandler(decideUpdate, (payload) => answerDecision(gate, payload), {
    validator: (payload) => refuseWhatCannotCount(gate, payload),
    description: 'Approve or reject, with an answer: { decision, approver, comment, evidence }',
  });
  return gate;
}

async function answerDecision(gate: ApprovalGate, payload: unknown): Promise<DecideAnswer> {
  const received = gate.receive(payload, 'update');
  await condition(() => received.judgement !== undefined);
  const outcome = approvalOutcome(gate.state);
  return {
    decision: received.message?.decision ?? 'reject',
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
    ...(judgement.counts ? {} : { whyNot: judgement.whyNot }),
  };
}
