import { appendFile, copyFile, mkdir, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ensureTemporalCli, isRecentEnough, temporalOnPath } from '../../../scripts/setup/temporal-cli.ts';
import { nativeParts } from '../../support/native-parts.ts';
import { temporaryFolder } from '../temporary-folder.ts';

async function fakeCli(version: string): Promise<string> {
  const folder = await temporaryFolder();
  const script = `#!/bin/sh\necho "temporal version ${version} (Server 1.29.1, UI 2.42.1)"\n`;
  await writeFile(join(folder, 'temporal'), script, { mode: 0o755 });
  return folder;
}

describe('the Temporal CLI', () => {
  it('compares versions number by number', () => {
    expect(['1.5.1', '1.5.2', '1.10.0', '2.0.0'].map(isRecentEnough)).toEqual([true, true, true, true]);
    expect(['1.5.0', '1.4.9', '0.13.2', '0.0.0-DEV', 'x'].map(isRecentEnough)).toEqual([
      false,
      false,
      false,
      false,
      false,
    ]);
  });

  it('is the one on the PATH when that is recent enough', async () => {
    const folder = await fakeCli('1.6.0');
    const said: string[] = [];
    const cli = await ensureTemporalCli(join(folder, 'cache'), { PATH: `/nowhere:${folder}` }, (line) =>
      said.push(line),
    );
    expect(cli).toBe(join(folder, 'temporal'));
    expect(said).toEqual([]);
  });

  it('is not an old one, and says why', async () => {
    const folder = await fakeCli('1.4.1');
    await expect(temporalOnPath({ PATH: folder })).rejects.toThrow(/temporal is version 1\.4\.1; 1\.5\.1 or newer/);
    await expect(temporalOnPath({ PATH: '' })).rejects.toThrow('there is none');
  });

  it('is the kept one, recorded when first seen and checked ever after', async () => {
    const cache = await temporaryFolder();
    const kept = join(cache, 'temporal', '1.8.2', 'temporal');
    await mkdir(join(kept, '..'), { recursive: true });
    await copyFile(nativeParts().temporalCli, kept);
    expect(await ensureTemporalCli(cache, { PATH: '' }, () => undefined)).toBe(kept);
    expect(existsSync(`${kept}.sha256`)).toBe(true);
    await appendFile(kept, 'x');
    // The ladder is not climbed here: it would go to the network.
    const stop = (line: string): never => {
      throw new Error(line);
    };
    await expect(ensureTemporalCli(cache, { PATH: '' }, stop)).rejects.toThrow('is not what was kept (sha256 differs)');
  });
});
