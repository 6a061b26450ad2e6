import { SuperstepError } from '../../contracts/failure-types.ts';
import { actOf, wakeGates, type ModelRoutesDeps } from './model-deps.ts';
import { pageJson, versionJson } from './model-json.ts';
import { reportProduction } from '../audit/production-report.ts';
import { readInstant, readStage, readTags, versionName } from './model-fields.ts';
import type { RestRoute } from './route.ts';

const BASE = '/mlflow/model-versions';

/** Versions of registered models. */
export function createVersionRoutes(deps: ModelRoutesDeps): RestRoute[] {
  return [
    ...createChangeRoutes(deps),
    ...createReadRoutes(deps),
    ...createVersionTagRoutes(deps),
    createTransitionRoute(deps),
    createProductionRoute(deps),
  ];
}

function createChangeRoutes(deps: ModelRoutesDeps): RestRoute[] {
  const { registry } = deps;
  return [
    {
      method: 'POST',
      path: `${BASE}/create`,
      needs: 'read',
      handle: async (call) => {
        const { fields } = call;
        const input = {
          model: fields.text('name'),
          source: fields.text('source'),
          runId: given(fields.optionalText('run_id')),
          loggedModelId: given(fields.optionalText('model_id')),
          runLink: fields.optionalText('run_link') ?? '',
          description: fields.optionalText('description') ?? '',
          tags: readTags(fields),
        };
        return { model_version: versionJson(await registry.createVersion(input, await actOf(call, deps))) };
      },
    },
    {
      method: 'PATCH',
      path: `${BASE}/update`,
      needs: 'read',
      handle: async (call) => {
        const input = { ...versionName(call.fields), description: call.fields.optionalText('description') };
        return { model_version: versionJson(await registry.updateVersion(input, await actOf(call, deps))) };
      },
    },
    {
      method: 'DELETE',
      path: `${BASE}/delete`,
      needs: 'read',
      handle: async (call) => {
        const { wake } = await registry.deleteVersion(versionName(call.fields), await actOf(call, deps));
        await wakeGates(deps, wake);
        return {};
      },
    },
  ];
}

function createReadRoutes({ registry }: ModelRoutesDeps): RestRoute[] {
  return [
    {
      method: 'GET',
      path: `${BASE}/get`,
      needs: 'read',
      handle: async ({ fields }) => ({ model_version: versionJson(await registry.clientVersion(versionName(fields))) }),
    },
    {
      method: 'GET',
      path: `${BASE}/search`,
      needs: 'read',
      handle: async ({ fields }) => {
        const found = await registry.searchVersions({
          filter: fields.optionalText('filter'),
          orderBy: fields.texts('order_by'),
          maxResults: fields.optionalInteger('max_results'),
          pageToken: fields.optionalText('page_token'),
        });
        return pageJson('model_versions', found.items.map(versionJson), found.nextPageToken);
      },
    },
    {
      method: 'GET',
      path: `${BASE}/get-download-uri`,
      needs: 'read',
      handle: async ({ fields }) => {
        const { downloadUri, source } = await registry.clientVersion(versionName(fields));
        return { artifact_uri: downloadUri ?? source };
      },
    },
  ];
}

function createVersionTagRoutes(deps: ModelRoutesDeps): RestRoute[] {
  const { registry } = deps;
  return [
    {
      method: 'POST',
      path: `${BASE}/set-tag`,
      needs: 'read',
      handle: async (call) => {
        const { fields } = call;
        const tag = { key: fields.text('key'), value: fields.optionalText('value') ?? '' };
        await registry.setVersionTag({ ...versionName(fields), ...tag }, await actOf(call, deps));
        return {};
      },
    },
    {
      method: 'DELETE',
      path: `${BASE}/delete-tag`,
      needs: 'read',
      handle: async (call) => {
        const { fields } = call;
        await registry.deleteVersionTag({ ...versionName(fields), key: fields.text('key') }, await actOf(call, deps));
        return {};
      },
    },
  ];
}

function createTransitionRoute(deps: ModelRoutesDeps): RestRoute {
  const { registry } = deps;
  return {
    method: 'POST',
    path: `${BASE}/transition-stage`,
    needs: 'read',
    handle: async (call) => {
      const { fields } = call;
      const name = versionName(fields);
      const to = readStage(fields.text('stage'), 'stage');
      const archiveExisting = fields.optionalBoolean('archive_existing_versions') ?? false;
      const input = { ...name, to, archiveExisting, comment: fields.optionalText('comment') ?? '' };
      const { wake } = await registry.transitionByHand(input, await actOf(call, deps));
      await wakeGates(deps, wake);
      return { model_version: versionJson(await registry.clientVersion(name)) };
    },
  };
}

/** What was in Production at an instant, since when, who decided that, and on which evidence. */
function createProductionRoute({ registry, now }: ModelRoutesDeps): RestRoute {
  return {
    method: 'GET',
    path: '/superstep/models/:name/production',
    needs: 'read',
    handle: async ({ fields }) => {
      const name = fields.text('name');
      const at = readInstant(fields.optionalText('at') ?? now().toISOString(), 'at');
      const report = await reportProduction(registry, name, at, now());
      if (report === undefined) {
        throw new SuperstepError('UnknownResource', `nothing of ${name} was in Production at ${at}`, { name, at });
      }
      return {
        at,
        model: report.model,
        version: String(report.version),
        since: report.since,
        ...(report.until === null ? {} : { until: report.until }),
        entered_through: report.enteredThrough,
        decided_by: report.decidedBy.map((decider) => decider.name),
        decisions: report.decidedBy.map(({ name: by, proof, keyId, comment, decidedAt, leftAt }) => ({
          ...{ by, proof, comment, decided_at: decidedAt },
          ...(keyId === null ? {} : { key_id: keyId }),
          ...(leftAt === null ? {} : { left_at: leftAt }),
        })),
        reason: report.reason,
        ...(report.modelSha256 === null ? {} : { model_sha256: report.modelSha256 }),
        ...(report.evidenceDigest === null ? {} : { evidence_digest: report.evidenceDigest }),
        ...(report.requestId === null ? {} : { request_id: report.requestId }),
        ...(report.workflowId === null ? {} : { workflow_id: report.workflowId }),
      };
    },
  };
}

/** Some clients send empty texts for what they do not have. */
function given(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}
