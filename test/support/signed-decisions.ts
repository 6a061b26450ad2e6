import { createHash } from 'node:crypto';
import { ed25519 } from '@noble/curves/ed25519.js';
import type { DecisionKey } from '../../contracts/approval-rules.ts';
import {
  type DecisionGround,
  decisionStatement,
  type DecisionToState,
  signStatement,
} from '../../contracts/decision-statement.ts';
import type { DsseEnvelope, Signer } from '../../contracts/dsse.ts';

/** A key pair that is the same on every machine: the seed is the sha256 of a name. */
export interface TestKey extends Signer {
  readonly publicKey: string;
}

export function testKey(name: string): TestKey {
  const seed = createHash('sha256').update(name).digest();
  const publicKey = ed25519.getPublicKey(seed);
  return {
    keyId: createHash('sha256').update(publicKey).digest('hex').slice(0, 16),
    publicKey: Buffer.from(publicKey).toString('hex'),
    sign: (message) => ed25519.sign(message, seed),
  };
}

/** As a gate lists it; a `server` speaks for others. */
export function decisionKey(
  owner: string,
  roles: readonly string[],
  kind: DecisionKey['kind'] = 'person',
): DecisionKey {
  const { keyId, publicKey } = testKey(owner);
  return { keyId, owner, roles, publicKey, kind };
}

/** A decision on this ground, signed with a key of that name. */
export function signedDecision(
  ground: DecisionGround,
  stated: Partial<DecisionToState> & { readonly approver: string },
  signer: string = stated.approver,
): DsseEnvelope {
  const full: DecisionToState = {
    decision: 'approve',
    comment: 'looks right',
    decidedAt: '2001-05-02T08:00:00.000Z',
    proof: 'signature',
    ...stated,
  };
  return signStatement(decisionStatement(ground, full), testKey(signer));
}
