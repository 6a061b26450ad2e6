import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadPolicy } from '../../../projects/load-policy.ts';
import { ROOT } from '../../../scripts/stack/stack-home.ts';
import { createReplay, GOLDEN_FILE, readGoldenPairs, type GoldenPair } from './golden-pairs.ts';
import { openGoldenServer } from './open-golden-server.ts';

const INVALID = { error_code: 'INVALID_PARAMETER_VALUE', message: '<message>' };
const POINTS = [
  { key: 'm', value: 1.5, timestamp: 1700000000005, step: 1 },
  { key: 'm', value: 2, timestamp: 1700000000006, step: 2 },
  { key: 'm', value: 'NaN', timestamp: 1700000000007, step: 3 },
];

/** Lines that are not sent at all. */
const NOT_SENT: Readonly<Record<number, string>> = {
  41: 'an integer is taken for an experiment id; the run that it makes would change later searches',
};

/** Where this server answers differently by choice; `like` is the line whose answer it gives. */
const DELIBERATE: Readonly<Record<number, Partial<GoldenPair> & { readonly like?: number; readonly why: string }>> = {
  77: { why: 'history without max_results is all of it', response: { metrics: POINTS } },
  118: { why: 'history without max_results is all of it', response: { metrics: POINTS } },
  83: { why: 'an unknown status is refused', status: 400, response: INVALID },
  124: { why: 'an unknown status is refused', status: 400, response: INVALID },
  151: { why: 'a source that does not exist is the caller’s fault', status: 400, response: INVALID },
  163: { why: 'archiving the rest of None is the caller’s fault', status: 400, response: INVALID },
  164: { why: 'booleans may be texts', status: 200, like: 161 },
  176: { why: 'latest is the highest version', like: 150 },
  233: { why: 'DELETE takes a query', status: 200, response: {} },
};

const isThere = existsSync(GOLDEN_FILE);
const inCi = process.env['CI'] !== undefined && process.env['CI'] !== '';

describe('the recorded pairs are there', () => {
  it.skipIf(!isThere && !inCi)(`${GOLDEN_FILE} (skipped outside of CI when absent)`, () => {
    expect(isThere, `CI needs the recorded pairs at ${GOLDEN_FILE}`).toBe(true);
    expect(pairs).toHaveLength(253);
  });
});

const pairs = isThere ? readGoldenPairs() : [];

describe.skipIf(!isThere)('MLflow’s recorded answers', () => {
  const found = new Map<number, readonly string[]>();
  let bugs: readonly unknown[] = [];

  beforeAll(async () => {
    // The recorded clients name nobody: what they may do is what the shipped policy lets anybody.
    const { policy } = await loadPolicy(join(ROOT, 'policies'), 'dev');
    const server = await openGoldenServer('by token', { policy });
    const replay = createReplay(server.port);
    try {
      for (const pair of pairs) {
        if (NOT_SENT[pair.line] !== undefined) continue;
        found.set(pair.line, replay.compare(expectedOf(pair), await replay.send(pair)));
      }
      bugs = [...server.bugs];
    } finally {
      replay.close();
      await server.close();
    }
  });

  it.each(pairs.map((pair) => [pair.line, `${pair.method} ${pair.path}`] as const))('line %d: %s', (line) => {
    expect(found.get(line) ?? [], DELIBERATE[line]?.why ?? NOT_SENT[line] ?? `line ${line}`).toEqual([]);
  });

  it('never ends in a bug', () => {
    expect(bugs).toEqual([]);
  });
});

function expectedOf(pair: GoldenPair): GoldenPair {
  const { like, ...changes } = DELIBERATE[pair.line] ?? {};
  const answer = like === undefined ? {} : { response: pairs[like - 1]?.response };
  return { ...pair, ...answer, ...changes };
}
