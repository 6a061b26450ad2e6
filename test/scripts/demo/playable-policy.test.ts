import { join } from 'node:path';
import { expect, it } from 'vitest';
import { loadPolicy } from '../../../projects/load-policy.ts';
import { requirePlayable } from '../../../scripts/demo/playable-policy.ts';
import { ROOT } from '../../../scripts/stack/stack-home.ts';

it('plays by the policy that comes with Superstep, and refuses one that its terminal cannot satisfy', async () => {
  const { policy } = await loadPolicy(join(ROOT, 'policies'), 'prod');
  const ask = (approval: Partial<typeof policy.approval>) => () =>
    requirePlayable({ ...policy, approval: { ...policy.approval, ...approval } }, 'flights-delay', 'prod.yaml');
  expect(ask({})).not.toThrow();
  expect(ask({ proof: 'signature' })).toThrow('by prod.yaml approvals of flights-delay need a signature as proof. Let');
  expect(ask({ quorum: 2 })).toThrow('they need 2 of governance, ml-lead');
  expect(ask({ quorum: { 'ml-lead': 1 } })).toThrow('they need 1 ml-lead');
  expect(ask({ approvers: ['ml-lead'] })).toThrow('they need 1 of ml-lead');
});
