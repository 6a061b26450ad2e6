import { describe, expect, it } from 'vitest';
import { decisionCommands } from '../../activities/decision-commands.ts';
import type { ApprovalPolicy } from '../../contracts/promote-model.ts';
import { parseDecideArguments } from '../../scripts/decide/arguments.ts';
import { candidate, evidenceDigest } from '../workflows/sample-values.ts';

const DEPS = { temporalAddress: '127.0.0.1:7233', environment: 'prod' } as const;
const WORKFLOW = 'promote-model/flights-delay/7';

function commands(changes: Partial<ApprovalPolicy>) {
  const approval = { ...candidate().approval, ...changes };
  return decisionCommands(DEPS, { workflowId: WORKFLOW, candidate: candidate({ approval }) }, evidenceDigest());
}

describe('the commands that answer a gate', () => {
  it('are the update and the signals where names are taken for proof', () => {
    const where = `--address 127.0.0.1:7233 -n prod -w ${WORKFLOW}`;
    expect(commands({})).toEqual([
      {
        purpose: 'Approve',
        command: `npm run temporal -- workflow update execute ${where} --name decide --input '{"decision":"approve","approver":"governance","comment":"WHY","evidence":"1f9c61a0b2de"}'`,
      },
      {
        purpose: 'Reject',
        command: `npm run temporal -- workflow update execute ${where} --name decide --input '{"decision":"reject","approver":"governance","comment":"WHY","evidence":"1f9c61a0b2de"}'`,
      },
      {
        purpose: 'Approve by signal',
        command: `npm run temporal -- workflow signal ${where} --name approve --input '{"approver":"governance","comment":"WHY","evidence":"1f9c61a0b2de"}'`,
      },
      {
        purpose: 'Reject by signal',
        command: `npm run temporal -- workflow signal ${where} --name reject --input '{"approver":"governance","comment":"WHY","evidence":"1f9c61a0b2de"}'`,
      },
    ]);
    expect(commands({ proof: 'claimed' })).toEqual(commands({}));
  });

  it.each(['token', 'signature'] as const)('are npm run decide first where the policy asks for a %s', (proof) => {
    const [approve, reject, ...others] = commands({ proof });
    for (const [command, decision] of [
      [approve, 'approve'],
      [reject, 'reject'],
    ] as const) {
      // As a person does: with a reason in the placeholder's place.
      const words = command?.command.replace("'WHY'", 'better').split(' ') ?? [];
      expect(words.slice(0, 4)).toEqual(['npm', 'run', 'decide', '--']);
      expect(parseDecideArguments(words.slice(4))).toEqual({
        decision,
        workflowId: WORKFLOW,
        comment: 'better',
        conditions: [],
        environment: 'prod',
        evidence: '1f9c61a0b2de',
        address: '127.0.0.1:7233',
        dryRun: false,
      });
    }
    expect(others.map(({ command }) => command.includes('--input-file'))).toEqual(proof === 'signature' ? [true] : []);
  });
});
