import { randomUUID } from 'node:crypto';
import type { Knex } from 'knex';
import { SuperstepError } from '../../contracts/failure-types.ts';
import type { RegistryDatabase } from '../database.ts';
import { compileRunSearch } from '../search/compile-search.ts';
import { offsetOf } from '../search/page-token.ts';
import { experimentScope, nextPage, requireActive, stageOf, type Tag, type ViewType } from './experiments.ts';
import { insertRows } from './insert-rows.ts';
import { randomRunName } from './random-run-name.ts';
import {
  completeRuns,
  RUN_COLUMNS,
  RUN_NAME_TAG,
  runInfoOf,
  type RunInfo,
  type RunRecord,
  type RunRow,
  type RunStatus,
} from './run-record.ts';
import { experimentNumber, requireKey, storedTag, unknownRun } from './tracking-rules.ts';

export interface NewRun {
  readonly experimentId: string;
  readonly userId?: string | undefined;
  readonly name?: string | undefined;
  /** Milliseconds since 1970; the default is now. */
  readonly startedMs?: number | undefined;
  readonly tags: readonly Tag[];
}

export interface RunUpdate {
  readonly status?: RunStatus | undefined;
  readonly endedMs?: number | undefined;
  readonly name?: string | undefined;
}

export interface RunSearch {
  readonly experimentIds: readonly string[];
  readonly viewType: ViewType;
  readonly maxResults: number;
  readonly pageToken?: string | undefined;
  readonly filter?: string | undefined;
  readonly orderBy?: readonly string[] | undefined;
}

export interface RunsDeps {
  readonly db: RegistryDatabase;
  readonly now: () => Date;
}

/** Runs as MLflow's clients make and find them. Unknown ids are `UnknownResource`, other faults `InvalidInput`. */
export function createRuns({ db, now }: RunsDeps) {
  return {
    createRun: async (input: NewRun): Promise<RunRecord> => {
      const tags = namedTags(input);
      const runId = randomUUID().replaceAll('-', '');
      const create = async (trx: Knex): Promise<RunRecord> => {
        const experiment = await requireActive(trx, input.experimentId);
        await trx('runs').insert({
          id: runId,
          experiment_id: experiment.id,
          name: tags.get(RUN_NAME_TAG),
          user_id: input.userId ?? '',
          status: 'RUNNING',
          started_ms: input.startedMs ?? now().getTime(),
          artifact_uri: `${experiment.artifact_location}/${runId}/artifacts`,
        });
        await setTags(trx, runId, tags);
        return completeRun(trx, await requireRow(trx, runId));
      };
      return db.write(create, { scope: experimentScope(input.experimentId) });
    },

    getRunRecord: (runId: string): Promise<RunRecord> =>
      db.read(async (knex) => completeRun(knex, await requireRow(knex, runId))),

    updateRun: (runId: string, { status, endedMs, name }: RunUpdate): Promise<RunInfo> => {
      const update = async (trx: Knex): Promise<RunInfo> => {
        await requireActiveRun(trx, runId);
        const changes = {
          ...(status === undefined ? {} : { status }),
          ...(endedMs === undefined ? {} : { ended_ms: endedMs }),
        };
        if (Object.keys(changes).length > 0) await trx('runs').where({ id: runId }).update(changes);
        if (name !== undefined && name !== '') await setTags(trx, runId, new Map([[RUN_NAME_TAG, storedTag(name)]]));
        return runInfoOf(await requireRow(trx, runId));
      };
      return db.write(update, { scope: runScope(runId) });
    },

    deleteRun: (runId: string): Promise<void> => moveRun(db, runId, 'deleted'),
    restoreRun: (runId: string): Promise<void> => moveRun(db, runId, 'active'),

    /** The page's ids by one query, then what hangs on them. */
    searchRuns: async (search: RunSearch) => {
      const apply = compileRunSearch({ filter: search.filter, orderBy: search.orderBy });
      const offset = offsetOf(search.pageToken);
      const experiments = search.experimentIds.map(experimentNumber);
      if (experiments.length === 0) return { runs: [] };
      return db.read(async (knex) => {
        const query = knex('runs').select<RunRow[]>(RUN_COLUMNS).whereIn('runs.experiment_id', experiments);
        if (search.viewType !== 'ALL') void query.where('runs.lifecycle_stage', stageOf(search.viewType));
        apply(query);
        const rows = await query.limit(search.maxResults + 1).offset(offset);
        const runs = await completeRuns(knex, rows.slice(0, search.maxResults));
        return { runs, ...nextPage(rows.length, search.maxResults, offset) };
      });
    },
  };
}

