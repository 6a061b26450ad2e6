import type { Policy } from '../../contracts/schemas/policy.ts';
import { WORKFLOW_INPUTS } from '../../contracts/schemas/workflow-inputs.ts';
import type { ApprovalCondition } from '../governance/conditions.ts';
import type { Waiver } from '../governance/waivers.ts';
import type { Registry } from '../registry.ts';
import { type Fields, invalidValue } from './fields.ts';
import type { GateWorkflows } from './gate-workflows.ts';
import { readInstant } from './model-fields.ts';
import type { RestRoute } from './route.ts';

export interface GovernanceRoutesDeps {
  readonly registry: Registry;
  readonly gates: GateWorkflows;
  /** The policy of today with the rules of a model's risk tier. */
  readonly policyOf: (model: string) => Promise<Policy>;
}

/**
 * Waivers, which governance grants; conditions of approvals, which whoever owns the model meets; rollbacks, which a role
 * of the policy asks for.
 */
export function createGovernanceRoutes(deps: GovernanceRoutesDeps): RestRoute[] {
  const { registry } = deps;
  return [
    createRollbackRoute(deps),
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

/** Asks for a rollback: the audit says who did, before a workflow carries it out. */
function createRollbackRoute({ registry, gates, policyOf }: GovernanceRoutesDeps): RestRoute {
  return {
    method: 'POST',
    path: '/superstep/models/:name/roll-back',
    // The right hangs on the policy's `rollback.by`, which `askRollback` holds the caller against.
    needs: 'read',
    handle: async ({ fields, caller }) => {
      const { model, reason } = readRollback(fields);
      const allowed = (await policyOf(model)).rollback.by;
      const ask = await registry.askRollback({ model, reason, allowed }, caller);
      const workflowId = await gates.startRollback({ model, reason, requestedBy: caller.name, ask });
      return { ask, workflow_id: workflowId };
    },
  };
}

/** What the workflow would refuse is refused here, before the audit says that it was asked for. @throws InvalidInput */
function readRollback(fields: Fields): { readonly model: string; readonly reason: string } {
  const rules = WORKFLOW_INPUTS.rollBackModel.shape;
  const model = rules.model.safeParse(fields.text('name'));
  if (!model.success) throw invalidValue('name', fields.text('name'), 'a name such as flights-delay');
  const reason = rules.reason.safeParse(fields.text('reason'));
  if (reason.success) return { model: model.data, reason: reason.data };
  throw invalidValue('reason', fields.text('reason'), 'a reason of 1 to 4000 characters');
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
