import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensurePythonClients } from './clients/python-clients.ts';
import { startRegistryProcess } from './clients/registry-process.ts';
import { messageForPerson, runMain } from './message-for-person.ts';
import { cacheFolder } from './setup/cache.ts';
import { reportToStderr } from './setup/report.ts';
import { ROOT } from './stack/stack-home.ts';

const HELP = `npm run test:clients: real clients against a registry of its own: MLflow's Python client and the Databricks SDK.

  Their packages are pinned in test/clients/requirements.txt and kept in an environment of their own in the cache folder.
`;
const CLIENTS = join(ROOT, 'test', 'clients');

await runMain(async () => {
  const [argument] = process.argv.slice(2);
  if (argument !== undefined) {
    process.stdout.write(HELP);
    return argument === '--help' || argument === '-h' ? 0 : 2;
  }
  const requirements = join(CLIENTS, 'requirements.txt');
  const python = await ensurePythonClients(cacheFolder(process.env), requirements, reportToStderr);
  const home = await mkdtemp(join(tmpdir(), 'superstep-clients-'));
  const server = await startRegistryProcess(home);
  const run = (program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<void> =>
    runClient(python, program, args, { ...process.env, HOME: home, ...env });
  try {
    process.stdout.write('\nMLflow, dev, nobody asks who it is\n');
    await run('mlflow_client.py', [`${server.url}/dev`]);
    process.stdout.write('\nMLflow, prod, with a token\n');
    await run('mlflow_client.py', [server.url], { MLFLOW_TRACKING_TOKEN: server.prodToken });
    process.stdout.write('\nDatabricks SDK, prod, with a token\n');
    await run('databricks_client.py', [server.url, 'smoke-model', '1', server.prodToken]);
    process.stdout.write('\nall clients are served\n');
    return 0;
  } finally {
    await server.stop();
    await rm(home, { recursive: true, force: true });
  }
});

function runClient(python: string, program: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  const child = spawn(python, [join(CLIENTS, program), ...args], { env, stdio: ['ignore', 'inherit', 'inherit'] });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) =>
      code === 0 ? resolve() : reject(messageForPerson(`${program} ended with code ${code}; what it printed is above`)),
    );
  });
}
