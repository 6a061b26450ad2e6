import type { CandidateEvidence, DecisionCommand } from '../contracts/evidence.ts';
import { renderAttention, renderGates } from './evidence-gates.ts';
import { renderEarlierStays } from './evidence-history.ts';
import { referenceName, renderCommands, renderHero } from './evidence-header.ts';
import { renderMetrics, renderPlots } from './evidence-metrics.ts';
import { renderCard, renderClient, renderData, renderLineage } from './evidence-origin.ts';
import { renderSlices } from './evidence-slices.ts';
import { html } from './html.ts';
import { renderPage } from './page.ts';
import { calibrationPlot, differencePlot, importancePlot, rocPlot, slicesPlot } from './plots.ts';

export interface EvidencePageInput {
  readonly evidence: CandidateEvidence;
  /** Lower-case hex sha256 of the evidence's canonical JSON. */
  readonly digest: string;
  /** How the waiting gate is answered, exactly as a person can paste it. */
  readonly commands: readonly DecisionCommand[];
}

const BARS_SHOWN = 15;
const SLICES_SHOWN = 15;

/**
 * The page that an approver reads before they decide: one HTML document that needs nothing from elsewhere. Pure: equal
 * input gives equal bytes, so the page's own digest says what was read.
 */
export async function renderEvidencePage({ evidence, digest, commands }: EvidencePageInput): Promise<string> {
  const name = referenceName(evidence);
  const weakest = [...evidence.slices].sort(
    (a, b) => a.auc.value - b.auc.value || (a.slice < b.slice ? -1 : a.slice > b.slice ? 1 : 0),
  );
  const [roc, calibration, importance, slices, difference] = await Promise.all([
    rocPlot(evidence.metrics, name),
    calibrationPlot(evidence.metrics, name),
    importancePlot(evidence.importance.slice(0, BARS_SHOWN)),
    slicesPlot(weakest.slice(0, SLICES_SHOWN), evidence.metrics.challenger.auc.value, evidence.sliceFloor),
    differencePlot(evidence.metrics),
  ]);
  const plots = { roc, calibration, importance, slices, difference };
  const body = html`${renderHero(evidence, digest)}
    <main>
      ${renderEarlierStays(evidence)} ${renderAttention(evidence.gates)} ${renderCommands(commands, digest)}
      ${renderClient(evidence)} ${renderGates(evidence.gates)} ${renderMetrics(evidence, difference)}
      ${renderPlots(evidence, plots, BARS_SHOWN)} ${renderSlices(evidence, weakest, SLICES_SHOWN, slices)}
      ${renderData(evidence)} ${renderLineage(evidence, digest)} ${renderCard(evidence.modelCard)}
    </main>
    <footer>
      Made from recorded evidence only; the same evidence always gives this same page. Digest ${digest}.
    </footer>`;
  return renderPage(`${evidence.model} version ${evidence.version}: evidence ${digest.slice(0, 12)}`, body);
}
