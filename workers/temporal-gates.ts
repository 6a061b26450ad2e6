import {
  type Client,
  isGrpcDeadlineError,
  isGrpcServiceError,
  WorkflowFailedError,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
} from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import type { DecisionGround } from '../contracts/decision-statement.ts';
import type { Environment } from '../contracts/environments.ts';
import { SuperstepError } from '../contracts/failure-types.ts';
import { MESSAGE_NAMES, type DecideAnswer, type WaitingGate, type WorkflowStatus } from '../contracts/messages.ts';
import { mlEnvironment, mlModel, mlVersion } from '../contracts/search-attributes.ts';
import { SUPERSTEP_QUEUE } from '../contracts/task-queues.ts';
import { workflowId as idOf } from '../contracts/workflow-ids.ts';
import type { AttestDecision, GateAnswer, GateWorkflows } from '../registry/api/gate-workflows.ts';
import type { createAttestation } from '../registry/attestation.ts';
import type { TransitionRequest } from '../registry/open-requests.ts';

export interface TemporalGatesDeps {
  /** Connects on first use: the registry also serves while Temporal is away. */
  readonly client: () => Promise<Client>;
  readonly environment: Environment;
  readonly attest: ReturnType<typeof createAttestation>['attest'];
}

/** gRPC's UNAVAILABLE and DEADLINE_EXCEEDED. */
const AWAY: ReadonlySet<number> = new Set([14, 4]);
/** A gate answers within milliseconds; a worker that is down would keep the caller waiting. */
const ANSWER_WITHIN_MS = 10_000;

/** The gates behind the registry's requests, as workflows on Temporal. */
export function createTemporalGates({ client, environment, attest }: TemporalGatesDeps) {
  /** Runs a call to Temporal; when that is away, it is weather. */
  const ask: Ask = async (call) => {
    try {
      const connected = await client();
      return await connected.withDeadline(Date.now() + ANSWER_WITHIN_MS, () => call(connected));
    } catch (error) {
      if (isAway(error)) throw away(error);
      throw error;
    }
  };

  const gates: GateWorkflows = {
    startPromotion: startPromotion(ask, environment),
    startRollback: startRollback(ask, environment),
    decide: decide(ask),
    wake: wake(ask),
  };
  const attestAtGate: AttestDecision = async ({ caller, request, decision, comment, conditions }) => {
    const { rules } = await waitingGate(ask, request.workflowId ?? '');
    requireGround(environment, request, rules.ground);
    return { envelope: await attest(caller, { rules, decision, comment, conditions }) };
  };
  return { gates, attest: attestAtGate, startDelivery: startDelivery(ask) };
}

type Ask = <T>(call: (client: Client) => Promise<T>) => Promise<T>;

function waitingGate(ask: Ask, workflowId: string): Promise<WaitingGate> {
  return ask(async (client) => {
    const { waitsFor, phase } = await client.workflow
      .getHandle(workflowId)
      .query<WorkflowStatus>(MESSAGE_NAMES.status)
      .catch((error: unknown) => rethrowGone(error, workflowId));
    if (waitsFor !== undefined) return waitsFor;
    throw new SuperstepError('StaleDecision', `${workflowId} waits for nobody: it is in its ${phase} phase`);
  });
}

/**
 * The server signs for what the registry asks, not for what a workflow says that it waits on: whoever can start workflows
 * could have one of the same id show the ground of another gate.
 */
function requireGround(environment: Environment, request: TransitionRequest, ground: DecisionGround): void {
  const { id, model, version, evidenceDigest, workflowId } = request;
  const asked = { environment, model, version, requestId: id, evidenceDigest };
  const other = Object.entries(asked).find(([name, value]) => ground[name as keyof typeof asked] !== value);
  if (other === undefined) return;
  throw new SuperstepError(
    'StaleDecision',
    `${workflowId ?? 'the workflow'} waits on another ${other[0]} than the request ${id} (${String(other[1])}); look at both`,
    { requestId: id, field: other[0] },
  );
}

