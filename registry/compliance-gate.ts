import { durationMs } from '../contracts/durations.ts';
import type { RiskTier } from '../contracts/pinned-bundle.ts';
import type { Estimate, GateCheck, GateResult, Verdict } from '../contracts/gates.ts';
import { COMPLIANCE_CHECKS, type ComplianceCheckName, type Policy } from '../contracts/schemas/policy.ts';
import type { ProjectDefinition } from '../contracts/schemas/project.ts';

/** Largest difference between the scores of the ONNX file and of the trainer that passes. */
export const PARITY_TOLERANCE = 1e-5;

/** Quality of a part of the held-out rows. */
export interface SliceFact {
  /** For example `origin=ORD`. */
  readonly slice: string;
  readonly rows: number;
  /** Null where it has no value: a slice with one label only. */
  readonly auc: Estimate | null;
}

/** All that the compliance gate looks at. Null stands for what is not there. */
export interface ComplianceFacts {
  readonly model: string;
  readonly version: number;
  /** Features of the project, in order. */
  readonly projectFeatures: readonly string[];
  /** Features in the metadata of the ONNX file, in order. */
  readonly modelFeatures: readonly string[] | null;
  readonly parity: { readonly maxDifference: number; readonly rows: number } | null;
  readonly lineage: {
    readonly snapshot: number | null;
    readonly projectDigest: string | null;
    readonly datasetSha256: string | null;
  };
  readonly modelCard: boolean;
  readonly commit: string | null;
  /** Null where that is not known, as of the code of a registry client. */
  readonly clean: boolean | null;
  /** Whether the model was made elsewhere: then commit and clean are of that code, and no project digest stands for it. */
  readonly madeElsewhere?: boolean;
  /** The tier whose rules hold, and whether governance has confirmed it for this model and project. */
  readonly riskTier: RiskTier;
  readonly tags: Readonly<Record<string, string>>;
  /** All held-out rows as one slice: no choice of slices hides a bad model. */
  readonly overall: SliceFact | null;
  readonly slices: readonly SliceFact[];
  /** ISO instants. */
  readonly asOf: string;
  readonly newestTrainingRow: string | null;
}

type CompliancePolicy = Policy['compliance'];
type ProjectCompliance = ProjectDefinition['gates']['compliance'];

/**
 * The compliance gate's rule: what the policy requires, and what the project adds. `pass` when every check passes,
 * `fail` when one fails: what cannot be shown does not pass. `inconclusive`, for a person to decide, when a slice lies
 * below its floor by no more than its interval allows: among many slices some do so by chance. Pure, so that a gate can be judged again and says the same.
 */
export function checkCompliance(
  facts: ComplianceFacts,
  policy: CompliancePolicy,
  project: ProjectCompliance,
): GateResult {
  const checks = [
    ...policy.require.map((name) => REQUIRABLE[name](facts, policy)),
    ...[...new Set([...policy.tags, ...project.tags])].map((tag) => tagCheck(facts, tag)),
    ...sliceChecks(facts, policy, project),
    ...(policy.max_data_age === undefined ? [] : [dataAgeCheck(facts, policy.max_data_age)]),
  ];
  const verdict = worstVerdict(checks.map((check) => check.verdict));
  const named = checks.filter((check) => check.verdict === verdict).map((check) => check.name);
  const said = {
    pass: `passes all ${checks.length} checks`,
    fail: `fails ${named.length} of ${checks.length} checks: ${named.join(', ')}`,
    inconclusive: `passes all but ${named.length} of ${checks.length} checks, which a person must judge: ${named.join(', ')}`,
  }[verdict];
  return { gate: 'compliance', verdict, checks, summary: `${facts.model} version ${facts.version} ${said}.` };
}

/** The verdict on a version that has no file to judge. No waiver helps it: there would be nothing to serve. */
export function unusableModel({ model, version }: Pick<ComplianceFacts, 'model' | 'version'>, why: string): GateResult {
  const expected = 'an ONNX classifier that scores the held-out rows through the predictor that would serve it';
  const failed = check('model_file', false, expected, why);
  const summary = `${model} version ${version} cannot be judged: ${why}`;
  return { gate: 'compliance', verdict: 'fail', checks: [failed], summary };
}

/** What the gate names its checks, beside `tag_<name>` for each tag that is asked for. */
export const CHECK_NAMES: readonly string[] = [...COMPLIANCE_CHECKS, 'overall', 'slices', 'max_data_age'];

/** Whether the compliance gate may have a check of this name. */
export function isCheckName(name: string): boolean {
  return CHECK_NAMES.includes(name) || /^tag_./.test(name);
}

function worstVerdict(verdicts: readonly Verdict[]): Verdict {
  if (verdicts.includes('fail')) return 'fail';
  return verdicts.includes('inconclusive') ? 'inconclusive' : 'pass';
}

const REQUIRABLE: Readonly<
  Record<ComplianceCheckName, (facts: ComplianceFacts, policy: CompliancePolicy) => GateCheck>
