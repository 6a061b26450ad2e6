import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openRegistryDatabase } from '../../registry/database.ts';
import { openTestRegistry } from './open-test-registry.ts';
import { dropTestDatabase } from './test-database.ts';
import { expectInvariants } from './registry-invariants.ts';

const MODEL = 'delays';

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

interface Work {
  readonly child: ChildProcess;
  readonly lines: string[];
  /** Exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>;
  /** Resolves when so many lines have come, or the process has ended. */
  readonly said: (lines: number) => Promise<void>;
}

function start(what: string, name: string, count = 0): Work {
  const script = join(import.meta.dirname, 'registry-process.ts');
  const args = ['--import', 'tsx', script, folder, what, name, String(count)];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  children.push(child);
  const lines: string[] = [];
  const reader = createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
  const ended = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | string);
  const said = async (wanted: number): Promise<void> => {
    const gone = ended.then(() => 'gone');
    while (lines.length < wanted) if ((await Promise.race([once(reader, 'line'), gone])) === 'gone') return;
  };
  return { child, lines, ended, said };
}

describe('several processes on one registry', () => {
  it('migrate a new one together, and give each version a number of its own', async () => {
    const workers = ['a', 'b', 'c'].map((name) => start('register', name, 20));
    expect(await Promise.all(workers.map((worker) => worker.ended))).toEqual([0, 0, 0]);
    const versions = workers.flatMap((worker) => worker.lines.map(Number)).sort((x, y) => x - y);
    expect(versions).toEqual(Array.from({ length: 60 }, (_, i) => i + 1));
  });

  it('promote and roll back against each other; one is killed, and nothing is left half done', async () => {
    const workers = ['a', 'b', 'c'].map((name) => start('contend', name, 12));
    await workers[2]?.said(3);
    workers[2]?.child.kill('SIGKILL');
    expect(await Promise.all(workers.map((worker) => worker.ended))).toEqual([0, 0, 'SIGKILL']);
    const outcomes = workers.flatMap((worker) => worker.lines);
    expect(outcomes).toContain('promoted');

    const t = await openTestRegistry({ folder });
    await expectInvariants(t.registry, MODEL);
    const next = await t.promoteNew(MODEL);
    expect(await t.registry.productionVersion(MODEL)).toMatchObject({ version: next });
    await t.close();
  });
});

describe('a process that stops in the middle of a transaction', () => {
  it('makes others wait and then say so; its death undoes its half', async () => {
    const t = await openTestRegistry({ folder, busyTimeoutMs: 200 });
    const champion = await t.promoteNew(MODEL);
    const stopped = start('hang', 'zombie');
    await stopped.said(1);
    expect(stopped.lines).toEqual(['in the middle']);

    await expect(t.register(MODEL)).rejects.toMatchObject({
      type: 'RegistryUnavailable',
      details: t.location,
    });
    // Readers, such as an endpoint that polls, do not notice.
    expect(await t.registry.productionVersions()).toMatchObject([{ version: champion }]);

    stopped.child.kill('SIGKILL');
    expect(await stopped.ended).toBe('SIGKILL');
    expect(await t.promoteNew(MODEL)).toBe(champion + 1);
    await expectInvariants(t.registry, MODEL);
    await t.close();
  });
});

describe('a file that cannot be opened', () => {
  it('is weather, not a fault', async () => {
    const nowhere = openRegistryDatabase({ file: join(folder, 'no', 'registry.sqlite') });
    await expect(nowhere.migrate()).rejects.toMatchObject({ type: 'RegistryUnavailable' });
    await nowhere.close();
  });
});

describe('a transaction that fails', () => {
  it('leaves nothing behind, and the next one works', async () => {
    const t = await openTestRegistry({ folder });
    await t.register(MODEL);
    const broken = t.db.write(async (trx) => {
      await trx('model_versions').update({ stage: 'Production' });
      throw new Error('power cut');
    });
    await expect(broken).rejects.toThrow('power cut');
    expect((await t.registry.getModelVersion(MODEL, 1)).stage).toBe('None');
    expect(await t.promoteNew(MODEL)).toBe(2);
    await t.close();
  });
});
