import { version as duckdbVersion } from '@duckdb/node-api';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DUCKDB_VERSION } from '../../../scripts/setup/duckdb-extensions.ts';
import { ensureLightgbm, explainLoadError, whyNotLoadable } from '../../../scripts/setup/lightgbm.ts';
import { ensureNativeParts } from '../../../scripts/setup/native-parts.ts';
import { nativeParts } from '../../support/native-parts.ts';
import { temporaryFolder } from '../temporary-folder.ts';

describe('ensureNativeParts', () => {
  it('with everything in place is quick and silent', async () => {
    nativeParts();
    const said: string[] = [];
    const started = performance.now();
    const parts = await ensureNativeParts((line) => said.push(line), { ...process.env, TEMPORAL_ADDRESS: '' });
    expect(said).toEqual([]);
    expect(parts.temporalCli).toMatch(/temporal$/);
    // It hashes 260 MB. Generous, for machines that do other things too.
    expect(performance.now() - started).toBeLessThan(5_000);
  });

  it('wants no CLI when TEMPORAL_ADDRESS names a server', async () => {
    const parts = await ensureNativeParts(() => undefined, {
      ...process.env,
      TEMPORAL_ADDRESS: 'temporal.example:7233',
    });
    expect(parts.temporalCli).toBeNull();
  });

  it('tells in one message what is missing', async () => {
    const env = { ...process.env, TEMPORAL_ADDRESS: 'temporal.example:7233', LIGHTGBM_LIB: '/nowhere/lib_lightgbm.so' };
    await expect(ensureNativeParts(() => undefined, env)).rejects.toThrow(
      /^Superstep cannot be set up\.\n\nLIGHTGBM_LIB names \/nowhere\/lib_lightgbm\.so, but there is no such file\. Unset it/,
    );
  });
});

describe('DuckDB extensions', () => {
  it('are of the version of DuckDB itself', () => {
    expect(duckdbVersion()).toBe(`v${DUCKDB_VERSION}`);
  });
});

describe('LightGBM', () => {
  it('loads', () => {
    expect(whyNotLoadable(nativeParts().lightgbmLib)).toBeUndefined();
  });

  it('is refused when the named file is no library', async () => {
    const file = join(await temporaryFolder(), 'lib_lightgbm.so');
    await writeFile(file, 'no library');
    await expect(ensureLightgbm('/unused', { LIGHTGBM_LIB: file }, () => undefined)).rejects.toThrow(
      /cannot be loaded/,
    );
  });

  it('names libgomp1 when the linker misses it', () => {
    const linker = 'libgomp.so.1: cannot open shared object file: No such file or directory';
    expect(explainLoadError(linker)).toContain('install libgomp1');
  });
});
