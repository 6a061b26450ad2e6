import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseDocument } from 'yaml';
import { runSql } from './delayed-flights.ts';

const FLIGHTS = fileURLToPath(new URL('../../node_modules/vega-datasets/data/flights-3m.parquet', import.meta.url));
const EXAMPLE = fileURLToPath(new URL('../../examples/flights-delay', import.meta.url));
export const PROJECT = 'flights-delay';

/** Six airports of the west from January to March 2001: 57,525 flights, 30 % of them late. */
const AIRPORTS = ['LAX', 'PHX', 'SFO', 'LAS', 'SEA', 'DEN'];
const UNTIL = '2001-04-01';

/** What keeps a superstep on the slice within seconds; rules and features stay the example's own. */
const SMALLER: readonly (readonly [path: readonly string[], value: unknown])[] = [
  [['training', 'trainer', 'params'], { num_leaves: 15, num_iterations: 30 }],
  [['training', 'trainer', 'tune'], { trials: 2 }],
  // An airport of the slice has a tenth of its flights: the floor of prod's own policy is the one that fits.
  [['gates', 'compliance', 'slices', 'auc_at_least'], 0.55],
  [['gates', 'comparison', 'margin'], 0],
];

/** The example project over a slice of the flights, in a folder of its own. */
export interface SmallFlights {
  /** For SUPERSTEP_PROJECTS. */
  readonly root: string;
  /** The project's folder. */
  readonly folder: string;
  readonly sourceFile: string;
  /** Changes one file of the project, and gives the way back. */
  change(file: string, edit: (text: string) => string): Promise<() => Promise<void>>;
}

/** Lays the project below `parent`, which the caller removes. */
export async function smallFlights(parent: string): Promise<SmallFlights> {
  const root = join(parent, 'projects');
  const folder = join(root, PROJECT);
  const sourceFile = join(parent, 'source', 'flights.parquet');
  await mkdir(dirname(sourceFile), { recursive: true });
  await cp(EXAMPLE, folder, { recursive: true });
  const airports = AIRPORTS.map((name) => `'${name}'`).join(', ');
  await runSql(
    `COPY (FROM '${FLIGHTS}' WHERE origin IN (${airports}) AND destination IN (${airports}) AND date < '${UNTIL}')
     TO '${sourceFile}' (FORMAT parquet)`,
  );
  const project = parseDocument(await readFile(join(folder, 'project.yaml'), 'utf8'));
  project.setIn(['sources', 'flights', 'path'], sourceFile);
  for (const [path, value] of SMALLER) project.setIn(path, value);
  await writeFile(join(folder, 'project.yaml'), project.toString());
  return { root, folder, sourceFile, change: (file, edit) => changeFile(join(folder, file), edit) };
}

async function changeFile(path: string, edit: (text: string) => string): Promise<() => Promise<void>> {
  const before = await readFile(path, 'utf8');
  const after = edit(before);
  if (after === before) throw new Error(`the edit leaves ${path} as it is`);
  await writeFile(path, after);
  return async () => {
    await rm(path, { force: true });
    await writeFile(path, before);
  };
}
