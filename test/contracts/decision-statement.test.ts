import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type DecisionGround,
  decisionStatement,
  readSignedStatement,
  signStatement,
  whyStale,
} from '../../contracts/decision-statement.ts';
import { LONGEST_PAYLOAD, signEnvelope } from '../../contracts/dsse.ts';
import { signedDecision, testKey } from '../support/signed-decisions.ts';

const GROUND: DecisionGround = {
  environment: 'prod',
  model: 'flights-delay',
  version: 3,
  modelDigest: 'e'.repeat(64),
  requestId: 'request-1',
  evidenceDigest: '3f9c61a0b2de4c77'.repeat(4),
  snapshot: 42,
};
const KEY = testKey('officer');
const CONDITIONS = [{ condition: 'explain hub ATL', due: '2001-06-01T00:00:00Z' }];
const STATED = {
  decision: 'approve',
  approver: 'officer',
  comment: 'ok',
  decidedAt: '2001-05-02T08:00:00Z',
} as const;
const STATEMENT = decisionStatement(GROUND, {
  ...STATED,
  proof: 'token',
  roles: ['governance'],
  conditions: CONDITIONS,
});

function readText(text: string) {
  return readSignedStatement(signEnvelope('application/vnd.in-toto+json', new TextEncoder().encode(text), KEY));
}

describe('a decision as a statement', () => {
  it('is an in-toto Statement v1 about the model by its digest', () => {
    // The fields of github.com/in-toto/attestation, spec/v1/statement.md.
    expect(STATEMENT).toEqual({
      _type: 'https://in-toto.io/Statement/v1',
      subject: [{ name: 'flights-delay/3', digest: { sha256: 'e'.repeat(64) } }],
      predicateType: 'urn:superstep:decision:v1',
      predicate: {
        environment: 'prod',
        requestId: 'request-1',
        evidenceDigest: GROUND.evidenceDigest,
        evaluation: { snapshot: 42 },
        decision: 'approve',
        approver: 'officer',
        roles: ['governance'],
        comment: 'ok',
        decidedAt: '2001-05-02T08:00:00Z',
        proof: 'token',
        conditions: CONDITIONS,
      },
    });
  });

  it('comes out of its envelope as it went in, whatever the comment', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 500 }), fc.boolean(), (comment, token) => {
        const proof = token ? 'token' : 'signature';
        const statement = decisionStatement(GROUND, { ...STATED, comment, proof });
        const read = readSignedStatement(signStatement(statement, KEY));
        expect(read.ok && read.value.statement).toEqual(statement);
      }),
    );
  });
});

describe('readSignedStatement', () => {
  const changed = (
    change: (statement: Record<string, unknown>, predicate: Record<string, unknown>) => void,
  ): string => {
    const copy = structuredClone(STATEMENT) as unknown as Record<string, unknown>;
    change(copy, copy['predicate'] as Record<string, unknown>);
    return JSON.stringify(copy);
  };

  it.each<[string, string, RegExp]>([
    ['text', 'approve', /not JSON/],
    ['white space', JSON.stringify(STATEMENT, null, 1), /compact JSON/],
    [
      'a key twice',
      JSON.stringify(STATEMENT).replace('"decision":"approve"', '"decision":"reject","decision":"approve"'),
      /no key twice/,
    ],
    ['a needless escape', JSON.stringify(STATEMENT).replace('"officer"', '"\\u0061lice"'), /no needless escapes/],
    ['a deep nest', `${'['.repeat(10_000)}${']'.repeat(10_000)}`, /statement/],
    ['null', 'null', /no decision/],
    ['a list', '[]', /no decision/],
    ['another statement', changed((s) => (s['_type'] = 'https://in-toto.io/Statement/v0.1')), /"_type"/],
    ['another predicate', changed((s) => (s['predicateType'] = 'https://slsa.dev/provenance/v1')), /"predicateType"/],
    ['two subjects', changed((s) => (s['subject'] = [STATEMENT.subject[0], STATEMENT.subject[0]])), /"subject"/],
    [
      'two digests',
      changed((s) => (s['subject'] = [{ name: 'a/1', digest: { sha256: 'e'.repeat(64), md5: '' } }])),
      /"subject"/,
    ],
    ['an unknown field', changed((_, p) => (p['condition'] = 'explain ATL')), /"predicate.condition"/],
    [
      '__proto__',
      JSON.stringify(STATEMENT).replace('"decision":', '"__proto__":{},"decision":'),
      /"predicate.__proto__"/,
    ],
    ['no approver', changed((_, p) => delete p['approver']), /"predicate.approver"/],
    ['a decision that is none', changed((_, p) => (p['decision'] = 'maybe')), /"predicate.decision"/],
    ['the first digits of the evidence', changed((_, p) => (p['evidenceDigest'] = '3f9c61a0b2de')), /evidenceDigest/],
    ['a snapshot in text', changed((_, p) => (p['evaluation'] = { snapshot: '42' })), /"predicate.evaluation"/],
    ['a day that is none', changed((_, p) => (p['decidedAt'] = '2001-13-02T08:00:00Z')), /"predicate.decidedAt"/],
    ['a claim', changed((_, p) => (p['proof'] = 'claimed')), /"predicate.proof"/],
    ['roles that are no list', changed((_, p) => (p['roles'] = 'governance')), /"predicate.roles"/],
    ['a condition without its day', changed((_, p) => (p['conditions'] = [{ condition: 'x' }])), /conditions/],
  ])('says what is wrong with %s', (_, text, problem) => {
    const read = readText(text);
    expect(read.ok).toBe(false);
    if (!read.ok) expect(read.problem).toMatch(problem);
  });

  it('says what is wrong with bytes that are no UTF-8, another type, and what is too long', () => {
    const wrong = [
      signEnvelope('application/vnd.in-toto+json', Uint8Array.of(0xff, 0xfe), KEY),
      signEnvelope('application/json', new TextEncoder().encode(JSON.stringify(STATEMENT)), KEY),
      signedDecision(GROUND, { approver: 'officer', comment: 'x'.repeat(LONGEST_PAYLOAD) }),
    ];
    for (const envelope of wrong) expect(readSignedStatement(envelope).ok).toBe(false);
  });
});

describe('whyStale', () => {
  it('is about everything that a decision rests on', () => {
    expect(whyStale(STATEMENT, GROUND)).toBeUndefined();
    const others: readonly Partial<DecisionGround>[] = [
      { environment: 'staging' },
      { model: 'flights' },
      { version: 4 },
      { modelDigest: 'f'.repeat(64) },
      { modelDigest: '' },
      { requestId: 'request-2' },
      { evidenceDigest: '0'.repeat(64) },
      { snapshot: 43 },
    ];
    for (const other of others) expect(whyStale(STATEMENT, { ...GROUND, ...other })).toMatch(/another/);
  });
});
