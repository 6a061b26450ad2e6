import { describe, expect, it } from 'vitest';
import { parseWaiversArguments } from '../../../scripts/waivers/arguments.ts';

const GRANT = [
  'grant',
  '--check',
  'slices',
  '--model',
  'delays',
  '--until',
  '2001-06-01T00:00:00Z',
  '--reason',
  'few rows',
];

describe('parseWaiversArguments', () => {
  it('reads what each command needs', () => {
    expect(parseWaiversArguments(GRANT)).toEqual({
      command: 'grant',
      environment: 'prod',
      json: false,
      model: 'delays',
      fields: { check: 'slices', until: '2001-06-01T00:00:00Z', reason: 'few rows' },
    });
    expect(parseWaiversArguments(['revoke', 'abc', '-n', 'dev'])).toMatchObject({ id: 'abc', environment: 'dev' });
    expect(parseWaiversArguments(['--help'])).toBeUndefined();
  });

  it.each([
    [[], 'unknown command ""'],
    [['grnat'], 'unknown command "grnat"'],
    [GRANT.slice(0, -2), 'grant needs --reason'],
    [['revoke'], 'revoke needs the id that list shows'],
    [['fulfil', 'abc'], 'fulfil needs --comment'],
    [['list', 'abc'], '"abc" is too much'],
    [['list', '-n', 'production'], 'unknown environment "production"'],
    [['list', '--modell', 'x'], '--modell'],
  ])('refuses %j', (args, expected) => {
    expect(() => parseWaiversArguments(args)).toThrow(expected);
  });
});
