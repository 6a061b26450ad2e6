import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createProjectActivities } from '../../activities/project-activities.ts';
import { createArtifactStore } from '../../registry/artifact-store.ts';

const ROOT = join(import.meta.dirname, '../..');
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'accept-input-'));
});
afterAll(() => rm(folder, { recursive: true }));

function activities() {
  return createProjectActivities({
    artifacts: createArtifactStore({ folder }),
    environment: 'dev',
    projectRoots: [join(ROOT, 'examples')],
    policies: join(ROOT, 'policies'),
  });
}

const NOW = '2001-05-09T04:00:00.000Z';

function accept(input: unknown) {
  return activities().acceptInput({ workflow: 'scoreBatch', input, now: NOW });
}

describe('the window of scoreBatch', () => {
  it('is the last complete one before now', async () => {
    const { input, asOf } = await accept({ project: 'flights-delay' });
    expect(input).toMatchObject({ from: '2001-05-02T00:00:00.000Z', until: '2001-05-09T00:00:00.000Z' });
    expect(asOf).toBe('2001-05-09T04:00:00.000Z');
  });

  it('ends where it was asked to, and begins the monitor window before', async () => {
    const { input } = await accept({ project: 'flights-delay', until: '2001-04-01T12:00:00Z' });
    expect(input).toMatchObject({ from: '2001-03-25T12:00:00.000Z', until: '2001-04-01T12:00:00.000Z' });
  });

  it('is refused when what was asked for begins after its end', async () => {
    await expect(accept({ project: 'flights-delay', from: '2001-05-10T00:00:00Z' })).rejects.toMatchObject({
      type: 'InvalidInput',
      message: expect.stringContaining('expected "from" before "until"') as string,
    });
  });
});

describe('an as-of', () => {
  const at = (asOf: string) =>
    activities().acceptInput({ workflow: 'refreshFeatures', input: { project: 'flights-delay', asOf }, now: NOW });

  it('may be now, and not later: a typo must not make all later refreshes find nothing new', async () => {
    expect((await at('2001-05-09T04:00:00Z')).asOf).toBe('2001-05-09T04:00:00.000Z');
    await expect(at('2101-05-01T00:00:00Z')).rejects.toMatchObject({
      type: 'InvalidInput',
      message: expect.stringContaining('expected an asOf that has passed') as string,
    });
  });
});

describe('pinning', () => {
  it('gives equal projects one bundle', async () => {
    const [first, second] = [await accept({ project: 'flights-delay' }), await accept({ project: 'flights-delay' })];
    expect(first.pinned).toEqual(second.pinned);
    expect(first.pinned.projectDigest).toMatch(/^[0-9a-f]{64}$/);
  });
});
