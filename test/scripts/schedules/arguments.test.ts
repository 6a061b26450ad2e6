import { describe, expect, it } from 'vitest';
import { parseSchedulesArguments } from '../../../scripts/schedules/arguments.ts';

describe('parseSchedulesArguments', () => {
  it('reads command, project and environment', () => {
    expect(parseSchedulesArguments(['apply', 'flights-delay'])).toEqual({
      command: 'apply',
      project: 'flights-delay',
      governance: false,
      environment: 'prod',
    });
    expect(parseSchedulesArguments(['list', '-n', 'dev'])).toMatchObject({ command: 'list', environment: 'dev' });
    expect(parseSchedulesArguments(['apply', '--governance', '-n', 'dev'])).toMatchObject({
      governance: true,
      project: undefined,
    });
    expect(parseSchedulesArguments(['--help'])).toBeUndefined();
  });

  it.each([
    [[], 'unknown command ""'],
    [['create', 'x'], 'unknown command "create"'],
    [['apply'], 'apply needs a project'],
    [['apply', 'x', '-n', 'production'], 'unknown environment "production"; there are dev, staging, prod'],
    [['remove', 'x', 'y'], '"y" is too much'],
    [['apply', 'x', '--governance'], '"x" is too much beside --governance'],
    [['list', '--all'], "Unknown option '--all'"],
  ])('refuses %j', (args, message) => {
    expect(() => parseSchedulesArguments(args)).toThrow(message);
  });
});
