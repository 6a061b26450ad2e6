import type { CandidateEvidence, ClientOrigin, EvidenceOrigin, ModelMetrics } from '../contracts/evidence.ts';
import { markdownText } from './markdown.ts';
import { formatCount, formatInstant, formatInterval, formatMetric, formatPercent } from './number-format.ts';

/** What a model card is written from: the project's own words, and what was measured. */
export interface ModelCardFacts {
  readonly model: string;
  /** Left out while the version has no number yet. */
  readonly version?: number;
  readonly project: string;
  readonly description: string;
  readonly owner: string;
  /** For example `gradient-boosted trees (LightGBM), served as ONNX`. */
  readonly algorithm: string;
  readonly label: string;
  readonly features: readonly string[];
  readonly sources: readonly string[];
  readonly params: Readonly<Record<string, string | number>>;
  /** The card is written before the run that keeps it has an id. */
  readonly createdFrom: Omit<EvidenceOrigin, 'runId'>;
  readonly data: CandidateEvidence['data'];
  /** On the held-out rows. The comparison with others belongs to the evidence, not to the model. */
  readonly metrics: ModelMetrics;
  /** Of every interval, for example 0.95. */
  readonly confidence: number;
  readonly slices: CandidateEvidence['slices'];
  /** The project's own, beside those that follow from the data. */
  readonly limitations?: readonly string[];
  /** Set for a version that a registry client brought: what trained it is not known. */
  readonly client?: ClientOrigin;
}

const SLICES_SHOWN = 20;

/**
 * A model card in Markdown with the sections of Google's Model Card Toolkit (model details, model parameters,
 * quantitative analysis, considerations). Equal facts give equal text.
 */
export function renderModelCard(facts: ModelCardFacts): string {
  return [details(facts), parameters(facts), analysis(facts), considerations(facts)].flat().join('\n\n') + '\n';
}

function details(facts: ModelCardFacts): string[] {
  const { model, version, project, description, owner, createdFrom } = facts;
  const text = markdownText;
  return [
    `# ${text(model)}${version === undefined ? '' : `, version ${version}`}`,
    '## Model details',
    text(description),
    list([
      `**Owner**: ${text(owner)}`,
      `**Project**: ${text(project)}, digest \`${createdFrom.projectDigest.slice(0, 12)}\``,
      ...makers(facts),
    ]),
  ];
}

/** Who made it, of which code. */
function makers({ createdFrom, client }: ModelCardFacts): string[] {
  if (client !== undefined) {
    const { registeredBy, registeredAt, run, code } = client;
    const who = registeredBy === '' ? 'nobody who gave a name' : markdownText(registeredBy);
    const commit = code['mlflow.source.git.commit'];
    return [
      `**Trained by**: not known; registered by ${who}, ${formatInstant(registeredAt)}`,
      `**Its run**: ${run === null ? 'none' : `${markdownText(run.name)}, \`${run.runId}\``}`,
      `**Commit**: ${commit === undefined ? 'not known' : `${markdownText(commit)}, as its run says`}`,
      `**Evaluated by**: \`${createdFrom.workflowId}\``,
    ];
  }
  const differed = createdFrom.clean === true ? '' : ' (the folder differed from it)';
  return [
    `**Trained by**: \`${createdFrom.workflowId}\``,
    createdFrom.commit === null
      ? '**Commit**: none, the project is not under git'
      : `**Commit**: \`${createdFrom.commit}\`${differed}`,
  ];
}

function parameters(facts: ModelCardFacts): string[] {
  const { algorithm, label, features, sources, params, data, createdFrom, client } = facts;
  const text = markdownText;
  const given = Object.entries(params).map(([name, value]) => `${text(name)} ${text(String(value))}`);
  return [
    '## Model parameters',
    list([
      `**Architecture**: ${text(algorithm)}`,
      `**Parameters**: ${given.length === 0 ? 'none known' : given.join(', ')}`,
      `**Input**: ${features.length} features (32-bit numbers, missing values allowed): ${features.map(text).join(', ')}`,
      `**Output**: the probability of \`${label}\``,
    ]),
    '### Data',
    list([
      `**Sources**: ${sources.map(text).join(', ')}`,
      client === undefined
        ? `**Trained on**: ${formatInstant(data.trainFrom)} to ${formatInstant(data.holdoutFrom)}, ${formatCount(data.trainRows)} rows`
        : '**Trained on**: not known',
      `**Judged on**: ${formatInstant(data.holdoutFrom)} to ${formatInstant(data.until)}, ${formatCount(data.holdoutRows)} rows, ` +
        `${formatPercent(data.positives / data.holdoutRows)} positive`,
      `**As of**: ${formatInstant(createdFrom.asOf)}, snapshot ${createdFrom.snapshot}; nothing known later was used`,
    ]),
  ];
}

function analysis({ metrics, confidence, slices }: ModelCardFacts): string[] {
  const percent = formatPercent(confidence, 0);
  const sorted = [...slices].sort((a, b) => a.auc.value - b.auc.value || (a.slice < b.slice ? -1 : 1));
  const shown = sorted.slice(0, SLICES_SHOWN);
  return [
    '## Quantitative analysis',
    table(
      ['Metric', 'Held-out window'],
      [
        ['AUC', formatMetric(metrics.auc.value)],
        [`AUC, ${percent} interval`, formatInterval(metrics.auc)],
        ['Log loss', formatMetric(metrics.logLoss)],
        ['Brier score', formatMetric(metrics.brier)],
      ],
    ),
    ...(shown.length === 0
      ? ['No slices were asked for.']
      : [
          `### Slices${sorted.length > shown.length ? `: the ${shown.length} weakest of ${sorted.length}` : ''}`,
          table(
            ['Slice', 'Rows', 'AUC', `${percent} interval`],
            shown.map(({ slice, rows, auc }) => [
              markdownText(slice),
              formatCount(rows),
              formatMetric(auc.value, 3),
              `${formatMetric(auc.lower, 3)} to ${formatMetric(auc.upper, 3)}`,
            ]),
          ),
        ]),
  ];
}

function considerations(facts: ModelCardFacts): string[] {
  const { data, slices, label, description, client } = facts;
  const weakest = [...slices].sort((a, b) => a.auc.value - b.auc.value)[0];
  return [
    '## Considerations',
    '### Intended use',
    `To answer, before \`${label}\` is known: ${markdownText(description)} Other uses have not been examined.`,
    '### Limitations',
    list([
      ...(facts.limitations ?? []).map(markdownText),
      ...(client === undefined
        ? [
            `It has seen ${formatInstant(data.trainFrom)} to ${formatInstant(data.holdoutFrom)}; seasons and conditions outside are unknown to it.`,
            `Its newest training row was ${data.newestTrainingRowAgeDays.toFixed(1)} days old at the as-of.`,
          ]
        : client.missing.map(markdownText)),
      ...(weakest === undefined
        ? []
        : [`It ranks worst on ${markdownText(weakest.slice)} (AUC ${formatMetric(weakest.auc.value, 3)}).`]),
      ...(client === undefined ? ['SHAP values say what the model uses, not what causes the outcome.'] : []),
    ]),
  ];
}

function list(items: readonly string[]): string {
  return items.map((item) => `- ${item}`).join('\n');
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
