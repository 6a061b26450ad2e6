import { describe, expect, it } from 'vitest';
import { parseWebhooksArguments } from '../../../scripts/webhooks/arguments.ts';

describe('parseWebhooksArguments', () => {
  it('reads what each command needs', () => {
    expect(parseWebhooksArguments(['list', '-n', 'dev'])).toMatchObject({ command: 'list', environment: 'dev' });
    expect(parseWebhooksArguments(['deliveries', 'abc', '--limit', '3'])).toMatchObject({ id: 'abc', limit: 3 });
    expect(parseWebhooksArguments(['enable', 'abc', '--skip'])).toMatchObject({ skip: true });
    expect(parseWebhooksArguments(['-h'])).toBeUndefined();
  });

  it.each([
    [[], 'unknown command ""'],
    [['test'], 'test needs the id that list shows'],
    [['list', 'abc'], '"abc" is too much'],
    [['deliveries', 'abc', '--limit', '0'], '--limit is "0"; expected 1 to 1000'],
    [['list', '-n', 'live'], 'unknown environment "live"'],
    [['list', '--all'], '--all'],
  ])('refuses %j', (args, expected) => {
    expect(() => parseWebhooksArguments(args)).toThrow(expected);
  });
});
