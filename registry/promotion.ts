import type { Knex } from 'knex';
import type { ApproverNews, CountedDecision } from '../contracts/approval.ts';
import type { ApprovalRules } from '../contracts/approval-rules.ts';
import { SuperstepError } from '../contracts/failure-types.ts';
import { type Freeze, frozenUntil } from '../contracts/freeze.ts';
import type { PromotionStep } from '../contracts/promote-model.ts';
import type { FreezeWindow } from '../contracts/schemas/freeze-window.ts';
import type { RegistryDatabase } from './database.ts';
import { type ImposedCondition, imposeConditions } from './governance/conditions.ts';
import { findProduction, requireVersion, type ModelVersion } from './model-versions.ts';
import { completedResult, completeOperation } from './natural-keys.ts';
import { closeRequest, requireRequest, type TransitionRequest } from './open-requests.ts';
import { beginStay } from './production-history.ts';
import { rulesOfGate } from './gate-rules.ts';
import { checkApprovals } from './promotion-quorum.ts';
import { archive, moveStage } from './stage-moves.ts';
import type { VersionName } from './version-notes.ts';

export interface PromoteInput extends VersionName {
  /** Names this promotion: request and evidence digest. */
  readonly naturalKey: string;
  readonly requestId: string;
  readonly evidenceDigest: string;
  /** The Production version that the evidence compares with; null for none. */
  readonly expectedChampion: number | null;
  /** By which decisions count where the request does not say so itself: at gates that earlier versions opened. */
  readonly rules?: ApprovalRules;
  /** Windows of the policy in which nothing is promoted. Default: none. */
  readonly freeze?: readonly FreezeWindow[];
  readonly workflowId: string;
}

export type PromoteResult =
  | { readonly outcome: 'promoted'; readonly previous: number | null; readonly steps: readonly PromotionStep[] }
  | { readonly outcome: 'champion-changed'; readonly champion: number | null }
  | { readonly outcome: 'superseded' }
  /** Nothing is promoted now; all else holds. */
  | { readonly outcome: 'frozen'; readonly freeze: Freeze }
  | ({ readonly outcome: 'approvals-lapsed' } & ApproverNews);

export function createPromotion({ db, now }: { readonly db: RegistryDatabase; readonly now: () => Date }) {
  return {
    /**
     * Puts an approved version into Production, in one transaction, once per natural key. When the champion is not the
     * one that the evidence compares with, nothing changes and the answer says so: compare again. Nor does anything
     * change for a version that a newer one has superseded, when approvers have left since they decided, or in a freeze.
     *
     * @throws StaleDecision when the request is closed, rests on other evidence, or the version has another file
     * @throws NotAuthorized when it was rejected, too few approvers have said yes, or one of them did not prove it
     */
    promote: (input: PromoteInput): Promise<PromoteResult> =>
      db.write(async (trx) => {
        const stored = await completedResult<PromoteResult>(trx, 'promote', input.naturalKey);
        if (stored !== undefined) return stored;
        const version = await requireVersion(trx, input.model, input.version);
        const request = await requireRequest(trx, input.requestId);
        requireSameRequest(request, input);
        if (request.status === 'superseded') return { outcome: 'superseded' };
        requireOpen(request, input);
        const rules = (await rulesOfGate(trx, request)) ?? input.rules;
        if (rules === undefined) throw stale(request, input, 'keeps no rules to count decisions by');
        requireJudgedFile(version, rules, input);
        const checked = await checkApprovals(trx, { ...input, rules: withFacts(rules, version, request) });
        if (checked.outcome !== 'approved') return checked;
        const previous = await findProduction(trx, input.model);
        const champion = previous?.version ?? null;
        if (champion !== input.expectedChampion) return { outcome: 'champion-changed', champion };
        const instant = now();
        const freeze = frozenUntil(input.freeze ?? [], instant);
        if (freeze !== undefined) return { outcome: 'frozen', freeze };
        const at = instant.toISOString();
        const result = await replaceChampion(trx, { ...checked, input, version, request, previous, at });
        return completeOperation(trx, 'promote', input.naturalKey, result, at);
      }),
  };
}

interface Promotion {
  readonly input: PromoteInput;
  readonly version: ModelVersion;
  readonly request: TransitionRequest;
  readonly approvals: readonly CountedDecision[];
  readonly previous: ModelVersion | undefined;
  readonly at: string;
}

