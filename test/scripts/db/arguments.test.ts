import { describe, expect, it } from 'vitest';
import { parseDbArguments } from '../../../scripts/db/arguments.ts';

describe('parseDbArguments', () => {
  it('reads a command, its file and its environment', () => {
    expect(parseDbArguments(['status'])).toEqual({
      command: 'status',
      file: undefined,
      environment: 'prod',
      replace: false,
    });
    expect(parseDbArguments(['restore', 'b.sqlite', '--replace', '-n', 'dev'])).toEqual({
      command: 'restore',
      file: 'b.sqlite',
      environment: 'dev',
      replace: true,
    });
    expect(parseDbArguments(['backup', 'here'])).toMatchObject({ command: 'backup', file: 'here' });
    expect(parseDbArguments(['backup'])).toMatchObject({ command: 'backup', file: undefined });
    expect(parseDbArguments(['migrate', '--help'])).toBeUndefined();
  });

  it.each([
    [['destroy'], 'unknown command "destroy"'],
    [[], 'unknown command ""'],
    [['restore'], 'restore needs the file of a backup'],
    [['migrate', 'now'], '"now" is too much'],
    [['backup', 'a', 'b'], '"b" is too much'],
    [['backup', '--replace'], '--replace belongs to restore'],
    [['status', '-n', 'live'], 'unknown environment "live"'],
    [['status', '--force'], '--force'],
  ])('%j: %s', (args, problem) => expect(() => parseDbArguments(args)).toThrow(problem));
});
