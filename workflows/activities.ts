import { proxyActivities } from '@temporalio/workflow';
import type { AdoptionActivities } from '../activities/adoption-activities.ts';
import type { AuditActivities } from '../activities/audit-activities.ts';
import type { DatasetActivities } from '../activities/dataset-activities.ts';
import type { DeliveryActivities } from '../activities/delivery-activities.ts';
import type { MonitoringActivities } from '../activities/monitoring-activities.ts';
import type { PredictionActivities } from '../activities/prediction-activities.ts';
import type { ProjectActivities } from '../activities/project-activities.ts';
import type { PromotionActivities } from '../activities/promotion-activities.ts';
import type { RecertificationActivities } from '../activities/recertification-activities.ts';
import type { RefreshActivities } from '../activities/refresh-activities.ts';
import type { RegistrationActivities } from '../activities/registration-activities.ts';
import type { RetrainingActivities } from '../activities/retraining-activities.ts';
import type { TrainingActivities } from '../activities/training-activities.ts';
import { DATA_QUEUE, SUPERSTEP_QUEUE, TRAIN_QUEUE } from '../contracts/task-queues.ts';
import {
  DATA_START_TO_CLOSE,
  DELIVERY_RETRY_INITIAL_INTERVAL,
  DELIVERY_RETRY_MAXIMUM_INTERVAL,
  DELIVERY_SCHEDULE_TO_CLOSE,
  HEARTBEAT_TIMEOUT,
  LIGHT_START_TO_CLOSE,
  PLACE_SCHEDULE_TO_CLOSE,
  RETRY_INITIAL_INTERVAL,
  RETRY_MAXIMUM_INTERVAL,
  SCHEDULE_TO_CLOSE,
  TRAIN_START_TO_CLOSE,
} from './activity-timeouts.ts';

function options(taskQueue: string, startToCloseTimeout: string) {
  return {
    taskQueue,
    startToCloseTimeout,
    heartbeatTimeout: HEARTBEAT_TIMEOUT,
    scheduleToCloseTimeout: SCHEDULE_TO_CLOSE,
    retry: { initialInterval: RETRY_INITIAL_INTERVAL, maximumInterval: RETRY_MAXIMUM_INTERVAL },
  };
}

const light = options(SUPERSTEP_QUEUE, LIGHT_START_TO_CLOSE);
const data = options(DATA_QUEUE, DATA_START_TO_CLOSE);
const train = options(TRAIN_QUEUE, TRAIN_START_TO_CLOSE);

export const projects = proxyActivities<ProjectActivities>(light);
export const registration = proxyActivities<RegistrationActivities>(light);
export const adoption = proxyActivities<AdoptionActivities>(light);
export const promotion = proxyActivities<PromotionActivities>(light);
export const recertification = proxyActivities<RecertificationActivities>(light);
export const retraining = proxyActivities<RetrainingActivities>(light);
export const auditing = proxyActivities<AuditActivities>(light);
/** Places outside: one that stays away is told within minutes, not after a day. */
export const auditPlaces = proxyActivities<Pick<AuditActivities, 'writeAuditHead'>>({
  ...light,
  scheduleToCloseTimeout: PLACE_SCHEDULE_TO_CLOSE,
});

/** Receivers outside: tried again ever more seldom. The registry, not this, says when one is given up. */
export const deliveries = proxyActivities<DeliveryActivities>({
  ...light,
  scheduleToCloseTimeout: DELIVERY_SCHEDULE_TO_CLOSE,
  retry: { initialInterval: DELIVERY_RETRY_INITIAL_INTERVAL, maximumInterval: DELIVERY_RETRY_MAXIMUM_INTERVAL },
});

export const refreshing = proxyActivities<RefreshActivities>(data);
export const datasets = proxyActivities<DatasetActivities>(data);
export const predictions = proxyActivities<PredictionActivities>(data);
export const monitoring = proxyActivities<MonitoringActivities>(data);

export const training = proxyActivities<TrainingActivities>(train);
