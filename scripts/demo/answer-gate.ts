import { createInterface } from 'node:readline/promises';
import type { DecisionCommand } from '../../contracts/evidence.ts';
import type { WaitingGate } from '../../contracts/messages.ts';
import type { TemporalCommands } from './temporal-commands.ts';

const UNATTENDED = 'Approved by the demo: the evidence page was written, nobody sat at the terminal.';

/** Answers a waiting gate: a person at the terminal is asked; elsewhere the printed command approves. */
export async function answerGate(
  gate: WaitingGate,
  commands: TemporalCommands,
  print: (line: string) => void,
): Promise<void> {
  print(`  The gate waits. Evidence page: ${gate.evidenceUrl}`);
  const { purpose, comment } = process.stdin.isTTY ? await askPerson() : { purpose: 'Approve', comment: UNATTENDED };
  await commands.run(withComment(gate.commands, purpose, comment));
}

async function askPerson(): Promise<{ readonly purpose: string; readonly comment: string }> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  try {
    for (;;) {
      const answer = (await terminal.question('  Approve this version? [y/n] ')).trim().toLowerCase();
      if (!['y', 'yes', 'n', 'no'].includes(answer)) continue;
      const comment = (await terminal.question('  Why? (goes on record) ')).trim();
      if (comment !== '') return { purpose: answer.startsWith('y') ? 'Approve' : 'Reject', comment };
    }
  } finally {
    terminal.close();
  }
}

/** The command of the gate with a person's comment in the place kept for it, safe in the shell's single quotes. */
export function withComment(commands: readonly DecisionCommand[], purpose: string, comment: string): string {
  const command = commands.find((candidate) => candidate.purpose === purpose)?.command ?? '';
  const json = JSON.stringify(comment).replaceAll("'", `'\\''`);
  return command
    .replace('"comment":"WHY"', () => `"comment":${json}`)
    .replace("--comment 'WHY'", () => `--comment '${comment.replaceAll("'", `'\\''`)}'`);
}
