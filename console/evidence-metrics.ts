import type { CandidateEvidence } from '../contracts/evidence.ts';
import { factList } from './fact-list.ts';
import { referenceName } from './evidence-header.ts';
import { html, type Html } from './html.ts';
import {
  formatCount,
  formatInterval,
  formatMetric,
  formatPercent,
  formatSigned,
  formatSignedInterval,
} from './number-format.ts';

/** More trials than this stay folded. */
const TRIALS_OPEN = 8;

/** Challenger beside reference, and the difference that the comparison gate judges. */
export function renderMetrics(evidence: CandidateEvidence, plot: Html): Html {
  const { challenger, reference, difference, margin, confidence } = evidence.metrics;
  const other = reference.metrics;
  const score = (name: string, key: 'logLoss' | 'brier'): Html =>
    metricRow(
      name,
      'lower is better',
      [formatMetric(challenger[key])],
      [formatMetric(other[key])],
      [formatSigned(challenger[key] - other[key])],
    );
  const count = (name: string, key: 'rows' | 'positives' | 'days'): Html =>
    metricRow(name, '', [formatCount(challenger[key])], [formatCount(other[key])], ['']);
  return html`<section id="metrics">
    <h2>Challenger and ${referenceName(evidence).toLowerCase()}</h2>
    <div class="two uneven">
      <div class="card">
        <div class="scroll" tabindex="0" role="region" aria-label="Metrics">
          <table class="metrics">
            <caption>
              On the same held-out rows; intervals of ${formatPercent(confidence, 0)} over days, since rows of one day
              depend on each other
            </caption>
            <thead>
              <tr>
                <th scope="col">Metric</th>
                <th scope="col" class="number">Challenger</th>
                <th scope="col" class="number">${referenceName(evidence)}</th>
                <th scope="col" class="number">Difference</th>
              </tr>
            </thead>
            <tbody>
              ${metricRow(
                'AUC',
                'higher is better',
                [formatMetric(challenger.auc.value), formatInterval(challenger.auc)],
                [formatMetric(other.auc.value), formatInterval(other.auc)],
                [formatSigned(difference.value), formatSignedInterval(difference)],
              )}
              ${score('Log loss', 'logLoss')} ${score('Brier score', 'brier')} ${count('Rows', 'rows')}
              ${count('Positives', 'positives')} ${count('Days', 'days')}
            </tbody>
          </table>
        </div>
      </div>
      <div class="card">
        <h3>Paired difference</h3>
        <p class="hint">
          It passes when the interval lies right of “equal” and the value reaches the margin of ${formatMetric(margin)}
        </p>
        ${plot}
      </div>
    </div>
  </section>`;
}

type Cell = readonly [value: string, note?: string];

function metricRow(name: string, hint: string, ...cells: readonly Cell[]): Html {
  return html`<tr>
    <th scope="row">${name} <span class="muted small">${hint}</span></th>
    ${cells.map(
      ([value, note]) =>
        html`<td class="number">${value}${note !== undefined && html`<br /><span class="note">${note}</span>`}</td>`,
    )}
  </tr>`;
}

export interface EvidencePlots {
  readonly roc: Html;
  readonly calibration: Html;
  readonly importance: Html;
  readonly slices: Html;
  readonly difference: Html;
}

/** ROC, calibration and SHAP bars. */
export function renderPlots(evidence: CandidateEvidence, plots: EvidencePlots, barsShown: number): Html {
  const { importance } = evidence;
  return html`<section id="plots">
    <h2>How it predicts</h2>
    <ul class="key">
      <li><i></i>Challenger</li>
      <li class="is-reference"><i></i>${referenceName(evidence)}</li>
    </ul>
    <div class="two">
      ${plotCard('ROC', 'Up and left is better; the dotted line is guessing', plots.roc)}
      ${plotCard('Calibration', 'On the dotted line, what is predicted is what happens; a larger dot has more rows', plots.calibration)}
      ${plotCard('What drives the predictions', importanceHint(importance.length, barsShown), plots.importance)}
      ${tuningCard(evidence)}
    </div>
  </section>`;
}

function importanceHint(features: number, barsShown: number): string {
  if (features === 0) return 'Not known: no feature importance was logged with it';
  const shown = features > barsShown ? `; the ${barsShown} largest of ${features} features` : '';
  return `Mean absolute SHAP value (log-odds) and its share${shown}`;
}

function plotCard(title: string, hint: string, plot: Html): Html {
  return html`<div class="card">
    <h3>${title}</h3>
    <p class="hint">${hint}</p>
    ${plot}
  </div>`;
}

function tuningCard({ params, trials, client }: CandidateEvidence): Html {
  const best = Math.max(...trials.map((trial) => trial.auc));
  return html`<div class="card">
    <h3>How it was trained</h3>
    <p class="hint">
      ${client === undefined ? 'The held-out rows were seen by no trial' : 'Params of its run, as the client logged them'}
    </p>
    ${factList(
      Object.entries(params).map(([name, value]) => [name, String(value)]),
      true,
    )}
    ${
      trials.length > 0 &&
      html`<details ${trials.length <= TRIALS_OPEN && 'open'}>
        <summary>${trials.length} tuning ${trials.length === 1 ? 'trial' : 'trials'}</summary>
        <table>
          <caption>
            Tuning trials, AUC on the window before the held-out one
          </caption>
          <thead>
            <tr>
              <th scope="col">Parameters</th>
              <th scope="col" class="number">AUC</th>
            </tr>
          </thead>
          <tbody>
            ${trials.map(
              (trial) =>
                html`<tr>
                  <td>${Object.entries(trial.params).map(([name, value]) => html`${name} ${value}<br />`)}</td>
                  <td class="number">${formatMetric(trial.auc)}${trial.auc === best ? ' (best)' : ''}</td>
                </tr>`,
            )}
          </tbody>
        </table>
      </details>`
    }
  </div>`;
}
