import { SuperstepError } from '../../contracts/failure-types.ts';
import type { CallerProof } from '../identity/caller.ts';
import type { EnteredThrough } from '../production-history.ts';
import type { Registry } from '../registry.ts';

/** Who decided that a version serves, and how they proved who they are. */
export interface Decider {
  readonly name: string;
  readonly proof: CallerProof;
  /** What the statement was signed with; null for what was not signed. */
  readonly keyId: string | null;
  readonly comment: string;
  readonly decidedAt: string;
  /** Since when the name may do nothing any more; the decision stays valid. Null for who is still there. */
  readonly leftAt: string | null;
}

/** What was in Production at an instant, and on whose word. */
export interface ProductionReport {
  readonly model: string;
  readonly version: number;
  readonly since: string;
  /** Null while it serves. */
  readonly until: string | null;
  readonly enteredThrough: EnteredThrough;
  readonly decidedBy: readonly Decider[];
  readonly reason: string;
  readonly requestId: string | null;
  readonly evidenceDigest: string | null;
  readonly workflowId: string | null;
  /** Sha256 of the file that served; null for a version without one. */
  readonly modelSha256: string | null;
}

/**
 * What was in Production at an instant; undefined for nothing.
 *
 * @throws InvalidInput for an instant that lies ahead
 */
export async function reportProduction(
  registry: Registry,
  model: string,
  instant: string,
  now: Date,
): Promise<ProductionReport | undefined> {
  if (Date.parse(instant) > now.getTime()) {
    const latest = now.toISOString();
    throw new SuperstepError(
      'InvalidInput',
      `${instant} lies ahead, and nobody knows what will be in Production then; expected an instant until now, ${latest}`,
      { at: instant, latest },
    );
  }
  const stay = await registry.productionAt(model, instant);
  if (stay === undefined) return undefined;
  const { version, enteredThrough, requestId, evidenceDigest, workflowId, reason } = stay;
  const record = await registry.getModelVersion(model, version).catch(() => undefined);
  const deciders = await (enteredThrough === 'promotion' ? approvers : actors)(registry, stay);
  return {
    model,
    version,
    since: stay.enteredAt,
    until: stay.leftAt,
    enteredThrough,
    decidedBy: await Promise.all(
      deciders.map(async (decider) => ({ ...decider, leftAt: await registry.approverLeftAt(decider.name) })),
    ),
    reason,
    requestId,
    evidenceDigest,
    workflowId,
    modelSha256: record?.onnx?.sha256 ?? null,
  };
}

type Stay = NonNullable<Awaited<ReturnType<Registry['productionAt']>>>;

/** Who decided, as it was then. */
type DeciderOfThen = Omit<Decider, 'leftAt'>;

async function approvers(registry: Registry, { requestId, decidedBy }: Stay): Promise<DeciderOfThen[]> {
  const decisions = requestId === null ? [] : await registry.decisions(requestId);
  return decisions
    .filter((d) => d.counted && d.decision === 'approve' && decidedBy.includes(d.approver))
    .map((d) => ({ name: d.approver, proof: d.proof, keyId: d.keyId, comment: d.comment, decidedAt: d.recordedAt }));
}

/** Who rolled back, or moved it by hand: the act in the audit says how that was proved. */
async function actors(
  registry: Registry,
  { model, version, enteredAt, decidedBy, reason }: Stay,
): Promise<DeciderOfThen[]> {
  const acts = await registry.activityLog(model);
  const act = acts.find((a) => a.version === version && a.toStage === 'Production' && a.at === enteredAt);
  const proof = act?.proof ?? 'claimed';
  return decidedBy.map((name) => ({ name, proof, keyId: null, comment: reason, decidedAt: enteredAt }));
}
