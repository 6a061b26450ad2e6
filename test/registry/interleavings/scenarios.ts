import fc from 'fast-check';
import type { Act } from '../../../registry/models/act.ts';
import type { Registry } from '../../../registry/registry.ts';
import { STAGES } from '../../../registry/stages.ts';
import { carryOut, type ClientSession, type Deed, WHO } from './client-actors.ts';
import { promote, type Promotion, register, rollBack, type Rollback } from './engine-actors.ts';
import { act, type Sending, type Turn, type World } from './world.ts';

interface Registration {
  readonly kind: 'register';
  readonly model: string;
}

type What = Promotion | Rollback | Registration | ClientSession;
export type Actor = What & { readonly sending: Sending };

/** Several actors that work on the same few models at once, and what was done before they came. */
export interface Scenario {
  readonly past: readonly Actor[];
  readonly actors: readonly Actor[];
  readonly directChanges: Act['directChanges'];
}

const ONCE: Sending = { times: [1], dies: Infinity, echo: false };
const PROMOTED: Actor = { kind: 'promotion', model: 'delays', version: 0, answer: 'approve', sending: ONCE };
const REGISTERED: Actor = { kind: 'register', model: 'delays', sending: ONCE };
/** Dies when its gate is open: registered, passed, looked, opened. */
const WAITING: Actor = { ...PROMOTED, sending: { ...ONCE, dies: 4 } };
/** Points an alias at the first version. */
const ALIASED: Actor = {
  kind: 'client',
  model: 'delays',
  who: 'breaker',
  deeds: [{ kind: 'set-alias', alias: 'champion', version: 1 }],
  sending: ONCE,
};
const TWICE: readonly Actor[] = [PROMOTED, PROMOTED, ALIASED];
/** What was there before: versions that were only registered, that wait at their gate, or that are or were in Production. */
const PASTS: readonly (readonly Actor[])[] = [
  [],
  [REGISTERED, ALIASED],
  [WAITING],
  [PROMOTED],
  [PROMOTED, WAITING],
  [PROMOTED, PROMOTED],
  TWICE,
];

// Mostly one model, so that they meet.
const model = fc.constantFrom('delays', 'delays', 'delays', 'fares');
const version = fc.integer({ min: 1, max: 3 });
const alias = fc.constantFrom('champion', 'next');

const sending: fc.Arbitrary<Sending> = fc.record({
  times: fc.array(fc.constantFrom(1, 1, 1, 2, 3), { minLength: 1, maxLength: 4 }),
  dies: fc.constantFrom(Infinity, Infinity, Infinity, 2, 3, 4, 5),
  echo: fc.constantFrom(false, false, true),
});

const promotion: fc.Arbitrary<Promotion> = fc.record({
  kind: fc.constant('promotion'),
  model,
  version: fc.constantFrom(0, 0, 0, 1, 2),
  answer: fc.constantFrom('approve', 'approve', 'approve', 'reject', 'nothing'),
});

const deed: fc.Arbitrary<Deed> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('move' as const),
      version,
      to: fc.constantFrom(...STAGES),
      archiveExisting: fc.constantFrom(false, false, true),
    }),
  },
  fc.record({ kind: fc.constant('set-alias' as const), alias, version }),
  fc.record({ kind: fc.constant('delete-alias' as const), alias }),
  fc.record({ kind: fc.constant('rename' as const), to: fc.constantFrom('fares', 'late') }),
  fc.record({ kind: fc.constantFrom('delete-version' as const, 'tag' as const, 'comment' as const), version }),
  fc.record({ kind: fc.constant('ask' as const), version, to: fc.constantFrom(...STAGES) }),
  fc.record({ kind: fc.constant('answer' as const), version }),
  fc.record({ kind: fc.constantFrom('delete-model' as const, 'create-version' as const) }),
);

