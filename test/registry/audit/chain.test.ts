import { describe, expect, it } from 'vitest';
import { chainHash, contentDigest, GENESIS_HASH, sealRow } from '../../../registry/audit/chain.ts';

describe('the hash of a row', () => {
  it('is what Python makes of it: sha256 over sorted JSON without white space, then over both digests as text', () => {
    const content = {
      sequence: 1,
      at: '2001-03-01T00:00:00.000Z',
      model: 'delays',
      version: 1,
      action: 'NEW_COMMENT',
      fromStage: null,
      toStage: null,
      by: 'ml-lead',
      proof: 'claimed',
      comment: 'flüge "late"',
      evidenceDigest: null,
      workflowId: null,
      workflowRunId: null,
      details: null,
      previousHash: GENESIS_HASH,
    };
    const digest = 'c90965669e91e313b80b753251bfbb9a9dcca5c74b737e0cff1ed28e8a86db99';
    const hash = '12fe2ca47cbbb777db4c7a0e0d634ef5ac940937e7f67340658dc00e45da614e';
    expect(contentDigest(content)).toBe(digest);
    expect(chainHash(GENESIS_HASH, digest)).toBe(hash);
    expect(sealRow(content).hash).toBe(hash);
  });
});
