import { join } from 'node:path';
import { Client } from '@temporalio/client';
import { loadPolicy } from '../../projects/load-policy.ts';
import { connectToServer } from '../dev-server/connect-to-server.ts';
import { applyGovernanceSchedules } from '../schedules/governance-schedules.ts';
import { ROOT } from './stack-home.ts';

/**
 * Sees to it that prod's audit is written out and its histories are kept, that the registry is reconciled and Production
 * recertified, without anybody having to think of it: the server deletes histories after its retention, evidence must
 * outlive that. A schedule that an operator has paused stays paused.
 */
export async function governByTheClock(env: NodeJS.ProcessEnv, address: string): Promise<void> {
  const { policy } = await loadPolicy(env['SUPERSTEP_POLICIES'] || join(ROOT, 'policies'), 'prod');
  const connection = await connectToServer({ ...env, TEMPORAL_ADDRESS: address });
  try {
    const { schedule } = new Client({ connection, namespace: 'prod' });
    await applyGovernanceSchedules(schedule, policy, 'prod');
  } finally {
    await connection.close();
  }
}
