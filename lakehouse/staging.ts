import { createHash, randomUUID } from 'node:crypto';
import { link, mkdir, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** What a writer left: facts for whoever adopts the files, and the files, all starting with the given stem. */
export interface Staged<Meta> {
  readonly meta: Meta;
  readonly files: readonly string[];
  /** False gives the facts to the caller and throws the files away: the next try does the work again. */
  readonly keep: boolean;
}

/** The folder of all that is staged under a key. */
export function stagingFolder(dataFolder: string, key: string): string {
  return join(dataFolder, 'staging', createHash('sha256').update(key).digest('hex').slice(0, 24));
}

/**
 * Does heavy work once and keeps its files. Each try writes under a unique stem; a manifest that names the files is put
 * in place by a link that cannot overwrite, and whoever finds a manifest uses its files and deletes its own. So a frozen
 * process that goes on late can never touch a file that was adopted meanwhile.
 */
export async function stageOnce<Meta>(
  folder: string,
  name: string,
  write: (stem: string) => Promise<Staged<Meta>>,
): Promise<Meta> {
  await mkdir(folder, { recursive: true });
  const manifest = join(folder, `${name}.json`);
  const before = await readManifest<Meta>(manifest);
  if (before !== undefined) return before;

  const stem = join(folder, `${name}-${randomUUID()}`);
  try {
    const staged = await write(stem);
    if (!staged.keep) {
      await removeStem(stem);
      return staged.meta;
    }
    for (const file of staged.files) await syncToDisk(file);
    const found = await publish(manifest, stem, staged);
    await rm(`${stem}.json`, { force: true });
    if (found !== undefined) await removeStem(stem);
    return found ?? staged.meta;
  } catch (error) {
    await removeStem(stem);
    throw error;
  }
}

/** Removes from a staging folder the files that nobody adopted: those of killed tries, and lists of keys. */
export async function sweepStaging(folder: string, adopted: readonly string[]): Promise<void> {
  const keep = new Set(adopted.map((file) => basename(file)));
  for (const file of await readdir(folder).catch(() => [])) {
    if (!keep.has(file) && file.endsWith('.parquet')) await rm(join(folder, file), { force: true });
  }
}

/** Links the manifest into place; gives the facts of an earlier one when it is there already. */
async function publish<Meta>(manifest: string, stem: string, staged: Staged<Meta>): Promise<Meta | undefined> {
  const draft = `${stem}.json`;
  await writeFile(draft, JSON.stringify({ files: staged.files, meta: staged.meta }), { flush: true });
  for (let attempt = 0; ; attempt += 1) {
    try {
      await link(draft, manifest);
      await syncToDisk(dirname(manifest));
      return undefined;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || attempt > 8) throw error;
      const earlier = await readManifest<Meta>(manifest);
      if (earlier !== undefined) return earlier;
      // Its files were swept away after their adoption: ours take their place.
      await rm(manifest, { force: true });
    }
  }
}

/** Facts of a manifest whose files are all there. */
async function readManifest<Meta>(manifest: string): Promise<Meta | undefined> {
  try {
    const { files, meta } = JSON.parse(await readFile(manifest, 'utf8')) as { files: string[]; meta: Meta };
    for (const file of files) await (await open(file)).close();
    return meta;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function removeStem(stem: string): Promise<void> {
  const folder = dirname(stem);
  for (const file of await readdir(folder).catch(() => [])) {
    if (file.startsWith(basename(stem))) await rm(join(folder, file), { force: true });
  }
}

async function syncToDisk(path: string): Promise<void> {
  const handle = await open(path);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
