import type { ApprovalCondition } from '../governance/conditions.ts';
import type { Waiver } from '../governance/waivers.ts';
import type { Registry } from '../registry.ts';
import { readInstant } from './model-fields.ts';
import type { RestRoute } from './route.ts';

/** Waivers, which governance grants, and conditions of approvals, which whoever owns the model meets. */
export function createGovernanceRoutes({ registry }: { readonly registry: Registry }): RestRoute[] {
  return [
    {
      method: 'GET',
      path: '/superstep/waivers',
      needs: 'read',
      handle: async ({ fields }) => ({
        waivers: (await registry.waivers(fields.optionalText('model'))).map(waiverJson),
      }),
    },
    {
      method: 'POST',
      path: '/superstep/waivers',
      needs: 'govern',
      handle: async ({ fields, caller }) => {
        const [check, model] = [fields.text('check'), fields.text('model')];
        const version = fields.optionalInteger('version') ?? null;
        const until = readInstant(fields.text('until'), 'until');
        // Sent twice, it is one waiver; after its revocation, another.
        const naturalKey = `${caller.name}/${model}/${version ?? 'all'}/${check}/${until}`;
        const granted = { naturalKey, check, model, version, until, reason: fields.text('reason') };
        return {
          waiver: waiverJson(await registry.grantWaiver({ ...granted, grantedBy: caller.name, proof: caller.proof })),
        };
      },
    },
    {
      method: 'DELETE',
      path: '/superstep/waivers/:id',
      needs: 'govern',
      handle: async ({ fields, caller }) => ({
        waiver: waiverJson(await registry.revokeWaiver(fields.text('id'), { by: caller.name, proof: caller.proof })),
      }),
    },
    {
      method: 'GET',
      path: '/superstep/conditions',
      needs: 'read',
      handle: async ({ fields }) => ({
        conditions: (await registry.conditions(fields.optionalText('model'))).map(conditionJson),
      }),
    },
    {
      method: 'POST',
      path: '/superstep/conditions/:id/fulfil',
      needs: 'contribute',
      handle: async ({ fields, caller }) => {
        const said = { by: caller.name, proof: caller.proof, comment: fields.text('comment') };
        return { condition: conditionJson(await registry.fulfilCondition(fields.text('id'), said)) };
      },
    },
  ];
}

function waiverJson(waiver: Waiver) {
  const { id, check, model, version, reason, proof, until } = waiver;
  return {
    ...{ id, check, model, version, reason, proof, until },
    granted_by: waiver.grantedBy,
    granted_at: waiver.grantedAt,
    ...(waiver.revokedAt === null ? {} : { revoked_at: waiver.revokedAt, revoked_by: waiver.revokedBy }),
  };
}

function conditionJson(condition: ApprovalCondition) {
  const { id, model, version, fulfilledAt } = condition;
  return {
    ...{ id, model, version, condition: condition.condition },
    due_at: condition.dueAt,
    imposed_by: condition.imposedBy,
    imposed_at: condition.imposedAt,
    request_id: condition.requestId,
    ...(fulfilledAt === null
      ? {}
      : { fulfilled_at: fulfilledAt, fulfilled_by: condition.fulfilledBy, comment: condition.fulfilledComment }),
  };
}
