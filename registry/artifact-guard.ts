import type { Knex } from 'knex';
import { SuperstepError } from '../contracts/failure-types.ts';
import { pathAndFolders } from './artifact-paths.ts';
import { pathOfArtifactUri } from './models/source-guard.ts';

/** `direct_changes` of the environment's policy. */
export type DirectChanges = 'allowed' | 'refused';

const ROOT = 'mlflow-artifacts:/';

interface Guarded {
  /** The folder, or the file, that is guarded. */
  readonly path: string;
  readonly what: string;
  /** Nothing may be added either. */
  readonly closed: boolean;
}

/**
 * What a gate judged must stay what it was: nothing is put among the files of a run of this engine, nor under the source
 * of a registered version once its model file is known. Before that its makers may add what is missing, and replace
 * nothing.
 *
 * @param replaces whether a file of another content has the path now
 * @throws NotAuthorized where the policy refuses direct changes
 */
export async function requireWritable(
  trx: Knex,
  { path, replaces }: { readonly path: string; readonly replaces: boolean },
  directChanges: DirectChanges,
): Promise<void> {
  if (directChanges === 'allowed') return;
  const guard = (await guardedAround(trx, path)).find(({ closed }) => closed || replaces);
  if (guard !== undefined) throw refused(path, guard, replaces ? 'be replaced' : 'be added');
}

/**
 * The same for a file, or a folder with all below.
 *
 * @throws NotAuthorized where the policy refuses direct changes
 */
export async function requireDeletable(trx: Knex, path: string, directChanges: DirectChanges): Promise<void> {
  if (directChanges === 'allowed') return;
  const [guard] = [...(await guardedAround(trx, path)), ...(await guardedBelow(trx, path))];
  if (guard !== undefined) throw refused(path, guard, 'be deleted');
}

/** What is guarded and holds this path. */
async function guardedAround(trx: Knex, path: string): Promise<Guarded[]> {
  const folders = pathAndFolders(path);
  const uris = folders.map((folder) => ROOT + folder);
  const runIds = path.split('/').filter((segment) => /^[0-9a-f]{32}$/.test(segment));
  const guarded = [
    ...(await versionsAt(trx, (query) => query.whereIn(LOCATION, uris))),
    ...(await runsAt(trx, (query) => query.whereIn('id', runIds))),
  ];
  return guarded.filter((guard) => folders.includes(guard.path));
}

/** What is guarded and lies below this path. */
async function guardedBelow(trx: Knex, path: string): Promise<Guarded[]> {
  const inside = (column: string) => (query: Knex.QueryBuilder) =>
    query.where(column, '>', `${ROOT}${path}/`).where(column, '<', `${ROOT}${path}0`);
  const guarded = [...(await versionsAt(trx, inside(LOCATION))), ...(await runsAt(trx, inside('artifact_uri')))];
  return guarded.filter((guard) => guard.path.startsWith(`${path}/`));
}

type Narrow = (query: Knex.QueryBuilder) => Knex.QueryBuilder;

/** Where a version's files are: its source, or where that leads to. */
const LOCATION = 'location';

async function versionsAt(trx: Knex, narrow: Narrow): Promise<Guarded[]> {
  const located = trx('model_versions')
    .whereNull('deleted_at')
    .select('model', 'version', 'onnx_sha256', trx.raw('coalesce(download_uri, source) as location'));
  const rows = await trx
    .from(located.as('located'))
    .where((query) => void spelledOtherwise(narrow(query), LOCATION))
    .select<{ model: string; version: number; onnx_sha256: string | null; location: string }[]>('*');
  return rows.flatMap(({ model, version, onnx_sha256, location }) =>
    guardedAt(location, `the source of ${model} version ${version}`, onnx_sha256 !== null),
  );
}

/** Runs of this engine: evidence is made of their files. Those of clients have no natural key. */
async function runsAt(trx: Knex, narrow: Narrow): Promise<Guarded[]> {
  const rows = await trx('runs')
    .whereNotNull('natural_key')
    .where((query) => void spelledOtherwise(narrow(query), 'artifact_uri'))
    .select<{ id: string; artifact_uri: string }[]>('id', 'artifact_uri');
  return rows.flatMap(({ id, artifact_uri }) => guardedAt(artifact_uri, `run ${id} of a workflow`, true));
}

/** The same place may be spelt with more slashes, fewer, encoded or in capitals: those few are compared one by one. */
function spelledOtherwise(query: Knex.QueryBuilder, column: string): Knex.QueryBuilder {
  const other = `like '%//%' or ?? like '%!%%' escape '!' or substr(??, 1, ${ROOT.length}) <> '${ROOT}'`;
  return query.orWhereRaw(`lower(??) like 'mlflow-artifacts:%' and (?? ${other})`, Array<string>(4).fill(column));
}

function guardedAt(uri: string, what: string, closed: boolean): Guarded[] {
  const path = pathOf(uri);
  return path === undefined ? [] : [{ path, what, closed }];
}

function pathOf(uri: string): string | undefined {
  try {
    return pathOfArtifactUri(uri);
  } catch {
    // Nothing that the proxy serves lies there.
    return undefined;
  }
}

function refused(path: string, { what }: Guarded, done: string): SuperstepError {
  return new SuperstepError(
    'NotAuthorized',
    `${path} cannot ${done}: it belongs to ${what}, which was or will be judged as it is; log another run and register a new version`,
    { path, guard: what },
  );
}
