import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Act } from '../../../registry/models/act.ts';
import type { Registry } from '../../../registry/registry.ts';
import { runActor, scenarios, type Scenario } from './scenarios.ts';
import { expectSound, expectWholeChain } from './soundness.ts';
import { openWorld, type Turn, type World } from './world.ts';

let world: World;
let plays = 0;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.close());

/** Plays a scenario on models of its own, and holds the registry against its invariants after every call and at the end. */
async function play(
  { actors, past, directChanges }: Scenario,
  reached: Set<string>,
  interleave: (turn: Turn, play: (turn: Turn) => Promise<unknown>) => Promise<unknown>,
): Promise<void> {
  const mark = `play-${(plays += 1)}-`;
  const alone: Turn = (_, call) => call();
  for (const actor of past) await runActor(world, 0, mark, actor, directChanges, alone, new Set());
  const closed = new Map<string, string>();
  const watched: Turn = async (_, call) => {
    try {
      return await call();
    } finally {
      await expectClosedStays(world, mark, closed);
    }
  };
  await interleave(watched, (turn) =>
    Promise.all(actors.map((actor, i) => runActor(world, i, mark, actor, directChanges, turn, reached))),
  );
  await expectSound(world.db, world.handles[0] as Registry, mark, directChanges);
}

type Settled<T> = { readonly value: T } | { readonly error: Error };

async function settle<T>(call: () => Promise<T>): Promise<Settled<T>> {
  try {
    return { value: await call() };
  } catch (error) {
    return { error: error as Error };
  }
}

/** A request that was closed once is closed for good, as it was. */
async function expectClosedStays({ db }: World, mark: string, closed: Map<string, string>): Promise<void> {
  const rows = await db.read((knex) =>
    knex('transition_requests')
      .where('model', 'like', `%${mark}%`)
      .whereNotIn('status', ['open', 'asked'])
      .select<Record<string, unknown>[]>('id', 'status', 'closed_at', 'closed_by', 'closing_comment'),
  );
  for (const { id, ...rest } of rows) {
    const said = JSON.stringify(rest);
    expect(closed.get(id as string) ?? said).toBe(said);
    closed.set(id as string, said);
  }
}

/** Without this the scheduler would choose before the actor that had its turn has sent its next call: each in turn. */
async function letNextCallsCome(turn: () => Promise<void>): Promise<void> {
  await turn();
  await new Promise((resolve) => setImmediate(resolve));
}

const PROMOTING = ['open: champion-changed', 'open: superseded', 'promote: promoted', 'promote: champion-changed'];
const ROLLING_BACK = ['roll back: rolled-back', 'roll back: nothing-to-roll-back-to'];
const BY_HAND = ['move: done', 'set alias: done', 'delete version: done', 'delete model: done', 'rename: done'];
const ASKED = ['ask: done', 'withdraw: done', 'take back: done'];
const REFUSED = ['StaleDecision', 'NotAuthorized', 'UnknownModel', 'IllegalTransition'];

describe.each<Act['directChanges']>(['refused', 'allowed'])('actors at once, direct changes %s', (directChanges) => {
  it('never two Productions, never none where there was one, in any order of their calls', async () => {
    const reached = new Set<string>();
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler({ act: letNextCallsCome }),
        scenarios(directChanges),
        async (scheduler, scenario) => {
          await play(scenario, reached, async (watched, all) => {
            const turn: Turn = async <T>(what: string, call: () => Promise<T>): Promise<T> => {
              const settled: Settled<T>[] = [];
              const builder = async (): Promise<void> => void settled.push(await settle(() => watched(what, call)));
              // A sequence of one: other kinds of tasks start at once, and only their answers wait for their turn.
              await scheduler.scheduleSequence([{ label: what, builder }]).task;
              const [result] = settled;
              if (result === undefined) throw new Error(`the scheduler lost the call "${what}"`);
              if ('error' in result) throw result.error;
              return result.value;
            };
            await scheduler.waitFor(all(turn));
          });
        },
      ),
      { numRuns: 150, seed: 20010301 },
    );
    await expectWholeChain(world.db);
    // The plays went where it matters.
    const goals = [...PROMOTING, ...ROLLING_BACK, ...BY_HAND, ...ASKED, ...REFUSED];
    expect(goals.filter((goal) => !reached.has(goal))).toEqual([]);
  });

  it('and when the database alone decides who comes first', async () => {
    const reached = new Set<string>();
    await fc.assert(
      fc.asyncProperty(scenarios(directChanges), (scenario) => play(scenario, reached, (watched, all) => all(watched))),
      { numRuns: 40, seed: 20010301 },
    );
    expect([...reached]).toEqual(expect.arrayContaining(['promote: promoted', 'NotAuthorized']));
  });
});
