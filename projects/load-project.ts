import { realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { projectSchema, type ProjectDefinition } from '../contracts/schemas/project.ts';
import { contentDigest } from './content-digest.ts';
import { definitionMistakes } from './definition-checks.ts';
import { lineageMistakes } from './lineage-checks.ts';
import { mistakesFailure, shown, type Mistake } from './mistakes.ts';
import { readInside, readSqlFiles } from './project-files.ts';
import { inDependencyOrder } from './table-order.ts';
import { readProblem, type TextFile } from './text-file.ts';
import { parseYamlDocument } from './yaml-document.ts';

export const PROJECT_FILE = 'project.yaml';

/** A project that has been validated as a whole. */
export interface LoadedProject {
  /** project.yaml with defaults filled in; sources, tables and feature views in dependency order. */
  readonly definition: ProjectDefinition;
  /** SQL texts by the path that the definition uses; line ends are `\n`. */
  readonly files: Readonly<Record<string, string>>;
  /** Real path of the folder. Not part of the digest. */
  readonly folder: string;
  /** Lower-case hex sha256 over definition and files; the same wherever the folder lies. */
  readonly digest: string;
}

/**
 * Loads and validates the project in a folder: project.yaml, the SQL files that it names, and how they fit together.
 * SQL is not run here and columns are not looked up: that needs the lake.
 *
 * @param expectedName the name that project.yaml must bear, when the caller asked for a project by name
 * @throws SuperstepError InvalidProject, listing every mistake as `file:line:column: path: found X; expected Y`
 */
export async function loadProject(folder: string, expectedName?: string): Promise<LoadedProject> {
  const file = join(folder, PROJECT_FILE);
  const root = await realFolder(folder, file);
  const text = await readInside(root, PROJECT_FILE);
  if (!text.ok) throw unreadable(file, text);
  const document = parseYamlDocument(text.text, file, projectSchema, 'InvalidProject');

  const inFolder = (name: string): string => join(folder, name);
  const read = await readSqlFiles(root, document, inFolder);
  const mistakes: Mistake[] = [...definitionMistakes(document), ...read.mistakes];
  // With a file missing, a table may only seem to be unread.
  if (read.mistakes.length === 0) mistakes.push(...lineageMistakes(document, read.files, inFolder));
  if (expectedName !== undefined && document.value.project !== expectedName) {
    mistakes.push(
      document.mistakeAt(['project'], shown(document.value.project), `${shown(expectedName)}, the name asked for`),
    );
  }
  if (mistakes.length > 0) throw mistakesFailure('InvalidProject', mistakes);

  const definition = inDependencyOrder(document.value, read.files);
  return { definition, files: read.files, folder: root, digest: contentDigest({ definition, files: read.files }) };
}

async function realFolder(folder: string, file: string): Promise<string> {
  try {
    return await realpath(folder);
  } catch (error) {
    throw unreadable(file, { ok: false, problem: readProblem(error) });
  }
}

function unreadable(file: string, { problem }: Extract<TextFile, { ok: false }>): Error {
  return mistakesFailure('InvalidProject', [
    { file, line: 1, column: 1, path: '', found: problem, expected: 'a project file in YAML' },
  ]);
}
