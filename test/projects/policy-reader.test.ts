import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createPolicyReader } from '../../projects/policy-reader.ts';
import { temporaryFolder, writeFiles } from './project-folder.ts';

const yaml = (quorum: number): string =>
  `compliance: {}\ncomparison: {}\nrollback: { by: [ml-lead] }\napproval: { approvers: [governance, ml-lead], quorum: ${quorum} }\n`;

function open(first: string) {
  const folder = writeFiles(temporaryFolder(), { 'prod.yaml': first });
  const changes: string[] = [];
  const mistakes: unknown[] = [];
  const policy = createPolicyReader({
    folder,
    environment: 'prod',
    onChange: async ({ digest }) => void changes.push(digest),
    onMistake: (error) => void mistakes.push(error),
  });
  const write = (text: string): void => writeFileSync(join(folder, 'prod.yaml'), text);
  return { policy, changes, mistakes, write };
}

describe('createPolicyReader', () => {
  it('reads the file again when it has changed, and tells of each policy once', async () => {
    const { policy, changes, write } = open(yaml(1));
    const [first] = await Promise.all([policy(), policy(), policy()]);
    expect(await policy()).toBe(first);
    expect(first).toMatchObject({ commit: null, policy: { approval: { quorum: 1 } } });
    write(`# a longer file\n${yaml(2)}`);
    expect((await policy()).policy.approval.quorum).toBe(2);
    expect(changes).toEqual([first.digest, (await policy()).digest]);
  });

  it('keeps the policy in force when the file has a mistake or is gone, and says so once', async () => {
    const { policy, mistakes, write } = open(yaml(1));
    await policy();
    write(yaml(1).replace('governance', 'governance, governance'));
    expect((await policy()).policy.approval.quorum).toBe(1);
    await policy();
    expect(mistakes).toMatchObject([{ type: 'InvalidPolicy' }]);
    write(yaml(2));
    expect((await policy()).policy.approval.quorum).toBe(2);
  });

  it('refuses to begin with a mistake', async () => {
    await expect(open('compliance: 7\n').policy()).rejects.toMatchObject({ type: 'InvalidPolicy' });
  });
});
