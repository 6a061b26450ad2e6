import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { printableError } from '../message-for-person.ts';
import { sha256OfFile, withTemporaryFolder } from './cache.ts';
import { withLock } from './lock.ts';
import { type Report, withTicks } from './report.ts';
import { unpackWheel } from './wheel.ts';

export const MLFLOW_UI_VERSION = '3.11.1';
/** Over names and digests of all its files, by {@link digestOfFolder}; taken from the published wheel. */
const DIGEST = 'f3d8ac757bfb6fc322facc88e76769d64780a61d476b709efecf34ecdcbc6b49';
const PART = 'MLflow web UI';

/**
 * The folder with MLflow's own web UI, built, out of its published wheel; no Python of it runs. Nothing depends on it:
 * when it cannot be had, the reason is reported, the answer is null, and the registry serves its API alone.
 */
export async function ensureMlflowUi(cache: string, report: Report): Promise<string | null> {
  const kept = join(cache, 'mlflow-ui', MLFLOW_UI_VERSION);
  try {
    if (await isIntact(kept)) return kept;
    const onWait = (pid: number): void => report(`${PART}: process ${pid} is getting it; waiting for it`);
    return await withLock(join(cache, 'mlflow-ui.lock'), onWait, async () => {
      if (!(await isIntact(kept))) await obtain(cache, kept, report);
      return kept;
    });
  } catch (error) {
    report(`${PART}: not there: ${printableError(error)}. The registry works without; npm run setup tries again.`);
    return null;
  }
}

async function obtain(cache: string, kept: string, report: Report): Promise<void> {
  report(`${PART}: out of the wheel mlflow ${MLFLOW_UI_VERSION} ...`);
  await withTemporaryFolder(cache, async (temporary) => {
    const wheel = unpackWheel('mlflow', MLFLOW_UI_VERSION, temporary);
    const built = join(await withTicks(report, `${PART}: wheel`, 5_000, wheel), 'mlflow', 'server', 'js', 'build');
    const digest = await digestOfFolder(built);
    if (digest !== DIGEST) throw new Error(`its files have digest ${digest}, but ${DIGEST} is pinned`);
    await rm(kept, { recursive: true, force: true });
    await mkdir(dirname(kept), { recursive: true });
    await rename(built, kept);
  });
  report(`${PART}: ${kept}`);
}

async function isIntact(kept: string): Promise<boolean> {
  return existsSync(kept) && (await digestOfFolder(kept)) === DIGEST;
}

/** Lower-case hex sha256 over the sorted lines `<sha256>  <relative path>` of a folder's files. */
export async function digestOfFolder(folder: string): Promise<string> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const lines = await Promise.all(
    files.map(async (file) => `${await sha256OfFile(file)}  ${relative(folder, file).split(sep).join('/')}\n`),
  );
  return createHash('sha256').update(lines.sort().join('')).digest('hex');
}
