import type { Knex } from 'knex';
import { type CountedDecision, namesDigest, SHORTEST_DIGEST } from '../contracts/approval.ts';
import type { Proof } from '../contracts/approval-rules.ts';
import type { DecisionCondition } from '../contracts/decision-statement.ts';
import type { DsseEnvelope } from '../contracts/dsse.ts';
import { writeActivity } from './activity-log.ts';
import { judgeTold } from './counted-decision.ts';
import type { RegistryDatabase } from './database.ts';
import { requireVersion } from './model-versions.ts';
import { idFromKey } from './natural-keys.ts';
import { requireRequest, type TransitionRequest } from './open-requests.ts';
import type { VersionName } from './version-notes.ts';

/** How a decision came; `rest` for one that the server could not hand to a gate. */
export type ReceivedVia = 'signal' | 'update' | 'rest';

export interface RecordDecisionInput extends VersionName {
  /** Names the message, for example workflow run and the message's number in it. */
  readonly naturalKey: string;
  /** Null for what was said while no gate was open. */
  readonly requestId: string | null;
  readonly approver: string;
  /** `approve`, `reject`, or what else came; nothing else counts. */
  readonly decision: string;
  readonly comment: string;
  /** The digest, or its first 12 digits or more, as the approver named it; empty when the policy lets it be left out. */
  readonly evidence: string;
  /** Whether the gate lets it count. The registry may still say no. */
  readonly counted: boolean;
  /** Why not, when it does not count. */
  readonly whyNot?: string;
  readonly receivedVia: ReceivedVia;
  /** As what the workflow counts it: taken for its word at gates that keep no rules. Default `claimed`. */
  readonly proof?: Proof;
  /** The roles that the approver decided with. */
  readonly roles?: readonly string[];
  /** What the statement was signed with. */
  readonly keyId?: string;
  /** The signed statement, genuine or not. */
  readonly envelope?: DsseEnvelope;
  readonly conditions?: readonly DecisionCondition[];
}

/** A decision as it is kept for good. */
export interface Decision extends VersionName {
  readonly id: string;
  readonly requestId: string | null;
  readonly approver: string;
  readonly decision: string;
  readonly comment: string;
  readonly evidence: string;
  readonly counted: boolean;
  readonly whyNot: string | null;
  readonly receivedVia: ReceivedVia;
  readonly recordedAt: string;
  /** How it was proved; of one that does not count it says nothing. */
  readonly proof: Proof;
  readonly roles: readonly string[];
  readonly keyId: string | null;
  /** The DSSE envelope with the signed statement, genuine or not; null for what was not signed. */
  readonly statement: DsseEnvelope | null;
  readonly conditions: readonly DecisionCondition[];
}

interface DecisionRow {
  readonly id: string;
  readonly model: string;
  readonly version: number;
  readonly request_id: string | null;
  readonly approver: string;
  readonly decision: string;
  readonly comment: string;
  readonly evidence: string;
  readonly counted: number | boolean;
  readonly why_not: string | null;
  readonly received_via: ReceivedVia;
  readonly recorded_at: string;
  readonly proof: Proof;
  readonly roles: string;
  readonly key_id: string | null;
  readonly statement: string | null;
  readonly conditions: string | null;
}

export function createDecisions({ db, now }: { readonly db: RegistryDatabase; readonly now: () => Date }) {
  return {
    /**
     * Keeps what somebody said at a gate, counted or not, once per natural key. What cannot count is kept as not
     * counted, whatever the caller says: a closed gate, other evidence, no comment, the same answer of the same approver
     * twice, less proof than the gate's rules ask for. As what it counts, the registry finds itself.
     */
    recordDecision: (input: RecordDecisionInput): Promise<Decision> =>
      db.write(async (trx) => {
        const id = idFromKey('decision', input.naturalKey);
        const [known] = await selectDecisions(trx, { id });
        if (known !== undefined) return known;
        const { model, version } = await requireVersion(trx, input.model, input.version);
        const request = input.requestId === null ? undefined : await requireRequest(trx, input.requestId);
        const judged = await judge(trx, input, request);
        const whyNot = judged.counts ? null : judged.whyNot;
        const decision: Decision = {
          id,
          model,
          version,
          requestId: input.requestId,
          approver: input.approver,
          decision: input.decision,
          comment: input.comment,
          evidence: input.evidence,
          counted: whyNot === null,
          whyNot,
          receivedVia: input.receivedVia,
          recordedAt: now().toISOString(),
          ...(judged.counts ? judged.standing : { proof: 'claimed', roles: [], keyId: null }),
          statement: input.envelope ?? null,
          conditions: input.conditions ?? [],
        };
        await insertDecision(trx, input.naturalKey, decision, request);
        return decision;
      }),

    /** What counted at a gate when it was said, one answer an approver, oldest first. */
    countedDecisions: (requestId: string): Promise<readonly CountedDecision[]> =>
      db.read((knex) => countedDecisions(knex, requestId)),

    /** All that was said at a gate, oldest first. */
    decisions: (requestId: string): Promise<Decision[]> =>
      db.read((knex) => selectDecisions(knex, { request_id: requestId })),
  };
}