export type Runs = ReturnType<typeof createRuns>;

/** The scope of writers that touch this run alone. */
export function runScope(runId: string): string {
  return `run/${runId}`;
}

/**
 * A run that takes changes.
 *
 * @throws UnknownResource, or InvalidInput for a deleted one
 */
export async function requireActiveRun(knex: Knex, runId: string): Promise<RunRow> {
  const row = await requireRow(knex, runId);
  if (row.lifecycle_stage === 'active') return row;
  throw new SuperstepError(
    'InvalidInput',
    `The run ${runId} must be in the 'active' state; found deleted; restore it first`,
    { runId },
  );
}

/**
 * A run that takes measurements. One that a workflow recorded is evidence: gates have judged what it says.
 *
 * @throws UnknownResource, InvalidInput for a deleted one, NotAuthorized for a workflow's
 */
export async function requireOpenRun(knex: Knex, runId: string): Promise<RunRow> {
  const row = await requireActiveRun(knex, runId);
  if (row.natural_key === null) return row;
  throw new SuperstepError(
    'NotAuthorized',
    `the run ${runId} was recorded by a workflow and is evidence: it takes tags, but no more metrics, params or inputs; log to a run of your own`,
    { runId },
  );
}

/** Sets tags of a run; the tag of its name renames it. */
export async function setTags(trx: Knex, runId: string, tags: ReadonlyMap<string, string>): Promise<void> {
  const rows = [...tags].map(([key, value]) => [runId, key, value]);
  const then = 'on conflict (run_id, key) do update set value = excluded.value';
  await insertRows(trx, 'tags', ['run_id', 'key', 'value'], rows, then);
  const name = tags.get(RUN_NAME_TAG);
  if (name !== undefined) await trx('runs').where({ id: runId }).update({ name });
}

export async function requireRow(knex: Knex, runId: string): Promise<RunRow> {
  const row = await knex('runs').where({ id: runId }).first<RunRow | undefined>(RUN_COLUMNS);
  if (row === undefined) throw unknownRun(runId);
  return row;
}

async function completeRun(knex: Knex, row: RunRow): Promise<RunRecord> {
  const [record] = await completeRuns(knex, [row]);
  if (record === undefined) throw unknownRun(row.id);
  return record;
}

function moveRun(db: RegistryDatabase, runId: string, stage: 'active' | 'deleted'): Promise<void> {
  const move = async (trx: Knex): Promise<void> => {
    await requireRow(trx, runId);
    await trx('runs').where({ id: runId }).update({ lifecycle_stage: stage });
  };
  return db.write(move, { scope: runScope(runId) });
}

/** The run's tags with its name among them: name and tag are one value, made up when neither is given. */
function namedTags({ name, tags }: NewRun): ReadonlyMap<string, string> {
  tags.forEach(({ key }, i) => requireKey(key, `tags[${i}].key`));
  const stored = new Map(tags.map(({ key, value }) => [key, storedTag(value)]));
  const tagged = stored.get(RUN_NAME_TAG) || undefined;
  const given = name === undefined || name === '' ? undefined : storedTag(name);
  if (given !== undefined && tagged !== undefined && given !== tagged) {
    throw new SuperstepError(
      'InvalidInput',
      `Both 'run_name' argument and '${RUN_NAME_TAG}' tag are specified, but with different values (run_name='${given.slice(0, 250)}', ${RUN_NAME_TAG}='${tagged.slice(0, 250)}')`,
    );
  }
  return stored.set(RUN_NAME_TAG, given ?? tagged ?? randomRunName());
}
