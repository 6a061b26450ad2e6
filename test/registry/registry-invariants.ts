import { expect } from 'vitest';
import type { Registry } from '../../registry/registry.ts';

/** What must hold of a model's registry at any time, whatever happened. */
export async function expectInvariants(registry: Registry, model: string): Promise<void> {
  const versions = await registry.modelVersions(model);
  const stays = await registry.productionHistory(model);
  const log = await registry.activityLog(model);
  expect(versions.map((v) => v.version)).toEqual(versions.map((_, i) => i + 1));

  const production = versions.filter((v) => v.stage === 'Production').map((v) => v.version);
  expect(production).toEqual(stays.filter((stay) => stay.leftAt === null).map((stay) => stay.version));
  expect(production).toHaveLength(stays.length === 0 ? 0 : 1);
  stays.forEach((stay, i) => expect(stay.leftAt).toBe(stays[i + 1]?.enteredAt ?? null));

  const requests = (await Promise.all(versions.map((v) => registry.transitionRequests(model, v.version)))).flat();
  for (const stay of stays) {
    const request = requests.find((r) => r.id === stay.requestId);
    expect(request).toMatchObject({ version: stay.version, status: 'approved', evidenceDigest: stay.evidenceDigest });
    if (stay.enteredThrough === 'rollback') {
      const { enteredAt: at, version } = stay;
      expect(log).toContainEqual(
        expect.objectContaining({ at, version, action: 'ROLLED_BACK', toStage: 'Production' }),
      );
    }
  }

  const open = requests.filter((r) => r.status === 'open' && r.toStage === 'Production');
  expect(open.length).toBeLessThanOrEqual(1);
  for (const request of open) {
    expect(versions.find((v) => v.version === request.version)?.stage).toBe('Staging');
  }

  // The audit alone tells every stage: each move begins where the one before ended.
  const told = new Map<number, string>();
  for (const entry of log) {
    if (entry.action === 'REGISTERED_VERSION') told.set(entry.version, 'None');
    else if (entry.fromStage !== null && entry.toStage !== null) {
      expect(told.get(entry.version)).toBe(entry.fromStage);
      told.set(entry.version, entry.toStage);
    }
  }
  expect(versions.map((v) => [v.version, v.stage])).toEqual([...told].sort(([a], [b]) => a - b));
}
