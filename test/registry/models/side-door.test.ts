import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { guardChange, type ChangeGround, type DirectChange } from '../../../registry/models/side-door.ts';
import { STAGES, type Stage } from '../../../registry/stages.ts';

const NO_GLASS = { held: false, reason: null };
const guarded: ChangeGround = {
  model: 'delays',
  directChanges: 'refused',
  production: 1,
  waiting: [3],
  onTheWay: [4],
  breakGlass: NO_GLASS,
};

describe('guardChange', () => {
  it.each<[DirectChange, RegExp]>([
    [{ kind: 'transition', version: 2, from: 'Staging', to: 'Production' }, /enter Production in place of version 1/],
    [{ kind: 'transition', version: 1, from: 'Production', to: 'Archived' }, /leave Production without a successor/],
    [{ kind: 'transition', version: 3, from: 'Staging', to: 'Archived' }, /version 3 waits at its gate/],
    [{ kind: 'set-alias', alias: 'champion', version: 1, from: null }, /alias champion would move onto it/],
    [{ kind: 'set-alias', alias: 'champion', version: 2, from: 1 }, /alias champion would move off it/],
    [{ kind: 'delete-alias', alias: 'champion', from: 1 }, /taken off it/],
    [{ kind: 'delete-version', version: 1 }, /version 1 is in Production/],
    [{ kind: 'delete-version', version: 3 }, /version 3 waits/],
    [{ kind: 'delete-version', version: 4 }, /version 4 was asked for/],
    [{ kind: 'delete-model' }, /version 3 waits/],
    [{ kind: 'rename-model' }, /version 3 waits/],
  ])('refuses %j and says what to do instead', (change, why) => {
    const verdict = guardChange(change, guarded);
    expect(verdict).toMatchObject({ allowed: false, why: expect.stringMatching(why) as string });
    expect(verdict.allowed ? '' : verdict.instead).toMatch(/transition-requests|rollBackModel/);
  });

  it.each<DirectChange>([
    { kind: 'transition', version: 2, from: 'None', to: 'Staging' },
    { kind: 'transition', version: 1, from: 'Production', to: 'Production' },
    { kind: 'transition', version: 4, from: 'Staging', to: 'Archived' },
    { kind: 'set-alias', alias: 'challenger', version: 2, from: 3 },
    { kind: 'set-alias', alias: 'champion', version: 1, from: 1 },
    { kind: 'delete-alias', alias: 'challenger', from: 2 },
    { kind: 'delete-alias', alias: 'nobody', from: null },
    { kind: 'delete-version', version: 2 },
  ])('lets %j through', (change) => {
    expect(guardChange(change, guarded)).toEqual({ allowed: true, brokeGlass: false });
  });

  it('keeps a version at its gate, or on its way, also where Production may be changed by hand', () => {
    const atGate = { ...guarded, directChanges: 'allowed' as const };
    expect(guardChange({ kind: 'rename-model' }, atGate)).toMatchObject({ allowed: false });
    const onTheWay = { ...atGate, waiting: [] };
    expect(guardChange({ kind: 'delete-model' }, onTheWay)).toMatchObject({ allowed: false });
    expect(guardChange({ kind: 'rename-model' }, onTheWay)).toMatchObject({ allowed: false });
    const open = { ...onTheWay, onTheWay: [] };
    expect(guardChange({ kind: 'rename-model' }, open)).toMatchObject({ allowed: true });
  });

  it('breaks the glass for who holds the right and says why, and says what was broken', () => {
    const change: DirectChange = { kind: 'delete-version', version: 1 };
    const held = { ...guarded, breakGlass: { held: true, reason: ' serves nonsense ' } };
    expect(guardChange(change, held)).toEqual({
      allowed: true,
      brokeGlass: true,
      reason: 'serves nonsense',
      against: expect.stringContaining('version 1 is in Production') as string,
    });
    const silent = guardChange(change, { ...guarded, breakGlass: { held: true, reason: '  ' } });
    expect(silent).toMatchObject({ allowed: false, instead: expect.stringContaining('break_glass_reason') as string });
    const unheld = guardChange(change, { ...guarded, breakGlass: { held: false, reason: 'please' } });
    expect(unheld).toMatchObject({ allowed: false, instead: expect.not.stringContaining('break_glass') as string });
  });
});

/** A model as far as a side door could reach it. */
interface State {
  readonly stages: readonly Stage[];
  readonly aliases: Readonly<Record<string, number>>;
  readonly name: string;
}

