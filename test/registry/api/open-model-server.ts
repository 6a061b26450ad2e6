import type { FastifyInstance, InjectOptions } from 'fastify';
import type { Policy } from '../../../contracts/schemas/policy.ts';
import { policySchema } from '../../../contracts/schemas/policy.ts';
import type { GateAnswer, GateWorkflows } from '../../../registry/api/gate-workflows.ts';
import { createModelRoutes } from '../../../registry/api/model-routes.ts';
import { createRegistryServer } from '../../../registry/api/server.ts';
import { createTransitionRoutes } from '../../../registry/api/transition-routes.ts';
import { createCaller } from '../../../registry/identity/rights.ts';
import { openTestRegistry, type TestRegistry } from '../open-test-registry.ts';

/** Workflows as the registry's face sees them: what was asked of them, and what they shall answer. */
export interface ScriptedGates extends GateWorkflows {
  readonly started: { readonly model: string; readonly version: number; readonly requestedBy: string }[];
  readonly decided: { readonly workflowId: string; readonly message: unknown }[];
  readonly woken: string[];
  answer: GateAnswer;
}

export interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

export interface ModelServer {
  readonly t: TestRegistry;
  readonly app: FastifyInstance;
  readonly gates: ScriptedGates;
  /** Calls `/api/2.0/mlflow/<path>`; GET sends the fields as query, others as body. */
  readonly call: (
    method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
    path: string,
    fields?: Readonly<Record<string, unknown>>,
    who?: Who,
  ) => Promise<Answer>;
  readonly close: () => Promise<void>;
}

/** A caller by name and role; `claimed` so that no token is needed. */
export interface Who {
  readonly name: string;
  readonly roles: readonly string[];
}

export const ADMIN: Who = { name: 'root', roles: ['admin'] };

const POLICY = {
  compliance: {},
  comparison: {},
  rollback: { by: ['ml-lead'] },
  approval: { approvers: ['governance', 'ml-lead'] },
};

/** A server with models and requests over a registry of its own; who calls stands in a header. */
export async function openModelServer(
  directChanges: 'allowed' | 'refused',
  policyChanges: Readonly<Record<string, unknown>> = {},
): Promise<ModelServer> {
  const t = await openTestRegistry();
  const gates = scriptedGates();
  const bugs: unknown[] = [];
  const policy: Policy = policySchema.parse({ ...POLICY, direct_changes: directChanges, ...policyChanges });
  const deps = {
    registry: t.registry,
    policy: () => Promise.resolve(policy),
    gates,
    report: (error: unknown) => void bugs.push(error),
    now: () => new Date('2001-04-01T00:00:00Z'),
    attest: ({
      caller,
      request,
      decision,
      comment,
    }: Parameters<Parameters<typeof createTransitionRoutes>[0]['attest']>[0]) =>
      Promise.resolve({ attested: { approver: caller.name, evidence: request.evidenceDigest, decision, comment } }),
  };
  const app = await createRegistryServer({
    environments: {
      prod: {
        environment: 'prod',
        routes: [...createModelRoutes(deps), ...createTransitionRoutes(deps)],
        streams: [],
        authenticate: (headers) => {
          const who = JSON.parse(String(headers['x-who'])) as Who;
          return Promise.resolve(createCaller({ ...who, proof: 'claimed', breakGlass: ['admin'] }));
        },
      },
    },
    report: deps.report,
  });
  const call: ModelServer['call'] = async (method, path, fields = {}, who = ADMIN) => {
    const headers = { host: '127.0.0.1', 'x-who': JSON.stringify(who) };
    const sent: InjectOptions =
      method === 'GET'
        ? { query: fields as Record<string, string> }
        : { payload: JSON.stringify(fields), headers: { 'content-type': 'application/json' } };
    const url = path.startsWith('/') ? `/api/2.0${path}` : `/api/2.0/mlflow/${path}`;
    const answer = await app.inject({ method, url, ...sent, headers: { ...sent.headers, ...headers } });
    const bug = bugs.shift();
    if (bug !== undefined) throw bug as Error;
    return { status: answer.statusCode, body: answer.json<Record<string, unknown>>() };
  };
  return {
    t,
    app,
    gates,
    call,
    close: async () => {
      await app.close();
      await t.close();
    },
  };
}

function scriptedGates(): ScriptedGates {
  const gates: ScriptedGates = {
    started: [],
    decided: [],
    woken: [],
    answer: { counted: true, missing: 0 },
    startPromotion: (input) => {
      gates.started.push(input);
      return Promise.resolve(`promote-model/${input.model}/${input.version}`);
    },
    startRollback: ({ model, ask }) => Promise.resolve(`roll-back-model/${model}/${ask}`),
    decide: (input) => {
      gates.decided.push(input);
      return Promise.resolve(gates.answer);
    },
    wake: (ids) => {
      gates.woken.push(...ids);
      return Promise.resolve();
    },
  };
  return gates;
}
