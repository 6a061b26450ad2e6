import Fastify, { type FastifyInstance, type FastifyReply } from 'fastify';
import { createServedModels, type ServedModels, type ServedModelStatus } from './endpoint-models.ts';
import { inferResponse, parseInferRequest, tensorMetadata } from './endpoint-protocol.ts';
import type { LoadEndpointPredictor, ProductionModel } from './endpoint-version.ts';

export type { LoadEndpointPredictor, ProductionModel } from './endpoint-version.ts';

export interface EndpointDeps {
  /** What the registry has in Production, at most one version a model. */
  readonly productionVersions: () => Promise<readonly ProductionModel[]>;
  readonly loadPredictor: LoadEndpointPredictor;
  /** How often the registry is asked. */
  readonly pollMs?: number;
  /** Rows in one request, and in one run of a model. */
  readonly maxRows?: number;
  readonly log?: (line: string) => void;
}

export interface Endpoint {
  readonly app: FastifyInstance;
  /** Loads what is in Production and begins to follow the registry. Does not listen: that is the caller's `app.listen`. */
  readonly start: () => Promise<void>;
  /** Answers what is under way, then releases everything. */
  readonly stop: () => Promise<void>;
}

const SERVER = { name: 'superstep', version: '2', extensions: [] } as const;
const BODY_LIMIT = 16 * 1024 * 1024;

interface ModelParams {
  readonly model: string;
  readonly version?: string;
}

/**
 * The online endpoint: Open Inference Protocol v2 in REST JSON over the models in Production, and `GET /status`. Errors
 * are `{ error }`: 404 for what is not there, 400 and 413 for what cannot be scored, 503 with Retry-After for what is
 * not there yet.
 */
export function createEndpoint(deps: EndpointDeps): Endpoint {
  const maxRows = deps.maxRows ?? 1024;
  const log = deps.log ?? (() => undefined);
  const models = createServedModels({
    productionVersions: deps.productionVersions,
    loadPredictor: deps.loadPredictor,
    pollMs: deps.pollMs ?? 500,
    maxRows,
    log,
  });
  const app = Fastify({ bodyLimit: BODY_LIMIT, routerOptions: { maxParamLength: 200 } });
  app.setNotFoundHandler((request, reply) => fail(reply, 404, `no route ${request.method} ${request.url}`));
  app.setErrorHandler((error: Error & { statusCode?: number }, request, reply) => {
    const status = error.statusCode ?? 500;
    if (status >= 500) log(`${request.method} ${request.url}: ${error.stack ?? error.message}`);
    return fail(reply, status, error.message);
  });
  addHealthRoutes(app, models);
  addModelRoutes(app, models);
  addInferRoutes(app, models, maxRows);
  return {
    app,
    start: models.start,
    stop: async () => {
      await app.close();
      await models.stop();
    },
  };
}

function addHealthRoutes(app: FastifyInstance, models: ServedModels): void {
  app.get('/v2', () => SERVER);
  app.get('/v2/health/live', () => ({ live: true }));
  app.get('/v2/health/ready', (_request, reply) => {
    const ready = models.known() && models.all().every((status) => status.servingVersion !== null);
    if (!ready) unavailable(reply);
    return reply.send({ ready, ...report(models) });
  });
  app.get('/status', () => report(models));
}

function addModelRoutes(app: FastifyInstance, models: ServedModels): void {
  const metadata = (params: ModelParams, reply: FastifyReply): FastifyReply => {
    const status = find(models, params, reply);
    if (status === undefined) return reply;
    return reply.send({
      name: status.model,
      versions: [String(status.servingVersion)],
      platform: 'onnx',
      ...tensorMetadata(status.features ?? []),
      // Beyond the protocol: the order of the columns, and how the endpoint stands to the registry.
      features: status.features,
      status: publicStatus(status),
    });
  };
  const ready = (params: ModelParams, reply: FastifyReply): FastifyReply => {
    const status = find(models, params, reply);
    if (status === undefined) return reply;
    return reply.send({ name: status.model, ready: true, ...publicStatus(status) });
  };
  app.get<{ Params: ModelParams }>('/v2/models/:model', (request, reply) => metadata(request.params, reply));
  app.get<{ Params: ModelParams }>('/v2/models/:model/ready', (request, reply) => ready(request.params, reply));
  app.get<{ Params: ModelParams }>('/v2/models/:model/versions/:version', (request, reply) =>
    metadata(request.params, reply),
  );
  app.get<{ Params: ModelParams }>('/v2/models/:model/versions/:version/ready', (request, reply) =>
    ready(request.params, reply),
  );
}

function addInferRoutes(app: FastifyInstance, models: ServedModels, maxRows: number): void {
  const infer = async (params: ModelParams, body: unknown, reply: FastifyReply): Promise<FastifyReply> => {
    if (find(models, params, reply) === undefined) return reply;
    // Found and held in one turn of the event loop: no swap comes between.
    const held = models.hold(params.model);
    if (held === undefined) return notReady(reply, params.model, null);
    try {
      reply.header('x-model-version', String(held.version));
      const request = parseInferRequest(body, held.features, maxRows);
      if (!request.ok) return fail(reply, request.status, request.error);
      const scores = await held.score(request.rows, request.count);
      return reply.send(inferResponse(params.model, held.version, request.id, scores));
    } finally {
      held.done();
    }
  };
  app.post<{ Params: ModelParams }>('/v2/models/:model/infer', (request, reply) =>
    infer(request.params, request.body, reply),
  );
  app.post<{ Params: ModelParams }>('/v2/models/:model/versions/:version/infer', (request, reply) =>
    infer(request.params, request.body, reply),
  );
}

/** The status of a model that can answer; undefined when the refusal has been sent. */
function find(models: ServedModels, { model, version }: ModelParams, reply: FastifyReply) {
  const status = models.status(model);
  if (status === undefined) {
    if (models.known()) {
      const names = models.all().map((each) => each.model);
      const found = names.length === 0 ? 'no model is' : `in Production: ${names.join(', ')}`;
      fail(reply, 404, `unknown model "${model}"; expected a model in Production, ${found}`);
    } else {
      notReady(reply, model, models.registryError());
    }
    return undefined;
  }
  const { servingVersion, wantedVersion, error } = status;
  if (version !== undefined && version !== String(servingVersion)) {
    if (version === String(wantedVersion)) notReady(reply, `${model} version ${version}`, error);
    else {
      fail(reply, 404, `model "${model}" has no version ${version} in Production; found version ${wantedVersion}`);
    }
    return undefined;
  }
  if (servingVersion === null) {
    notReady(reply, model, error);
    return undefined;
  }
  return status;
}

function report(models: ServedModels): Record<string, unknown> {
  return { registryError: models.registryError(), models: models.all().map(publicStatus) };
}

function publicStatus({ model, servingVersion, servingSha256, wantedVersion, error }: ServedModelStatus) {
  return { model, servingVersion, servingSha256, wantedVersion, error };
}

function fail(reply: FastifyReply, status: number, error: string): FastifyReply {
  return reply.code(status).send({ error });
}

function notReady(reply: FastifyReply, what: string, reason: string | null): FastifyReply {
  return unavailable(reply).send({ error: `${what} is not ready${reason === null ? '' : `: ${reason}`}; try again` });
}

function unavailable(reply: FastifyReply): FastifyReply {
  return reply.code(503).header('retry-after', '1');
}
