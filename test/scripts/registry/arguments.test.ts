import { describe, expect, it } from 'vitest';
import { parseRegistryArguments } from '../../../scripts/registry/arguments.ts';

describe('parseRegistryArguments', () => {
  it('reads what each command needs', () => {
    const common = { environment: 'prod', json: false };
    expect(parseRegistryArguments(['reconcile'])).toEqual({ command: 'reconcile', ...common });
    const of = ['--model', 'delays'];
    expect(parseRegistryArguments(['production', ...of])).toEqual({
      ...{ command: 'production', ...common, model: 'delays', at: undefined },
    });
    expect(parseRegistryArguments(['roll-back', ...of, '--reason', 'late', '-n', 'dev'])).toEqual({
      ...{ command: 'roll-back', ...common, environment: 'dev', model: 'delays', reason: 'late' },
    });
    expect(parseRegistryArguments(['--help'])).toBeUndefined();
  });

  it.each([
    [['rollback'], 'unknown command "rollback"; there are reconcile, production, roll-back'],
    [['production'], 'production needs a model'],
    [['roll-back', '--reason', 'late'], 'roll-back needs a model'],
    [['roll-back', '--model', 'delays'], 'a rollback needs a reason: --reason "why"'],
    [['roll-back', '--model', 'delays', '--reason', ' '], 'a rollback needs a reason'],
    [['roll-back', 'delays'], '"delays" is too much'],
  ])('refuses %j', (args, expected) => {
    expect(() => parseRegistryArguments(args)).toThrow(expected);
  });
});
