import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { mkdir, mkdtemp, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, dirname, join } from 'node:path';

/** `$XDG_CACHE_HOME/superstep`, or `~/.cache/superstep`: native parts, shared by all clones of a user. */
export function cacheFolder(env: NodeJS.ProcessEnv): string {
  return join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'superstep');
}

/** Lower-case hex sha256 of a file, read in pieces. */
export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(piece as Buffer);
  return hash.digest('hex');
}

/** Where a kept file's digest stands, in the form that `sha256sum -c` reads. */
export function digestFile(path: string): string {
  return `${path}.sha256`;
}

export type KeptState = 'intact' | 'missing' | 'unrecorded' | 'damaged';

/**
 * Checks a kept file against its pinned digest, or, where none is pinned for this platform, against the digest
 * recorded when it was obtained. `unrecorded`: it is there, but nothing says what it should be.
 */
export async function checkKept(path: string, pinned: string | undefined): Promise<KeptState> {
  if (!existsSync(path)) return 'missing';
  const expected = pinned ?? (await recordedDigest(path));
  if (expected === undefined) return 'unrecorded';
  return (await sha256OfFile(path)) === expected ? 'intact' : 'damaged';
}

async function recordedDigest(path: string): Promise<string | undefined> {
  const file = digestFile(path);
  return existsSync(file) ? (await readFile(file, 'utf8')).slice(0, 64) : undefined;
}

/** Records a file's digest beside it. */
export async function recordDigest(path: string, digest: string): Promise<void> {
  const temporary = `${digestFile(path)}.${randomUUID()}.tmp`;
  await writeFile(temporary, `${digest}  ${basename(path)}\n`);
  await rename(temporary, digestFile(path));
}

/**
 * Moves an obtained file to its kept place: digest checked against the pinned one, recorded, then one rename. Whoever
 * dies in between leaves either the old file or none; both are found at the next start. `obtained` must be on the
 * cache's file system (see {@link withTemporaryFolder}).
 */
export async function keep(obtained: string, kept: string, pinned: string | undefined): Promise<void> {
  const digest = await sha256OfFile(obtained);
  if (pinned !== undefined && digest !== pinned) {
    throw new Error(`${basename(obtained)} has sha256 ${digest}, but ${pinned} is pinned: it is another build`);
  }
  await mkdir(dirname(kept), { recursive: true });
  const handle = await open(obtained, 'r+');
  await handle.sync();
  await handle.close();
  await recordDigest(kept, digest);
  await rename(obtained, kept);
}

/** A fresh folder in the cache for work in progress, removed afterwards whatever happens. */
export async function withTemporaryFolder<T>(cache: string, work: (folder: string) => Promise<T>): Promise<T> {
  await mkdir(cache, { recursive: true });
  const folder = await mkdtemp(join(cache, 'tmp-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
