import { readdir, realpath, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, isAbsolute, join, resolve, sep } from 'node:path';
import { SuperstepError } from '../contracts/failure-types.ts';

const PACKAGE_PATH = /^npm:((?:@[a-z0-9][\w.-]*\/)?[a-z0-9][\w.-]*)\/(.+)$/;

/**
 * The files that a source's `path` stands for, as absolute paths, sorted.
 *
 * - `npm:<package>/<file>`: a file of an npm package, looked for as Node does, from the project's folder and then from
 *   Superstep's own. The file is taken from the package's folder, whatever its `exports` say, and may not leave it.
 * - a path relative to the project's folder, or an absolute one.
 * - `*` (any characters) and `?` (one) in the last part stand for all files whose names fit, hidden ones excepted.
 *
 * @throws SuperstepError InvalidProject for a path that cannot be meant; SourceUnavailable (retried: a file may still
 *   arrive) when nothing is there, naming what was looked for and where
 */
export async function resolveSourceFiles(path: string, folder: string): Promise<string[]> {
  if (path.includes('\0')) throw invalid(path, 'a path without NUL characters');
  if (!path.startsWith('npm:')) return existing(path, [isAbsolute(path) ? path : resolve(folder, path)]);
  const match = PACKAGE_PATH.exec(path);
  const [name, file] = [match?.[1], match?.[2]];
  if (name === undefined || file === undefined) throw invalid(path, '"npm:<package>/<file>"');
  if (/(^|[\\/])\.\.?([\\/]|$)/.test(file)) throw invalid(path, 'a file inside the package, without "." and ".."');

  const roots = await packageFolders(name, folder);
  if (roots.found.length === 0) {
    const remedy = `install it (npm install ${name}) in the project's folder or beside Superstep`;
    throw unavailable(path, `no package ${name} in ${roots.tried.join(', ')}; ${remedy}`, roots.tried);
  }
  const files = await existing(
    path,
    roots.found.map((root) => join(root, file)),
  );
  for (const found of files) await refuseOutside(path, found, roots.found);
  return files;
}

/** Where Node would look for a package: node_modules folders upwards from the project, then from Superstep. */
async function packageFolders(
  name: string,
  folder: string,
): Promise<{ readonly found: string[]; readonly tried: string[] }> {
  const places = [join(resolve(folder), 'project.yaml'), import.meta.url].flatMap(
    (from) => createRequire(from).resolve.paths(name) ?? [],
  );
  const tried = [...new Set(places)];
  const found = [];
  for (const place of tried) {
    const root = join(place, name);
    if (await isFile(join(root, 'package.json'))) found.push(root);
  }
  return { found, tried };
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

/** The files of the first candidate that has any. */
async function existing(path: string, candidates: readonly string[]): Promise<string[]> {
  for (const candidate of candidates) {
    const files = await matching(path, candidate);
    if (files.length > 0) return files;
  }
  throw unavailable(path, `no such file; looked for ${candidates.join(', ')}`, candidates);
}

async function matching(path: string, candidate: string): Promise<string[]> {
  const [parent, pattern] = [dirname(candidate), basename(candidate)];
  if (/[*?]/.test(parent) && !(await isFile(candidate))) {
    throw invalid(path, '"*" and "?" in the last part of the path only');
  }
  if (await isFile(candidate)) return [candidate];
  if (!/[*?]/.test(pattern)) return [];
  const names = await readdir(parent).catch(() => []);
  const fits = namePattern(pattern);
  const files = [];
  for (const name of names.sort()) {
    const hidden = name.startsWith('.') && !pattern.startsWith('.');
    if (!hidden && fits(name) && (await isFile(join(parent, name)))) files.push(join(parent, name));
  }
  return files;
}

/** Whether a name fits a pattern with `*` and `?`. Linear in the name for each star: no regular expression to blow up. */
function namePattern(pattern: string): (name: string) => boolean {
  return (name) => {
    let [p, n, star, retry] = [0, 0, -1, 0];
    while (n < name.length) {
      if (pattern[p] === '*') [star, retry, p] = [p, n, p + 1];
      else if (pattern[p] === '?' || (p < pattern.length && pattern[p] === name[n])) [p, n] = [p + 1, n + 1];
      else if (star === -1) return false;
      else [p, retry, n] = [star + 1, retry + 1, retry + 1];
    }
    return /^\**$/.test(pattern.slice(p));
  };
}

async function refuseOutside(path: string, file: string, roots: readonly string[]): Promise<void> {
  const real = await realpath(file);
  for (const root of roots) if (real.startsWith((await realpath(root)) + sep)) return;
  throw invalid(path, `a file inside the package; ${file} is a link to ${real}`);
}

function invalid(path: string, expected: string): SuperstepError {
  return new SuperstepError('InvalidProject', `source path: found ${JSON.stringify(path)}; expected ${expected}`, {
    path,
  });
}

function unavailable(path: string, reason: string, lookedIn: readonly string[]): SuperstepError {
  return new SuperstepError('SourceUnavailable', `source ${JSON.stringify(path)}: ${reason}`, { path, lookedIn });
}
