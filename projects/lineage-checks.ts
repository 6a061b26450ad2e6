import type { ProjectDefinition } from '../contracts/schemas/project.ts';
import { didYouMeanHint } from './did-you-mean.ts';
import { oneOf, type Mistake } from './mistakes.ts';
import { fileReferences, type FileReference } from './project-files.ts';
import { ambiguousLayers, tablesNamed } from './sql-text.ts';
import { dependencyOrder, lakeReads } from './table-order.ts';
import type { YamlDocument } from './yaml-document.ts';

/**
 * What the SQL files have against project.yaml: a table that is read and not declared, declared and not read, read from
 * a higher layer, or read in a circle.
 *
 * @param fileName how messages name a file of the project
 */
export function lineageMistakes(
  document: YamlDocument<ProjectDefinition>,
  files: Readonly<Record<string, string>>,
  fileName: (file: string) => string,
): Mistake[] {
  const definition = document.value;
  const references = fileReferences(definition);
  return [
    ...references.flatMap((reference) => unknownTables(definition, files, reference, fileName)),
    ...unreadTables(document, files),
    ...circles(document, files),
  ];
}

function unknownTables(
  definition: ProjectDefinition,
  files: Readonly<Record<string, string>>,
  reference: FileReference,
  fileName: (file: string) => string,
): Mistake[] {
  const isSilver = reference.path[0] === 'tables';
  const declared = [
    ...Object.keys(definition.tables),
    ...(isSilver ? [] : Object.keys(definition.feature_views).map((view) => `gold.${view}`)),
  ];
  const sql = files[reference.file] ?? '';
  const ambiguous = ambiguousLayers(sql);
  const unknown = tablesNamed(sql).filter(
    ({ table }) => !declared.includes(table) && !ambiguous.has(table.slice(0, table.indexOf('.'))),
  );
  return unknown.map(({ table, line, column }): Mistake => {
    const what = isSilver ? 'a bronze or silver table' : 'a table or feature view';
    const expected = `${what} that project.yaml declares: ${oneOf(declared)}${didYouMeanHint(table, declared)}`;
    return { file: fileName(reference.file), path: '', line, column, found: table, expected };
  });
}

function unreadTables(document: YamlDocument<ProjectDefinition>, files: Readonly<Record<string, string>>): Mistake[] {
  const read = new Set(Object.values(files).flatMap((sql) => tablesNamed(sql).map(({ table }) => table)));
  return Object.keys(document.value.tables)
    .filter((name) => !read.has(name))
    .map((name) =>
      document.mistakeAt(
        ['tables', name],
        'a table that no SQL file reads',
        'a SQL file over it, or the table removed',
        'key',
      ),
    );
}

function circles(document: YamlDocument<ProjectDefinition>, files: Readonly<Record<string, string>>): Mistake[] {
  const { circle } = dependencyOrder(lakeReads(document.value, files));
  const [first] = circle;
  if (first === undefined) return [];
  const path = first.startsWith('gold.') ? ['feature_views', first.slice('gold.'.length)] : ['tables', first];
  const found = circle.length === 1 ? 'a table that reads itself' : `tables that read each other: ${circle.join(', ')}`;
  return [document.mistakeAt(path, found, 'SQL files over tables that come before', 'key')];
}
