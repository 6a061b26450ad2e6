import { mkdir, open, readFile } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';
import type { DsseEnvelope } from '../../contracts/dsse.ts';
import { SuperstepError } from '../../contracts/failure-types.ts';
import type { HeadPlace } from '../../contracts/schemas/audit.ts';
import { claimedHead } from './heads.ts';
import { runGit } from './run-git.ts';
import type { AuditHead } from './verification.ts';

export type WrittenHead = 'written' | 'unchanged';

const ANSWER_WITHIN_MS = 30_000;

/**
 * Writes a signed head out to one place; a place that has a head of the same row already stays as it is, so this can be
 * repeated at will.
 *
 * @param home folder that relative paths lie in
 * @throws SourceUnavailable, saying which place and why: it is tried again
 */
export async function writeHeadTo(place: HeadPlace, envelope: DsseEnvelope, home: string): Promise<WrittenHead> {
  const head = claimedHead(envelope);
  if (head === undefined) throw new SuperstepError('InvalidInput', 'the envelope holds no head of an audit');
  try {
    if ('file' in place) return await appendHead(within(home, place.file), envelope, head);
    if ('url' in place) return await postHead(place.url, envelope, head);
    return await commitHead(within(home, place.git), envelope, head);
  } catch (error) {
    const found = error instanceof Error ? error.message : String(error);
    throw new SuperstepError(
      'SourceUnavailable',
      `the head of row ${head.sequence} could not be written to ${describePlace(place)}: ${found}; it is tried again; if this stays, mend the place or change audit.heads.to in the policy`,
      { place, found },
    );
  }
}

/** For people: `file /var/heads.jsonl`. */
export function describePlace(place: HeadPlace): string {
  if ('file' in place) return `file ${place.file}`;
  return 'url' in place ? `url ${place.url}` : `git ${place.git}`;
}

/** The file of an environment's heads inside of a git repository. */
export function headsFile(environment: string): string {
  return `audit-heads-${environment}.jsonl`;
}

/** One envelope a line. A line that a power cut left half is closed first, and never read as a head. */
async function appendHead(path: string, envelope: DsseEnvelope, head: AuditHead): Promise<WrittenHead> {
  await mkdir(dirname(path), { recursive: true });
  const present = await readFile(path, 'utf8').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
    throw error;
  });
  if (present.split('\n').some((line) => isSameHead(line, head))) return 'unchanged';
  const file = await open(path, 'a');
  try {
    const closing = present === '' || present.endsWith('\n') ? '' : '\n';
    await file.appendFile(`${closing}${JSON.stringify(envelope)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  return 'written';
}

async function postHead(url: string, envelope: DsseEnvelope, head: AuditHead): Promise<WrittenHead> {
  const answer = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      // A receiver that has this key already may leave the repeat aside.
      'idempotency-key': `${head.environment}/${head.sequence}/${head.hash}`,
    },
    body: JSON.stringify(envelope),
    redirect: 'error',
    signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
  });
  await answer.body?.cancel();
  if (!answer.ok) throw new Error(`it answered ${answer.status}`);
  return 'written';
}

async function commitHead(repository: string, envelope: DsseEnvelope, head: AuditHead): Promise<WrittenHead> {
  const name = headsFile(head.environment);
  await runGit(repository, ['rev-parse', '--git-dir']);
  const appended = await appendHead(join(repository, name), envelope, head);
  await runGit(repository, ['add', '--', name]);
  // A try before this one may have ended between append and commit, or between commit and push.
  const isStaged = (await runGit(repository, ['status', '--porcelain', '--', name])) !== '';
  if (isStaged) {
    const message = `Audit of ${head.environment}: row ${head.sequence}, ${head.hash.slice(0, 12)}`;
    await runGit(repository, [...(await committer(repository)), 'commit', '--quiet', '--message', message, '--', name]);
  }
  if (await followsRemote(repository)) await runGit(repository, ['push', '--quiet']);
  return appended === 'written' || isStaged ? 'written' : 'unchanged';
}

/** Who commits where neither the repository nor its user's settings name anybody. */
async function committer(repository: string): Promise<string[]> {
  return runGit(repository, ['config', 'user.email']).then(
    () => [],
    () => ['-c', 'user.name=superstep', '-c', 'user.email=superstep@localhost'],
  );
}

async function followsRemote(repository: string): Promise<boolean> {
  return runGit(repository, ['rev-parse', '--abbrev-ref', '@{upstream}']).then(
    () => true,
    () => false,
  );
}

function isSameHead(line: string, head: AuditHead): boolean {
  // Most lines are of other heads: a look at the text saves parsing a long file each time.
  if (!line.startsWith('{')) return false;
  try {
    const found = claimedHead(JSON.parse(line) as DsseEnvelope);
    return found?.sequence === head.sequence && found.hash === head.hash && found.environment === head.environment;
  } catch {
    return false;
  }
}

function within(home: string, path: string): string {
  return isAbsolute(path) ? path : join(home, path);
}
