import { join } from 'node:path';
import { Context } from '@temporalio/activity';
import type { PinnedBundle } from '../contracts/pinned-bundle.ts';
import type { ComparisonResult, PinnedPromotion } from '../contracts/promote-model.ts';
import { scoreByBaseline } from '../lakehouse/baseline-scores.ts';
import { appendMetrics } from '../lakehouse/metrics-table.ts';
import { parquetRelation } from '../lakehouse/query-rows.ts';
import { projectTable } from '../lakehouse/project-table.ts';
import { comparePaired, type PairedComparison } from '../learning/comparison.ts';
import type { ModelMetrics } from '../contracts/evidence.ts';
import { type ChampionScores, scoreChampion } from './champion-scores.ts';
import type { DataDependencies } from './data-dependencies.ts';
import { readHistogram, reportOn, scoredRelation, scoreFile, writeHeldOut } from './held-out.ts';
import { readBundle } from './pinned-bundles.ts';
import { modelFile, readLineage } from './training-inputs.ts';

/** Both sides of a comparison with their curves; an artifact that the evidence is made from. */
export interface ComparisonReport {
  readonly challenger: ModelMetrics;
  readonly reference: ModelMetrics;
}

/**
 * Compares a candidate with Production, or with the project's baseline, on the same pinned rows and labels, and logs the
 * result. A champion that cannot be scored on these rows (its feature view is gone, say) must not keep every later
 * version from being promoted: the baseline stands in for it, and a person decides.
 */
export async function compareOnHeldOut(
  deps: DataDependencies,
  candidate: PinnedPromotion,
  folder: string,
): Promise<ComparisonResult> {
  const { lake, registry, artifacts } = deps;
  const bundle = await readBundle(artifacts, candidate.pinned);
  const challenger = await registry.getModelVersion(candidate.model, candidate.version);
  const champion = (await registry.productionVersion(candidate.model)) ?? null;
  const lineage = await readLineage(registry, challenger);
  const { dataset } = lineage.inputs;
  const { cancellationSignal } = Context.current();

  const heldOut = join(folder, 'held-out.parquet');
  await lake.work(
    (c) => writeHeldOut(c, artifacts.path(dataset.data), dataset.holdoutFrom, heldOut),
    cancellationSignal,
  );
  const scored = await scoreFile(artifacts, modelFile(lineage), heldOut, folder, deps.threads);
  const challengerRows = scoredRelation(heldOut, scored.file);
  const label = bundle.definition.training.label;
  const championScores =
    champion === null
      ? null
      : await scoreChampion(deps, champion, { pinned: candidate.pinned, dataset, label, heldOut, folder });
  const referenceRows =
    championScores?.comparable === true ? championScores.relation : await scoreBaseline(deps, bundle, heldOut, folder);
  const { margin } = bundle.definition.gates.comparison;
  const { confidence, margin_at_least } = bundle.policy.comparison;
  const rule = { margin: Math.max(margin, margin_at_least), confidence };
  const { comparison, report } = await lake.work(async (c) => {
    const options = { label, confidence, sliceBy: null, minRows: 0 };
    return {
      comparison: comparePaired(
        await readHistogram(c, challengerRows, label),
        await readHistogram(c, referenceRows, label),
        rule,
      ),
      report: {
        challenger: (await reportOn(c, challengerRows, options)).evaluation,
        reference: (await reportOn(c, referenceRows, options)).evaluation,
      } satisfies ComparisonReport,
    };
  }, cancellationSignal);

  const result: ComparisonResult = {
    champion: champion?.version ?? null,
    ...judgement(comparison, champion?.version ?? null, championScores),
    challengerAuc: comparison.challenger,
    referenceAuc: comparison.champion,
    difference: comparison.difference,
    ...rule,
    rows: scored.rows,
    report: await artifacts.putJson(report),
  };
  await logComparison(deps, candidate, comparison, result);
  return result;
}

/**
 * What the comparison says of the candidate. Where the baseline stood in for a champion, no gain over the champion is
 * shown: it cannot pass by itself.
 */
export function judgement(
  { verdict, summary }: Pick<PairedComparison, 'verdict' | 'summary'>,
  champion: number | null,
  scores: ChampionScores | null,
): Pick<ComparisonResult, 'reference' | 'verdict' | 'summary'> {
  if (champion === null || scores === null) return { reference: 'baseline', verdict, summary };
  if (scores.comparable) return { reference: 'champion', verdict, summary };
  const standIn = `Champion version ${champion} could not be scored on these rows (${scores.why}), so the baseline stood in for it`;
  return verdict === 'fail'
    ? { reference: 'baseline', verdict, summary: `${summary} ${standIn}.` }
    : { reference: 'baseline', verdict: 'inconclusive', summary: `${summary} ${standIn} and a person must decide.` };
}

/** The baseline's scores on the same rows. Gives a relation of rows and scores. */
async function scoreBaseline(
  { lake }: DataDependencies,
  bundle: PinnedBundle,
  rowsFile: string,
  folder: string,
): Promise<string> {
  const file = join(folder, 'baseline.parquet');
  await scoreByBaseline(lake, bundle, { rowsFile, file }, Context.current().cancellationSignal);
  return parquetRelation(file);
}

/** One row in the comparison table, keyed by what was compared, so that a repeated comparison is one row. */
async function logComparison(
  deps: DataDependencies,
  candidate: PinnedPromotion,
  paired: PairedComparison,
  result: ComparisonResult,
): Promise<void> {
  const { model, version, pinned, asOf, snapshot } = candidate;
  const against =
    result.reference === 'champion'
      ? `version-${result.champion}`
      : result.champion === null
        ? 'baseline'
        : `baseline-for-version-${result.champion}`;
  await appendMetrics(deps.lake, {
    key: `comparison/${model}/${version}/${against}/${snapshot}/${pinned.policyDigest.slice(0, 12)}`,
    project: pinned.project,
    asOf,
    table: `gold.${projectTable(pinned.project, 'comparison_metrics')}`,
    columns: [
      { name: 'as_of', type: 'TIMESTAMP' },
      { name: 'model', type: 'VARCHAR' },
      { name: 'challenger_version', type: 'INTEGER' },
      { name: 'champion_version', type: 'INTEGER' },
      { name: 'snapshot', type: 'BIGINT' },
      { name: 'rows', type: 'BIGINT' },
      { name: 'days', type: 'INTEGER' },
      ...[
        'challenger_auc',
        'reference_auc',
        'difference',
        'difference_lower',
        'difference_upper',
        'margin',
        'confidence',
      ].map((name) => ({ name, type: 'DOUBLE' })),
      { name: 'verdict', type: 'VARCHAR' },
    ],
    rows: [
      {
        as_of: asOf,
        model,
        challenger_version: version,
        // The version whose AUC is in reference_auc: none where it is the baseline's.
        champion_version: result.reference === 'champion' ? result.champion : null,
        snapshot,
        rows: result.rows,
        days: paired.days,
        challenger_auc: result.challengerAuc.value,
        reference_auc: result.referenceAuc.value,
        difference: result.difference.value,
        difference_lower: result.difference.lower,
        difference_upper: result.difference.upper,
        margin: result.margin,
        confidence: result.confidence,
        verdict: result.verdict,
      },
    ],
  });
}