function startPromotion(ask: Ask, environment: Environment): GateWorkflows['startPromotion'] {
  return ({ model, version, requestedBy }) =>
    ask(async (client) => {
      const workflowId = idOf('promoteModel', model, version);
      await client.workflow.start('promoteModel', {
        workflowId,
        taskQueue: SUPERSTEP_QUEUE,
        workflowIdConflictPolicy: 'USE_EXISTING',
        args: [{ project: model, version, requestedBy }],
        staticSummary: `Promote ${model} version ${version}, asked for by ${requestedBy} over REST`,
        typedSearchAttributes: [
          { key: mlModel, value: model },
          { key: mlEnvironment, value: environment },
          { key: mlVersion, value: String(version) },
        ],
      });
      return workflowId;
    });
}

function startRollback(ask: Ask, environment: Environment): GateWorkflows['startRollback'] {
  return (input) =>
    ask(async (client) => {
      const { model, requestedBy } = input;
      // The asking makes it unique and serves once: an id that reads well is enough.
      const workflowId = idOf('rollBackModel', model, input.ask.slice(0, 12));
      await client.workflow.start('rollBackModel', {
        workflowId,
        taskQueue: SUPERSTEP_QUEUE,
        args: [input],
        staticSummary: `Roll back ${model}, asked for by ${requestedBy} over REST`,
        typedSearchAttributes: [
          { key: mlModel, value: model },
          { key: mlEnvironment, value: environment },
        ],
      });
      return workflowId;
    });
}

/** Starts the delivery of a subscriber's events; one that runs already goes on. */
function startDelivery(ask: Ask): (subscriber: string) => Promise<void> {
  return (subscriber) =>
    ask(async (client) => {
      await client.workflow.start('deliverEvents', {
        workflowId: idOf('deliverEvents', subscriber),
        taskQueue: SUPERSTEP_QUEUE,
        workflowIdConflictPolicy: 'USE_EXISTING',
        args: [{ subscriber }],
        staticSummary: `Deliver events to ${subscriber}`,
      });
    });
}

function decide(ask: Ask): GateWorkflows['decide'] {
  return ({ workflowId, message }) =>
    ask(async (client): Promise<GateAnswer> => {
      const handle = client.workflow.getHandle(workflowId);
      try {
        const answer = await handle.executeUpdate<DecideAnswer, [unknown]>(MESSAGE_NAMES.decide, { args: [message] });
        if (answer.counted) return { counted: true, missing: answer.missing };
        return notCounted('StaleDecision', 'the gate changed in the same moment; look at it again');
      } catch (error) {
        return refusalOf(error);
      }
    });
}

function wake(ask: Ask): GateWorkflows['wake'] {
  return async (workflowIds) => {
    for (const workflowId of workflowIds) {
      await ask((client) => client.workflow.getHandle(workflowId).signal(MESSAGE_NAMES.groundMoved)).catch(
        (error: unknown) => {
          if (!(error instanceof WorkflowNotFoundError)) throw error;
        },
      );
    }
  };
}

/** What the gate said no with; anything else is thrown again. */
function refusalOf(error: unknown): GateAnswer {
  if (error instanceof WorkflowNotFoundError || error instanceof WorkflowFailedError) {
    return notCounted('StaleDecision', 'its workflow has ended');
  }
  const cause = error instanceof WorkflowUpdateFailedError ? error.cause : undefined;
  if (cause instanceof ApplicationFailure) {
    const failure = cause.type === 'InvalidInput' || cause.type === 'NotAuthorized' ? cause.type : 'StaleDecision';
    return notCounted(failure, cause.message.replace(/^Not counted: /, ''));
  }
  throw error;
}

function notCounted(failure: Extract<GateAnswer, { counted: false }>['failure'], whyNot: string): GateAnswer {
  return { counted: false, failure, whyNot };
}

function rethrowGone(error: unknown, workflowId: string): never {
  if (!(error instanceof WorkflowNotFoundError)) throw error;
  throw new SuperstepError('StaleDecision', `${workflowId} has ended; ask for the stage again`);
}

function isAway(error: unknown): boolean {
  if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError || isGrpcDeadlineError(error)) return true;
  if (!(error instanceof Error)) return false;
  const cause: unknown = isGrpcServiceError(error) ? error : error.cause;
  return isGrpcServiceError(cause) && AWAY.has(cause.code);
}

function away(error: unknown): SuperstepError {
  const found = error instanceof Error ? error.message.split('\n')[0] : String(error);
  return new SuperstepError(
    'RegistryUnavailable',
    `the gates cannot be asked now, since Temporal or its workers do not answer: ${found}; try again`,
  );
}
