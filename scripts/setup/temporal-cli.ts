import { existsSync } from 'node:fs';
import { chmod, copyFile, readdir } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { typescriptArguments } from '../processes/typescript-process.ts';
import { checkKept, keep, recordDigest, sha256OfFile, withTemporaryFolder } from './cache.ts';
import { climbLadder } from './ladder.ts';
import { withLock } from './lock.ts';
import { pinnedDigest } from './pinned-digests.ts';
import { type Report, withTicks } from './report.ts';
import { runCommand } from './run-command.ts';

/** The version that is downloaded or built. */
export const TEMPORAL_CLI_VERSION = '1.8.2';
/** The least version that is taken from the PATH: the first whose server does all that we use. */
const LEAST_VERSION = '1.5.1';

const PART = 'Temporal CLI';
const BINARY = process.platform === 'win32' ? 'temporal.exe' : 'temporal';
const DOWNLOAD_PROCESS = fileURLToPath(new URL('temporal-cli-download-process.ts', import.meta.url));
const GO_MODULE = fileURLToPath(new URL('../temporal-cli/', import.meta.url));
const DOWNLOAD_LIMIT_MS = 90_000;
const BUILD_LIMIT_MS = 45 * 60_000;
const REMEDY = `Install one of: the Temporal CLI >= ${LEAST_VERSION} on the PATH (https://docs.temporal.io/cli), or Go >= 1.24 (https://go.dev/dl) to build it here.
With a Temporal server elsewhere, name it in TEMPORAL_ADDRESS: then no server is started.`;

/** Finds, downloads or builds the Temporal CLI and returns its absolute path. Building takes about five minutes, once. */
export async function ensureTemporalCli(cache: string, env: NodeJS.ProcessEnv, report: Report): Promise<string> {
  const onPath = await temporalOnPath(env).catch((error: unknown) => error as Error);
  if (typeof onPath === 'string') return onPath;
  const kept = join(cache, 'temporal', TEMPORAL_CLI_VERSION, BINARY);
  if (await isIntact(kept, report)) return kept;
  const onWait = (pid: number): void => report(`${PART}: process ${pid} is getting it; waiting for it`);
  return withLock(join(cache, 'temporal-cli.lock'), onWait, async () => {
    if (await isIntact(kept, () => undefined)) return kept;
    return climbLadder({
      part: PART,
      rungs: [
        { name: `temporal on the PATH`, climb: () => Promise.reject(onPath) },
        { name: `the SDK's own download`, climb: () => byDownload(cache, kept, report) },
        { name: `building it with Go (about five minutes, once)`, climb: () => byGo(cache, kept, env, report) },
      ],
      remedy: REMEDY,
      report,
    });
  });
}

/** The `temporal` on the PATH, when it is recent enough; rejects with the reason otherwise. */
export async function temporalOnPath(env: NodeJS.ProcessEnv): Promise<string> {
  const folders = (env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  const path = folders.map((folder) => join(folder, BINARY)).find((file) => existsSync(file));
  if (path === undefined) throw new Error(`there is none`);
  const version = await cliVersion(path);
  if (!isRecentEnough(version)) throw new Error(`${path} is version ${version}; ${LEAST_VERSION} or newer is needed`);
  return path;
}

/** `1.8.2` from what `temporal --version` prints. */
async function cliVersion(path: string): Promise<string> {
  const { stdout } = await runCommand(path, ['--version'], { timeoutMs: 20_000 });
  const version = /version (\d+\.\d+\.\d+\S*)/.exec(stdout)?.[1];
  if (version === undefined) throw new Error(`${path} --version printed "${stdout.trim()}", no version`);
  return version;
}

/** Whether a version is {@link LEAST_VERSION} or newer, compared number by number. */
export function isRecentEnough(version: string): boolean {
  const [found, least] = [version, LEAST_VERSION].map((text) => text.split(/[.-]/).slice(0, 3).map(Number));
  for (const [index, part] of (least ?? []).entries()) {
    const other = found?.[index] ?? Number.NaN;
    if (other !== part) return other > part;
  }
  return true;
}

async function isIntact(kept: string, report: Report): Promise<boolean> {
  const state = await checkKept(kept, pinnedFor());
  if (state === 'damaged') report(`${PART}: ${kept} is not what was kept (sha256 differs); getting it anew`);
  if (state === 'unrecorded' && (await isWanted(kept))) {
    await recordDigest(kept, await sha256OfFile(kept));
    return true;
  }
  return state === 'intact';
}

async function isWanted(path: string): Promise<boolean> {
  return cliVersion(path).then(
    (version) => version === TEMPORAL_CLI_VERSION,
    () => false,
  );
}

async function byDownload(cache: string, kept: string, report: Report): Promise<string> {
  return withTemporaryFolder(cache, async (temporary) => {
    const args = typescriptArguments(DOWNLOAD_PROCESS, temporary, `v${TEMPORAL_CLI_VERSION}`);
    const download = runCommand(process.execPath, args, { timeoutMs: DOWNLOAD_LIMIT_MS });
    await withTicks(report, `${PART}: downloading`, 10_000, download);
    const [file] = await readdir(temporary);
    if (file === undefined) throw new Error('the SDK left no file');
    return adopt(join(temporary, file), kept);
  });
}

async function byGo(cache: string, kept: string, env: NodeJS.ProcessEnv, report: Report): Promise<string> {
  await runCommand('go', ['version'], { env, timeoutMs: 30_000 });
  return withTemporaryFolder(cache, async (temporary) => {
    for (const file of ['go.mod', 'go.sum']) await copyFile(join(GO_MODULE, file), join(temporary, file));
    const built = join(temporary, BINARY);
    const version = `-X github.com/temporalio/cli/internal/temporalcli.Version=${TEMPORAL_CLI_VERSION}`;
    const args = ['build', '-trimpath', `-ldflags=-s -w ${version}`, '-o', built];
    const build = runCommand('go', [...args, 'github.com/temporalio/cli/cmd/temporal'], {
      cwd: temporary,
      env: { ...env, CGO_ENABLED: '0' },
      timeoutMs: BUILD_LIMIT_MS,
    });
    await withTicks(report, `${PART}: building with Go`, 20_000, build);
    return adopt(built, kept);
  });
}

async function adopt(obtained: string, kept: string): Promise<string> {
  await chmod(obtained, 0o755);
  const version = await cliVersion(obtained);
  if (version !== TEMPORAL_CLI_VERSION) throw new Error(`it is version ${version}, expected ${TEMPORAL_CLI_VERSION}`);
  await keep(obtained, kept, pinnedFor());
  return kept;
}

function pinnedFor(): string | undefined {
  return pinnedDigest(`temporal/${TEMPORAL_CLI_VERSION}/temporal`);
}