const version = fc.integer({ min: 1, max: 4 });
const alias = fc.constantFrom('champion', 'challenger');
const states = fc.record({
  stages: fc
    .tuple(
      fc.array(fc.constantFrom<Stage>('None', 'Staging', 'Archived'), { minLength: 4, maxLength: 4 }),
      fc.option(version),
    )
    .map(([stages, production]) => stages.map((stage, i): Stage => (i + 1 === production ? 'Production' : stage))),
  aliases: fc.dictionary(alias, version, { noNullPrototype: true }),
  name: fc.constant('delays'),
});

const wishes = fc.oneof(
  fc.record({ kind: fc.constant('transition' as const), version, to: fc.constantFrom(...STAGES) }),
  fc.record({ kind: fc.constant('set-alias' as const), alias, version }),
  fc.record({ kind: fc.constant('delete-alias' as const), alias }),
  fc.record({ kind: fc.constant('delete-version' as const), version }),
  fc.record({ kind: fc.constantFrom('delete-model' as const, 'rename-model' as const) }),
);
type Wish = typeof wishes extends fc.Arbitrary<infer W> ? W : never;

function asChange(state: State, wish: Wish): DirectChange {
  if (wish.kind === 'transition') return { ...wish, from: state.stages[wish.version - 1] ?? 'None' };
  if (wish.kind === 'set-alias' || wish.kind === 'delete-alias')
    return { ...wish, from: state.aliases[wish.alias] ?? null };
  return wish;
}

/** What the change would do to the state; a plain model of the registry, written without the guard's rules. */
function apply(state: State, change: DirectChange): State {
  switch (change.kind) {
    case 'transition': {
      const stages = state.stages.map((stage, i): Stage => {
        if (i + 1 === change.version) return change.to;
        return change.to === 'Production' && stage === 'Production' ? 'Archived' : stage;
      });
      return { ...state, stages };
    }
    case 'set-alias':
      return { ...state, aliases: { ...state.aliases, [change.alias]: change.version } };
    case 'delete-alias':
      return {
        ...state,
        aliases: Object.fromEntries(Object.entries(state.aliases).filter(([a]) => a !== change.alias)),
      };
    case 'delete-version':
      return {
        ...state,
        stages: state.stages.map((stage, i): Stage => (i + 1 === change.version ? 'None' : stage)),
        aliases: Object.fromEntries(Object.entries(state.aliases).filter(([, v]) => v !== change.version)),
      };
    case 'delete-model':
      return { stages: [], aliases: {}, name: '' };
    case 'rename-model':
      return { ...state, name: 'other' };
  }
}

/** What clients get who ask for what is in Production: the version, by model name, stage and alias. */
function served({ stages, aliases, name }: State): unknown {
  const production = stages.indexOf('Production') + 1;
  if (production === 0) return {};
  return {
    name,
    production,
    aliases: Object.keys(aliases)
      .filter((a) => aliases[a] === production)
      .sort(),
  };
}

function groundOf(state: State, waiting: readonly number[], directChanges: 'allowed' | 'refused'): ChangeGround {
  const production = state.stages.indexOf('Production') + 1;
  return {
    model: state.name,
    directChanges,
    production: production === 0 ? null : production,
    waiting,
    onTheWay: [],
    breakGlass: NO_GLASS,
  };
}

describe('any change', () => {
  it('is refused where it would change what is in Production, and let through where it would not', () => {
    fc.assert(
      fc.property(states, wishes, (state, wish) => {
        const change = asChange(state, wish);
        const changes = JSON.stringify(served(apply(state, change))) !== JSON.stringify(served(state));
        expect(guardChange(change, groundOf(state, [], 'refused')).allowed).toBe(!changes);
        expect(guardChange(change, groundOf(state, [], 'allowed')).allowed).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  it('leaves a version at its gate in Staging under its name, under any policy', () => {
    fc.assert(
      fc.property(
        states,
        wishes,
        version,
        fc.constantFrom('allowed' as const, 'refused' as const),
        (state, wish, at, direct) => {
          const stages = state.stages.map((stage, i): Stage => (i + 1 === at ? 'Staging' : stage));
          const before = { ...state, stages };
          const change = asChange(before, wish);
          if (!guardChange(change, groundOf(before, [at], direct)).allowed) return;
          const after = apply(before, change);
          expect(after.name).toBe('delays');
          expect(after.stages[at - 1]).toBe('Staging');
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('is always let through by break-glass with a reason, and marked when it broke something', () => {
    fc.assert(
      fc.property(states, wishes, fc.subarray([1, 2, 3, 4]), (state, wish, waiting) => {
        const ground = groundOf(state, waiting, 'refused');
        const change = asChange(state, wish);
        const broken = guardChange(change, { ...ground, breakGlass: { held: true, reason: 'r' } });
        expect(broken).toMatchObject({ allowed: true, brokeGlass: !guardChange(change, ground).allowed });
      }),
    );
  });
});
