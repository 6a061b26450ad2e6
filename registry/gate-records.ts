import type { Knex } from 'knex';
import { SuperstepError } from '../contracts/failure-types.ts';
import type { GateCheck, GateName, Verdict } from '../contracts/gates.ts';
import type { ArtifactRef } from '../contracts/references.ts';
import { writeActivity } from './activity-log.ts';
import type { RegistryDatabase } from './database.ts';
import { requireVersion, type ModelVersion } from './model-versions.ts';
import { idFromKey } from './natural-keys.ts';
import { closeRequest, selectRequests } from './open-requests.ts';
import { archive, moveStage } from './stage-moves.ts';
import { writeComment, writeVersionTags, type VersionName } from './version-notes.ts';

export interface RecordGateInput extends VersionName {
  /** Names this run of the gate; running it again later is another key. */
  readonly naturalKey: string;
  readonly gate: GateName;
  readonly verdict: Verdict;
  readonly summary: string;
  readonly checks: readonly GateCheck[];
  readonly evidence?: ArtifactRef;
  readonly evidenceDigest?: string;
  /** Beside `gate.<gate>` = verdict, which is always set. */
  readonly tags?: Readonly<Record<string, string>>;
  /** The default is the summary. */
  readonly comment?: string;
  /** Where the version goes in the same transaction; the default is nowhere. */
  readonly then?: 'Staging' | 'Archived';
  readonly by: string;
  readonly workflowId?: string;
  /** The request that this answers; the default is the version's open request for Staging. */
  readonly requestNaturalKey?: string;
}

export interface GateRecord extends VersionName {
  readonly id: string;
  readonly gate: GateName;
  readonly verdict: Verdict;
  readonly summary: string;
  readonly checks: readonly GateCheck[];
  readonly evidence: ArtifactRef | null;
  readonly evidenceDigest: string | null;
  readonly by: string;
  readonly workflowId: string | null;
  readonly recordedAt: string;
}

interface GateRow {
  readonly id: string;
  readonly model: string;
  readonly version: number;
  readonly gate: GateName;
  readonly verdict: Verdict;
  readonly summary: string;
  readonly checks: string;
  readonly evidence_uri: string | null;
  readonly evidence_sha256: string | null;
  readonly evidence_bytes: number | string | null;
  readonly evidence_digest: string | null;
  readonly recorded_by: string;
  readonly workflow_id: string | null;
  readonly recorded_at: string;
}

export function createGateRecords({ db, now }: { readonly db: RegistryDatabase; readonly now: () => Date }) {
  return {
    /**
     * Records a gate's result, once per natural key, in one transaction: the record, tags, a comment and, with `then`,
     * the answer to the open request and the change of stage.
     *
     * @throws IllegalTransition for a version in Production
     * @throws InvalidInput for a way to Staging with a fail
     */
    recordGate: (input: RecordGateInput): Promise<GateRecord> =>
      db.write(async (trx) => {
        const id = idFromKey('gate', input.naturalKey);
        const [known] = await selectGates(trx, { id });
        if (known !== undefined) return known;
        const version = await requireVersion(trx, input.model, input.version);
        requireNoFailForStaging(input);
        const at = now().toISOString();
        const record = toRecord(input, id, at);
        await insertGate(trx, input.naturalKey, record);
        await writeNotes(trx, input, at);
        if (input.then !== undefined) await applyVerdict(trx, input, version, at);
        return record;
      }),

    /** All gate results of a version, oldest first. */
    gateRecords: (model: string, version: number): Promise<GateRecord[]> =>
      db.read((knex) => selectGates(knex, { model, version })),
  };
}

function requireNoFailForStaging({ gate, verdict, then, model, version }: RecordGateInput): void {
  if (then !== 'Staging' || verdict !== 'fail') return;
  throw new SuperstepError(
    'InvalidInput',
    `the ${gate} gate of ${model} version ${version} says ${verdict}; a fail does not lead to Staging`,
    { model, version, gate, verdict },
  );
}

