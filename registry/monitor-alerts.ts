import { writeActivity } from './activity-log.ts';
import type { RegistryDatabase } from './database.ts';
import { completedResult, completeOperation } from './natural-keys.ts';

export interface MonitorAlert {
  readonly model: string;
  /** The version whose predictions were judged; null when there were none. */
  readonly version: number | null;
  /** `<from>/<until>`: one window is told once for each thing that is done about it. */
  readonly window: string;
  /** What is done about it. */
  readonly action: 'alert' | 'retrain';
  readonly verdict: string;
  readonly reasons: readonly string[];
  /** The superstep that was started. */
  readonly retraining: string | null;
}

export function createMonitorAlerts({ db, now }: { readonly db: RegistryDatabase; readonly now: () => Date }) {
  return {
    /** Writes an alert into the audit, from which those who must know are told; once per model, window and action. */
    recordAlert: ({ model, version, window, action, verdict, reasons, retraining }: MonitorAlert): Promise<void> =>
      db.write(async (trx) => {
        const naturalKey = `${model}/${version ?? 0}/${window}/${action}`;
        if ((await completedResult<true>(trx, 'recordAlert', naturalKey)) !== undefined) return;
        const at = now().toISOString();
        await writeActivity(trx, {
          at,
          model,
          version: version ?? 0,
          action: 'MONITOR_ALERT',
          by: 'superstep',
          comment: `${verdict} in ${window}: ${action === 'retrain' ? 'a retraining starts' : 'somebody should look'}`,
          details: { window, action, verdict, reasons: [...reasons], ...(retraining === null ? {} : { retraining }) },
        });
        await completeOperation(trx, 'recordAlert', naturalKey, true, at);
      }),
  };
}
