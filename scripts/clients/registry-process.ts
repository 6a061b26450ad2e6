import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HOST } from '../dev-server/ports.ts';
import { superviseProcess } from '../processes/supervise-process.ts';
import { typescriptArguments } from '../processes/typescript-process.ts';
import { reportToStderr } from '../setup/report.ts';
import { ROOT } from '../stack/stack-home.ts';

/** A registry of its own, without workers: for what asks it over HTTP alone. */
export interface RegistryProcess {
  /** The tracking URI of prod. */
  readonly url: string;
  /** An admin's, from the file that the first start leaves. */
  readonly prodToken: string;
  readonly pid: () => number | undefined;
  readonly stop: () => Promise<void>;
}

const PROGRAM = fileURLToPath(new URL('../../workers/registry-server-process.ts', import.meta.url));

/** Starts the registry's server of all environments on a free port, with its state in `home`. */
export async function startRegistryProcess(home: string, env: NodeJS.ProcessEnv = {}): Promise<RegistryProcess> {
  let url = '';
  const server = superviseProcess({
    name: 'registry',
    command: process.execPath,
    args: typescriptArguments(PROGRAM),
    cwd: ROOT,
    env: {
      ...process.env,
      SUPERSTEP_POLICIES: join(ROOT, 'policies'),
      ...env,
      SUPERSTEP_HOME: home,
      SUPERSTEP_REGISTRY_HOST: HOST,
      SUPERSTEP_REGISTRY_PORT: '0',
    },
    log: join(home, 'logs', 'registry.log'),
    graceMs: 5_000,
    report: reportToStderr,
    isReady: (line) => {
      const found = /^ready (http:\S+)$/.exec(line)?.[1];
      if (found !== undefined) url = found;
      return found !== undefined;
    },
  });
  try {
    await server.ready();
    const prodToken = (await readFile(join(home, 'prod', 'admin-token'), 'utf8')).trim();
    return { url, prodToken, pid: server.pid, stop: server.stop };
  } catch (error) {
    await server.stop();
    throw error;
  }
}
