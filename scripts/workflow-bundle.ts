import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheFolder } from './setup/cache.ts';
import { type Report, withTicks } from './setup/report.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const ENTRY = join(ROOT, 'workflows', 'index.ts');
const PAYLOAD_CONVERTER = join(ROOT, 'contracts', 'payload-converter.ts');
/** All that can change the bundle: our sources, and the versions of everything they may import. */
const SOURCE_FOLDERS = ['contracts', 'workflows'];
const VERSIONS_FILE = 'package-lock.json';
const UNUSED_AFTER_MS = 30 * 86_400_000;

export interface BundleOptions {
  /** Default: the user's cache folder. */
  readonly cache?: string;
  readonly report?: Report;
}

/**
 * Bundles the workflows once for all workers and returns the bundle's absolute path. Kept under a digest of its
 * sources, so an unchanged tree takes milliseconds; bundles unused for a month are removed.
 */
export async function ensureWorkflowBundle(options: BundleOptions = {}): Promise<string> {
  const folder = join(options.cache ?? cacheFolder(process.env), 'workflow-bundles');
  const path = join(folder, `${await sourcesDigest()}.js`);
  if (existsSync(path)) {
    const now = new Date();
    await utimes(path, now, now);
    return path;
  }
  await mkdir(folder, { recursive: true });
  const report = options.report ?? (() => undefined);
  const bundling = bundleWorkflowCode({
    workflowsPath: ENTRY,
    payloadConverterPath: PAYLOAD_CONVERTER,
    logger: new DefaultLogger('WARN'),
  });
  const { code } = await withTicks(report, 'bundling the workflows', 2_000, bundling);
  const temporary = `${path}.${randomUUID()}.tmp`;
  await writeFile(temporary, code);
  await rename(temporary, path);
  await removeUnused(folder);
  return path;
}

/** sha256 over names and contents of the sources, and over where they are (stack traces name them). */
async function sourcesDigest(): Promise<string> {
  const hash = createHash('sha256').update(ROOT);
  for (const folder of SOURCE_FOLDERS) {
    const entries = await readdir(join(ROOT, folder), { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
    for (const file of files.sort()) hash.update(`\0${relative(ROOT, file)}\0`).update(await readFile(file));
  }
  return hash.update(await readFile(join(ROOT, VERSIONS_FILE))).digest('hex');
}

async function removeUnused(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const file = join(folder, name);
    const found = await stat(file).catch(() => undefined);
    if (found !== undefined && Date.now() - found.mtimeMs > UNUSED_AFTER_MS) await rm(file, { force: true });
  }
}
