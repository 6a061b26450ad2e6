import { describe, expect, it } from 'vitest';
import { climbLadder, type Rung } from '../../../scripts/setup/ladder.ts';

function rung(name: string, outcome: string | Error, tried: string[]): Rung {
  return {
    name,
    climb: () => {
      tried.push(name);
      return outcome instanceof Error ? Promise.reject(outcome) : Promise.resolve(outcome);
    },
  };
}

describe('climbLadder', () => {
  it('takes the first rung that works and says which were tried and why they failed', async () => {
    const tried: string[] = [];
    const said: string[] = [];
    const path = await climbLadder({
      part: 'Engine',
      rungs: [
        rung('the PATH', new Error('there is none\nsecond line'), tried),
        rung('a download', '/parts/engine', tried),
        rung('a build', '/never', tried),
      ],
      remedy: 'Install it.',
      report: (line) => said.push(line),
    });
    expect(path).toBe('/parts/engine');
    expect(tried).toEqual(['the PATH', 'a download']);
    expect(said).toEqual([
      'Engine: trying the PATH ...',
      'Engine: not by the PATH: there is none',
      'Engine: trying a download ...',
      'Engine: found by a download: /parts/engine',
    ]);
  });

  it('ends with one message: what, where it was looked for, what to install', async () => {
    const failed = climbLadder({
      part: 'Engine',
      rungs: [rung('the PATH', new Error('there is none'), []), rung('a build', new Error('no compiler'), [])],
      remedy: 'Install a compiler.',
      report: () => undefined,
    });
    await expect(failed).rejects.toThrow(
      'Engine could be neither found nor made. Looked for:\n  - the PATH: there is none\n  - a build: no compiler\nInstall a compiler.',
    );
  });
});
