import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { typescriptArguments } from '../../scripts/processes/typescript-process.ts';
import { ROOT } from '../../scripts/stack/stack-home.ts';

export interface RanScript {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `scripts/<name>.ts` as `npm run <name>` does, as a process of its own, to its end. */
export function runScript(
  name: string,
  args: readonly string[],
  variables: Readonly<Record<string, string>>,
): Promise<RanScript> {
  const command = typescriptArguments(join(ROOT, 'scripts', `${name}.ts`), ...args);
  // Nothing of whoever runs the tests: neither a token nor a registry.
  const own = { SUPERSTEP_TOKEN: '', SUPERSTEP_REGISTRY_URL: '', XDG_CONFIG_HOME: '/nonexistent' };
  const env = { ...process.env, ...own, ...variables };
  return new Promise((resolve) => {
    execFile(process.execPath, command, { env, cwd: ROOT }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), stdout, stderr }),
    );
  });
}
