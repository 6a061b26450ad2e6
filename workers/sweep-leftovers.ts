import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Longer than any activity works on its scratch folder: the longest may take twelve hours. */
const LEFT_OVER_MS = 86_400_000;

/**
 * Removes what killed workers left in folders of temporary files: entries that nobody has touched for a day. Several
 * processes may sweep at once.
 */
export async function sweepLeftovers(folders: readonly string[], now: number): Promise<void> {
  for (const folder of folders) {
    for (const name of await readdir(folder).catch(() => [])) {
      const path = join(folder, name);
      const found = await stat(path).catch(() => undefined);
      if (found !== undefined && now - found.mtimeMs > LEFT_OVER_MS) await rm(path, { recursive: true, force: true });
    }
  }
}
