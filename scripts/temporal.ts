import { spawn } from 'node:child_process';
import { serverAddress } from './dev-server/server-address.ts';
import { runMain } from './message-for-person.ts';
import { cacheFolder } from './setup/cache.ts';
import { reportToStderr } from './setup/report.ts';
import { ensureTemporalCli } from './setup/temporal-cli.ts';

/**
 * `npm run temporal -- <arguments>`: the stock Temporal CLI that set-up finds or makes, pointed at the server of
 * temporal-dev.yaml (moved by SUPERSTEP_PORT) unless TEMPORAL_ADDRESS or --address says otherwise. Starts nothing.
 */
await runMain(async () => {
  const cli = await ensureTemporalCli(cacheFolder(process.env), process.env, reportToStderr);
  const address = await serverAddress(process.env);
  const child = spawn(cli, process.argv.slice(2), {
    stdio: 'inherit',
    env: { ...process.env, TEMPORAL_ADDRESS: address },
  });
  // A Ctrl-C reaches the CLI by the terminal; what is sent to this process alone is passed on.
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
});
