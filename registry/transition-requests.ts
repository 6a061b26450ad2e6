import type { Knex } from 'knex';
import { closeGate, openApproval, type OpenApprovalInput, type OpenApprovalResult } from './approval-opening.ts';
import type { RegistryDatabase } from './database.ts';
import type { CallerProof } from './identity/caller.ts';
import { requireVersion } from './model-versions.ts';
import { idFromKey, standingUnder } from './natural-keys.ts';
import { insertRequest, requireRequest, selectRequests, type TransitionRequest } from './open-requests.ts';
import { requireMove } from './stages.ts';
import type { VersionName } from './version-notes.ts';

export interface RequestTransitionInput extends VersionName {
  /** Names this asking; asking again later is another key. */
  readonly naturalKey: string;
  /** Production is asked for by `openApproval`. */
  readonly to: 'Staging' | 'Archived';
  readonly requestedBy: string;
  readonly evidenceDigest?: string;
  readonly workflowId?: string;
}

export interface CloseApprovalInput {
  readonly requestId: string;
  readonly outcome: 'rejected' | 'expired' | 'superseded' | 'failed-comparison' | 'cancelled';
  readonly by: string;
  /** How whoever closes it showed who it is. */
  readonly proof?: CallerProof;
  readonly comment: string;
}

/** A gate that waits. */
export interface OpenApproval {
  readonly requestId: string;
  readonly version: number;
  readonly workflowId: string;
  readonly evidenceDigest: string | null;
}

interface RequestDeps {
  readonly db: RegistryDatabase;
  readonly now: () => Date;
}

/** Requests for a stage, and the approval gate, which is the open request for Production. */
export function createTransitionRequests({ db, now }: RequestDeps) {
  return {
    /** Asks for a stage. One request per version and stage is open at a time: a second key finds the open one. */
    requestTransition: (input: RequestTransitionInput): Promise<TransitionRequest> =>
      db.write((trx) => requestTransition(trx, input, now().toISOString())),

    /**
     * Opens the approval gate of a version in Staging and, in the same transaction, archives every older version that
     * waits at its gate, and ends the retraining lease. When a newer version waits already, it is this one that is
     * superseded. New evidence for a version replaces its open request, and with that its decisions lapse. Evidence
     * against another champion than the present one opens nothing and changes nothing.
     *
     * @throws IllegalTransition when the version is not in Staging
     * @throws StaleDecision when this very asking was closed before
     */
    openApproval: (input: OpenApprovalInput): Promise<OpenApprovalResult> =>
      db.write((trx) => openApproval(trx, input, now().toISOString())),

    /**
     * Closes an approval gate without promotion: the version is archived, with the outcome in tag and comment. A gate
     * that is closed stays as it is; read from the answer's `status` how it was closed.
     */
    closeApproval: ({ requestId, outcome, by, proof, comment }: CloseApprovalInput): Promise<TransitionRequest> =>
      db.write(async (trx) => {
        const request = await requireRequest(trx, requestId);
        if (request.status !== 'open') return request;
        const at = now().toISOString();
        const status = outcome === 'failed-comparison' ? 'cancelled' : outcome;
        await closeGate(trx, request, {
          status,
          reason: outcome,
          by,
          comment,
          at,
          ...(proof === undefined ? {} : { proof }),
        });
        return requireRequest(trx, requestId);
      }),

    /** Gates of a model that wait, oldest version first: those to wake when its champion changes. */
    openApprovals: (model: string): Promise<OpenApproval[]> =>
      db.read(async (knex) => {
        const open = await selectRequests(knex, { model, to_stage: 'Production', status: 'open' });
        return open.map(({ id, version, workflowId, evidenceDigest }) => ({
          requestId: id,
          version,
          workflowId: workflowId ?? '',
          evidenceDigest,
        }));
      }),

    /** The workflows of all gates that wait, of every model: those to wake when who may decide has changed. */
    waitingGates: (): Promise<string[]> =>
      db.read(async (knex) => {
        const open = await selectRequests(knex, { to_stage: 'Production', status: 'open' });
        return open.flatMap(({ workflowId }) => workflowId ?? []);
      }),

    /** @throws InvalidInput when there is no such request */
    getTransitionRequest: (requestId: string): Promise<TransitionRequest> =>
      db.read((knex) => requireRequest(knex, requestId)),

    /** All requests of a version, oldest first. */
    transitionRequests: (model: string, version: number): Promise<TransitionRequest[]> =>
      db.read((knex) => selectRequests(knex, { model, version })),
  };
}

async function requestTransition(
  trx: Knex.Transaction,
  input: RequestTransitionInput,
  createdAt: string,
): Promise<TransitionRequest> {
  const { model, version, to } = input;
  const { key, known } = await standingUnder(
    input.naturalKey,
    async (naturalKey) => (await selectRequests(trx, { natural_key: naturalKey }))[0],
    // A model of the same name may have had it before.
    (request) => request.model === model,
  );
  if (known !== undefined) return known;
  requireMove('gate', await requireVersion(trx, model, version), to);
  const [open] = await selectRequests(trx, { model, version, to_stage: to, status: 'open' });
  if (open !== undefined) return open;
  const id = idFromKey('request', key);
  await insertRequest(trx, {
    id,
    naturalKey: key,
    model,
    version,
    toStage: to,
    requestedBy: input.requestedBy,
    evidenceDigest: input.evidenceDigest ?? null,
    expectedChampion: null,
    workflowId: input.workflowId ?? null,
    createdAt,
  });
  return requireRequest(trx, id);
}
