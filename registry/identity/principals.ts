import type { Knex } from 'knex';
import { SuperstepError } from '../../contracts/failure-types.ts';
import { writeActivity } from '../activity-log.ts';
import type { RegistryDatabase } from '../database.ts';
import { misleadingIn } from '../look-alikes.ts';
import type { Caller } from './caller.ts';

/** A person, a program, or the registry itself. */
export type PrincipalKind = 'user' | 'service' | 'system';

export interface Principal {
  readonly name: string;
  readonly kind: PrincipalKind;
  /** The provider that vouches for the name; null for a local account. */
  readonly issuer: string | null;
  readonly description: string;
  readonly createdAt: string;
  readonly createdBy: string;
  /** Since when it may do nothing any more; a name that left never comes back and is never given out again. */
  readonly leftAt: string | null;
  readonly leftReason: string | null;
  readonly disabledBy: string | null;
}

/** Who does it: goes into the audit. */
export type Actor = Pick<Caller, 'name' | 'proof'>;

export interface IdentityDeps {
  readonly db: RegistryDatabase;
  readonly now: () => Date;
}

export interface AddPrincipalInput {
  readonly name: string;
  readonly kind: Exclude<PrincipalKind, 'system'>;
  /** For somebody who comes through the provider: its issuer. */
  readonly issuer?: string | null;
  readonly description?: string;
  readonly by: Actor;
}

interface PrincipalRow {
  readonly name: string;
  readonly kind: PrincipalKind;
  readonly issuer: string | null;
  readonly description: string;
  readonly created_at: string;
  readonly created_by: string;
  readonly left_at: string | null;
  readonly left_reason: string | null;
  readonly disabled_by: string | null;
}

/** Names that stand for something else wherever an act names who did it. */
const RESERVED = ['anonymous', 'registry', 'superstep'];
const LONGEST_NAME = 100;
/** No colon: in Basic it ends the name. */
const LOCAL_NAME = /^[A-Za-z0-9][A-Za-z0-9._@+-]*$/;

export function createPrincipals({ db, now }: IdentityDeps) {
  return {
    /**
     * Makes an account. Repeated for the same account it changes nothing.
     *
     * @throws AlreadyExists when the name is another kind's or provider's, or belongs to somebody who left
     */
    addPrincipal: (input: AddPrincipalInput): Promise<Principal> =>
      db.write((trx) => addPrincipal(trx, input, now().toISOString())),

    /** Everybody, by name, those who left included. */
    principals: (): Promise<Principal[]> =>
      db.read(async (knex) => (await knex('principals').orderBy('name').select<PrincipalRow[]>('*')).map(fromRow)),
  };
}

/** {@link createPrincipals}.addPrincipal inside a transaction. */
export async function addPrincipal(trx: Knex, input: AddPrincipalInput, at: string): Promise<Principal> {
  const { name, kind, issuer = null, description = '', by } = input;
  requireName(name, issuer);
  const known = await findPrincipal(trx, name);
  if (known !== undefined) {
    requireLiving(known);
    if (known.kind === kind && known.issuer === issuer) return known;
    const found = `a ${known.kind} ${known.issuer === null ? 'with a local account' : `of ${known.issuer}`}`;
    throw new SuperstepError('AlreadyExists', `the name "${name}" is taken by ${found}; choose another one`, { name });
  }
  await insertPrincipal(trx, { name, kind, issuer, description, by: by.name, at });
  await writeActivity(trx, {
    at,
    action: 'CREATED_USER',
    by: by.name,
    proof: by.proof,
    comment: `${kind} ${name}${issuer === null ? '' : ` of ${issuer}`}`,
    details: { principal: name, kind, issuer },
  });
  return requirePrincipal(trx, name);
}

/** The row alone, without rules or audit. */
export async function insertPrincipal(
  trx: Knex,
  row: Pick<Principal, 'name' | 'kind' | 'issuer' | 'description'> & { readonly by: string; readonly at: string },
): Promise<void> {
  const { name, kind, issuer, description } = row;
  await trx('principals').insert({ name, kind, issuer, description, created_at: row.at, created_by: row.by });
}

/** Undefined for a name that nobody has. */
export async function findPrincipal(knex: Knex, name: string): Promise<Principal | undefined> {
  const row = await knex('principals').where({ name }).first<PrincipalRow | undefined>('*');
  return row === undefined ? undefined : fromRow(row);
}

/** @throws UnknownResource */
export async function requirePrincipal(knex: Knex, name: string): Promise<Principal> {
  const found = await findPrincipal(knex, name);
  if (found !== undefined) return found;
  throw new SuperstepError(
    'UnknownResource',
    `there is no user "${name}"; "npm run users -- list" shows who there is`,
    {
      name,
    },
  );
}

/** Somebody who can be given something. @throws UnknownResource; IllegalTransition for who left and for the registry itself */
export async function requireActivePrincipal(knex: Knex, name: string): Promise<Principal> {
  const found = await requirePrincipal(knex, name);
  requireLiving(found);
  if (found.kind !== 'system') return found;
  throw new SuperstepError('IllegalTransition', `"${name}" is the registry itself; it has no roles and no tokens`, {
    name,
  });
}

function requireLiving({ name, leftAt, leftReason }: Principal): void {
  if (leftAt === null) return;
  throw new SuperstepError(
    'IllegalTransition',
    `"${name}" left on ${leftAt} (${leftReason ?? ''}); a name that left is not used again, so that old decisions stay clear: choose another one`,
    { name, leftAt },
  );
}

/** Whether somebody can have this name: a local account's fits into Basic and a command line, no other misleads. */
export function isPrincipalName(name: string, issuer: string | null): boolean {
  if (name.length > LONGEST_NAME || RESERVED.includes(name.toLowerCase())) return false;
  return issuer === null ? LOCAL_NAME.test(name) : /^[^\p{C}\p{Z}]+$/u.test(name) && misleadingIn(name) === undefined;
}

function requireName(name: string, issuer: string | null): void {
  if (isPrincipalName(name, issuer)) return;
  throw new SuperstepError(
    'InvalidInput',
    `"${name.slice(0, LONGEST_NAME)}" cannot be a user's name; expected at most ${LONGEST_NAME} letters, digits and . _ @ + -, and none of ${RESERVED.join(', ')}`,
    { name: name.slice(0, LONGEST_NAME) },
  );
}

function fromRow(row: PrincipalRow): Principal {
  return {
    name: row.name,
    kind: row.kind,
    issuer: row.issuer,
    description: row.description,
    createdAt: row.created_at,
    createdBy: row.created_by,
    leftAt: row.left_at,
    leftReason: row.left_reason,
    disabledBy: row.disabled_by,
  };
}
