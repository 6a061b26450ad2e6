import { SuperstepError } from '../../contracts/failure-types.ts';
import type { Caller, Right } from '../identity/caller.ts';
import { rolesWith } from '../identity/rights.ts';

/**
 * Lets through only who has the right, for the model or everywhere.
 *
 * @throws NotAuthenticated for a caller without credentials, who may come back with some; NotAuthorized for others
 */
export function requireRight(caller: Caller, right: Right, model?: string): void {
  if (caller.may(right, model)) return;
  const where = model === undefined ? '' : ` for the model "${model}"`;
  const details = { right, caller: caller.name, roles: caller.roles };
  if (caller.proof === 'anonymous') {
    throw new SuperstepError(
      'NotAuthenticated',
      `this needs the right "${right}"${where}, which callers without credentials do not have; send a token (MLFLOW_TRACKING_TOKEN) or user and password`,
      details,
    );
  }
  const carriers =
    right === 'break-glass' ? 'access.break_glass of the policy lists them' : rolesWith(right).join(', ');
  throw new SuperstepError(
    'NotAuthorized',
    `this needs the right "${right}"${where}; ${caller.name} has the roles ${caller.roles.join(', ') || '(none)'}; ask an administrator for a role that carries it: ${carriers}`,
    details,
  );
}
