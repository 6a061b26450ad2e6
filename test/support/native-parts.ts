import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

export interface NativeParts {
  /** Folder with `<name>.duckdb_extension` files. */
  readonly duckdbExtensions: string;
  readonly lightgbmLib: string;
  readonly temporalCli: string;
}

/** The native parts that set-up put into the cache folder. Tests do not install: `npm test` runs set-up first. */
export function nativeParts(): NativeParts {
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'superstep');
  const parts = {
    duckdbExtensions: join(cache, 'duckdb-extensions', '1.5.5'),
    lightgbmLib: join(cache, 'lightgbm', '4.7.0', 'lib_lightgbm.so'),
    temporalCli: join(cache, 'temporal', '1.8.2', 'temporal'),
  };
  for (const path of Object.values(parts)) {
    if (!existsSync(path)) throw new Error(`${path} is missing; run "npm run setup" first`);
  }
  return parts;
}
