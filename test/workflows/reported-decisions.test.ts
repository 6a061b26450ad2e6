import { describe, expect, it } from 'vitest';
import { ApprovalGate } from '../../workflows/approval-gate.ts';
import { candidateRules } from '../../contracts/candidate-rules.ts';
import { candidate, evidenceDigest } from './sample-values.ts';

const TWO = { approvers: ['governance', 'ml-lead'], quorum: 2, evidenceRequired: true };
const ANSWER = { approver: 'governance', comment: 'looks right', evidence: evidenceDigest() };

describe('the decisions in a result', () => {
  it('still fit into it when thousands of messages came, of full length', () => {
    const gate = new ApprovalGate();
    const opened = { requestId: 'request-1', evidenceDigest: evidenceDigest(), keys: [] };
    gate.open(candidateRules(candidate({ approval: TWO }), opened));
    const judged = (payload: unknown): void => {
      gate.receive(payload, 'signal', 'approve');
      gate.judgeNext();
    };
    judged(ANSWER);
    for (let i = 0; i < 3_000; i++) judged({ ...ANSWER, approver: 'intern', comment: `${i} ${'c'.repeat(10_000)}` });
    judged({ ...ANSWER, approver: 'ml-lead' });
    expect(gate.reported.filter(({ counted }) => counted)).toHaveLength(2);
    expect(gate.reported.at(-2)?.comment).toMatch(/^2999 /);
    // The server refuses more than 2 MB.
    expect(JSON.stringify(gate.reported).length).toBeLessThan(512 * 1024);
  });
});
