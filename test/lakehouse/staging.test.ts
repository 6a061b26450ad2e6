import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Staged, stageOnce, stagingFolder, sweepStaging } from '../../lakehouse/staging.ts';

interface Meta {
  readonly by: string;
  readonly file: string;
}

describe('staging', () => {
  let folder: string;
  beforeEach(async () => {
    folder = stagingFolder(await mkdtemp(join(tmpdir(), 'superstep-staging-')), 'some/key');
  });
  afterEach(() => rm(join(folder, '..', '..'), { recursive: true, force: true }));

  const writer =
    (by: string, before: () => Promise<void> = () => Promise.resolve(), keep = true) =>
    async (stem: string): Promise<Staged<Meta>> => {
      await before();
      const file = `${stem}.parquet`;
      await writeFile(file, by);
      return { meta: { by, file }, files: [file], keep };
    };
  const parquetFiles = async (): Promise<string[]> => (await readdir(folder)).filter((f) => f.endsWith('.parquet'));

  it('does the work once', async () => {
    const first = await stageOnce(folder, 't', writer('first'));
    expect(await stageOnce(folder, 't', writer('second'))).toEqual(first);
    expect(await readFile(first.file, 'utf8')).toBe('first');
    expect(await parquetFiles()).toHaveLength(1);
  });

  it('lets one of two racing writers win, and a frozen one take the winner’s files', async () => {
    let thaw = (): void => undefined;
    const frozen = new Promise<void>((resolve) => {
      thaw = resolve;
    });
    const zombie = stageOnce(
      folder,
      't',
      writer('zombie', () => frozen),
    );
    const winner = await stageOnce(folder, 't', writer('winner'));
    thaw();
    expect(await zombie).toEqual(winner);
    expect(await readFile(winner.file, 'utf8')).toBe('winner');
    expect(await readdir(folder)).toHaveLength(2);
  });

  it('leaves nothing of a failed try, nor of one that is not to be kept', async () => {
    const failing = async (stem: string): Promise<Staged<Meta>> => {
      await writeFile(`${stem}.parquet`, 'half');
      throw new Error('died');
    };
    await expect(stageOnce(folder, 't', failing)).rejects.toThrow('died');
    expect(await stageOnce(folder, 't', writer('stopped', undefined, false))).toMatchObject({ by: 'stopped' });
    expect(await readdir(folder)).toEqual([]);
    expect(await stageOnce(folder, 't', writer('later'))).toMatchObject({ by: 'later' });
  });

  it('stages again when the files of a manifest were swept away', async () => {
    const first = await stageOnce(folder, 't', writer('first'));
    await sweepStaging(folder, []);
    const second = await stageOnce(folder, 't', writer('second'));
    expect(second.by).toBe('second');
    expect(second.file).not.toBe(first.file);
    await sweepStaging(folder, [second.file]);
    expect(await parquetFiles()).toHaveLength(1);
  });

  it('gives other keys other folders', () => {
    expect(stagingFolder('/data', 'a')).not.toBe(stagingFolder('/data', 'b'));
  });
});
