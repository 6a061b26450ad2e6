import type { Experiment, Tag } from '../tracking/experiments.ts';
import type { PointOfRun } from '../tracking/metric-history.ts';
import type { DatasetInput, MetricPoint, RunInfo, RunRecord } from '../tracking/run-record.ts';
import { writeDouble } from './doubles.ts';

/** A list under a name, left out when empty, as proto2-JSON does. */
export function unlessEmpty<K extends string, T>(name: K, list: readonly T[]): Partial<Record<K, readonly T[]>> {
  return list.length === 0 ? {} : ({ [name]: list } as Record<K, readonly T[]>);
}

export function pageToken(page: { readonly nextPageToken?: string }): { readonly next_page_token?: string } {
  return page.nextPageToken === undefined ? {} : { next_page_token: page.nextPageToken };
}

export function experimentAnswer(experiment: Experiment): object {
  return {
    experiment_id: experiment.experimentId,
    name: experiment.name,
    artifact_location: experiment.artifactLocation,
    lifecycle_stage: experiment.lifecycleStage,
    last_update_time: experiment.updatedMs,
    creation_time: experiment.createdMs,
    ...unlessEmpty('tags', experiment.tags),
  };
}

export function runInfoAnswer(info: RunInfo): object {
  return {
    run_uuid: info.runId,
    experiment_id: info.experimentId,
    run_name: info.name,
    user_id: info.userId,
    status: info.status,
    start_time: info.startedMs,
    ...(info.endedMs === null ? {} : { end_time: info.endedMs }),
    artifact_uri: info.artifactUri,
    lifecycle_stage: info.lifecycleStage,
    run_id: info.runId,
  };
}

/** The answer of create leaves `outputs` out; those of get and search have it always. */
export function runAnswer(run: RunRecord, options: { readonly outputs: boolean }): object {
  const outputs = run.modelOutputs.map(({ modelId, step }) => ({ model_id: modelId, step }));
  return {
    info: runInfoAnswer(run.info),
    data: {
      ...unlessEmpty('metrics', run.metrics.map(metricAnswer)),
      ...unlessEmpty('params', run.params),
      ...unlessEmpty('tags', run.tags),
    },
    inputs: {
      ...unlessEmpty('dataset_inputs', run.datasetInputs.map(datasetInputAnswer)),
      ...unlessEmpty(
        'model_inputs',
        run.modelInputs.map((modelId) => ({ model_id: modelId })),
      ),
    },
    ...(options.outputs ? { outputs: unlessEmpty('model_outputs', outputs) } : {}),
  };
}

export function metricAnswer({ key, value, timestampMs, step }: MetricPoint): object {
  return { key, value: writeDouble(value), timestamp: timestampMs, step };
}

export function pointOfRunAnswer(point: PointOfRun): object {
  return { ...metricAnswer(point), run_id: point.runId };
}

function datasetInputAnswer({ dataset, tags }: DatasetInput): object {
  return {
    ...unlessEmpty<'tags', Tag>('tags', tags),
    dataset: {
      name: dataset.name,
      digest: dataset.digest,
      source_type: dataset.sourceType,
      source: dataset.source,
      ...(dataset.schema === undefined ? {} : { schema: dataset.schema }),
      ...(dataset.profile === undefined ? {} : { profile: dataset.profile }),
    },
  };
}
