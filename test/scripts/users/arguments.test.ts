import { describe, expect, it } from 'vitest';
import { parseUsersArguments } from '../../../scripts/users/arguments.ts';

describe('parseUsersArguments', () => {
  it.each([
    ['add scientist', { act: 'add', name: 'scientist', kind: 'user', oidc: false, description: '' }],
    [
      'add ci --service --description jobs',
      { act: 'add', name: 'ci', kind: 'service', oidc: false, description: 'jobs' },
    ],
    ['add auth0|7 --oidc', { act: 'add', name: 'auth0|7', kind: 'user', oidc: true, description: '' }],
    ['list', { act: 'list', name: undefined }],
    ['list scientist', { act: 'list', name: 'scientist' }],
    ['grant scientist viewer', { act: 'grant', name: 'scientist', role: 'viewer', model: null }],
    [
      'revoke scientist ml-lead --model flights-delay',
      { act: 'revoke', name: 'scientist', role: 'ml-lead', model: 'flights-delay' },
    ],
    ['disable scientist --reason left', { act: 'disable', name: 'scientist', reason: 'left' }],
    ['token new scientist --label laptop', { act: 'new-token', name: 'scientist', label: 'laptop', days: 90 }],
    ['token new scientist --label laptop --days 7', { act: 'new-token', name: 'scientist', label: 'laptop', days: 7 }],
    ['token revoke 0a1b --reason lost', { act: 'revoke-token', id: '0a1b', reason: 'lost' }],
    ['key new', { act: 'new-key', out: undefined }],
    ['key new --out k.pem', { act: 'new-key', out: 'k.pem' }],
    ['key add scientist ff', { act: 'add-key', name: 'scientist', key: 'ff' }],
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
    ['make scientist', 'unknown command "make scientist"'],
    ['token', 'unknown command "token"'],
    ['token list', 'unknown command "token list"'],
    ['toString x', 'unknown command'],
    ['add', 'add needs a name'],
    ['grant scientist', 'grant needs a role'],
    ['list scientist lead', '"lead" is too much'],
    ['add scientist --model flights', '--model says nothing to add'],
    ['disable scientist', '--reason is missing'],
    ['token new scientist', '--label is missing'],
    ['token new scientist --label x --days 1.5', '--days "1.5" is no whole number'],
    ['list -n production', 'unknown environment "production"; there are dev, staging, prod'],
    ['list --all', "Unknown option '--all'"],
  ])('refuses "%s"', (line, message) => {
    expect(() => parseUsersArguments(line === '' ? [] : line.split(' '))).toThrow(message);
  });
});