/** What counted at this gate when it was said, one answer an approver, oldest first. */
export async function countedDecisions(knex: Knex, requestId: string): Promise<readonly CountedDecision[]> {
  const counted = (await selectDecisions(knex, { request_id: requestId })).filter((d) => d.counted);
  const first = counted.filter(
    (d, at) => counted.findIndex((e) => e.approver === d.approver && e.decision === d.decision) === at,
  );
  return first.map(({ decision, approver, comment, evidence, proof, roles, keyId, statement, conditions }) => ({
    decision: decision === 'approve' ? 'approve' : 'reject',
    approver,
    comment,
    evidence,
    proof,
    // A claim is made in the name of a role.
    roles: proof === 'claimed' ? [approver] : roles,
    ...(keyId === null ? {} : { keyId }),
    ...(statement === null ? {} : { envelope: statement }),
    ...(conditions.length === 0 ? {} : { conditions }),
  }));
}

type Judged =
  | { readonly counts: true; readonly standing: Pick<Decision, 'proof' | 'roles' | 'keyId'> }
  | { readonly counts: false; readonly whyNot: string };

async function judge(trx: Knex, input: RecordDecisionInput, request: TransitionRequest | undefined): Promise<Judged> {
  if (!input.counted) return { counts: false, whyNot: input.whyNot ?? 'not said' };
  if (request === undefined) return { counts: false, whyNot: 'no gate was open' };
  const whyNot = await whyNotCounted(trx, input, request);
  if (whyNot !== null) return { counts: false, whyNot };
  const judgement = await judgeTold(trx, request, input);
  if (judgement?.counts === false) return judgement;
  const { proof = 'claimed', roles = [], keyId = null } = judgement ?? input;
  return { counts: true, standing: { proof, roles, keyId } };
}

async function whyNotCounted(
  trx: Knex,
  input: RecordDecisionInput,
  request: TransitionRequest,
): Promise<string | null> {
  if (request.model !== input.model || request.version !== input.version) {
    return `the gate is one of ${request.model} version ${request.version}`;
  }
  if (request.status !== 'open') return `the gate is closed: ${request.status}`;
  if (input.decision !== 'approve' && input.decision !== 'reject') return `"${input.decision}" is no decision`;
  if (input.comment.trim() === '') return 'the comment is missing';
  const digest = request.evidenceDigest ?? '';
  if (input.evidence !== '' && !namesDigest(input.evidence, digest)) {
    return `names evidence ${input.evidence}; the gate waits on ${digest.slice(0, SHORTEST_DIGEST)}`;
  }
  const earlier = await selectDecisions(trx, { request_id: request.id });
  const same = earlier.some((d) => d.counted && d.approver === input.approver && d.decision === input.decision);
  return same ? `${input.approver} has answered already; an approver counts once` : null;
}

async function insertDecision(
  trx: Knex,
  naturalKey: string,
  decision: Decision,
  request: TransitionRequest | undefined,
): Promise<void> {
  await trx('decisions').insert({
    id: decision.id,
    natural_key: naturalKey,
    model: decision.model,
    version: decision.version,
    request_id: decision.requestId,
    approver: decision.approver,
    decision: decision.decision,
    comment: decision.comment,
    evidence: decision.evidence,
    counted: decision.counted,
    why_not: decision.whyNot,
    received_via: decision.receivedVia,
    recorded_at: decision.recordedAt,
    proof: decision.proof,
    roles: JSON.stringify(decision.roles),
    key_id: decision.keyId,
    statement: decision.statement === null ? null : JSON.stringify(decision.statement),
    conditions: decision.conditions.length === 0 ? null : JSON.stringify(decision.conditions),
  });
  const remark = decision.counted ? '' : ` (not counted: ${decision.whyNot ?? ''})`;
  await writeActivity(trx, {
    at: decision.recordedAt,
    model: decision.model,
    version: decision.version,
    action: 'RECORDED_DECISION',
    by: decision.approver,
    proof: decision.counted ? decision.proof : 'claimed',
    ...(decision.keyId === null ? {} : { details: { keyId: decision.keyId, roles: decision.roles } }),
    comment: `${decision.decision}: ${decision.comment}${remark}`,
    evidenceDigest: request?.evidenceDigest ?? null,
    workflowId: request?.workflowId ?? null,
  });
}

async function selectDecisions(
  knex: Knex,
  where: { readonly id?: string; readonly request_id?: string },
): Promise<Decision[]> {
  const rows = await knex('decisions').where(where).orderBy('sequence').select<DecisionRow[]>('*');
  return rows.map((row) => ({
    id: row.id,
    model: row.model,
    version: row.version,
    requestId: row.request_id,
    approver: row.approver,
    decision: row.decision,
    comment: row.comment,
    evidence: row.evidence,
    counted: Boolean(row.counted),
    whyNot: row.why_not,
    receivedVia: row.received_via,
    recordedAt: row.recorded_at,
    proof: row.proof,
    roles: JSON.parse(row.roles) as string[],
    keyId: row.key_id,
    statement: row.statement === null ? null : (JSON.parse(row.statement) as DsseEnvelope),
    conditions: row.conditions === null ? [] : (JSON.parse(row.conditions) as DecisionCondition[]),
  }));
}
