import type { Knex } from 'knex';
import { SuperstepError } from '../contracts/failure-types.ts';
import type { ArtifactRef } from '../contracts/references.ts';
import type { ArtifactStore } from './artifact-store.ts';
import { canonicalJson, sha256Hex } from './canonical-json.ts';
import { insertAll, type RegistryDatabase } from './database.ts';
import { idFromKey } from './natural-keys.ts';

export interface LogRunInput {
  /** Names the run's inputs, for example snapshot and project digest: the same key is the same run. */
  readonly naturalKey: string;
  readonly experiment: string;
  readonly name: string;
  readonly params: Readonly<Record<string, string | number | boolean>>;
  readonly metrics: Readonly<Record<string, number>>;
  readonly tags: Readonly<Record<string, string>>;
  readonly artifacts: Readonly<Record<string, ArtifactRef>>;
  /** What the run read, by name: dataset, snapshot, project. Any JSON. */
  readonly inputs: Readonly<Record<string, unknown>>;
  /** ISO instant; the default is now. */
  readonly startedAt?: string;
}

export interface Run {
  readonly runId: string;
  readonly experiment: string;
  readonly name: string;
  readonly status: string;
  readonly startedAt: string;
  readonly endedAt: string | null;
  readonly params: Readonly<Record<string, string>>;
  readonly metrics: Readonly<Record<string, number>>;
  readonly tags: Readonly<Record<string, string>>;
  readonly artifacts: Readonly<Record<string, ArtifactRef>>;
  readonly inputs: Readonly<Record<string, unknown>>;
}

interface RunRow {
  readonly id: string;
  readonly experiment: string;
  readonly name: string;
  readonly status: string;
  readonly artifact_uri: string;
  readonly started_ms: number;
  readonly ended_ms: number | null;
}

interface MetricRow {
  readonly key: string;
  readonly value: number;
  readonly is_nan: number | boolean;
}

/** What stands before a path of `artifact_files` in the URIs that clients see. */
export const ARTIFACT_ROOT = 'mlflow-artifacts:/';

export interface TrackingDeps {
  readonly db: RegistryDatabase;
  readonly artifacts: ArtifactStore;
  readonly now: () => Date;
}

/** Experiments and runs, as MLflow's tracking has them. */
export function createTracking({ db, artifacts, now }: TrackingDeps) {
  return {
    /** Records a finished run with all that belongs to it, once per natural key. Its artifacts must be stored already. */
    logRun: async (input: LogRunInput): Promise<{ readonly runId: string }> => {
      for (const [name, ref] of Object.entries(input.artifacts))
        await requireStored(artifacts, ref, `artifact "${name}"`);
      const runId = idFromKey('run', input.naturalKey);
      await db.write(async (trx) => {
        if ((await trx('runs').where({ id: runId }).first('id')) !== undefined) return;
        const at = now();
        const experimentId = await requireExperiment(trx, input.experiment, at.toISOString());
        const artifactUri = `${ARTIFACT_ROOT}${experimentId}/${runId}/artifacts`;
        await trx('runs').insert({
          id: runId,
          natural_key: input.naturalKey,
          experiment_id: experimentId,
          name: input.name,
          status: 'FINISHED',
          started_ms: input.startedAt === undefined ? at.getTime() : Date.parse(input.startedAt),
          ended_ms: at.getTime(),
          artifact_uri: artifactUri,
        });
        await insertDetails(trx, runId, input, at);
        await insertArtifacts(trx, artifactFolder(artifactUri), input.artifacts, at);
      });
      return { runId };
    },

    /** @throws InvalidInput when there is no such run */
    getRun: (runId: string): Promise<Run> =>
      db.read(async (knex) => {
        const row = await knex('runs')
          .join('experiments', 'experiments.id', 'runs.experiment_id')
          .where({ 'runs.id': runId })
          .first<RunRow | undefined>('runs.*', { experiment: 'experiments.name' });
        if (row === undefined) throw unknownRun(runId);
        return {
          runId: row.id,
          experiment: row.experiment,
          name: row.name,
          status: row.status,
          startedAt: isoInstant(row.started_ms),
          endedAt: row.ended_ms === null ? null : isoInstant(row.ended_ms),
          ...(await selectDetails(knex, runId)),
          artifacts: await selectArtifacts(knex, row.artifact_uri),
        };
      }),
  };
}

/** Clients may write any number; what lies beyond the last instant is the last. */
function isoInstant(ms: number): string {
  return new Date(Math.max(-LAST_INSTANT_MS, Math.min(ms, LAST_INSTANT_MS))).toISOString();
}

const LAST_INSTANT_MS = 8.64e15;

/** @throws InvalidInput when there is no such run */
export async function requireRun(knex: Knex, runId: string): Promise<void> {
  if ((await knex('runs').where({ id: runId }).first('id')) === undefined) throw unknownRun(runId);
}

