import knexFactory from 'knex';

/** How much is in the registries before anything is measured. */
export interface Filling {
  readonly runs: number;
  readonly versions: number;
}

/** The model with many versions, and the experiment with many runs (MLflow's own default one). */
export const FULL_MODEL = 'bench-versions';
export const FULL_EXPERIMENT = '0';
/** A metric of each run, between 0 and 1, spread evenly. */
export const FULL_METRIC = 'auc';

// Numbers from 1 to :n; SQLite makes them faster than any client sends them.
const COUNT = 'with recursive n(i) as (select 1 union all select i + 1 from n where i < :n)';
const RUN_ID = `printf('%032x', i)`;
/** A walk over 0 to 1 in no order: the golden ratio spreads them evenly. */
const VALUE = `(i * 0.6180339887 - cast(i * 0.6180339887 as integer))`;

/** Set-up, not measured: rows straight into Superstep's SQLite file, of an environment that nothing else uses yet. */
export async function fillSuperstep(file: string, { runs, versions }: Filling): Promise<void> {
  await inSqlite(file, [
    [
      `${COUNT} insert into runs (id, experiment_id, name, status, started_ms, ended_ms, artifact_uri)
       select ${RUN_ID}, 0, 'run ' || i, 'FINISHED', 1700000000000 + i, 1700000001000 + i, 'mlflow-artifacts:/0/' || ${RUN_ID} || '/artifacts' from n`,
      runs,
    ],
    ...(['metrics', 'latest_metrics'] as const).map((table): readonly [string, number] => [
      `${COUNT} insert into ${table} (run_id, key, value, is_nan, step, timestamp_ms)
       select ${RUN_ID}, '${FULL_METRIC}', ${VALUE}, 0, 0, 1700000000000 + i from n`,
      runs,
    ]),
    [`insert into registered_models (name, created_at, updated_at) select :model, :at, :at where :n > 0`, versions],
    [
      `${COUNT} insert into model_versions (model, version, stage, source, created_at, updated_at)
       select :model, i, 'None', 's3://bucket/' || i, :at, :at from n`,
      versions,
    ],
  ]);
}

/** Set-up, not measured: the same rows into the SQLite file of MLflow's server, once it has made its tables. */
export async function fillMlflow(file: string, { runs, versions }: Filling): Promise<void> {
  await inSqlite(file, [
    [
      `${COUNT} insert into runs (run_uuid, experiment_id, name, user_id, status, lifecycle_stage, start_time, end_time, artifact_uri)
       select ${RUN_ID}, 0, 'run ' || i, '', 'FINISHED', 'active', 1700000000000 + i, 1700000001000 + i, 'mlflow-artifacts:/0/' || ${RUN_ID} || '/artifacts' from n`,
      runs,
    ],
    ...(['metrics', 'latest_metrics'] as const).map((table): readonly [string, number] => [
      `${COUNT} insert into ${table} (run_uuid, key, value, is_nan, step, timestamp)
       select ${RUN_ID}, '${FULL_METRIC}', ${VALUE}, 0, 0, 1700000000000 + i from n`,
      runs,
    ]),
    [
      `insert into registered_models (name, creation_time, last_updated_time, workspace) select :model, 0, 0, 'default' where :n > 0`,
      versions,
    ],
    [
      `${COUNT} insert into model_versions (name, version, creation_time, last_updated_time, current_stage, source, status, workspace)
       select :model, i, 0, 0, 'None', 's3://bucket/' || i, 'READY', 'default' from n`,
      versions,
    ],
  ]);
}

async function inSqlite(file: string, statements: readonly (readonly [sql: string, n: number])[]): Promise<void> {
  const knex = knexFactory({ client: 'sqlite3', connection: { filename: file }, useNullAsDefault: true });
  try {
    await knex.transaction(async (trx) => {
      for (const [sql, n] of statements) {
        const values = { n, model: FULL_MODEL, at: '2026-01-01T00:00:00.000Z' };
        const used = Object.entries(values).filter(([name]) => sql.includes(`:${name}`));
        await trx.raw(sql, Object.fromEntries(used));
      }
    });
  } finally {
    await knex.destroy();
  }
}