const session: fc.Arbitrary<ClientSession> = fc.record({
  kind: fc.constant('client'),
  model,
  who: fc.constantFrom(...(Object.keys(WHO) as (keyof typeof WHO)[]), 'breaker' as const),
  deeds: fc.array(deed, { minLength: 1, maxLength: 3 }),
});

const actor: fc.Arbitrary<Actor> = fc
  .tuple(
    fc.oneof(
      { weight: 4, arbitrary: promotion },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant('rollback' as const), model }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('register' as const), model }) },
      { weight: 4, arbitrary: session },
    ),
    sending,
  )
  .map(([what, how]) => ({ ...what, sending: how }));

const byHand = (...deeds: readonly Deed[]): ClientSession => ({
  kind: 'client',
  model: 'delays',
  who: 'breaker',
  deeds,
});
const TAG: Deed = { kind: 'tag', version: 1 };
const ROLLBACK: Rollback = { kind: 'rollback', model: 'delays' };

/** Meetings that chance alone seldom brings about: what was there before, and who meets. */
const MEETINGS: readonly (readonly [readonly Actor[], readonly What[]])[] = [
  // The champion changes before the gate opens, or while it waits.
  [TWICE, [PROMOTED, ROLLBACK]],
  [TWICE, [PROMOTED, byHand(TAG, TAG, TAG, { kind: 'move', version: 1, to: 'Production', archiveExisting: true })]],
  [TWICE, [ROLLBACK, byHand({ kind: 'delete-version', version: 1 }), ROLLBACK]],
  // A version goes that an alias points at.
  [
    TWICE,
    [byHand({ kind: 'delete-version', version: 1 }), byHand({ kind: 'delete-model' }, { kind: 'create-version' })],
  ],
  // Somebody asks for Production and takes that back, while the gate of that version opens.
  [
    [REGISTERED],
    [
      byHand({ kind: 'ask', version: 1, to: 'Production' }, { kind: 'answer', version: 1 }),
      { ...PROMOTED, version: 1 },
    ],
  ],
];

const sendingToTheEnd = sending.map((how) => ({ ...how, dies: Infinity }));

const meeting = fc.constantFrom(...MEETINGS).chain(([past, meet]) =>
  fc
    .tuple(
      fc.array(sendingToTheEnd, { minLength: meet.length, maxLength: meet.length }),
      fc.array(actor, { maxLength: 2 }),
    )
    .map(([hows, others]) => ({
      past,
      actors: [...meet.map((what, i): Actor => ({ ...what, sending: hows[i] ?? ONCE })), ...others],
    })),
);

const crowd = fc.record({ past: fc.constantFrom(...PASTS), actors: fc.array(actor, { minLength: 3, maxLength: 6 }) });

export function scenarios(directChanges: Act['directChanges']): fc.Arbitrary<Scenario> {
  return fc
    .oneof({ weight: 3, arbitrary: crowd }, { weight: 2, arbitrary: meeting })
    .map((scenario) => ({ ...scenario, directChanges }));
}

/** Plays one actor to its end, on models whose names begin with the mark. */
export async function runActor(
  world: World,
  place: number,
  mark: string,
  actor: Actor,
  directChanges: Act['directChanges'],
  turn: Turn,
  reached: Set<string>,
): Promise<void> {
  const registry = world.handles[place % world.handles.length] as Registry;
  const marked = <T extends { readonly model: string }>(what: T): T => ({ ...what, model: `${mark}${what.model}` });
  await act(turn, actor.sending, reached, async (send) => {
    switch (actor.kind) {
      case 'promotion':
        return promote(world, registry, marked(actor), send);
      case 'rollback':
        return rollBack(registry, marked(actor), send);
      case 'register':
        return void (await register(world, registry, `${mark}${actor.model}`, send));
      case 'client': {
        const named = actor.deeds.map((d) => (d.kind === 'rename' ? { ...d, to: `${mark}${d.to}` } : d));
        return carryOut(registry, { ...marked(actor), deeds: named }, directChanges, send);
      }
    }
  });
}
