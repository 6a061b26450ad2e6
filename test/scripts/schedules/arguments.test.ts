import { describe, expect, it } from 'vitest';
import { parseSchedulesArguments } from '../../../scripts/schedules/arguments.ts';

describe('parseSchedulesArguments', () => {
  it('reads command, project and environment', () => {
    expect(parseSchedulesArguments(['apply', 'flights-delay'])).toEqual({
      command: 'apply',
      project: 'flights-delay',
      environment: 'prod',
    });
    expect(parseSchedulesArguments(['list', '-n', 'dev'])).toMatchObject({ command: 'list', environment: 'dev' });
    expect(parseSchedulesArguments(['--help'])).toBeUndefined();
  });

  it.each([
    [[], 'unknown command ""'],
    [['create', 'x'], 'unknown command "create"'],
    [['apply'], 'apply needs a project'],
    [['apply', 'x', '-n', 'production'], 'unknown environment "production"; there are dev, staging, prod'],
    [['remove', 'x', 'y'], '"y" is too much'],
    [['list', '--all'], "Unknown option '--all'"],
  ])('refuses %j', (args, message) => {
    expect(() => parseSchedulesArguments(args)).toThrow(message);
  });
});
