import { ActivityFailure, ApplicationFailure, TimeoutFailure } from '@temporalio/workflow';
import type { FollowingStep, PromotedInput, PromotionStep } from '../contracts/promote-model.ts';
import { promotion } from './activities.ts';
import { runSaga, type SagaStep, type StepReport } from './saga.ts';
import { wakeGates } from './wake-gates.ts';

/** The steps after the registry's transaction, and whether they brought the promotion down. */
export interface AfterPromotion {
  /** Whether the version was taken out of Production again. */
  readonly undone: boolean;
  readonly steps: readonly PromotionStep[];
}

/**
 * Runs what follows the registry's transaction: serving, monitor, notices. When a step fails in a way that must not
 * stand, the transaction is undone too, by a rollback.
 *
 * @param registrySteps what the transaction did
 */
export async function followPromotion(
  promoted: PromotedInput,
  registrySteps: readonly PromotionStep[],
): Promise<AfterPromotion> {
  const wanted: readonly FollowingStep[] = promoted.candidate.following ?? ['serve'];
  const { steps } = await runSaga([
    {
      step: 'enter-production',
      run: () => Promise.resolve({ status: 'done' }),
      undo: (why) => takeBack(promoted, why),
    },
    ...wanted.map((step) => FOLLOWING[step](promoted)),
  ]);
  const [entered, ...following] = steps;
  const registry = registrySteps.map((step) => (step.step === entered?.step ? { ...step, ...entered } : step));
  return { undone: entered?.status === 'undone', steps: [...registry, ...following] };
}

const FOLLOWING: Readonly<Record<FollowingStep, (promoted: PromotedInput) => SagaStep<FollowingStep>>> = {
  serve: ({ candidate: { model, version } }) => ({
    step: 'serve',
    essential: true,
    run: () =>
      mayStandUnheard(() =>
        promotion.confirmServing.executeWithOptions({ summary: 'is the endpoint serving it?' }, [{ model, version }]),
      ),
  }),
  'rebase-monitor': (promoted) => ({
    step: 'rebase-monitor',
    run: () => promotion.rebaseMonitor.executeWithOptions({ summary: 'can the monitor judge it?' }, [promoted]),
  }),
  notify: (promoted) => ({
    step: 'notify',
    run: () => promotion.notifyPromoted.executeWithOptions({ summary: 'tell that it is in Production' }, [promoted]),
  }),
};

/** That nobody was there to say how a step went is no reason to take back what was approved. */
async function mayStandUnheard(run: () => Promise<StepReport>): Promise<StepReport> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof ActivityFailure && error.cause instanceof TimeoutFailure)) throw error;
    return { status: 'failed', note: `nobody said how it went: ${error.cause.message}` };
  }
}

async function takeBack(promoted: PromotedInput, reason: string): Promise<string> {
  const { undone, note, waitingGates } = await promotion.undoPromotion.executeWithOptions(
    { summary: 'put the version before back' },
    [{ ...promoted, reason }],
  );
  await wakeGates(waitingGates);
  if (!undone) throw ApplicationFailure.nonRetryable(note);
  return note;
}
