import type { Knex } from 'knex';
import { writeActivity, type ActivityInput } from './activity-log.ts';
import type { RegistryDatabase } from './database.ts';
import { completedResult, completeOperation } from './natural-keys.ts';
import { requireRequest } from './open-requests.ts';
import type { VersionName } from './version-notes.ts';

/** What people are told about a request for Production, beside what the request itself says. */
export interface RequestNotice extends VersionName {
  readonly requestId: string;
  readonly by: string;
  readonly comment: string;
  readonly evidenceDigest: string;
  readonly workflowId: string;
  readonly workflowRunId: string;
  readonly details: Readonly<Record<string, unknown>>;
}

export interface GateNotice extends RequestNotice {
  readonly action: 'GATE_REMINDED' | 'GATE_ESCALATED';
  /** Tells one from the next at the same gate. */
  readonly number: number;
}

/** Acts that tell people something and change nothing else; notifiers and webhooks read them in the audit. */
export function createGateNotices({ db, now }: { readonly db: RegistryDatabase; readonly now: () => Date }) {
  return {
    /** Tells of a gate that waits, once per number. False when it does not wait any more: then nobody is told. */
    tellGate: ({ action, number, ...notice }: GateNotice): Promise<boolean> =>
      db.write(async (trx) => {
        if ((await requireRequest(trx, notice.requestId)).status !== 'open') return false;
        await tellOnce(trx, noticeKey(notice.requestId, action, number), { ...notice, action }, now());
        return true;
      }),

    /** Tells that a version is in Production, once per request. */
    tellPromoted: (notice: RequestNotice): Promise<void> =>
      db.write((trx) =>
        tellOnce(
          trx,
          noticeKey(notice.requestId, 'PROMOTED_VERSION'),
          { ...notice, action: 'PROMOTED_VERSION', toStage: 'Production' },
          now(),
        ),
      ),

    /** Whether the second role has been asked to decide at this gate. */
    wasEscalated: (requestId: string): Promise<boolean> => db.read((knex) => wasEscalated(knex, requestId)),
  };
}

/** Whether the second role has been asked to decide at this gate. */
export async function wasEscalated(knex: Knex, requestId: string): Promise<boolean> {
  return (await completedResult(knex, OPERATION, noticeKey(requestId, 'GATE_ESCALATED'))) !== undefined;
}

const OPERATION = 'tell';

function noticeKey(requestId: string, action: string, number = 1): string {
  return `${requestId}/${action}/${number}`;
}

async function tellOnce(
  trx: Knex,
  naturalKey: string,
  { requestId, details, ...notice }: RequestNotice & Pick<ActivityInput, 'action' | 'toStage'>,
  now: Date,
): Promise<void> {
  if ((await completedResult(trx, OPERATION, naturalKey)) !== undefined) return;
  const at = now.toISOString();
  await writeActivity(trx, { ...notice, at, details: { requestId, ...details } });
  await completeOperation(trx, OPERATION, naturalKey, true, at);
}
