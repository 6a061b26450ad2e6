import { modelJson, pageJson, versionJson } from './model-json.ts';
import { actOf, wakeGates, type ModelRoutesDeps } from './model-deps.ts';
import { readStage, readTags, versionName } from './model-fields.ts';
import type { RestRoute } from './route.ts';
import { createVersionRoutes } from './version-routes.ts';

/** Registered models, their versions, aliases and tags, as MLflow's clients ask for them. */
export function createModelRoutes(deps: ModelRoutesDeps): RestRoute[] {
  return [...createRegisteredModelRoutes(deps), ...createAliasRoutes(deps), ...createVersionRoutes(deps)];
}

const BASE = '/mlflow/registered-models';

// Rights depend on the model and on what is in which stage: the registry checks them in the transaction.
function createRegisteredModelRoutes(deps: ModelRoutesDeps): RestRoute[] {
  const { registry } = deps;
  return [
    {
      method: 'POST',
      path: `${BASE}/create`,
      needs: 'read',
      handle: async (call) => {
        const { fields } = call;
        const input = {
          name: fields.text('name'),
          description: fields.optionalText('description') ?? '',
          tags: readTags(fields),
          deploymentJobId: fields.optionalText('deployment_job_id'),
        };
        return { registered_model: modelJson(await registry.createModel(input, await actOf(call, deps))) };
      },
    },
    {
      method: 'GET',
      path: `${BASE}/get`,
      needs: 'read',
      handle: async ({ fields }) => ({
        registered_model: modelJson(await registry.registeredModel(fields.text('name'))),
      }),
    },
    {
      method: 'PATCH',
      path: `${BASE}/update`,
      needs: 'read',
      handle: async (call) => {
        const { fields } = call;
        const input = {
          name: fields.text('name'),
          description: fields.optionalText('description'),
          deploymentJobId: fields.optionalText('deployment_job_id'),
        };
        return { registered_model: modelJson(await registry.updateModel(input, await actOf(call, deps))) };
      },
    },
    ...createModelEndRoutes(deps),
    ...createModelSearchRoutes(deps),
    ...createModelTagRoutes(deps),
  ];
}

/** What takes a model its name. */
function createModelEndRoutes(deps: ModelRoutesDeps): RestRoute[] {
  const { registry } = deps;
  return [
    {
      method: 'POST',
      path: `${BASE}/rename`,
      needs: 'read',
      handle: async (call) => {
        const [name, newName] = [call.fields.text('name'), call.fields.text('new_name')];
        const { model, wake } = await registry.renameModel(name, newName, await actOf(call, deps));
        await wakeGates(deps, wake);
        return { registered_model: modelJson(model) };
      },
    },
    {
      method: 'DELETE',
      path: `${BASE}/delete`,
      needs: 'read',
      handle: async (call) => {
        const { wake } = await registry.deleteModel(call.fields.text('name'), await actOf(call, deps));
        await wakeGates(deps, wake);
        return {};
      },
    },
  ];
}

function createModelSearchRoutes({ registry }: ModelRoutesDeps): RestRoute[] {
  const latest: RestRoute['handle'] = async ({ fields }) => {
    const stages = fields.texts('stages').map((stage, i) => readStage(stage, `stages[${i}]`));
    const versions = await registry.latestVersions(fields.text('name'), stages);
    return pageJson('model_versions', versions.map(versionJson), undefined);
  };
  return [
    ...(['search', 'list'] as const).map((name): RestRoute => ({
      method: 'GET',
      path: `${BASE}/${name}`,
      needs: 'read',
      handle: async ({ fields }) => {
        const found = await registry.searchModels({
          filter: name === 'search' ? fields.optionalText('filter') : undefined,
          orderBy: name === 'search' ? fields.texts('order_by') : [],
          maxResults: fields.optionalInteger('max_results'),
          pageToken: fields.optionalText('page_token'),
        });
        return pageJson('registered_models', found.items.map(modelJson), found.nextPageToken);
      },
    })),
    { method: 'POST', path: `${BASE}/get-latest-versions`, needs: 'read', handle: latest },
    { method: 'GET', path: `${BASE}/get-latest-versions`, needs: 'read', handle: latest },
  ];
}

function createModelTagRoutes(deps: ModelRoutesDeps): RestRoute[] {
  const { registry } = deps;
  return [
    {
      method: 'POST',
      path: `${BASE}/set-tag`,
      needs: 'read',
      handle: async (call) => {
        const { fields } = call;
        const tag = { key: fields.text('key'), value: fields.optionalText('value') ?? '' };
        await registry.setModelTag({ model: fields.text('name'), ...tag }, await actOf(call, deps));
        return {};
      },
    },
    {
      method: 'DELETE',
      path: `${BASE}/delete-tag`,
      needs: 'read',
      handle: async (call) => {
        const { fields } = call;
        await registry.deleteModelTag({ model: fields.text('name'), key: fields.text('key') }, await actOf(call, deps));
        return {};
      },
    },
  ];
}

function createAliasRoutes(deps: ModelRoutesDeps): RestRoute[] {
  const { registry } = deps;
  const path = `${BASE}/alias`;
  return [
    {
      method: 'POST',
      path,
      needs: 'read',
      handle: async (call) => {
        const alias = call.fields.text('alias');
        await registry.setAlias({ ...versionName(call.fields), alias }, await actOf(call, deps));
        return {};
      },
    },
    {
      method: 'GET',
      path,
      needs: 'read',
      handle: async ({ fields }) => {
        const version = await registry.versionByAlias({ model: fields.text('name'), alias: fields.text('alias') });
        return { model_version: versionJson(version) };
      },
    },
    {
      method: 'DELETE',
      path,
      needs: 'read',
      handle: async (call) => {
        const { fields } = call;
        await registry.deleteAlias(
          { model: fields.text('name'), alias: fields.text('alias') },
          await actOf(call, deps),
        );
        return {};
      },
    },
  ];
}
