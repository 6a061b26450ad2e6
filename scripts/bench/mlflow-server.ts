import { mkdir } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensurePythonClients } from '../clients/python-clients.ts';
import { HOST } from '../dev-server/ports.ts';
import { superviseProcess } from '../processes/supervise-process.ts';
import { cacheFolder } from '../setup/cache.ts';
import type { Report } from '../setup/report.ts';

export interface MlflowServer {
  readonly url: string;
  /** Its SQLite file; its tables are there. */
  readonly database: string;
  readonly stop: () => Promise<void>;
}

const REQUIREMENTS = fileURLToPath(new URL('./mlflow-server-requirements.txt', import.meta.url));
const UP_WITHIN_MS = 120_000;

/** Starts MLflow's own server with its defaults: SQLite, artifacts through the server, four workers. */
export async function startMlflowServer(folder: string, report: Report): Promise<MlflowServer> {
  const python = await ensurePythonClients(cacheFolder(process.env), REQUIREMENTS, report);
  await mkdir(folder, { recursive: true });
  const port = await freePort();
  const database = join(folder, 'mlflow.db');
  const url = `http://${HOST}:${port}`;
  const store = ['--backend-store-uri', `sqlite:///${database}`, '--artifacts-destination', join(folder, 'artifacts')];
  const server = superviseProcess({
    name: 'mlflow server',
    command: python,
    args: ['-m', 'mlflow', 'server', ...store, '--host', HOST, '--port', String(port)],
    cwd: folder,
    // It starts its workers by names on the PATH.
    env: { ...process.env, PATH: `${dirname(python)}:${process.env['PATH'] ?? ''}` },
    log: join(folder, 'mlflow.log'),
    graceMs: 5_000,
    report,
  });
  const deadline = Date.now() + UP_WITHIN_MS;
  while (!(await isUp(url))) {
    if (Date.now() > deadline) {
      await server.stop();
      throw new Error(`MLflow's server does not answer; its last lines:\n  ${server.lastLines().join('\n  ')}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  return { url, database, stop: server.stop };
}

async function isUp(url: string): Promise<boolean> {
  const answer = await fetch(`${url}/health`, { signal: AbortSignal.timeout(2_000) }).catch(() => undefined);
  return answer?.ok === true;
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, HOST, () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
