export interface DeliverEventsInput {
  /** Id of a webhook or a notifier. */
  readonly subscriber: string;
  /** How many events earlier runs of this chain have delivered. */
  readonly delivered?: number;
}

export interface DeliverEventsResult {
  /**
   * `nothing-left`: all is delivered, the next event starts another run. `disabled`: the receiver failed for too long.
   * `stopped`: somebody disabled or deleted the subscriber meanwhile.
   */
  readonly outcome: 'nothing-left' | 'disabled' | 'stopped';
  readonly delivered: number;
}

export interface DeliverBatchInput {
  readonly subscriber: string;
}

/** Some events, in order; `more` may be left. */
export interface DeliveredBatch {
  readonly outcome: DeliverEventsResult['outcome'] | 'more';
  readonly delivered: number;
}
