import { BUILT_IN_ROLES, type BuiltInRole } from '../../contracts/schemas/access.ts';
import { RIGHTS, type Caller, type CallerProof, type Right } from './caller.ts';

/** The built-in roles in words of rights. A role that is not here is an approver's: it carries `read`. */
export const ROLE_RIGHTS: Readonly<Record<BuiltInRole, readonly Right[]>> = {
  viewer: ['read'],
  contributor: ['read', 'contribute'],
  'staging-manager': ['read', 'contribute', 'manage-staging'],
  'production-manager': ['read', 'contribute', 'manage-staging', 'manage-production'],
  'governance-officer': ['read', 'contribute', 'manage-staging', 'manage-production', 'govern'],
  admin: ['read', 'contribute', 'manage-staging', 'manage-production', 'govern', 'administer'],
};

export function isBuiltInRole(role: string): role is BuiltInRole {
  return (BUILT_IN_ROLES as readonly string[]).includes(role);
}

/** The built-in roles that carry a right; breaking the glass is the policy's to give. */
export function rolesWith(right: Right): BuiltInRole[] {
  return BUILT_IN_ROLES.filter((role) => ROLE_RIGHTS[role].includes(right));
}

/** The rights of a role; `breakGlass` lists the roles that the policy lets change Production without a gate. */
export function rightsOfRole(role: string, breakGlass: readonly string[] = []): readonly Right[] {
  const rights: readonly Right[] = isBuiltInRole(role) ? ROLE_RIGHTS[role] : ['read'];
  return breakGlass.includes(role) ? [...rights, 'break-glass'] : rights;
}

/** Rights over the environment itself: a role for one model never carries them, nor does a caller without a name. */
const OF_THE_ENVIRONMENT: readonly Right[] = ['govern', 'administer'];
const NEVER_ANONYMOUS: readonly Right[] = ['administer', 'break-glass'];

export interface CallerInput {
  readonly name: string;
  readonly proof: CallerProof;
  /** Roles for every model. */
  readonly roles: readonly string[];
  /** Roles for one model each. */
  readonly modelRoles?: readonly { readonly role: string; readonly model: string }[];
  /** `access.break_glass` of the policy. */
  readonly breakGlass?: readonly string[];
}

/**
 * A caller whose rights follow from its roles. Whoever has a role for one model may read everywhere: runs and
 * experiments belong to no model, so that half a view would only hide what a decision rests on.
 */
export function createCaller({ name, proof, roles, modelRoles = [], breakGlass = [] }: CallerInput): Caller {
  const everywhere = [...new Set(roles)];
  const forModel = (model: string): string[] => modelRoles.filter((g) => g.model === model).map((g) => g.role);
  const carries = (role: string, right: Right): boolean => rightsOfRole(role, breakGlass).includes(right);
  const may = (right: Right, model?: string): boolean => {
    if (proof === 'anonymous' && NEVER_ANONYMOUS.includes(right)) return false;
    if (everywhere.some((role) => carries(role, right))) return true;
    if (right === 'read') return modelRoles.length > 0;
    if (model === undefined || OF_THE_ENVIRONMENT.includes(right)) return false;
    return forModel(model).some((role) => carries(role, right));
  };
  return {
    name,
    proof,
    roles: everywhere,
    may,
    rolesFor: (model) => [...new Set([...everywhere, ...forModel(model)])],
  };
}

/** All that the caller may, everywhere or for a model. */
export function rightsOf(caller: Caller, model?: string): Right[] {
  return RIGHTS.filter((right) => caller.may(right, model));
}
