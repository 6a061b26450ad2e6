import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { withComment } from '../../../scripts/demo/answer-gate.ts';

const commands = [
  {
    purpose: 'Approve',
    command: `printf %s '{"decision":"approve","approver":"governance","comment":"WHY","evidence":"0123456789ab"}'`,
  },
];

/** What a shell hands to the program. */
function argumentOf(command: string): unknown {
  return JSON.parse(execFileSync('sh', ['-c', command], { encoding: 'utf8' }));
}

describe('withComment', () => {
  it('puts any comment through the shell as it was typed', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme', minLength: 1 }).filter((text) => !text.includes('\0')),
        (comment) => {
          const payload = argumentOf(withComment(commands, 'Approve', comment));
          expect(payload).toEqual({ decision: 'approve', approver: 'governance', comment, evidence: '0123456789ab' });
          const decide = [{ purpose: 'Approve', command: `printf %s --comment 'WHY'` }];
          const typed = withComment(decide, 'Approve', comment).replace('printf %s --comment', 'printf %s');
          expect(execFileSync('sh', ['-c', typed], { encoding: 'utf8' })).toBe(comment);
        },
      ),
      { numRuns: 40, examples: [[`it's "fine"; $(rm -rf x) \`y\` $& \\ `]] },
    );
  });
});
