import { join } from 'node:path';
import type { Environment } from '../contracts/environments.ts';
import { policySchema, type Policy } from '../contracts/schemas/policy.ts';
import { contentDigest } from './content-digest.ts';
import { mistakesFailure, shown, type Mistake } from './mistakes.ts';
import { readTextFile } from './text-file.ts';
import { parseYamlDocument, type YamlDocument } from './yaml-document.ts';

export interface LoadedPolicy {
  /** The policy with defaults filled in. */
  readonly policy: Policy;
  /** Lower-case hex sha256 over the policy's content. */
  readonly digest: string;
}

/** The file of an environment's policy. */
function policyFile(folder: string, environment: Environment): string {
  return join(folder, `${environment}.yaml`);
}

/**
 * Loads and validates `<folder>/<environment>.yaml`.
 *
 * @throws SuperstepError InvalidPolicy, listing every mistake as `file:line:column: path: found X; expected Y`
 */
export async function loadPolicy(folder: string, environment: Environment): Promise<LoadedPolicy> {
  const file = policyFile(folder, environment);
  const text = await readTextFile(file);
  if (!text.ok) {
    const expected = `the policy of ${environment} in YAML`;
    throw mistakesFailure('InvalidPolicy', [{ file, line: 1, column: 1, path: '', found: text.problem, expected }]);
  }
  const document = parseYamlDocument(text.text, file, policySchema, 'InvalidPolicy');
  const mistakes = [...repeatedEntries(document), ...quorumMistakes(document)];
  if (mistakes.length > 0) throw mistakesFailure('InvalidPolicy', mistakes);
  return { policy: document.value, digest: contentDigest(document.value) };
}

function repeatedEntries({ value, mistakeAt }: YamlDocument<Policy>): Mistake[] {
  const lists: [path: PropertyKey[], values: readonly string[]][] = [
    [['compliance', 'require'], value.compliance.require],
    [['compliance', 'tags'], value.compliance.tags],
    [['approval', 'approvers'], value.approval.approvers],
    [['rollback', 'by'], value.rollback.by],
  ];
  return lists.flatMap(([path, values]) =>
    values.flatMap((entry, index) =>
      values.indexOf(entry) < index ? [mistakeAt([...path, index], `${shown(entry)} again`, 'each entry once')] : [],
    ),
  );
}

/** An approver counts once, so a quorum of more than there are could never be reached. */
function quorumMistakes({ value, mistakeAt }: YamlDocument<Policy>): Mistake[] {
  const { quorum, approvers } = value.approval;
  if (quorum <= approvers.length) return [];
  return [mistakeAt(['approval', 'quorum'], shown(quorum), `at most ${approvers.length}, the number of approvers`)];
}
