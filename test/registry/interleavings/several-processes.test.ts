import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Registry } from '../../../registry/registry.ts';
import { dropTestDatabase } from '../test-database.ts';
import { expectSound, expectWholeChain } from './soundness.ts';
import { openWorld } from './world.ts';

const MARK = 'shared-';
const PLAYS = 6;

let folder: string;
const children: ChildProcess[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'registry-'));
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await dropTestDatabase(folder);
  await rm(folder, { recursive: true, force: true });
});

/** Starts a process that plays; `lines` grows by one with each play. */
function start(seed: number) {
  const script = join(import.meta.dirname, 'interleavings-process.ts');
  const args = ['--import', 'tsx', script, folder, MARK, String(seed), String(PLAYS)];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  children.push(child);
  const lines: string[] = [];
  const reader = createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
  const ended = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | string);
  return { child, lines, ended, firstPlay: Promise.race([once(reader, 'line'), ended]) };
}

describe('several processes at once, one of which is killed', () => {
  it('never two Productions, never none where there was one', async () => {
    const workers = [1, 2, 3].map(start);
    const [, , third] = workers;
    await third?.firstPlay;
    third?.child.kill('SIGKILL');
    expect(await Promise.all(workers.map(({ ended }) => ended))).toEqual([0, 0, 'SIGKILL']);
    const reached = new Set(workers.flatMap(({ lines }) => lines.flatMap((line) => JSON.parse(line) as string[])));
    expect([...reached]).toEqual(expect.arrayContaining(['promote: promoted', 'NotAuthorized']));

    const world = await openWorld({ folder });
    await expectSound(world.db, world.handles[0] as Registry, MARK, 'refused');
    await expectWholeChain(world.db);
    await world.close();
  });
});
