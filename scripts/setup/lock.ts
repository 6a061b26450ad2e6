import { randomUUID } from 'node:crypto';
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

interface Holder {
  readonly pid: number;
  readonly host: string;
  readonly token: string;
}

const TOLD_EVERY_MS = 20_000;

/** Gives the lock back. */
export type Release = () => Promise<void>;

/**
 * Takes the lock file, or returns the living process that holds it. A lock whose process is dead is taken over. The
 * one gap, two who take over the same dead lock in the same instant, costs double work: what is done under a lock here
 * is written to temporary names and renamed.
 */
export async function tryLock(path: string): Promise<Release | { readonly heldBy: number }> {
  await mkdir(dirname(path), { recursive: true });
  const own: Holder = { pid: process.pid, host: hostname(), token: randomUUID() };
  for (;;) {
    if (await createExclusively(path, own)) return () => release(path, own);
    const holder = await readHolder(path);
    if (holder === undefined) continue;
    if (isAlive(holder)) return { heldBy: holder.pid };
    await removeDead(path, holder);
  }
}

/** Does `work` under the lock; waits while another living process holds it, and says so at once and then three times a minute. */
export async function withLock<T>(path: string, onWait: (pid: number) => void, work: () => Promise<T>): Promise<T> {
  let toldAt = Number.NEGATIVE_INFINITY;
  for (;;) {
    const lock = await tryLock(path);
    if (typeof lock === 'function') {
      try {
        return await work();
      } finally {
        await lock();
      }
    }
    if (performance.now() - toldAt > TOLD_EVERY_MS) {
      toldAt = performance.now();
      onWait(lock.heldBy);
    }
    await wait(250);
  }
}

/** The file appears with its contents or not at all: written aside, then linked, which fails when the name is taken. */
async function createExclusively(path: string, holder: Holder): Promise<boolean> {
  const aside = `${path}.${holder.token}`;
  await writeFile(aside, JSON.stringify(holder));
  try {
    await link(aside, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(aside, { force: true });
  }
}

async function readHolder(path: string): Promise<Holder | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Holder;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function isAlive(holder: Holder): boolean {
  if (holder.host !== hostname()) return true;
  try {
    process.kill(holder.pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

async function removeDead(path: string, dead: Holder): Promise<void> {
  const aside = `${path}.dead.${randomUUID()}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  const moved = await readHolder(aside);
  // Somebody else took the dead lock over meanwhile, and it was theirs that was moved: put it back.
  if (moved !== undefined && moved.token !== dead.token) await link(aside, path).catch(() => undefined);
  await rm(aside, { force: true });
}

async function release(path: string, own: Holder): Promise<void> {
  if ((await readHolder(path))?.token === own.token) await rm(path, { force: true });
}
