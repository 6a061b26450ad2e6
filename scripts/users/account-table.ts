import type { Account } from '../../registry/identity/accounts.ts';

/** Accounts for the eye: what holds now; what has ended is in the JSON. */
export function accountTable(accounts: readonly Account[], at: string): string[] {
  const rows = accounts.map((account) => [
    account.name,
    kindOf(account),
    rolesOf(account),
    keysOf(account),
    tokensOf(account, at),
  ]);
  const table = [['name', 'kind', 'roles', 'keys', 'tokens'], ...rows];
  const widths = table[0]?.map((_, column) => Math.max(...table.map((row) => (row[column] ?? '').length))) ?? [];
  return table.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

function kindOf({ kind, issuer, leftAt }: Account): string {
  if (leftAt !== null) return `left ${day(leftAt)}`;
  return issuer === null ? kind : `${kind}, oidc`;
}

function rolesOf({ roles }: Account): string {
  const living = roles.filter((grant) => grant.revokedAt === null);
  return listed(living.map(({ role, model }) => (model === null ? role : `${role} for ${model}`)));
}

function keysOf({ keys }: Account): string {
  return listed(keys.filter((key) => key.revokedAt === null).map((key) => key.keyId));
}

function tokensOf({ tokens }: Account, at: string): string {
  const living = tokens.filter((token) => token.revokedAt === null);
  const toldOf = (token: (typeof living)[number]): string => {
    const until = token.expiresAt <= at ? `expired ${day(token.expiresAt)}` : `until ${day(token.expiresAt)}`;
    return `${token.id} ${token.label} (${until}, ${token.lastUsedAt === null ? 'never used' : `used ${day(token.lastUsedAt)}`})`;
  };
  return listed(living.map(toldOf));
}

const listed = (texts: readonly string[]): string => (texts.length === 0 ? '-' : texts.join(', '));
const day = (instant: string): string => instant.slice(0, 10);
