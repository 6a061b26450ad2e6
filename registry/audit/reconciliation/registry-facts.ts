import type { Knex } from 'knex';
import { isSqlite } from '../../database/dialect.ts';
import type { RegistryDatabase } from '../../database.ts';
import type { Stage } from '../../stages.ts';
import { isWithin, namesOf } from '../model-rows.ts';
import type { CountedDecisionFact, LeaseFact, RegistryFacts, RequestFact, StayFact, VersionFact } from './facts.ts';

/** Acts that move a version; the last one's target is where it must be. */
const MOVES = ['REGISTERED_VERSION', 'APPLIED_TRANSITION', 'SYSTEM_TRANSITION', 'ROLLED_BACK', 'BROKE_GLASS'];
const RUN_ID = /\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

/** Reads what the rules look at, all of it as of one moment. */
export function gatherRegistryFacts(db: RegistryDatabase, now: Date): Promise<RegistryFacts> {
  return db.read((knex) =>
    knex.transaction(
      async (trx) => {
        const moves = await selectMoves(trx);
        return {
          versions: await selectVersionFacts(trx, moves),
          requests: await selectRequestFacts(trx),
          stays: await selectStayFacts(trx, moves),
          decisions: await selectDecisionFacts(trx),
          leases: await selectLeaseFacts(trx, now),
        };
      },
      // SQLite reads one state of the file in a transaction anyhow.
      isSqlite(knex) ? {} : { isolationLevel: 'repeatable read' },
    ),
  );
}

interface Move {
  readonly id: number;
  readonly model: string;
  readonly version: number;
  readonly at: string;
  readonly action: string;
  readonly to_stage: Stage | null;
}

/** Moves of each living model under its present name, oldest first. */
type Moves = ReadonlyMap<string, readonly Move[]>;

async function selectMoves(trx: Knex): Promise<Moves> {
  const models = (await trx('registered_models').whereNull('deleted_at').pluck('name')) as string[];
  const rows = await trx('activity_log')
    .whereIn('action', MOVES)
    .orderBy('id')
    .select<Move[]>('id', 'model', 'version', 'at', 'action', 'to_stage');
  const byName = new Map<string, Move[]>();
  for (const row of rows) {
    const ofName = byName.get(row.model);
    if (ofName === undefined) byName.set(row.model, [row]);
    else ofName.push(row);
  }
  const moves = new Map<string, readonly Move[]>();
  for (const model of models) {
    const spans = await namesOf(trx, model);
    const ofModel = spans.flatMap((span) => (byName.get(span.name) ?? []).filter(({ id }) => isWithin(span, id)));
    moves.set(model, ofModel);
  }
  return moves;
}

async function selectVersionFacts(trx: Knex, moves: Moves): Promise<VersionFact[]> {
  const rows = await trx('model_versions')
    .whereIn('model', [...moves.keys()])
    .whereNull('deleted_at')
    .orderBy(['model', 'version'])
    .select<{ model: string; version: number; stage: Stage; onnx_sha256: string | null }[]>('*');
  return rows.map(({ model, version, stage, onnx_sha256: onnx }) => {
    const last = moves.get(model)?.findLast((move) => move.version === version && targetOf(move) !== null);
    return { model, version, stage, onnx, stageByAudit: last === undefined ? null : targetOf(last) };
  });
}

function targetOf({ action, to_stage: to }: Move): Stage | null {
  return to ?? (action === 'REGISTERED_VERSION' ? 'None' : null);
}

async function selectRequestFacts(trx: Knex): Promise<RequestFact[]> {
  const approvals = await trx('decisions')
    .where({ counted: true, decision: 'approve' })
    .groupBy('request_id')
    .select<{ request_id: string; count: number | string }[]>('request_id', trx.raw('count(*) as count'));
  const counted = new Map(approvals.map((row) => [row.request_id, Number(row.count)]));
  const rows = await trx('transition_requests')
    .join('registered_models', 'registered_models.name', 'transition_requests.model')
    .whereNull('registered_models.deleted_at')
    .orderBy('transition_requests.sequence')
    .select<RequestRow[]>('transition_requests.*');
  return rows.map((row) => ({
    id: row.id,
    model: row.model,
    version: row.version,
    toStage: row.to_stage,
    status: row.status,
    evidenceDigest: row.evidence_digest,
    workflowId: row.workflow_id,
    openedByRun: RUN_ID.exec(row.natural_key)?.[1] ?? null,
    approvals: counted.get(row.id) ?? 0,
  }));
}

interface RequestRow {
  readonly id: string;
  readonly natural_key: string;
  readonly model: string;
  readonly version: number;
  readonly to_stage: string;
  readonly status: string;
  readonly evidence_digest: string | null;
  readonly workflow_id: string | null;
}

async function selectStayFacts(trx: Knex, moves: Moves): Promise<StayFact[]> {
  const rows = await trx('production_history')
    .whereIn('model', [...moves.keys()])
    .orderBy('id')
    .select<StayRow[]>('*');
  return rows.map((row) => ({
    model: row.model,
    version: row.version,
    enteredAt: row.entered_at,
    leftAt: row.left_at,
    enteredThrough: row.entered_through,
    requestId: row.request_id,
    inAudit: (moves.get(row.model) ?? []).some(
      (move) => move.version === row.version && move.to_stage === 'Production' && move.at === row.entered_at,
    ),
  }));
}

interface StayRow {
  readonly model: string;
  readonly version: number;
  readonly entered_at: string;
  readonly left_at: string | null;
  readonly entered_through: string;
  readonly request_id: string | null;
}

async function selectDecisionFacts(trx: Knex): Promise<CountedDecisionFact[]> {
  const recorded = new Set(
    (
      await trx('activity_log')
        .where({ action: 'RECORDED_DECISION' })
        .select<Pick<Move & { done_by: string }, 'model' | 'version' | 'at' | 'done_by'>[]>(
          'model',
          'version',
          'at',
          'done_by',
        )
    ).map((row) => JSON.stringify([row.model, row.version, row.at, row.done_by])),
  );
  const rows = await trx('decisions').where({ counted: true }).orderBy('sequence').select<DecisionRow[]>('*');
  return rows.map(({ model, version, approver, decision, recorded_at: recordedAt }) => {
    const inAudit = recorded.has(JSON.stringify([model, version, recordedAt, approver]));
    return { model, version, approver, decision, recordedAt, inAudit };
  });
}

interface DecisionRow {
  readonly model: string;
  readonly version: number;
  readonly approver: string;
  readonly decision: string;
  readonly recorded_at: string;
}

async function selectLeaseFacts(trx: Knex, now: Date): Promise<LeaseFact[]> {
  const rows = await trx('retraining_leases')
    .where('expires_at', '>', now.toISOString())
    .select<{ model: string; holder: string; expires_at: string }[]>('*');
  return rows.map(({ model, holder, expires_at: expiresAt }) => ({ model, holder, expiresAt }));
}
