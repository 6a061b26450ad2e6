import { createActivityLog } from './activity-log.ts';
import { createApproverKeys } from './approver-keys.ts';
import { createDecisions } from './decisions.ts';
import { createGateNotices } from './gate-notices.ts';
import { createGateRecords } from './gate-records.ts';
import { createConditions } from './governance/conditions.ts';
import { createPoliciesInForce } from './governance/policies-in-force.ts';
import { createRecertifications } from './governance/recertifications.ts';
import { createWaivers } from './governance/waivers.ts';
import { createModelVersions } from './model-versions.ts';
import { createClientRegistry } from './models/client-registry.ts';
import { createProductionHistory } from './production-history.ts';
import { createMonitorAlerts } from './monitor-alerts.ts';
import { createPromotion } from './promotion.ts';
import { createRetrainingLeases } from './retraining-leases.ts';
import { createRollback } from './rollback.ts';
import { createRollbackAsks } from './rollback-asks.ts';
import { createTracking, type TrackingDeps } from './tracking.ts';
import { createTransitionRequests } from './transition-requests.ts';

/**
 * The registry of one environment: runs, models, gates, and who decided what. Each method is one transaction and may
 * be repeated: under the same natural key it finds its own result.
 */
export function createRegistry(deps: TrackingDeps) {
  return {
    ...createTracking(deps),
    ...createModelVersions(deps),
    ...createClientRegistry(deps),
    ...createTransitionRequests(deps),
    ...createDecisions(deps),
    ...createApproverKeys(deps),
    ...createGateRecords(deps),
    ...createGateNotices(deps),
    ...createPromotion(deps),
    ...createRollbackAsks(deps),
    ...createRollback(deps),
    ...createProductionHistory(deps),
    ...createRetrainingLeases(deps),
    ...createMonitorAlerts(deps),
    ...createActivityLog(deps),
    ...createWaivers(deps),
    ...createConditions(deps),
    ...createPoliciesInForce(deps),
    ...createRecertifications(deps),
  };
}

export type Registry = ReturnType<typeof createRegistry>;
