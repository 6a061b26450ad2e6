import { join } from 'node:path';
import type { Environment } from '../contracts/environments.ts';
import { policySchema, STANDARD_TIER, type Policy } from '../contracts/schemas/policy.ts';
import { contentDigest } from './content-digest.ts';
import { mistakesFailure, shown, type Mistake } from './mistakes.ts';
import { readTextFile } from './text-file.ts';
import { loosenedBy, withTier } from './effective-policy.ts';
import { placesOf } from './policy-directions.ts';
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
  const mistakes = [
    ...repeatedEntries(document),
    ...quorumMistakes(document),
    ...tierMistakes(document),
    ...strangersInProd(document, environment),
  ];
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

/** What could never be reached: places for roles that do not decide, an escalation to who decides anyway. */
function quorumMistakes({ value, mistakeAt }: YamlDocument<Policy>): Mistake[] {
  const path = ['approval', 'quorum'];
  const mistakes = unfillablePlaces(value).map((role) =>
    mistakeAt([...path, role], role, `one of approval.approvers: ${value.approval.approvers.join(', ')}`, 'key'),
  );
  const { quorum, approvers, proof } = value.approval;
  // While the proof is a claim, an approver is known by role alone, and counts once.
  if (mistakes.length === 0 && proof === 'claimed' && placesOf(quorum) > approvers.length) {
    const expected = `at most ${approvers.length}, the number of approvers, while proof is claimed`;
    mistakes.push(mistakeAt(path, shown(quorum), expected));
  }
  return mistakes;
}

function unfillablePlaces({ approval: { quorum, approvers } }: Policy): string[] {
  return typeof quorum === 'number' ? [] : Object.keys(quorum).filter((role) => !approvers.includes(role));
}

/** What serves is nobody's business who does not say who it is: prod asks for a token whatever its policy would like. */
function strangersInProd({ value, mistakeAt }: YamlDocument<Policy>, environment: Environment): Mistake[] {
  const { anonymous } = value.access;
  if (environment !== 'prod' || anonymous === 'none') return [];
  return [mistakeAt(['access', 'anonymous'], shown(anonymous), '"none": prod lets nobody in without a token')];
}

/** A tier tightens, and a model's tier is one that there is. */
function tierMistakes({ value, mistakeAt }: YamlDocument<Policy>): Mistake[] {
  const tiers = Object.entries(value.tiers).flatMap(([name, tier]) => {
    if (name === STANDARD_TIER) {
      return [mistakeAt(['tiers', name], name, `another name: ${STANDARD_TIER} is the policy's own rules`, 'key')];
    }
    const loosened = loosenedBy(value, tier).map(({ policy: field }) =>
      mistakeAt(
        ['tiers', name, ...field.split('.')],
        'a looser rule',
        `one at least as tight as the policy's ${field}`,
      ),
    );
    const unfillable = unfillablePlaces(withTier(value, tier)).map((role) =>
      mistakeAt(['tiers', name, 'approval'], `places for ${role} in the quorum`, 'only roles of approval.approvers'),
    );
    return [...loosened, ...unfillable];
  });
  const known = [STANDARD_TIER, ...Object.keys(value.tiers)];
  const models = Object.entries(value.models).flatMap(([model, tier]) =>
    known.includes(tier) ? [] : [mistakeAt(['models', model], shown(tier), `one of ${known.join(', ')}`)],
  );
  return [...tiers, ...models];
}