async function applyVerdict(trx: Knex, input: RecordGateInput, version: ModelVersion, at: string): Promise<void> {
  const { model, then: to, by, summary } = input;
  const where =
    input.requestNaturalKey === undefined
      ? { model, version: input.version, to_stage: 'Staging' as const, status: 'open' as const }
      : { model, version: input.version, natural_key: input.requestNaturalKey };
  const status = to === 'Staging' ? 'approved' : 'rejected';
  for (const request of await selectRequests(trx, where)) {
    await closeRequest(trx, request, { status, by, comment: summary, at });
  }
  const move = {
    version,
    cause: 'gate' as const,
    action: 'SYSTEM_TRANSITION' as const,
    by,
    comment: summary,
    evidenceDigest: input.evidenceDigest ?? null,
    workflowId: input.workflowId ?? null,
    at,
  };
  if (to === 'Staging') return moveStage(trx, { ...move, to });
  return archive(trx, { ...move, reason: `failed-${input.gate}`, commentKey: `archive/${input.naturalKey}` });
}

async function writeNotes(trx: Knex, input: RecordGateInput, at: string): Promise<void> {
  const { model, version, gate, verdict, by } = input;
  await writeVersionTags(trx, { model, version }, { ...input.tags, [`gate.${gate}`]: verdict });
  const comment = input.comment ?? `${gate}: ${verdict}. ${input.summary}`;
  await writeComment(trx, { naturalKey: `gate/${input.naturalKey}`, model, version, author: by, comment, at });
  await writeActivity(trx, {
    at,
    model,
    version,
    action: 'RECORDED_GATE',
    by,
    comment: `${gate}: ${verdict}. ${input.summary}`,
    evidenceDigest: input.evidenceDigest ?? null,
    workflowId: input.workflowId ?? null,
    details: { gate, verdict, findings: failingChecks(input.checks) },
  });
}

function failingChecks(checks: RecordGateInput['checks']): string[] {
  const failing = checks.filter((check) => check.verdict === 'fail');
  return failing.map(({ name, expected, found }) => `${name}: ${found}; expected ${expected}`);
}

function toRecord(input: RecordGateInput, id: string, at: string): GateRecord {
  return {
    id,
    model: input.model,
    version: input.version,
    gate: input.gate,
    verdict: input.verdict,
    summary: input.summary,
    checks: input.checks,
    evidence: input.evidence ?? null,
    evidenceDigest: input.evidenceDigest ?? null,
    by: input.by,
    workflowId: input.workflowId ?? null,
    recordedAt: at,
  };
}

async function insertGate(trx: Knex, naturalKey: string, record: GateRecord): Promise<void> {
  await trx('gate_results').insert({
    id: record.id,
    natural_key: naturalKey,
    model: record.model,
    version: record.version,
    gate: record.gate,
    verdict: record.verdict,
    summary: record.summary,
    checks: JSON.stringify(record.checks),
    evidence_uri: record.evidence?.uri ?? null,
    evidence_sha256: record.evidence?.sha256 ?? null,
    evidence_bytes: record.evidence?.bytes ?? null,
    evidence_digest: record.evidenceDigest,
    recorded_by: record.by,
    workflow_id: record.workflowId,
    recorded_at: record.recordedAt,
  });
}

async function selectGates(knex: Knex, where: { id: string } | VersionName): Promise<GateRecord[]> {
  const rows = await knex('gate_results').where(where).orderBy('sequence').select<GateRow[]>('*');
  return rows.map((row) => ({
    id: row.id,
    model: row.model,
    version: row.version,
    gate: row.gate,
    verdict: row.verdict,
    summary: row.summary,
    checks: JSON.parse(row.checks) as GateCheck[],
    evidence:
      row.evidence_uri === null || row.evidence_sha256 === null
        ? null
        : { uri: row.evidence_uri, sha256: row.evidence_sha256, bytes: Number(row.evidence_bytes) },
    evidenceDigest: row.evidence_digest,
    by: row.recorded_by,
    workflowId: row.workflow_id,
    recordedAt: row.recorded_at,
  }));
}
