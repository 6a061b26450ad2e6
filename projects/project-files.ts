import { realpath } from 'node:fs/promises';
import { join, sep } from 'node:path';
import type { ProjectDefinition, SilverTableDefinition } from '../contracts/schemas/project.ts';
import { shown, type Mistake } from './mistakes.ts';
import { sqlProblems } from './sql-text.ts';
import { readProblem, readTextFile, type TextFile } from './text-file.ts';
import type { YamlDocument } from './yaml-document.ts';

/** A field of project.yaml that names a SQL file. */
export interface FileReference {
  readonly path: readonly PropertyKey[];
  readonly file: string;
}

/** The silver tables of a definition by name. */
export function silverTables(definition: ProjectDefinition): [string, SilverTableDefinition][] {
  return Object.entries(definition.tables).flatMap(([name, table]) => ('sql' in table ? [[name, table]] : []));
}

/** Every field that names a SQL file. */
export function fileReferences(definition: ProjectDefinition): FileReference[] {
  const { training, gates } = definition;
  return [
    ...silverTables(definition).map(([name, table]) => ({ path: ['tables', name, 'sql'], file: table.sql })),
    ...Object.entries(definition.feature_views).map(([name, view]) => ({
      path: ['feature_views', name, 'sql'],
      file: view.sql,
    })),
    { path: ['training', 'spine'], file: training.spine },
    { path: ['training', 'labels'], file: training.labels },
    { path: ['gates', 'comparison', 'baseline', 'sql'], file: gates.comparison.baseline.sql },
  ];
}

/** Reads a file that must lie inside the folder, also after following symbolic links. */
export async function readInside(folder: string, file: string): Promise<TextFile> {
  try {
    const path = await realpath(join(folder, file));
    if (!path.startsWith(folder.endsWith(sep) ? folder : folder + sep)) {
      return { ok: false, problem: 'a link that leads out of the project folder' };
    }
    return await readTextFile(path);
  } catch (error) {
    return { ok: false, problem: readProblem(error) };
  }
}

/**
 * Reads all SQL files that a definition names; what is missing, unreadable or no plain SELECT becomes a mistake.
 *
 * @param folder real path of the project's folder
 * @param fileName how messages name a file of the project
 */
export async function readSqlFiles(
  folder: string,
  document: YamlDocument<ProjectDefinition>,
  fileName: (file: string) => string,
): Promise<{ readonly files: Record<string, string>; readonly mistakes: readonly Mistake[] }> {
  const files = new Map<string, string>();
  const mistakes: Mistake[] = [];
  for (const { path, file } of fileReferences(document.value)) {
    if (files.has(file)) continue;
    const read = await readInside(folder, file);
    if (!read.ok) {
      const found = `${shown(file)}: ${read.problem}`;
      mistakes.push(document.mistakeAt(path, found, 'a SQL file in the project folder'));
      continue;
    }
    files.set(file, read.text);
    const place = { file: fileName(file), path: '' };
    mistakes.push(...sqlProblems(read.text).map((problem) => ({ ...place, ...problem })));
  }
  return { files: sortedByKey(Object.fromEntries(files)), mistakes };
}

/** The same record with its keys in code-unit order. */
export function sortedByKey<T>(record: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}
