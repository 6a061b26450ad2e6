import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const LOADER = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;

/** Arguments with which `process.execPath` runs a TypeScript file, wherever it is started. */
export function typescriptArguments(file: string, ...args: string[]): string[] {
  return ['--import', LOADER, file, ...args];
}
