import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import koffi from 'koffi';
import { messageForPerson } from '../message-for-person.ts';
import { checkKept, keep, recordDigest, sha256OfFile, withTemporaryFolder } from './cache.ts';
import { climbLadder, type Rung } from './ladder.ts';
import { withLock } from './lock.ts';
import { pinnedDigest } from './pinned-digests.ts';
import { type Report, withTicks } from './report.ts';
import { unpackWheel } from './wheel.ts';

export const LIGHTGBM_VERSION = '4.7.0';

const PART = 'LightGBM';
const LIBRARY = `lib_lightgbm.${{ darwin: 'dylib', win32: 'dll' }[process.platform as string] ?? 'so'}`;
const SYSTEM_FOLDERS = [
  '/usr/local/lib',
  '/usr/lib',
  '/usr/lib64',
  '/usr/lib/x86_64-linux-gnu',
  '/usr/lib/aarch64-linux-gnu',
  '/opt/homebrew/lib',
];
/** From version 4.0 on; an older library would fail in the middle of a training. */
const NEWEST_SYMBOL = 'LGBM_DumpParamAliases';
const REMEDY = `Install Python 3 with pip (Debian, Ubuntu: apt-get install python3-pip), or LightGBM ${LIGHTGBM_VERSION} itself and name its library in LIGHTGBM_LIB.`;

/** Finds or gets LightGBM's C library and returns its absolute path; it loads. */
export async function ensureLightgbm(cache: string, env: NodeJS.ProcessEnv, report: Report): Promise<string> {
  const named = env['LIGHTGBM_LIB'];
  if (named) return namedLibrary(named);
  const system = systemLibrary(env);
  const kept = join(cache, 'lightgbm', LIGHTGBM_VERSION, LIBRARY);
  if (system === undefined && (await isIntact(kept, report))) return kept;
  const onWait = (pid: number): void => report(`${PART}: process ${pid} is getting it; waiting for it`);
  return withLock(join(cache, 'lightgbm.lock'), onWait, async () => {
    const rungs: Rung[] = [
      { name: `the system's library`, climb: () => bySystem(system) },
      { name: `the wheel lightgbm ${LIGHTGBM_VERSION}`, climb: () => byWheel(cache, kept, report) },
    ];
    return climbLadder({ part: PART, rungs, remedy: REMEDY, report });
  });
}

function namedLibrary(path: string): string {
  const reason = existsSync(path) ? whyNotLoadable(path) : 'there is no such file';
  if (reason === undefined) return path;
  throw messageForPerson(`LIGHTGBM_LIB names ${path}, but ${reason}. Unset it, or name a LightGBM >= 4.0 library.`);
}

function systemLibrary(env: NodeJS.ProcessEnv): string | undefined {
  const linker = (env['LD_LIBRARY_PATH'] ?? '').split(':').filter((folder) => folder !== '');
  return [...linker, ...SYSTEM_FOLDERS].map((folder) => join(folder, LIBRARY)).find((path) => existsSync(path));
}

async function bySystem(path: string | undefined): Promise<string> {
  if (path === undefined) throw new Error(`no ${LIBRARY} in LD_LIBRARY_PATH or ${SYSTEM_FOLDERS.join(', ')}`);
  const reason = whyNotLoadable(path);
  if (reason !== undefined) throw new Error(`${path}: ${reason}`);
  return path;
}

async function byWheel(cache: string, kept: string, report: Report): Promise<string> {
  if (await isIntact(kept, () => undefined)) return kept;
  await mkdir(join(kept, '..'), { recursive: true });
  return withTemporaryFolder(cache, async (temporary) => {
    const wheel = unpackWheel('lightgbm', LIGHTGBM_VERSION, temporary);
    const unpacked = await withTicks(report, `${PART}: wheel`, 5_000, wheel);
    const obtained = join(unpacked, 'lightgbm', 'lib', LIBRARY);
    const reason = whyNotLoadable(obtained);
    if (reason !== undefined) throw messageForPerson(reason);
    await keep(obtained, kept, pinnedDigest(`lightgbm/${LIGHTGBM_VERSION}/lib_lightgbm`));
    return kept;
  });
}

async function isIntact(kept: string, report: Report): Promise<boolean> {
  const state = await checkKept(kept, pinnedDigest(`lightgbm/${LIGHTGBM_VERSION}/lib_lightgbm`));
  if (state === 'damaged') report(`${PART}: ${kept} is not what was kept (sha256 differs); getting it anew`);
  if (state === 'unrecorded' && whyNotLoadable(kept) === undefined) {
    await recordDigest(kept, await sha256OfFile(kept));
    return true;
  }
  return state === 'intact';
}

/** Loads the library into this process; undefined when that works, else the reason with its remedy. */
export function whyNotLoadable(path: string): string | undefined {
  try {
    koffi.load(path).func(`int ${NEWEST_SYMBOL}(int64_t, void *, void *)`);
    return undefined;
  } catch (error) {
    return explainLoadError(error instanceof Error ? error.message : String(error));
  }
}

/** The linker's words, with what to install where that is known. */
export function explainLoadError(text: string): string {
  if (text.includes('libgomp')) {
    return `it needs the OpenMP library libgomp.so.1; install libgomp1 (Debian, Ubuntu: apt-get install libgomp1)`;
  }
  if (text.includes('libomp')) return `it needs the OpenMP library libomp; install it (macOS: brew install libomp)`;
  if (text.includes(NEWEST_SYMBOL)) return `it is older than version 4.0 (it has no ${NEWEST_SYMBOL})`;
  return `it cannot be loaded: ${text}`;
}
