import { z } from 'zod';

/** The roles that carry more than reading, from least to most; each has the rights of those before it. */
export const BUILT_IN_ROLES = [
  'viewer',
  'contributor',
  'staging-manager',
  'production-manager',
  'governance-officer',
  'admin',
] as const;
export type BuiltInRole = (typeof BUILT_IN_ROLES)[number];

/** A built-in role, or one that the policy names as approver; those carry reading only. */
export const roleName = z.string().regex(/^[a-z][a-z0-9-]*$/, 'expected a role such as "governance" or "ml-lead"');

/** Plain http would let anybody on the way hand out keys; on this machine there is no way to be on. */
const issuer = z.string().refine((text) => {
  const { protocol, hostname, search, hash } = URL.canParse(text) ? new URL(text) : new URL('invalid:');
  const local = ['127.0.0.1', '[::1]', 'localhost'].includes(hostname);
  return (protocol === 'https:' || (protocol === 'http:' && local)) && search === '' && hash === '';
}, 'expected the https address of an OpenID Connect provider, as its "issuer" says it');

const oidc = z.strictObject({
  /** As the provider writes it in its tokens, to the letter. */
  issuer,
  /** What the provider's tokens for this registry name as audience. */
  audience: z.string().min(1),
  /** The claim that lists a person's groups. */
  groups_claim: z.string().min(1).default('groups'),
  /** The claim that names a person; `sub` is the only one that no provider gives to two people. */
  name_claim: z.string().min(1).default('sub'),
});

const rolesOfGroup = z
  .union([roleName, z.array(roleName).min(1)])
  .transform((roles) => (typeof roles === 'string' ? [roles] : roles));

/** Section `access` of a policy: who counts as what, beside the grants that the environment's registry keeps. */
export const accessSchema = z.strictObject({
  /** What a caller without credentials is; anybody who reaches the address is one. */
  anonymous: z
    .enum(['none', ...BUILT_IN_ROLES])
    .exclude(['admin'])
    .default('none'),
  /** Roles that come with a group of the provider. */
  groups: z.record(z.string().min(1), rolesOfGroup).default({}),
  oidc: oidc.optional(),
  /** Roles that may change Production without a gate; never without a name. */
  break_glass: z.array(roleName).default([]),
});

export type AccessPolicy = z.output<typeof accessSchema>;
