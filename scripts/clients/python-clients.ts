import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { withLock } from '../setup/lock.ts';
import { type Report, withTicks } from '../setup/report.ts';
import { runCommand } from '../setup/run-command.ts';
import { pythonWithPip } from '../setup/wheel.ts';

const PART = 'Python packages';
const INSTALL_TIMEOUT_MS = 900_000;

/**
 * The Python of an environment that holds exactly the packages of a requirements file, kept in the cache under the
 * file's digest: made once, and complete or not there.
 */
export async function ensurePythonClients(cache: string, requirements: string, report: Report): Promise<string> {
  const digest = createHash('sha256')
    .update(await readFile(requirements))
    .digest('hex')
    .slice(0, 16);
  const kept = join(cache, 'python-clients', digest);
  const python = join(kept, 'bin', 'python');
  if (existsSync(python)) return python;
  const onWait = (pid: number): void => report(`${PART}: process ${pid} is installing them; waiting for it`);
  await withLock(join(cache, 'python-clients.lock'), onWait, async () => {
    if (existsSync(python)) return;
    report(`${PART}: installing ${requirements} (some 450 MB, a minute or so) ...`);
    const partial = `${kept}.partial`;
    await rm(partial, { recursive: true, force: true });
    await mkdir(dirname(kept), { recursive: true });
    const system = await pythonWithPip();
    await runCommand(system, ['-m', 'venv', partial], { timeoutMs: INSTALL_TIMEOUT_MS });
    const install = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', requirements];
    const installing = runCommand(join(partial, 'bin', 'python'), install, { timeoutMs: INSTALL_TIMEOUT_MS });
    await withTicks(report, `${PART}: pip`, 10_000, installing);
    // Python finds its environment by its own place, so a renamed one works; only its scripts' first lines do not.
    await rename(partial, kept);
  });
  return python;
}
