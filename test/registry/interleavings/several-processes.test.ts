import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Registry } from '../../../registry/registry.ts';
import { childProcesses } from '../child-processes.ts';
import { expectSound, expectWholeChain } from './soundness.ts';
import { openWorld } from './world.ts';

const MARK = 'shared-';
const PLAYS = 6;

const { folder, start } = childProcesses(join(import.meta.dirname, 'interleavings-process.ts'));

describe('several processes at once, one of which is killed', () => {
  it('never two Productions, never none where there was one', async () => {
    const workers = ['1', '2', '3'].map((seed) => start(MARK, seed, String(PLAYS)));
    const [, , third] = workers;
    await third?.said(1);
    third?.child.kill('SIGKILL');
    expect(await Promise.all(workers.map(({ ended }) => ended))).toEqual([0, 0, 'SIGKILL']);
    const reached = new Set(workers.flatMap(({ lines }) => lines.flatMap((line) => JSON.parse(line) as string[])));
    expect([...reached]).toEqual(expect.arrayContaining(['promote: promoted', 'NotAuthorized']));

    const world = await openWorld({ folder: folder() });
    await expectSound(world.db, world.handles[0] as Registry, MARK, 'refused');
    await expectWholeChain(world.db);
    await world.close();
  });
});
