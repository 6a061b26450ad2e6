import type { IncomingHttpHeaders } from 'node:http';
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Environment } from '../../contracts/environments.ts';
import type { Caller, Right } from '../identity/caller.ts';
import { createFields } from './fields.ts';
import { requireOwnHost } from './own-hosts.ts';
import { requestValues } from './request-values.ts';
import { requireRight } from './require-right.ts';
import { RestError, restErrorOf } from './rest-errors.ts';
import type { RestRoute } from './route.ts';

/** What clients compare themselves with. */
const MLFLOW_VERSION = '3.11.1';
const JSON_BODY_LIMIT = 16 * 1024 * 1024;
const LONGEST_PATH_PARAMETER = 2_048;
const LONGEST_HEADERS = 64 * 1024;

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The right that a route of an environment needs, checked before the body is read; each must say one. */
    readonly needs?: Right | 'nothing';
  }
  interface FastifyRequest {
    /** Who calls; set in the scope of an environment. */
    caller: Caller;
  }
}

/** The face of one environment. */
export interface EnvironmentApi {
  readonly environment: Environment;
  readonly routes: readonly RestRoute[];
  /**
   * Routes that are not plain JSON, such as artifact bytes and pages. Each registers full paths below the
   * environment's prefix, in a scope of its own, and says `config: { needs }` with every route.
   */
  readonly streams: readonly ((scope: FastifyInstance) => void | Promise<void>)[];
  /** Who calls, from the headers. @throws NotAuthenticated for credentials that do not hold */
  readonly authenticate: (headers: IncomingHttpHeaders) => Promise<Caller>;
}

export interface RegistryServerOptions {
  /** `prod` is served at `/`, the others below their names. */
  readonly environments: Partial<Readonly<Record<Environment, EnvironmentApi>>>;
  /** Names besides loopback's that this server goes by, each with the port that browsers show, if they show one. */
  readonly hosts?: readonly string[];
  /** How long a connection may stand still, and a JSON body may take to come in. Default two minutes. */
  readonly patienceMs?: number;
  /** Gets what ended in 500: a bug, or weather that nobody named. */
  readonly report: (error: unknown, request: string) => void;
}

/** The registry's HTTP server, ready to listen (`listen`) and to close. */
export async function createRegistryServer({
  environments,
  hosts = [],
  patienceMs = 120_000,
  report,
}: RegistryServerOptions): Promise<FastifyInstance> {
  const app = fastify({
    bodyLimit: JSON_BODY_LIMIT,
    http: { maxHeaderSize: LONGEST_HEADERS },
    routerOptions: { maxParamLength: LONGEST_PATH_PARAMETER },
    forceCloseConnections: 'idle',
    // Files may take hours, as long as they come.
    connectionTimeout: patienceMs,
    frameworkErrors: (error, request, reply) => sendError(error, request, reply, report),
  });
  // A GET may bring its fields in a body.
  app.addHttpMethod('GET', { hasBody: true, overrideExisting: true });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  app.setErrorHandler((error, request, reply) => sendError(error, request, reply, report));

  const paths = knownPaths(app);
  app.setNotFoundHandler((request) => {
    const [path = ''] = request.url.split('?');
    if (paths.some((known) => known.test(path))) {
      throw new RestError('BAD_REQUEST', `Method ${request.method} is not allowed here`, 405);
    }
    throw new RestError('ENDPOINT_NOT_FOUND', 'No such endpoint');
  });

  closeWhatBecomesIdle(app);
  app.decorateRequest('caller');
  app.addHook('onRequest', async (request, reply) => {
    void reply.headers({ 'x-frame-options': 'SAMEORIGIN', 'x-content-type-options': 'nosniff' });
    if (!/\/(?:health|version)$/.test(request.routeOptions.url ?? '')) {
      requireOwnHost(request.method, request.headers, hosts);
    }
  });
  for (const api of Object.values(environments)) {
    const prefix = api.environment === 'prod' ? '' : `/${api.environment}`;
    await app.register((scope) => serveEnvironment(scope, api, patienceMs), { prefix });
  }
  return app;
}

