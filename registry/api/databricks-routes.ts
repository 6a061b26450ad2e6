import { idFromKey } from '../natural-keys.ts';
import { actOf, wakeGates, type ModelRoutesDeps } from './model-deps.ts';
import { activityJson, modelJson, permissionLevel, versionJson } from './model-json.ts';
import { readStage, versionName } from './model-fields.ts';
import type { RestRoute } from './route.ts';

/** The calls that Databricks' SDK makes beside MLflow's: the same models and versions, with what its clients expect more. */
export function createDatabricksRoutes(deps: ModelRoutesDeps): RestRoute[] {
  const { registry } = deps;
  return [
    {
      method: 'GET',
      path: '/mlflow/databricks/registered-models/get',
      needs: 'read',
      handle: async ({ fields, caller }) => {
        const model = await registry.registeredModel(fields.text('name'));
        const id = idFromKey('registered-model', model.name);
        const more = { id, permission_level: permissionLevel(caller, model.name) };
        return { registered_model_databricks: { ...modelJson(model), ...more } };
      },
    },
    {
      method: 'POST',
      path: '/mlflow/databricks/model-versions/transition-stage',
      needs: 'read',
      handle: async (call) => {
        const { fields, caller } = call;
        const name = versionName(fields);
        const to = readStage(fields.text('stage'), 'stage');
        const archiveExisting = fields.optionalBoolean('archive_existing_versions') ?? false;
        const input = { ...name, to, archiveExisting, comment: fields.optionalText('comment') ?? '' };
        const { wake } = await registry.transitionByHand(input, await actOf(call, deps));
        await wakeGates(deps, wake);
        const version = await registry.clientVersion(name);
        const open = (await registry.waitingRequests(name)).map(({ request, from }) =>
          activityJson({
            id: request.id,
            type: 'REQUESTED_TRANSITION',
            at: request.createdAt,
            by: request.requestedBy,
            from,
            to: request.toStage,
            comment: request.comment,
          }),
        );
        const more = { permission_level: permissionLevel(caller, name.model) };
        return {
          model_version_databricks: {
            ...versionJson(version),
            ...more,
            ...(open.length === 0 ? {} : { open_requests: open }),
          },
        };
      },
    },
  ];
}
