import { readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { SuperstepError } from '../contracts/failure-types.ts';
import { kebabName } from '../contracts/schemas/primitives.ts';
import { didYouMeanHint } from './did-you-mean.ts';
import { PROJECT_FILE } from './load-project.ts';
import { shown } from './mistakes.ts';

/** The most projects that a message lists. */
const LISTED_AT_MOST = 20;

/**
 * Finds the folder of a project: `<root>/<name>` with a project.yaml, in the first root that has one.
 *
 * @param roots folders that hold projects, in order of precedence
 * @returns the real path of the folder
 * @throws SuperstepError InvalidInput for what cannot be a name (it never reaches the file system); UnknownProject with
 *   the projects that there are
 */
export async function findProjectFolder(name: string, roots: readonly string[]): Promise<string> {
  if (!kebabName.safeParse(name).success) {
    throw new SuperstepError(
      'InvalidInput',
      `project: found ${shown(name)}; expected lower-case words joined by "-", for example "flights-delay"`,
    );
  }
  for (const root of roots) {
    const folder = join(root, name);
    if (await holdsProject(folder)) return await realpath(folder);
  }
  const known = await projectNames(roots);
  const listed = known.slice(0, LISTED_AT_MOST).join(', ') + (known.length > LISTED_AT_MOST ? ', …' : '');
  const there = known.length === 0 ? 'there is none' : `there are ${listed}${didYouMeanHint(name, known)}`;
  throw new SuperstepError(
    'UnknownProject',
    `no project ${shown(name)}: looked for ${name}/${PROJECT_FILE} in ${roots.join(', ')}; ${there}`,
    { project: name, roots, known: known.slice(0, LISTED_AT_MOST) },
  );
}

async function holdsProject(folder: string): Promise<boolean> {
  try {
    return (await stat(join(folder, PROJECT_FILE))).isFile();
  } catch {
    return false;
  }
}

/** The names of the projects below the roots, sorted. A root that is missing has none. */
export async function projectNames(roots: readonly string[]): Promise<string[]> {
  const names = new Set<string>();
  for (const root of roots) {
    const entries = await readdir(root).catch(() => []);
    for (const entry of entries) {
      if (kebabName.safeParse(entry).success && (await holdsProject(join(root, entry)))) names.add(entry);
    }
  }
  return [...names].sort();
}
