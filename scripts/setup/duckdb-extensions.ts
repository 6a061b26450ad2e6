import { DuckDBInstance, version as duckdbVersion } from '@duckdb/node-api';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { typescriptArguments } from '../processes/typescript-process.ts';
import { checkKept, keep, recordDigest, sha256OfFile, withTemporaryFolder } from './cache.ts';
import { climbLadder } from './ladder.ts';
import { withLock } from './lock.ts';
import { pinnedDigest } from './pinned-digests.ts';
import { type Report, withTicks } from './report.ts';
import { runCommand } from './run-command.ts';
import { unpackWheel } from './wheel.ts';

/** Of DuckDB and its extensions alike: DuckDB loads an extension only of its own version. */
export const DUCKDB_VERSION = '1.5.5';

export const DUCKDB_EXTENSIONS = ['ducklake', 'sqlite_scanner', 'postgres_scanner'] as const;

const PART = 'DuckDB extensions';
const INSTALL_PROCESS = fileURLToPath(new URL('duckdb-install-process.ts', import.meta.url));
const INSTALL_LIMIT_MS = 20_000;
const REMEDY = `Install Python 3 with pip (Debian, Ubuntu: apt-get install python3-pip), or let this machine reach extensions.duckdb.org.`;

/** Finds or gets the extensions and returns the folder with `<name>.duckdb_extension` files, each intact. */
export async function ensureDuckdbExtensions(cache: string, report: Report): Promise<string> {
  const folder = join(cache, 'duckdb-extensions', DUCKDB_VERSION);
  if (await allIntact(folder, report)) return folder;
  const onWait = (pid: number): void => report(`${PART}: process ${pid} is getting them; waiting for it`);
  return withLock(join(cache, 'duckdb-extensions.lock'), onWait, async () => {
    if (await allIntact(folder, () => undefined)) return folder;
    if (`v${DUCKDB_VERSION}` !== duckdbVersion()) {
      throw new Error(`DuckDB ${duckdbVersion()} is installed, but the extensions are pinned to ${DUCKDB_VERSION}`);
    }
    await mkdir(folder, { recursive: true });
    return climbLadder({
      part: PART,
      rungs: [
        { name: `DuckDB's own INSTALL`, climb: () => byInstall(cache, folder) },
        { name: `the wheels duckdb-extension-* ${DUCKDB_VERSION}`, climb: () => byWheels(cache, folder, report) },
      ],
      remedy: REMEDY,
      report,
    });
  });
}

async function allIntact(folder: string, report: Report): Promise<boolean> {
  let intact = true;
  for (const name of DUCKDB_EXTENSIONS) {
    const file = extensionFile(folder, name);
    const state = await checkKept(file, pinnedFor(name));
    if (state === 'damaged') report(`${PART}: ${file} is not what was kept (sha256 differs); getting it anew`);
    if (state === 'unrecorded') {
      // DuckDB verifies the signature of what it loads, so a file that loads is a genuine one.
      await loadExtension(file);
      await recordDigest(file, await sha256OfFile(file));
    } else if (state !== 'intact') intact = false;
  }
  return intact;
}

async function byInstall(cache: string, folder: string): Promise<string> {
  return withTemporaryFolder(cache, async (temporary) => {
    const args = typescriptArguments(INSTALL_PROCESS, temporary, ...DUCKDB_EXTENSIONS);
    const { stdout } = await runCommand(process.execPath, args, { timeoutMs: INSTALL_LIMIT_MS });
    const files = stdout.trim().split('\n');
    for (const [index, name] of DUCKDB_EXTENSIONS.entries()) await adopt(files[index] ?? '', folder, name);
    return folder;
  });
}

async function byWheels(cache: string, folder: string, report: Report): Promise<string> {
  for (const name of DUCKDB_EXTENSIONS) {
    await withTemporaryFolder(cache, async (temporary) => {
      const wheel = `duckdb-extension-${name.replaceAll('_', '-')}`;
      const unpacked = await withTicks(
        report,
        `${PART}: ${wheel}`,
        5_000,
        unpackWheel(wheel, DUCKDB_VERSION, temporary),
      );
      const inside = join(`duckdb_extension_${name}`, 'extensions', `v${DUCKDB_VERSION}`, `${name}.duckdb_extension`);
      await adopt(join(unpacked, inside), folder, name);
    });
  }
  return folder;
}

async function adopt(obtained: string, folder: string, name: string): Promise<void> {
  await loadExtension(obtained);
  await keep(obtained, extensionFile(folder, name), pinnedFor(name));
}

/** Loads an extension into a database of its own, which checks version and signature. */
async function loadExtension(file: string): Promise<void> {
  const instance = await DuckDBInstance.create(':memory:');
  try {
    const connection = await instance.connect();
    await connection.run(`LOAD '${file.replaceAll("'", "''")}'`);
    connection.closeSync();
  } finally {
    instance.closeSync();
  }
}

function extensionFile(folder: string, name: string): string {
  return join(folder, `${name}.duckdb_extension`);
}

function pinnedFor(name: string): string | undefined {
  return pinnedDigest(`duckdb-extensions/${DUCKDB_VERSION}/${name}`);
}
