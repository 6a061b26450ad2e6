import { policySchema, type Policy } from '../../../contracts/schemas/policy.ts';
import type { RegistryDatabase } from '../../../registry/database.ts';
import { createIdentity, type Identity } from '../../../registry/identity/identity.ts';
import type { Actor } from '../../../registry/identity/principals.ts';
import { openTestDatabase } from '../test-database.ts';

/** The admin who does things in tests. */
export const BY: Actor = { name: 'admin', proof: 'token' };

/** A caller's name and secret as an HTTP client sends them. */
export const basic = (user: string, password: string) => ({
  authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
});
export const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

export interface TestIdentity {
  readonly identity: Identity;
  readonly db: RegistryDatabase;
  readonly folder: string;
  readonly policy: () => Promise<Policy>;
  /** The clock; it stands until somebody moves it. */
  readonly now: () => Date;
  readonly advance: (milliseconds: number) => void;
  /** Puts other rules into the policy. */
  readonly setAccess: (access: unknown) => void;
  /** A user with a token. */
  readonly userWithToken: (name: string, ...roles: readonly string[]) => Promise<string>;
  readonly actions: () => Promise<string[]>;
  readonly close: () => Promise<void>;
}

/** The identities of an environment with a database and a folder of their own; nobody is in without a name. */
export async function openTestIdentity(): Promise<TestIdentity> {
  const { db, folder, close } = await openTestDatabase();
  let clock = Date.parse('2001-05-01T00:00:00Z');
  let access: unknown = {};
  const now = (): Date => new Date(clock);
  const policy = async (): Promise<Policy> =>
    policySchema.parse({
      compliance: {},
      comparison: {},
      approval: { approvers: ['governance'] },
      rollback: { by: ['ml-lead'] },
      access,
    });
  const identity = createIdentity({ db, now, policy });
  return {
    identity,
    db,
    policy,
    folder,
    now,
    advance: (milliseconds) => {
      clock += milliseconds;
    },
    setAccess: (rules) => {
      access = rules;
    },
    userWithToken: async (name, ...roles) => {
      await identity.addPrincipal({ name, kind: 'user', by: BY });
      for (const role of roles) await identity.grantRole({ principal: name, role, by: BY });
      return (await identity.createToken({ principal: name, label: 'laptop', days: 90, by: BY })).token;
    },
    actions: () => db.read((knex) => knex('activity_log').orderBy('id').pluck('action')) as Promise<string[]>,
    close,
  };
}