async function replaceChampion(trx: Knex, promotion: Promotion): Promise<PromoteResult> {
  const { input, version, request, approvals, previous, at } = promotion;
  const approvedBy = approvals.map(({ approver }) => approver);
  const by = approvedBy.join(', ');
  const { evidenceDigest, workflowId } = input;
  if (previous !== undefined) {
    await archive(trx, {
      version: previous,
      cause: 'promotion',
      action: 'SYSTEM_TRANSITION',
      by,
      comment: `version ${version.version} took its place`,
      reason: 'replaced',
      evidenceDigest,
      workflowId,
      at,
      commentKey: `replaced/${input.naturalKey}`,
    });
  }
  const comment = `approved by ${by}`;
  await closeRequest(trx, request, { status: 'approved', by, comment, at });
  await moveStage(trx, {
    version,
    to: 'Production',
    cause: 'promotion',
    action: 'APPLIED_TRANSITION',
    by,
    comment,
    evidenceDigest,
    workflowId,
    at,
  });
  await beginStay(
    trx,
    {
      model: version.model,
      version: version.version,
      enteredAt: at,
      enteredThrough: 'promotion',
      requestId: request.id,
      evidenceDigest,
      decidedBy: approvedBy,
      reason: comment,
      workflowId,
    },
    false,
  );
  await imposeConditions(trx, conditionsOf(promotion));
  return {
    outcome: 'promoted',
    previous: previous?.version ?? null,
    steps: [
      { step: 'archive-previous', status: previous === undefined ? 'skipped' : 'done' },
      { step: 'close-request', status: 'done' },
      { step: 'enter-production', status: 'done' },
      { step: 'record-history', status: 'done' },
    ],
  };
}

function requireSameRequest(request: TransitionRequest, input: PromoteInput): void {
  const { model, version, toStage, evidenceDigest, expectedChampion } = request;
  if (model !== input.model || version !== input.version || toStage !== 'Production') {
    throw stale(request, input, `asks for ${model} version ${version} in ${toStage}`);
  }
  if (evidenceDigest !== input.evidenceDigest)
    throw stale(request, input, `rests on evidence ${evidenceDigest ?? 'none'}`);
  if (expectedChampion !== input.expectedChampion) {
    throw stale(request, input, `compares with champion ${expectedChampion ?? 'none'}`);
  }
}

function requireOpen(request: TransitionRequest, input: PromoteInput): void {
  if (request.status !== 'open') throw stale(request, input, `is closed: ${request.status}`);
}

/** A name may be another model's by now: what was judged is known by its file. Gates of before pinned none. */
function requireJudgedFile(
  { onnx }: ModelVersion,
  { ground: { modelDigest } }: ApprovalRules,
  { model, version, requestId }: PromoteInput,
): void {
  if (modelDigest === '' || modelDigest === onnx?.sha256) return;
  throw new SuperstepError(
    'StaleDecision',
    `${model} version ${version} has the file ${onnx?.sha256 ?? 'none'}, and its gates have judged ${modelDigest}: another model has the name now; start promoteModel anew`,
    { requestId, judged: modelDigest, found: onnx?.sha256 ?? null },
  );
}

function stale(request: TransitionRequest, input: PromoteInput, problem: string): SuperstepError {
  const ground = `on evidence ${input.evidenceDigest}, champion ${input.expectedChampion ?? 'none'}`;
  return new SuperstepError(
    'StaleDecision',
    `cannot promote ${input.model} version ${input.version} ${ground}: request ${request.id} ${problem}; open a new approval on the present evidence`,
    { requestId: request.id, status: request.status, current: request.evidenceDigest, wanted: input.evidenceDigest },
  );
}

function conditionsOf({ version, request, approvals, at }: Promotion): ImposedCondition[] {
  return approvals.flatMap(({ approver, conditions = [] }) =>
    conditions.map(({ condition, due }) => ({
      model: version.model,
      version: version.version,
      requestId: request.id,
      condition,
      dueAt: due,
      imposedBy: approver,
      at,
    })),
  );
}

/** A gate's rules, with what the registry itself knows of the version and of the request. */
function withFacts(rules: ApprovalRules, { onnx }: ModelVersion, request: TransitionRequest): ApprovalRules {
  const { id: requestId, model, version, requestedBy: requester, evidenceDigest } = request;
  const ground = { model, version, modelDigest: onnx?.sha256 ?? '', requestId, evidenceDigest: evidenceDigest ?? '' };
  return { ...rules, requester, ground: { ...rules.ground, ...ground } };
}
