/**
 * Steps one after the other, and what undoes them. Plain control flow without a word of Temporal, so that tests can run
 * it through every failure and replay; what a step does and undoes is durable and idempotent by itself.
 */
export interface SagaStep<Name extends string> {
  readonly step: Name;
  /** Whether nothing of the saga may stand when it throws. A failure that it merely reports always may. */
  readonly essential?: boolean;
  readonly run: () => Promise<StepReport>;
  /**
   * Undoes it, also what is half done, or undone already; told which step failed and why, it answers a note. Absent:
   * there is nothing to undo.
   */
  readonly undo?: (reason: string) => Promise<string>;
}

export interface StepReport {
  readonly status: 'done' | 'failed' | 'skipped';
  readonly note?: string;
}

/** What became of a step. One whose undoing failed stays as it was, and its note says why. */
export interface StepRecord<Name extends string> {
  readonly step: Name;
  readonly status: StepReport['status'] | 'undone';
  readonly note?: string;
}

export interface SagaResult<Name extends string> {
  /** Whether an essential step threw. */
  readonly failed: boolean;
  /** Every step, in order. */
  readonly steps: readonly StepRecord<Name>[];
}

/**
 * Runs steps in order. When an essential one throws, it and those before it are undone in reverse order, each once, and
 * those that were to come are `skipped`; when another one throws, it is `failed` and the next one runs. Never throws.
 * Whoever failed is undone too: it may have done half of its work.
 */
export async function runSaga<Name extends string>(steps: readonly SagaStep<Name>[]): Promise<SagaResult<Name>> {
  const records: StepRecord<Name>[] = [];
  for (const [index, { step, essential = false, run }] of steps.entries()) {
    try {
      records.push({ step, ...(await run()) });
    } catch (error) {
      const reason = reasonOf(error);
      records.push({ step, status: 'failed', note: reason });
      if (!essential) continue;
      const undone = await undoInReverse(steps, records, `${step}: ${reason}`);
      const skipped = steps.slice(index + 1).map((later) => ({ step: later.step, status: 'skipped' as const }));
      return { failed: true, steps: [...undone, ...skipped] };
    }
  }
  return { failed: false, steps: records };
}

async function undoInReverse<Name extends string>(
  steps: readonly SagaStep<Name>[],
  records: readonly StepRecord<Name>[],
  reason: string,
): Promise<StepRecord<Name>[]> {
  const after = [...records];
  for (const [index, record] of [...records.entries()].reverse()) {
    const undo = steps[index]?.undo;
    if (record.status === 'skipped' || undo === undefined) continue;
    const noted = (text: string): string => (record.note === undefined ? text : `${record.note}; ${text}`);
    try {
      const note = noted(await undo(reason));
      after[index] = { ...record, status: record.status === 'failed' ? 'failed' : 'undone', note };
    } catch (error) {
      // The others are undone all the same: half of it is better than nothing, and the record says which half.
      after[index] = { ...record, note: noted(`could not be undone: ${reasonOf(error)}`) };
    }
  }
  return after;
}

/** The innermost reason: an activity's failure says only that an activity failed. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? reasonOf(error.cause) : error.message;
}