/**
 * A connection is idle once the rest of a refused body has come in. When that is after the server began to close,
 * nobody would end it before its time is up, more than a minute later.
 */
function closeWhatBecomesIdle(app: FastifyInstance): void {
  app.addHook('preClose', async () => {
    if (!app.server.listening) return;
    const sweep = setInterval(() => app.server.closeIdleConnections(), 50);
    app.server.once('close', () => clearInterval(sweep));
  });
}

async function serveEnvironment(scope: FastifyInstance, api: EnvironmentApi, patienceMs: number): Promise<void> {
  scope.addHook('onRoute', ({ url, config }) => {
    if (config?.needs === undefined) throw new Error(`the route ${url} does not say which right it needs`);
  });
  scope.addHook('onRequest', async (request) => {
    const { needs } = request.routeOptions.config;
    // Not found: answered the same to everybody.
    if (needs === undefined || needs === 'nothing') return;
    request.caller = await api.authenticate(request.headers);
    requireRight(request.caller, needs);
  });
  serveServiceRoutes(scope);
  for (const route of api.routes) {
    for (const base of ['/api/2.0', '/ajax-api/2.0']) {
      scope.route({
        method: route.method,
        url: base + route.path,
        config: { needs: route.needs },
        onRequest: (request) => hurry(request, patienceMs),
        handler: (request) => handle(route, request),
      });
    }
  }
  for (const stream of api.streams) await scope.register(async (inner) => stream(inner));
}

/** A body that comes in drop by drop would hold its connection, and the end of the server, for hours. */
function hurry(request: FastifyRequest, patienceMs: number): Promise<void> {
  const { headers, raw } = request;
  if (headers['content-length'] === undefined && headers['transfer-encoding'] === undefined) return Promise.resolve();
  const late = setTimeout(() => raw.destroy(), patienceMs);
  const inTime = (): void => clearTimeout(late);
  raw.once('end', inTime).once('close', inTime);
  return Promise.resolve();
}

function serveServiceRoutes(scope: FastifyInstance): void {
  const config = { needs: 'nothing' } as const;
  scope.get('/health', { config }, (_request, reply) => reply.type('text/plain').send('OK'));
  scope.get('/version', { config }, (_request, reply) => reply.type('text/plain').send(MLFLOW_VERSION));
  for (const base of ['/api/3.0', '/ajax-api/3.0']) {
    scope.get(`${base}/mlflow/server-info`, { config }, async () => ({
      store_type: 'SqlStore',
      workspaces_enabled: false,
    }));
  }
}

async function handle(route: RestRoute, request: FastifyRequest): Promise<object> {
  const values = requestValues({
    method: request.method,
    contentType: request.headers['content-type'],
    query: request.query as Record<string, unknown>,
    params: request.params as Record<string, unknown>,
    body: request.body as Buffer | undefined,
  });
  return route.handle({ fields: createFields(values), caller: request.caller });
}

function sendError(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  report: RegistryServerOptions['report'],
): void {
  const { status, headers, body } = restErrorOf(error);
  // A client that left in the middle of its body is nobody's bug, and hears no answer.
  const left = request.raw.destroyed && !request.raw.complete;
  if (status === 500 && !left) report(error, `${request.method} ${request.url.split('?')[0]}`);
  void reply.code(status).headers(headers).send(body);
}

/** Patterns of all paths that are served by some method, filled as routes are added. A bare wildcard knows nothing. */
function knownPaths(app: FastifyInstance): readonly RegExp[] {
  const patterns = new Map<string, RegExp>();
  const list: RegExp[] = [];
  app.addHook('onRoute', ({ url }) => {
    if (patterns.has(url) || /^(?:\/dev|\/staging)?\/?\*?$/.test(url)) return;
    const source = url
      .replace(/[.+?^${}()|[\]\\]/g, '\\$&')
      .replace(/:\w+/g, '[^/]+')
      .replace(/\*/g, '.*');
    const pattern = new RegExp(`^${source}$`);
    patterns.set(url, pattern);
    list.push(pattern);
  });
  return list;
}
