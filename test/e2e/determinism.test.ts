import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RefreshFeaturesResult } from '../../contracts/refresh-features.ts';
import type { TrainModelResult } from '../../contracts/train-model.ts';
import type { Mlmodel } from '../../registry/mlmodel.ts';
import { runSql } from '../support/delayed-flights.ts';
import { PROJECT } from '../support/small-flights.ts';
import { runWorkflow, startTestStack, type TestStack } from '../support/test-stack.ts';

const AS_OF = '2001-02-20T00:00:00Z';
const LANDED = 'date + to_minutes(greatest(1, 30 + distance // 8 + delay))';

describe('trainModel twice on the same pinned inputs', () => {
  let superstep: TestStack;
  let first: TrainModelResult;
  let second: TrainModelResult;
  beforeAll(async () => {
    superstep = await startTestStack();
    const { client } = superstep;
    const refreshed = await runWorkflow<RefreshFeaturesResult>(
      client,
      'refreshFeatures',
      `refresh-features/${PROJECT}`,
      { project: PROJECT, asOf: AS_OF },
    );
    const input = { project: PROJECT, asOf: AS_OF, snapshot: refreshed.snapshot };
    first = await runWorkflow<TrainModelResult>(client, 'trainModel', `train-model/${PROJECT}/first`, input);
    second = await runWorkflow<TrainModelResult>(client, 'trainModel', `train-model/${PROJECT}/second`, input);
  });
  afterAll(() => superstep?.stop());

  it('gives the same ONNX bytes, as two versions', async () => {
    expect(second.onnx).toEqual(first.onnx);
    expect(second.metrics).toEqual(first.metrics);
    expect([first.version, second.version]).toEqual([1, 2]);
    const { registry } = await superstep.records();
    const runs = await Promise.all([first, second].map(({ runId }) => registry.getRun(runId)));
    // These two name their workflow and their run.
    const own = ['model-card.md', 'model/MLmodel'].map((name) => [name, runs[1]?.artifacts[name]]);
    expect(runs[1]?.artifacts).toEqual({ ...runs[0]?.artifacts, ...Object.fromEntries(own) });
  });

  it('logs the model where MLflow’s clients find it, once', async () => {
    const { registry, artifacts } = await superstep.records();
    const { artifacts: files } = await registry.getRun(first.runId);
    expect(Object.keys(files).filter((name) => name.endsWith('.onnx'))).toEqual(['model/model.onnx']);
    expect(files['model/model.onnx']).toEqual(first.onnx);
    const mlmodel = await artifacts.readJson<Mlmodel>(files['model/MLmodel'] ?? first.onnx);
    expect(mlmodel).toMatchObject({
      artifact_path: 'model',
      run_id: first.runId,
      model_size_bytes: first.onnx.bytes,
      utc_time_created: '2001-02-20 00:00:00.000000',
      flavors: { onnx: { data: 'model.onnx' }, python_function: { loader_module: 'mlflow.onnx' } },
    });
    expect(mlmodel.signature.inputs).toContain('{"name":"airport_hour.late_rate_24h","type":"double","required":true}');
    const version = await registry.getModelVersion(first.model, first.version);
    expect(version.onnxPath).toBe(`${version.source.replace('mlflow-artifacts:/', '')}/model.onnx`);
  });

  it('trains on rows that tell nothing from the future', async () => {
    const { registry, artifacts } = await superstep.records();
    const { artifacts: files } = await registry.getRun(first.runId);
    const dataset = `read_parquet('${artifacts.path(files['dataset.parquet'] ?? { uri: '', sha256: '', bytes: 0 })}')`;
    const { sourceFile } = superstep.project;
    const labels = await runSql(
      `SELECT count(*)::INTEGER AS rows, max(s.landed) <= TIMESTAMP '2001-02-20' AS known,
         bool_and(d.late = (s.delay > 15)::INTEGER) AS right
       FROM ${dataset} AS d JOIN (SELECT delay, ${LANDED} AS landed, file_row_number AS _row FROM read_parquet('${sourceFile}', file_row_number = true)) AS s USING (_row)`,
    );
    expect(labels).toEqual([
      { rows: (first.metrics['train_rows'] ?? 0) + (first.metrics['holdout_rows'] ?? 0), known: true, right: true },
    ]);

    // The airport's last 24 hours, by every landing known at the full hour before the row, straight from the raw file.
    const differing = await runSql(
      `WITH sample AS (FROM ${dataset} ORDER BY hash(_row) LIMIT 400),
         landings AS (SELECT *, ${LANDED} AS landed FROM '${sourceFile}'),
         brute AS (
           SELECT s._row, count(f.date) AS flights, avg((f.delay > 15)::INTEGER)::FLOAT AS late_rate
           FROM sample AS s LEFT JOIN landings AS f ON f.origin = s.origin AND f.delay BETWEEN -120 AND 1440
             AND f.landed <= date_trunc('hour', s.event_time) AND f.landed > date_trunc('hour', s.event_time) - INTERVAL 24 HOUR
           GROUP BY s._row
         )
       SELECT s._row FROM sample AS s JOIN brute AS b USING (_row)
       WHERE b.flights > 0 AND (s."airport_hour.late_rate_24h" IS DISTINCT FROM b.late_rate
         OR s."airport_hour.flights_24h" IS DISTINCT FROM b.flights::FLOAT)`,
    );
    expect(differing).toEqual([]);
  });
});
