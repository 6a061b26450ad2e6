import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from './run-command.ts';

const PYTHONS = process.platform === 'win32' ? ['py', 'python'] : ['python3', 'python'];

/**
 * Downloads a wheel with pip, which knows the user's index and proxy, and unpacks it into `folder`; no Python code of
 * it runs and nothing is installed. Returns the unpacked folder.
 */
export async function unpackWheel(name: string, version: string, folder: string): Promise<string> {
  const python = await pythonWithPip();
  const download = ['-m', 'pip', 'download', '--no-deps', '--only-binary=:all:', '--quiet', '--dest', folder];
  await runCommand(python, [...download, `${name}==${version}`], { timeoutMs: 600_000 });
  const wheel = (await readdir(folder)).find((file) => file.endsWith('.whl'));
  if (wheel === undefined) throw new Error(`pip left no wheel of ${name} ${version}`);
  const unpacked = join(folder, 'unpacked');
  await runCommand(python, ['-m', 'zipfile', '-e', join(folder, wheel), unpacked], { timeoutMs: 120_000 });
  return unpacked;
}

/** The first Python on the PATH that has pip. */
export async function pythonWithPip(): Promise<string> {
  const reasons: string[] = [];
  for (const python of PYTHONS) {
    try {
      await runCommand(python, ['-m', 'pip', '--version'], { timeoutMs: 30_000 });
      return python;
    } catch (error) {
      reasons.push(error instanceof Error ? error.message : String(error));
    }
  }
  throw new Error(`no Python with pip: ${reasons.join('; ')}`);
}
