import fastifyStatic from '@fastify/static';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { SuperstepError } from '../../../contracts/failure-types.ts';
import { createFields } from '../fields.ts';
import { requestValues } from '../request-values.ts';
import { requireRight } from '../require-right.ts';
import type { RestRoute } from '../route.ts';
import { answerUiQuery, type AskRest, type UiQuery } from './graphql.ts';

export interface WebUiOptions {
  /** MLflow's built web UI. */
  readonly folder: string;
  /** What the UI's queries are answered from. */
  readonly routes: readonly RestRoute[];
}

const PAGE = { config: { needs: 'nothing' } } as const;
const DATA = { config: { needs: 'read' } } as const;
/** The bundles bear their content's hash in their names. */
const FOREVER = { maxAge: '365d', immutable: true } as const;

/**
 * Serves MLflow's own web UI on the registry of an environment. The pages are public; what they ask for is not, and the
 * browser asks the person for a user and a token when the answer is 401.
 */
export function registerWebUi({ folder, routes }: WebUiOptions) {
  return async (scope: FastifyInstance): Promise<void> => {
    await scope.register(fastifyStatic, { root: folder, serve: false });
    scope.get('/', PAGE, (request, reply) => {
      const [path = ''] = request.url.split('?');
      // Without the slash the page's relative addresses would lead to another environment.
      if (!path.endsWith('/')) return reply.redirect(`${path}/`);
      return reply.sendFile('index.html', { cacheControl: false });
    });
    scope.get<{ Params: { '*': string } }>('/static-files/*', PAGE, (request, reply) =>
      reply.sendFile(request.params['*'], FOREVER),
    );
    scope.post('/graphql', DATA, (request) => answerUiQuery(askAs(routes, request), readQuery(request)));
    // The UI reports its use to the makers of MLflow unless it is told not to.
    scope.get('/ajax-api/3.0/mlflow/ui-telemetry', PAGE, async () => ({ disable_ui_telemetry: true }));
    // MLflow's own answer where no gateway is set up; without one the page of runs shows an error.
    scope.get('/ajax-api/2.0/mlflow/gateway-proxy', DATA, async () => ({ endpoints: [] }));
  };
}

/** Calls of the UI's queries have the rights of whoever asks, no others. */
function askAs(routes: readonly RestRoute[], { caller }: FastifyRequest): AskRest {
  return async (method, path, input) => {
    const route = routes.find((one) => one.method === method && one.path === path);
    if (route === undefined) throw new SuperstepError('UnknownResource', `nothing answers ${method} ${path}`);
    requireRight(caller, route.needs);
    const values = Object.entries(input).filter(([, value]) => value !== undefined && value !== null);
    return (await route.handle({ fields: createFields(Object.fromEntries(values)), caller })) as Record<
      string,
      unknown
    >;
  };
}

function readQuery({ method, headers, body }: FastifyRequest): UiQuery {
  const parts = { method, contentType: headers['content-type'], query: {}, params: {} };
  const values = requestValues({ ...parts, body: body as Buffer | undefined });
  const fields = createFields(values);
  const { variables } = values;
  return {
    query: fields.text('query'),
    variables: typeof variables === 'object' && variables !== null ? (variables as Record<string, unknown>) : {},
    operationName: fields.optionalText('operationName'),
  };
}
