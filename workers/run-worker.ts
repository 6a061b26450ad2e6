import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { NativeConnection, Worker, type WorkerInterceptors, type WorkerOptions } from '@temporalio/worker';
import { createAdoptionActivities } from '../activities/adoption-activities.ts';
import { createAuditActivities } from '../activities/audit-activities.ts';
import { createDatasetActivities } from '../activities/dataset-activities.ts';
import { createDeliveryActivities } from '../activities/delivery-activities.ts';
import { createActingRunInterceptor } from '../activities/acting-run-interceptor.ts';
import { createFailureInterceptor } from '../activities/failure-interceptor.ts';
import { createMonitoringActivities } from '../activities/monitoring-activities.ts';
import { createPredictionActivities } from '../activities/prediction-activities.ts';
import { createProjectActivities } from '../activities/project-activities.ts';
import { createPromotionActivities } from '../activities/promotion-activities.ts';
import { createRecertificationActivities } from '../activities/recertification-activities.ts';
import { createRefreshActivities } from '../activities/refresh-activities.ts';
import { createRegistrationActivities } from '../activities/registration-activities.ts';
import { createRetrainingActivities } from '../activities/retraining-activities.ts';
import { createTrainingActivities } from '../activities/training-activities.ts';
import { DATA_QUEUE, SUPERSTEP_QUEUE, TRAIN_QUEUE } from '../contracts/task-queues.ts';
import { openLake } from '../lakehouse/lake.ts';
import { createArtifactStore } from '../registry/artifact-store.ts';
import { openRegistryDatabase } from '../registry/database.ts';
import { loadServerKey } from '../registry/identity/server-key.ts';
import { createRegistry } from '../registry/registry.ts';
import { loadSecretBox } from '../registry/webhooks/secret-box.ts';
import { environmentPaths, type WorkerConfiguration } from './configuration.ts';
import { asNotice } from './notice-prefix.ts';
import { sweepLeftovers } from './sweep-leftovers.ts';

/** Hooks for tests: interceptors beside our own, and how many runs stay in memory (0: each task replays from the start). */
export interface WorkerHooks {
  readonly activityInterceptors?: NonNullable<WorkerInterceptors['activity']>;
  readonly maxCachedWorkflows?: number;
}

// What runs when a stop is asked for may finish; a training does not, and is tried again by the next worker.
const GRACE = '10s';

/**
 * Runs the workers of one role until the process is told to stop. `onReady` is called once they poll. This is where
 * configuration becomes dependencies; nothing below reads the environment.
 */
export async function runWorker(
  configuration: WorkerConfiguration,
  onReady: () => void,
  hooks: WorkerHooks = {},
): Promise<void> {
  const connection = await NativeConnection.connect(configuration.temporal);
  const { workerOptions, close } = await (configuration.role === 'workflows' ? composeWorkflows : composeData)(
    configuration,
  );
  try {
    const workers = await Promise.all(
      workerOptions.map((options) =>
        Worker.create({
          connection,
          namespace: configuration.namespace,
          identity: `superstep-${configuration.role}@${process.pid}`,
          shutdownGraceTime: GRACE,
          shutdownForceTime: '20s',
          maxHeartbeatThrottleInterval: '10s',
          interceptors: {
            activity: [
              () => ({ inbound: createFailureInterceptor() }),
              () => ({ inbound: createActingRunInterceptor() }),
              ...(hooks.activityInterceptors ?? []),
            ],
          },
          ...(hooks.maxCachedWorkflows === undefined ? {} : { maxCachedWorkflows: hooks.maxCachedWorkflows }),
          ...options,
        }),
      ),
    );
    const running = Promise.all(workers.map((worker) => worker.run()));
    onReady();
    await running;
  } finally {
    await close();
    await connection.close();
  }
}

interface Composition {
  readonly workerOptions: readonly Pick<
    WorkerOptions,
    'taskQueue' | 'activities' | 'workflowBundle' | 'maxConcurrentActivityTaskExecutions'
  >[];
  readonly close: () => Promise<void>;
}

/** Workflows and light I/O: they answer while the data worker computes, or is down. */
async function composeWorkflows(configuration: WorkerConfiguration): Promise<Composition> {
  const { registry, database, artifacts, close } = await openGovernance(configuration);
  const { environment, home, policies, projectRoots, evidenceUrl, endpointUrl } = configuration;
  const now = (): Date => new Date();
  const serverKey = await loadServerKey({ db: database, now, folder: home });
  const temporalAddress = configuration.temporal.address;
  const scratchFolder = environmentPaths(home).scratch;
  const promotion = {
    registry,
    artifacts,
    environment,
    policies,
    scratchFolder,
    temporalAddress,
    evidenceUrl,
    endpointUrl,
  };
  return {
    workerOptions: [
      {
        taskQueue: SUPERSTEP_QUEUE,
        workflowBundle: { codePath: configuration.workflowBundle },
        activities: {
          ...createProjectActivities({ artifacts, environment, projectRoots, policies }),
          ...createRegistrationActivities({ registry, artifacts }),
          ...createPromotionActivities(promotion),
          ...createAdoptionActivities({ ...promotion, projectRoots }),
          ...createRecertificationActivities(promotion),
          ...createRetrainingActivities({ registry, artifacts }),
          ...createAuditActivities({ db: database, artifacts, environment, policies, home, serverKey, now }),
          ...createDeliveryActivities({
            db: database,
            environment,
            policies,
            home,
            secrets: await loadSecretBox(home),
            now,
            print: (text) => process.stdout.write(asNotice(text)),
            smtp: (variable) => configuration.mailServers[variable],
          }),
        },
      },
    ],
    close,
  };
}

/** All that reads or writes the lake, and training, one at a time. */
async function composeData(configuration: WorkerConfiguration): Promise<Composition> {
  const paths = environmentPaths(configuration.home);
  await sweepLeftovers([paths.scratch, join(paths.artifacts, 'incoming')], Date.now());
  const { registry, artifacts, close } = await openGovernance(configuration);
  const lake = await openLake({
    catalogFile: paths.lakeCatalog,
    dataFolder: paths.lakeData,
    scratchFolder: paths.scratch,
    extensionsFolder: configuration.duckdbExtensions,
    threads: configuration.threads,
    memoryLimit: configuration.lakeMemory,
  });
  const { lightgbmLib, threads } = configuration;
  const deps = { lake, registry, artifacts, exports: paths.exports, lightgbmLib, threads };
  return {
    workerOptions: [
      {
        taskQueue: DATA_QUEUE,
        // Two at once keep both cores busy; more would only share the lake's memory among them.
        maxConcurrentActivityTaskExecutions: 2,
        activities: {
          ...createRefreshActivities(deps),
          ...createDatasetActivities(deps),
          ...createPredictionActivities(deps),
          ...createMonitoringActivities(deps),
        },
      },
      { taskQueue: TRAIN_QUEUE, maxConcurrentActivityTaskExecutions: 1, activities: createTrainingActivities(deps) },
    ],
    close: async () => {
      await lake.close();
      await close();
    },
  };
}

async function openGovernance(configuration: WorkerConfiguration) {
  const paths = environmentPaths(configuration.home);
  await mkdir(configuration.home, { recursive: true });
  const database = openRegistryDatabase(configuration.registry);
  await database.migrate();
  const artifacts = createArtifactStore({ folder: paths.artifacts });
  const registry = createRegistry({ db: database, artifacts, now: () => new Date() });
  return { registry, database, artifacts, close: () => database.close() };
}
