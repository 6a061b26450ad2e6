import type { Knex } from 'knex';
import { SuperstepError } from '../contracts/failure-types.ts';
import type { ArtifactRef } from '../contracts/references.ts';
import { requireDeletable, requireWritable, type DirectChanges } from './artifact-guard.ts';
import { joinArtifactPath, pathAndFolders } from './artifact-paths.ts';
import type { RegistryDatabase } from './database.ts';
import { isSqlite } from './database/dialect.ts';

/** A file or folder directly in a folder. */
export interface ArtifactEntry {
  readonly name: string;
  readonly isFolder: boolean;
  /** Of a file; 0 for a folder. */
  readonly bytes: number;
}

interface FileRow {
  readonly path: string;
  readonly sha256: string;
  readonly bytes: number | string;
}

/**
 * The index of artifacts by path: what stands behind `mlflow-artifacts:/`. A row names content in the artifact store;
 * putting replaces the row and deleting removes it, the content itself stays for whoever names it by its digest. Paths
 * come from `cleanArtifactPath`.
 */
export interface ArtifactFiles {
  /** Names stored content by a path, which it takes over from what had it. @throws InvalidInput, NotAuthorized */
  readonly put: (path: string, ref: ArtifactRef, directChanges: DirectChanges) => Promise<void>;
  readonly get: (path: string) => Promise<ArtifactRef | undefined>;
  /** What lies directly in a folder, by name; the root is ''. Empty for a file and for what is not there. */
  readonly list: (folder: string) => Promise<ArtifactEntry[]>;
  /** Forgets a file, or a folder with all below; what is not there already is done. @throws NotAuthorized */
  readonly delete: (path: string, directChanges: DirectChanges) => Promise<void>;
}

export function createArtifactFiles({
  db,
  now,
}: {
  readonly db: RegistryDatabase;
  readonly now: () => Date;
}): ArtifactFiles {
  return {
    put: (path, ref, directChanges) =>
      db.write(async (trx) => {
        const before = await findFile(trx, path);
        if (before?.sha256 === ref.sha256) return;
        if (before === undefined) await requireFreePlace(trx, path);
        await requireWritable(trx, { path, replaces: before !== undefined }, directChanges);
        await trx('artifact_files')
          .insert({ path, sha256: ref.sha256, bytes: ref.bytes, updated_at: now().toISOString() })
          .onConflict('path')
          .merge();
      }),

    get: (path) => db.read((knex) => findFile(knex, path)),

    list: (folder) => db.read((knex) => listFolder(knex, folder)),

    delete: (path, directChanges) =>
      db.write(async (trx) => {
        const there = await below(trx, path).orWhere({ path }).first<FileRow | undefined>('path');
        if (there === undefined) return;
        await requireDeletable(trx, path, directChanges);
        await below(trx, path).orWhere({ path }).delete();
      }),
  };
}

/** The content that a path names. */
export async function findFile(knex: Knex, path: string): Promise<ArtifactRef | undefined> {
  const row = await knex('artifact_files').where({ path }).first<FileRow | undefined>('path', 'sha256', 'bytes');
  if (row === undefined) return undefined;
  return { uri: `artifact:sha256/${row.sha256}`, sha256: row.sha256, bytes: Number(row.bytes) };
}

/** A name is a file or a folder, never both, as on any disk. */
async function requireFreePlace(trx: Knex, path: string): Promise<void> {
  const taken = await trx('artifact_files').whereIn('path', pathAndFolders(path)).first<FileRow | undefined>('path');
  if (taken !== undefined) throw conflict(path, `${taken.path} is a file`);
  if ((await below(trx, path).first('path')) !== undefined) throw conflict(path, 'it is a folder');
}

function conflict(path: string, found: string): SuperstepError {
  return new SuperstepError('InvalidInput', `cannot put ${path}: ${found}; choose another name, or delete that first`);
}

/** Rows below a folder: 0 is the character after the slash. */
function below(knex: Knex, folder: string): Knex.QueryBuilder {
  const rows = knex('artifact_files');
  return rows.where((inside) => {
    if (folder !== '') void inside.where('path', '>', `${folder}/`).where('path', '<', `${folder}0`);
  });
}

/** One row an entry, whatever lies below: a folder may hold many runs. */
async function listFolder(knex: Knex, folder: string): Promise<ArtifactEntry[]> {
  const find = isSqlite(knex) ? 'instr' : 'strpos';
  const prefix = [...joinArtifactPath(folder, '')].length + (folder === '' ? 1 : 2);
  const rest = below(knex, folder)
    .select('bytes', knex.raw('substr(path, ?) as rest', [prefix]))
    .as('below');
  const slash = `${find}(rest, '/')`;
  const rows = await knex
    .from(rest)
    .select<{ name: string; is_folder: number; bytes: number | string }[]>(
      knex.raw(`case when ${slash} > 0 then substr(rest, 1, ${slash} - 1) else rest end as name`),
      knex.raw(`max(case when ${slash} > 0 then 1 else 0 end) as is_folder`),
      knex.raw('max(bytes) as bytes'),
    )
    .groupBy('name');
  const entries = rows.map((row) => {
    const isFolder = Number(row.is_folder) === 1;
    return { name: row.name, isFolder, bytes: isFolder ? 0 : Number(row.bytes) };
  });
  return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
}
