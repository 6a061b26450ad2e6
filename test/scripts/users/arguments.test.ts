import { describe, expect, it } from 'vitest';
import { parseUsersArguments } from '../../../scripts/users/arguments.ts';

describe('parseUsersArguments', () => {
  it.each([
    ['add ada', { act: 'add', name: 'ada', kind: 'user', oidc: false, description: '' }],
    [
      'add ci --service --description jobs',
      { act: 'add', name: 'ci', kind: 'service', oidc: false, description: 'jobs' },
    ],
    ['add auth0|7 --oidc', { act: 'add', name: 'auth0|7', kind: 'user', oidc: true, description: '' }],
    ['list', { act: 'list', name: undefined }],
    ['list ada', { act: 'list', name: 'ada' }],
    ['grant ada viewer', { act: 'grant', name: 'ada', role: 'viewer', model: null }],
    [
      'revoke ada ml-lead --model flights-delay',
      { act: 'revoke', name: 'ada', role: 'ml-lead', model: 'flights-delay' },
    ],
    ['disable ada --reason left', { act: 'disable', name: 'ada', reason: 'left' }],
    ['token new ada --label laptop', { act: 'new-token', name: 'ada', label: 'laptop', days: 90 }],
    ['token new ada --label laptop --days 7', { act: 'new-token', name: 'ada', label: 'laptop', days: 7 }],
    ['token revoke 0a1b --reason lost', { act: 'revoke-token', id: '0a1b', reason: 'lost' }],
    ['key new', { act: 'new-key', out: undefined }],
    ['key new --out k.pem', { act: 'new-key', out: 'k.pem' }],
    ['key add ada ff', { act: 'add-key', name: 'ada', key: 'ff' }],
    ['key revoke 0a1b --reason lost', { act: 'revoke-key', id: '0a1b', reason: 'lost' }],
    ['admin-token', { act: 'admin-token' }],
  ])('reads %s', (line, what) => {
    expect(parseUsersArguments(line.split(' '))).toEqual({ what, environment: 'prod', json: false });
  });

  it('reads environment, output and help', () => {
    expect(parseUsersArguments(['list', '-n', 'dev', '--json'])).toMatchObject({ environment: 'dev', json: true });
    expect(parseUsersArguments(['grant', '--help'])).toBeUndefined();
  });

  it.each([
    ['', 'unknown command ""'],
    ['make ada', 'unknown command "make ada"'],
    ['token', 'unknown command "token"'],
    ['token list', 'unknown command "token list"'],
    ['toString x', 'unknown command'],
    ['add', 'add needs a name'],
    ['grant ada', 'grant needs a role'],
    ['list ada bob', '"bob" is too much'],
    ['add ada --model flights', '--model says nothing to add'],
    ['disable ada', '--reason is missing'],
    ['token new ada', '--label is missing'],
    ['token new ada --label x --days 1.5', '--days "1.5" is no whole number'],
    ['list -n production', 'unknown environment "production"; there are dev, staging, prod'],
    ['list --all', "Unknown option '--all'"],
  ])('refuses "%s"', (line, message) => {
    expect(() => parseUsersArguments(line === '' ? [] : line.split(' '))).toThrow(message);
  });
});
