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
  return {
    model,
    version,
    since: stay.enteredAt,
    until: stay.leftAt,
    enteredThrough,
    decidedBy: enteredThrough === 'promotion' ? await approvers(registry, stay) : await actors(registry, stay),
    reason,
    requestId,
    evidenceDigest,
    workflowId,
    modelSha256: record?.onnx?.sha256 ?? null,
  };
}

type Stay = NonNullable<Awaited<ReturnType<Registry['productionAt']>>>;

async function approvers(registry: Registry, { requestId, decidedBy }: Stay): Promise<Decider[]> {
  const decisions = requestId === null ? [] : await registry.decisions(requestId);
  const counted = decisions.filter((d) => d.counted && d.decision === 'approve' && decidedBy.includes(d.approver));
  return Promise.all(
    counted.map(async ({ approver: name, proof, keyId, comment, recordedAt: decidedAt }) => {
      return { name, proof, keyId, comment, decidedAt, leftAt: await registry.approverLeftAt(name) };
    }),
  );
}

/** Who rolled back, or moved it by hand: the act in the audit says how that was proved. */
async function actors(registry: Registry, { model, version, enteredAt, decidedBy, reason }: Stay): Promise<Decider[]> {
  const acts = await registry.activityLog(model);
  const act = acts.find((a) => a.version === version && a.toStage === 'Production' && a.at === enteredAt);
  const proof = act?.proof ?? 'claimed';
  return Promise.all(
    decidedBy.map(async (name) => {
      return {
        name,
        proof,
        keyId: null,
        comment: reason,
        decidedAt: enteredAt,
        leftAt: await registry.approverLeftAt(name),
      };
    }),
  );
}
