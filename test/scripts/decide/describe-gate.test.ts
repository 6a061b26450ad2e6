import { describe, expect, it } from 'vitest';
import { candidateRules } from '../../../contracts/candidate-rules.ts';
import type { WaitingGate } from '../../../contracts/messages.ts';
import { describeGate } from '../../../scripts/decide/waiting-gate.ts';
import { candidate, evidenceDigest } from '../../workflows/sample-values.ts';

const ID = 'promote-model/flights-delay/7';
const GATE: WaitingGate = {
  rules: candidateRules(candidate(), { requestId: 'request-7', evidenceDigest: evidenceDigest(), keys: [] }),
  evidenceDigest: evidenceDigest(),
  evidenceUrl: 'http://127.0.0.1:8234/evidence',
  commands: [],
  until: '2001-05-03T00:00:00.000Z',
};

describe('what a person sees before a decision goes out', () => {
  it('says until when the gate waits, on which evidence, and what counts', () => {
    const text = describeGate(ID, GATE);
    expect(text).toContain(`${ID} in prod waits until ${GATE.until}`);
    expect(text).toContain(evidenceDigest());
    expect(text).toContain('counts    1 of governance, ml-lead, proof: claimed');
  });

  it('says that an approved version waits for the end of a freeze, why, and what a reject does', () => {
    const freeze = { until: '2001-05-07T00:00:00.000Z', reasons: ['weekend'] };
    const [first = ''] = describeGate(ID, { ...GATE, freeze }).split('\n');
    expect(first).toContain('is approved, and promoted when the freeze ends, 2001-05-07T00:00:00.000Z (weekend)');
    expect(first).toContain('a reject still closes it');
  });
});
