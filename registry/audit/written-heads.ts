import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { SuperstepError } from '../../contracts/failure-types.ts';
import { readHead } from './heads.ts';
import { headsFile } from './head-places.ts';
import { runGit } from './run-git.ts';
import type { AuditHead } from './verification.ts';

/** Heads of one environment, read back from where they were written to. */
export interface WrittenHeads {
  readonly heads: readonly AuditHead[];
  /** What is there and is no head that a known key signed. */
  readonly unreadable: readonly UnreadableHead[];
}

export interface UnreadableHead {
  readonly where: string;
  readonly problem: string;
  /** Half a line, as a power cut leaves one; anything else was put there by somebody. */
  readonly isTorn: boolean;
}

/**
 * Reads heads from a file of JSON lines, from a folder of such files, or from a git repository, there over its whole
 * history: what a later commit took away counts as well. Heads of other environments are left aside.
 *
 * @throws when the path cannot be read
 */
export async function readWrittenHeads(
  path: string,
  environment: string,
  publicKeys: readonly string[],
): Promise<WrittenHeads> {
  const heads = new Map<string, AuditHead>();
  const unreadable: UnreadableHead[] = [];
  for (const { where, text } of await linesOf(path, environment)) {
    const envelope = parsed(text);
    const read = readHead(envelope, publicKeys);
    if (!read.ok) unreadable.push({ where, problem: read.problem, isTorn: envelope === undefined });
    else if (read.value.environment === environment) heads.set(`${read.value.sequence} ${read.value.hash}`, read.value);
  }
  return { heads: [...heads.values()].sort((a, b) => a.sequence - b.sequence), unreadable };
}

interface Line {
  readonly where: string;
  readonly text: string;
}

async function linesOf(path: string, environment: string): Promise<Line[]> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    throw new SuperstepError(
      'InvalidInput',
      `there is nothing at ${path}; expected a file of heads, a folder of such files, or a git repository. The policy (audit.heads) says where they go and how often: the first one comes after that time`,
      { path },
    );
  });
  if (!found.isDirectory()) return linesOfFile(path);
  const isRepository = await stat(join(path, '.git')).then(
    () => true,
    () => false,
  );
  if (isRepository) return linesOfHistory(path, environment);
  const names = (await readdir(path)).filter((name) => /\.jsonl?$/.test(name)).sort();
  return (await Promise.all(names.map((name) => linesOfFile(join(path, name))))).flat();
}

async function linesOfFile(path: string): Promise<Line[]> {
  const lines = (await readFile(path, 'utf8')).split('\n');
  return lines.map((text, i) => ({ where: `${path}:${i + 1}`, text })).filter(({ text }) => text.trim() !== '');
}

/** Every line that any commit on any branch ever put into the environment's file. */
async function linesOfHistory(repository: string, environment: string): Promise<Line[]> {
  const name = headsFile(environment);
  const patches = await runGit(repository, [
    'log',
    '--all',
    '--format=commit %h',
    '--patch',
    '--unified=0',
    '--',
    name,
  ]);
  let commit = '';
  return patches.split('\n').flatMap((line) => {
    if (line.startsWith('commit ')) commit = line.slice('commit '.length);
    return line.startsWith('+{') ? [{ where: `${repository}, commit ${commit}`, text: line.slice(1) }] : [];
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
