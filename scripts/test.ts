import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { runMain } from './message-for-person.ts';
import { ensureNativeParts } from './setup/native-parts.ts';
import { reportToStderr } from './setup/report.ts';
import { ROOT } from './stack/stack-home.ts';

/** `npm test -- <arguments of vitest run>`: set-up first, since tests use the native parts but install nothing. */
await runMain(async () => {
  // Tests start servers of their own.
  const env = { ...process.env };
  delete env['TEMPORAL_ADDRESS'];
  await ensureNativeParts(reportToStderr, env);
  const vitest = join(dirname(createRequire(import.meta.url).resolve('vitest/package.json')), 'vitest.mjs');
  const child = spawn(process.execPath, [vitest, 'run', ...process.argv.slice(2)], {
    cwd: ROOT,
    stdio: 'inherit',
    env,
  });
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
});
