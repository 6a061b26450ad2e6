import { describe, expect, it } from 'vitest';
import { parseDecideArguments } from '../../../scripts/decide/arguments.ts';

const ID = 'promote-model/flights-delay/3';

describe('parseDecideArguments', () => {
  it('reads what the issue and the details print', () => {
    expect(parseDecideArguments(['approve', ID, '--comment', 'better everywhere'])).toEqual({
      decision: 'approve',
      workflowId: ID,
      comment: 'better everywhere',
      conditions: [],
      environment: 'prod',
      dryRun: false,
    });
    const printed = [
      'reject',
      ID,
      '--address',
      '127.0.0.1:7233',
      '-n',
      'staging',
      '--evidence',
      '3f9c61a0b2de',
      '-c',
      'no',
    ];
    expect(parseDecideArguments([...printed, '--key', 'k.pem', '--as', 'ml-lead', '--dry-run'])).toEqual({
      decision: 'reject',
      workflowId: ID,
      comment: 'no',
      conditions: [],
      environment: 'staging',
      evidence: '3f9c61a0b2de',
      address: '127.0.0.1:7233',
      keyFile: 'k.pem',
      as: 'ml-lead',
      dryRun: true,
    });
  });

  it('reads what an approval asks for later', () => {
    const asked = ['approve', ID, '-c', 'ok', '--condition', '2030-12-31 look at San Juan again'];
    expect(parseDecideArguments(asked)?.conditions).toEqual([
      { condition: 'look at San Juan again', due: '2030-12-31T00:00:00.000Z' },
    ]);
  });

  it('shows its help when asked', () => {
    expect(parseDecideArguments(['--help'])).toBeUndefined();
    expect(parseDecideArguments(['approve', '-h'])).toBeUndefined();
  });

  it.each([
    [[], /unknown decision ""; expected approve or reject/],
    [['aprove', ID, '-c', 'x'], /unknown decision "aprove"/],
    [['approve'], /"" is no promotion/],
    [['approve', 'train-model/a/1', '-c', 'x'], /"train-model\/a\/1" is no promotion/],
    [['approve', ID], /needs a reason/],
    [['approve', ID, '-c', ' '], /needs a reason/],
    [['approve', ID, '-c', 'WHY'], /the comment is still WHY; put your reason in its place/],
    [['approve', ID, '-c', 'looks', 'right'], /"right" is too much; put the comment in quotes/],
    [['approve', ID, '-c', 'x', '-n', 'production'], /unknown environment "production"; there are dev, staging, prod/],
    [['approve', ID, '--coment', 'x'], /--coment/],
    [['approve', ID, '-c', 'x', '--condition', 'soon look'], /expected a day and what must be done by then/],
    [['reject', ID, '-c', 'x', '--condition', '2030-12-31 look'], /with an approval only/],
  ] as const)('says what is wrong with %j', (args, message) => {
    expect(() => parseDecideArguments(args)).toThrow(message);
  });
});
