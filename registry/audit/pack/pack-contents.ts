import type { ArtifactRef } from '../../../contracts/references.ts';
import type { Decision } from '../../decisions.ts';
import type { SigningKey } from '../../identity/signing-keys.ts';
import type { TransitionRequest } from '../../open-requests.ts';

/** Where things lie in an evidence pack. */
export const PACK_FILES = {
  readme: 'README.md',
  /** The head of the audit when the pack was made, signed. */
  head: 'audit-head.dsse.json',
  /** Rows of the model, and digests of the rows between them, up to the head: JSON lines. */
  audit: 'audit.jsonl',
  /** Public keys of everybody who may have signed, the revoked ones included. */
  keys: 'keys.json',
} as const;

/** Folder of a version. */
export function versionFolder(version: number): string {
  return `versions/${version}`;
}

/** Files in the folder of a version. */
export const VERSION_FILES = {
  version: 'version.json',
  requests: 'requests.json',
  decisions: 'decisions.json',
  gates: 'gates.json',
  production: 'production.json',
  lineage: 'lineage.json',
  artifacts: 'artifact-digests.json',
  modelCard: 'model-card.md',
  provenance: 'provenance.intoto.json',
  provenanceSigned: 'provenance.dsse.json',
  /** Of a version that a registry client brought: the run that judged it, and a signed statement of that. */
  evaluation: 'evaluation-run.json',
  evaluationSigned: 'evaluation.dsse.json',
  bom: 'bom.cdx.json',
  /** What the Temporal server no longer has. */
  histories: 'histories.json',
} as const;

/** `keys.json`. */
export type PackedKeys = readonly SigningKey[];
/** `version.json`, of which a reader relies on this much. */
export interface PackedVersion {
  readonly model: string;
  readonly version: number;
  readonly onnx: ArtifactRef | null;
}
export type PackedRequests = readonly TransitionRequest[];
/** Each with the time at which its approver left, by now; what was decided before stays valid. */
export type PackedDecisions = readonly (Decision & { readonly approverLeftAt: string | null })[];

/** A line of `histories.json`. */
export interface PackedHistory {
  readonly workflowId: string;
  /** Null where the server has no run any more and none was archived. */
  readonly runId: string | null;
  /** Below the version's folder; null for one that is missing. */
  readonly file: string | null;
  /** Whether the audit holds the digest of it. */
  readonly archived: boolean;
  readonly note: string;
}
