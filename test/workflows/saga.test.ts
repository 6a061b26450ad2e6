import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runSaga, type SagaStep, type StepReport } from '../../workflows/saga.ts';

/** What one step of a made-up saga does. */
interface Plan {
  readonly run: StepReport['status'] | 'throws';
  readonly essential: boolean;
  readonly undo: 'none' | 'works' | 'throws';
}

type Effect = `run ${number}` | `undo ${number}`;

/** As durable as a history: results that are written down are not computed again. Effects are all that ever happened. */
interface Journal {
  readonly results: Map<Effect, { readonly value: unknown } | { readonly error: Error }>;
  readonly effects: Effect[];
}

/** Ends the process before (or, with the effect done and unreported, after) the n-th effect. */
interface Crash {
  readonly at: number;
  readonly unreported: boolean;
}

function sagaOf(plans: readonly Plan[], journal: Journal, crash?: Crash): SagaStep<string>[] {
  let performed = 0;
  const durable = async <T>(effect: Effect, outcome: () => T): Promise<T> => {
    const known = journal.results.get(effect);
    if (known === undefined) {
      const ends = crash !== undefined && ++performed > crash.at;
      if (ends && !crash.unreported) return new Promise<never>(() => undefined);
      journal.effects.push(effect);
      if (ends) return new Promise<never>(() => undefined);
      let result: { readonly value: unknown } | { readonly error: Error };
      try {
        result = { value: outcome() };
      } catch (error) {
        result = { error: error as Error };
      }
      journal.results.set(effect, result);
      return durable(effect, outcome);
    }
    if ('error' in known) throw known.error;
    return known.value as T;
  };
  return plans.map(({ run, essential, undo }, n) => ({
    step: `step ${n}`,
    essential,
    run: () =>
      durable(`run ${n}`, () => {
        if (run === 'throws') throw new Error(`step ${n} broke`);
        return { status: run };
      }),
    ...(undo === 'none'
      ? {}
      : {
          undo: () =>
            durable(`undo ${n}`, () => {
              if (undo === 'throws') throw new Error(`undo ${n} broke`);
              return 'taken back';
            }),
        }),
  }));
}

const plans = fc.array(
  fc.record({
    run: fc.constantFrom('done', 'done', 'done', 'failed', 'skipped', 'throws'),
    essential: fc.boolean(),
    undo: fc.constantFrom('none', 'works', 'works', 'throws'),
  }) satisfies fc.Arbitrary<Plan>,
  { maxLength: 7 },
);

const fresh = (): Journal => ({ results: new Map(), effects: [] });

/** What has to happen, said without loops that undo: up to the first essential throw, then back. */
function expected(given: readonly Plan[]): Effect[] {
  const stop = given.findIndex(({ run, essential }) => run === 'throws' && essential);
  const tried = stop === -1 ? given : given.slice(0, stop + 1);
  const runs = tried.map((_, n): Effect => `run ${n}`);
  if (stop === -1) return runs;
  const undos = tried.flatMap(({ run, undo }, n): Effect[] =>
    run === 'skipped' || undo === 'none' ? [] : [`undo ${n}`],
  );
  return [...runs, ...undos.toReversed()];
}

describe('runSaga', () => {
  it('undoes what was done, last first, when an essential step throws; the rest is skipped', async () => {
    const journal = fresh();
    const done = { run: 'done', essential: false, undo: 'works' } as const;
    const { failed, steps } = await runSaga(
      sagaOf([done, { ...done, undo: 'none' }, done, { ...done, run: 'throws', essential: true }, done], journal),
    );
    expect(failed).toBe(true);
    expect(steps).toEqual([
      { step: 'step 0', status: 'undone', note: 'taken back' },
      { step: 'step 1', status: 'done' },
      { step: 'step 2', status: 'undone', note: 'taken back' },
      { step: 'step 3', status: 'failed', note: 'step 3 broke; taken back' },
      { step: 'step 4', status: 'skipped' },
    ]);
    expect(journal.effects).toEqual(['run 0', 'run 1', 'run 2', 'run 3', 'undo 3', 'undo 2', 'undo 0']);
  });

  it('lets a failure stand that is only reported, or thrown by a step that is not essential', async () => {
    const { failed, steps } = await runSaga(
      sagaOf(
        [
          { run: 'failed', essential: true, undo: 'works' },
          { run: 'throws', essential: false, undo: 'works' },
          { run: 'done', essential: true, undo: 'works' },
        ],
        fresh(),
      ),
    );
    expect(failed).toBe(false);
    expect(steps.map(({ status }) => status)).toEqual(['failed', 'failed', 'done']);
  });

  it('says the innermost reason, and goes on undoing after an undo that failed', async () => {
    const undone: string[] = [];
    const { steps } = await runSaga([
      { step: 'a', run: async () => ({ status: 'done' }), undo: async () => (undone.push('a'), 'back') },
      {
        step: 'b',
        run: async () => ({ status: 'done', note: 'was done' }),
        undo: () => Promise.reject(new Error('Activity task failed', { cause: new Error('the disk is full') })),
      },
      { step: 'c', essential: true, run: () => Promise.reject(new Error('no')) },
    ]);
    expect(undone).toEqual(['a']);
    expect(steps[1]).toEqual({
      step: 'b',
      status: 'done',
      note: 'was done; could not be undone: the disk is full',
    });
  });

  it('whichever steps fail: undoes exactly in reverse, each step at most once, and never after a mere report', async () => {
    await fc.assert(
      fc.asyncProperty(plans, async (given) => {
        const journal = fresh();
        const { failed, steps } = await runSaga(sagaOf(given, journal));
        expect(journal.effects).toEqual(expected(given));
        expect(failed).toBe(given.some(({ run, essential }) => run === 'throws' && essential));
        expect(steps.map(({ step }) => step)).toEqual(given.map((_, n) => `step ${n}`));
      }),
      { numRuns: 500 },
    );
  });

  it('whenever it is killed and replayed: the same effects in the same order, and the same result', async () => {
    const crashes = fc.array(fc.record({ at: fc.nat(4), unreported: fc.boolean() }), { maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(plans, crashes, async (given, kills) => {
        const whole = await runSaga(sagaOf(given, fresh()));
        const journal = fresh();
        for (const kill of kills) {
          const ended = runSaga(sagaOf(given, journal, kill));
          // Whatever it could still do, it has done by the next turn of the loop.
          await Promise.race([ended, new Promise((resolve) => setImmediate(resolve))]);
        }
        expect(await runSaga(sagaOf(given, journal))).toEqual(whole);
        // An effect that was never reported happens again, under the same natural key, and before anything else does.
        const apart = journal.effects.filter((effect, n) => effect !== journal.effects[n - 1]);
        expect(apart).toEqual(expected(given));
      }),
      { numRuns: 500 },
    );
  });
});
