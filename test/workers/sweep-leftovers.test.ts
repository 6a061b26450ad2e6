import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sweepLeftovers } from '../../workers/sweep-leftovers.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sweep-'));
});
afterEach(() => rm(folder, { recursive: true }));

describe('sweepLeftovers', () => {
  it('removes what nobody touched for a day, and nothing younger', async () => {
    await mkdir(join(folder, 'old'));
    await writeFile(join(folder, 'old', 'part.parquet'), 'x');
    await writeFile(join(folder, 'young'), 'x');
    const now = Date.now();
    const twoDaysAgo = new Date(now - 2 * 86_400_000);
    await utimes(join(folder, 'old'), twoDaysAgo, twoDaysAgo);
    await sweepLeftovers([folder, join(folder, 'not-there')], now);
    expect(await readdir(folder)).toEqual(['young']);
  });
});
