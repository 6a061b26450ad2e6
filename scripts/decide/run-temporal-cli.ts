import { spawn } from 'node:child_process';

/** Runs the Temporal CLI; resolves with its exit code. */
export function runTemporalCli(cli: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const child = spawn(cli, args, { stdio: 'inherit', env });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
}
