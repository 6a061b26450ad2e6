import { Context } from '@temporalio/activity';
import type {
  ArchivedHistories,
  ReconcileRegistryResult,
  SignedHead,
  WriteHeadInput,
} from '../contracts/audit-workflows.ts';
import type { Environment } from '../contracts/environments.ts';
import { loadPolicy } from '../projects/load-policy.ts';
import type { ArtifactStore } from '../registry/artifact-store.ts';
import { createArchivedHistories } from '../registry/audit/archived-histories.ts';
import { writeHeadTo, type WrittenHead } from '../registry/audit/head-places.ts';
import { claimedHead, signHead } from '../registry/audit/heads.ts';
import { reconcileRegistry } from '../registry/audit/reconciliation/reconcile-registry.ts';
import { tellFindings } from '../registry/audit/reconciliation/tell-findings.ts';
import type { RegistryDatabase } from '../registry/database.ts';
import type { ServerKey } from '../registry/identity/server-key.ts';
import { closedRuns, fetchHistoryJson, workflowStanding } from './workflow-histories.ts';

export type AuditActivities = ReturnType<typeof createAuditActivities>;

export interface AuditDependencies {
  readonly db: RegistryDatabase;
  readonly artifacts: ArtifactStore;
  readonly environment: Environment;
  readonly policies: string;
  /** Folder that relative paths of `audit.heads.to` lie in. */
  readonly home: string;
  readonly serverKey: ServerKey;
  readonly now: () => Date;
}

/** A result crosses Temporal: it names the first findings and counts the others. */
const MOST_FINDINGS = 50;

/** What keeps the audit provable: histories archived, heads written out, the registry held against its surroundings. */
export function createAuditActivities({
  db,
  artifacts,
  environment,
  policies,
  home,
  serverKey,
  now,
}: AuditDependencies) {
  const histories = createArchivedHistories({ db, now });
  return {
    /** Puts the histories of runs that have ended into the artifact store, each once, and says so in the audit. */
    async archiveHistories(): Promise<ArchivedHistories> {
      const { client } = Context.current();
      const kept = await histories.archivedRuns();
      let archived = 0;
      for await (const run of closedRuns(client)) {
        if (kept.has(run.runId)) continue;
        const json = await fetchHistoryJson(client, run.workflowId, run.runId);
        if (json === undefined) continue;
        await histories.recordHistory({ ...run, history: await artifacts.putBytes(Buffer.from(json)) });
        archived += 1;
      }
      return { archived };
    },

    /** Signs where the audit stands and reads from today's policy where to write that. */
    async signAuditHead(): Promise<SignedHead> {
      const { policy } = await loadPolicy(policies, environment);
      const envelope = await signHead({ db, environment, key: serverKey, now });
      return { sequence: claimedHead(envelope)?.sequence ?? 0, envelope, places: policy.audit.heads.to };
    },

    writeAuditHead: ({ place, envelope }: WriteHeadInput): Promise<WrittenHead> => writeHeadTo(place, envelope, home),

    /** Finds and tells; changes nothing of what it looks at. */
    async reconcileRegistry(): Promise<ReconcileRegistryResult> {
      const { client } = Context.current();
      const standing = (workflowId: string) => workflowStanding(client, workflowId);
      const findings = await reconcileRegistry({ db, artifacts, environment, now, workflowStanding: standing });
      await tellFindings(db, findings, now());
      return {
        outcome: findings.length === 0 ? 'whole' : 'findings',
        count: findings.length,
        findings: findings.slice(0, MOST_FINDINGS),
      };
    },
  };
}
