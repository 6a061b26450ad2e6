/** What somebody may do in an environment, from least to most. Rights attach to the stage that a version would go to. */
export const RIGHTS = [
  /** See everything: runs, versions, evidence, decisions. */
  'read',
  /** Log runs, register versions, tag, comment, ask for a stage. */
  'contribute',
  /** Decide on None, Staging and Archived. */
  'manage-staging',
  /** Decide on Production. */
  'manage-production',
  /** Waivers, policy, recertification, webhooks. */
  'govern',
  /** Users, tokens, roles. */
  'administer',
  /** Change what is in Production without a gate; needs a reason, is marked for ever. */
  'break-glass',
] as const;
export type Right = (typeof RIGHTS)[number];

/** How the caller showed who it is. `anonymous` and `claimed` are no proof. */
export type CallerProof = 'anonymous' | 'claimed' | 'token' | 'oidc' | 'signature';

/** Who calls. */
export interface Caller {
  /** `anonymous`, or the name of a user or service account. */
  readonly name: string;
  readonly proof: CallerProof;
  /** All roles that hold for every model: granted ones, and those of the provider's groups. */
  readonly roles: readonly string[];
  /** All roles that hold for this model: those for every model, and those granted for it alone. */
  readonly rolesFor: (model: string) => readonly string[];
  /** Whether it may, for this model or, without one, everywhere. */
  readonly may: (right: Right, model?: string) => boolean;
}