> = {
  signature: ({ projectFeatures, modelFeatures }) => {
    const same = modelFeatures !== null && sameList(modelFeatures, projectFeatures);
    const expected = `the project's ${projectFeatures.length} features, in order`;
    if (same) return check('signature', true, expected, 'the same in the ONNX file');
    const found = modelFeatures === null ? 'no features in the ONNX file' : `features ${modelFeatures.join(', ')}`;
    return check('signature', false, `features ${projectFeatures.join(', ')}`, found);
  },
  parity: ({ parity }) =>
    check(
      'parity',
      parity !== null && parity.rows > 0 && Math.abs(parity.maxDifference) <= PARITY_TOLERANCE,
      `largest difference of scores at most ${PARITY_TOLERANCE}`,
      parity === null ? 'no parity check' : `${parity.maxDifference} over ${parity.rows} rows`,
    ),
  lineage: ({ lineage }) => {
    const missing = Object.entries(lineage)
      .filter(([, value]) => value === null || value === '')
      .map(([name]) => name);
    const found = `snapshot ${lineage.snapshot}, project ${short(lineage.projectDigest)}, dataset ${short(lineage.datasetSha256)}`;
    return check(
      'lineage',
      missing.length === 0,
      'snapshot, project digest and dataset of the run',
      missing.length === 0 ? found : `missing: ${missing.join(', ')}`,
    );
  },
  model_card: ({ modelCard }) =>
    check('model_card', modelCard, 'a model card among the artifacts of the run', modelCard ? 'present' : 'none'),
  clean_commit: (facts, policy) => cleanCommitCheck(facts, policy),
  risk_tier: ({ riskTier: { tier, confirmed }, model }) =>
    check(
      'risk_tier',
      confirmed,
      `a tier that governance has confirmed under models in the policy, and the project names`,
      confirmed ? tier : `${tier}, not confirmed for ${model}`,
    ),
};

function cleanCommitCheck(facts: ComplianceFacts, policy: CompliancePolicy): GateCheck {
  const { commit, clean, lineage, madeElsewhere } = facts;
  if (madeElsewhere === true) return commitElsewhere(commit, clean);
  const expected = policy.allow_without_git
    ? 'a commit that the project folder equals, or without git a project digest'
    : 'a commit that the project folder equals';
  if (commit === null && clean === null) {
    const stands = policy.allow_without_git && (lineage.projectDigest ?? '') !== '';
    return check('clean_commit', stands, expected, `no git, project digest ${short(lineage.projectDigest)}`);
  }
  const found = `commit ${short(commit)}, ${clean === true ? 'clean' : 'with changes that are not committed'}`;
  return check('clean_commit', clean === true, expected, found);
}

/** The code of a registry client: its commit is what the client says, and nobody here saw its folder. */
function commitElsewhere(commit: string | null, clean: boolean | null): GateCheck {
  const expected =
    'the commit of the code that made the model, in the tag mlflow.source.git.commit, and a clean folder';
  const folder = clean === null ? 'whether its folder was clean is not known' : clean ? 'clean' : 'with changes';
  const found = commit === null ? 'no commit' : `commit ${short(commit)}; ${folder}`;
  return check('clean_commit', commit !== null && clean === true, expected, found);
}

function tagCheck({ tags }: ComplianceFacts, tag: string): GateCheck {
  const value = Object.hasOwn(tags, tag) ? (tags[tag] ?? '').trim() : '';
  return check(`tag_${tag}`, value !== '', `tag ${tag} with a value`, value === '' ? 'none' : value);
}

/** The floor is the higher one of policy and project; it holds for all rows, and for each slice that is large enough. */
function sliceChecks(facts: ComplianceFacts, policy: CompliancePolicy, project: ProjectCompliance): GateCheck[] {
  if (policy.slices === undefined && project.slices === undefined) return [];
  const floor = Math.max(policy.slices?.auc_at_least ?? 0, project.slices?.auc_at_least ?? 0);
  const minRows = project.slices?.min_rows ?? 1000;
  const { overall } = facts;
  const expected = `AUC of at least ${floor}`;
  // All rows are many: here the value itself decides.
  const overallCheck = check(
    'overall',
    overall !== null && overall.auc !== null && overall.auc.value >= floor,
    expected,
    overall === null ? 'no evaluation' : quality(overall),
  );
  if (project.slices === undefined) return [overallCheck];

  const judged = facts.slices.filter((slice) => slice.rows >= minRows);
  const below = judged.filter((slice) => sliceVerdict(slice, floor) !== 'pass');
  const worst = [...judged].sort((a, b) => (a.auc?.value ?? 0) - (b.auc?.value ?? 0))[0];
  const found =
    below.length > 0
      ? `${below.length} of ${judged.length} below: ${below.map(quality).join('; ')}`
      : worst === undefined
        ? 'no slice is that large'
        : `${judged.length} slices, lowest ${quality(worst)}`;
  const asked = `${expected} in each slice by ${project.slices.by} with ${minRows} rows or more`;
  const verdict = worstVerdict(below.map((slice) => sliceVerdict(slice, floor)));
  return [overallCheck, { name: 'slices', verdict, expected: asked, found }];
}

function dataAgeCheck({ asOf, newestTrainingRow }: ComplianceFacts, maxAge: string): GateCheck {
  const expected = `newest training row at most ${maxAge} before ${asOf}`;
  if (newestTrainingRow === null) return check('max_data_age', false, expected, 'no training row');
  const fresh = Date.parse(asOf) - Date.parse(newestTrainingRow) <= durationMs(maxAge);
  return check('max_data_age', fresh, expected, newestTrainingRow);
}

function check(name: string, passes: boolean, expected: string, found: string): GateCheck {
  return { name, verdict: passes ? 'pass' : 'fail', expected, found };
}

/** A slice fails when its whole interval lies below the floor; where the interval reaches it, chance may be the reason. */
function sliceVerdict({ auc }: SliceFact, floor: number): Verdict {
  if (auc === null || auc.upper < floor) return 'fail';
  return auc.value >= floor ? 'pass' : 'inconclusive';
}

function quality({ slice, rows, auc }: SliceFact): string {
  if (auc === null) return `${slice} without an AUC (${rows} rows)`;
  return `${slice} ${auc.value.toFixed(4)} (${auc.lower.toFixed(4)} to ${auc.upper.toFixed(4)}, ${rows} rows)`;
}

function short(digest: string | null): string {
  return digest === null || digest === '' ? 'none' : digest.slice(0, 12);
}

function sameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((item, i) => item === b[i]);
}