/** A reference in the registry always has its file: whoever records must have stored first. @throws InvalidInput */
export async function requireStored(artifacts: ArtifactStore, ref: ArtifactRef, what: string): Promise<void> {
  const path = artifacts.path(ref);
  if (await artifacts.has(ref.sha256)) return;
  throw new SuperstepError(
    'InvalidInput',
    `${what} is not in the artifact store; expected ${path}; store it, then record it`,
    {
      path,
      sha256: ref.sha256,
    },
  );
}

function unknownRun(runId: string): SuperstepError {
  return new SuperstepError('InvalidInput', `there is no run "${runId}"; expected an id that logRun gave out`, {
    runId,
  });
}

/** The experiment's id; a new name is a new experiment. */
async function requireExperiment(trx: Knex, name: string, at: string): Promise<number> {
  const found = await trx('experiments').where({ name }).first<{ id: number } | undefined>('id');
  if (found !== undefined) return found.id;
  const inserted = await trx('experiments').insert({ name, created_at: at, updated_at: at }, 'id');
  const { id } = inserted[0] as { readonly id: number };
  await trx('experiments')
    .where({ id })
    .update({ artifact_location: `${ARTIFACT_ROOT}${id}` });
  return id;
}

async function insertDetails(trx: Knex, runId: string, input: LogRunInput, at: Date): Promise<void> {
  const texts = (values: Readonly<Record<string, unknown>>): object[] =>
    Object.entries(values).map(([key, value]) => ({ run_id: runId, key, value: String(value) }));
  await insertAll(trx, 'params', texts(input.params));
  await insertAll(trx, 'tags', texts(input.tags));
  const metrics = Object.entries(input.metrics).map(([key, value]) => {
    return { run_id: runId, key, step: 0, timestamp_ms: at.getTime(), ...storedMetric(value) };
  });
  await insertAll(trx, 'metrics', metrics);
  await insertAll(trx, 'latest_metrics', metrics);
  const inputs = Object.entries(input.inputs)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => {
      const content = canonicalJson(value);
      return { run_id: runId, name, digest: sha256Hex(content), content };
    });
  await insertAll(trx, 'run_inputs', inputs);
}

/** A metric's value as columns. NaN is a mark beside 0; an infinity becomes the largest number, as MLflow has it. */
export function storedMetric(value: number): { readonly value: number; readonly is_nan: boolean } {
  if (Number.isNaN(value)) return { value: 0, is_nan: true };
  return { value: Math.min(Math.max(value, -Number.MAX_VALUE), Number.MAX_VALUE), is_nan: false };
}

/** Where a run's artifacts stand among the artifact files. */
function artifactFolder(artifactUri: string): string {
  return `${artifactUri.slice(ARTIFACT_ROOT.length)}/`;
}

async function insertArtifacts(
  trx: Knex,
  folder: string,
  artifacts: LogRunInput['artifacts'],
  at: Date,
): Promise<void> {
  const files = Object.entries(artifacts).map(([name, { sha256, bytes }]) => {
    return { path: `${folder}${name}`, sha256, bytes, updated_at: at.toISOString() };
  });
  await insertAll(trx, 'artifact_files', files);
}

async function selectArtifacts(knex: Knex, artifactUri: string): Promise<Run['artifacts']> {
  // A client's run may keep its artifacts elsewhere.
  if (!artifactUri.startsWith(ARTIFACT_ROOT)) return {};
  const folder = artifactFolder(artifactUri);
  // Everything that begins with the folder's name: "0" comes right after "/".
  const files = await knex('artifact_files')
    .where('path', '>', folder)
    .where('path', '<', `${folder.slice(0, -1)}0`)
    .orderBy('path')
    .select<{ path: string; sha256: string; bytes: number }[]>('path', 'sha256', 'bytes');
  return Object.fromEntries(
    files.map(({ path, sha256, bytes }) => [
      path.slice(folder.length),
      { uri: `artifact:sha256/${sha256}`, sha256, bytes },
    ]),
  );
}

async function selectDetails(knex: Knex, runId: string): Promise<Pick<Run, 'params' | 'metrics' | 'tags' | 'inputs'>> {
  const ofRun = { run_id: runId };
  const texts = async (table: string): Promise<Record<string, string>> => {
    const rows = await knex(table).where(ofRun).orderBy('key').select<{ key: string; value: string }[]>('key', 'value');
    return Object.fromEntries(rows.map((row) => [row.key, row.value]));
  };
  const metrics = await knex('latest_metrics')
    .where(ofRun)
    .orderBy('key')
    .select<MetricRow[]>('key', 'value', 'is_nan');
  const inputs = await knex('run_inputs')
    .where(ofRun)
    .orderBy('name')
    .select<{ name: string; content: string }[]>('name', 'content');
  return {
    params: await texts('params'),
    tags: await texts('tags'),
    metrics: Object.fromEntries(metrics.map((m) => [m.key, m.is_nan ? Number.NaN : m.value])),
    inputs: Object.fromEntries(inputs.map((row) => [row.name, JSON.parse(row.content) as unknown])),
  };
}
