import type { CandidateEvidence, SliceMetrics } from '../contracts/evidence.ts';
import type { GateResult } from '../contracts/gates.ts';
import { gateTitle, referenceName, verdictBadge } from './evidence-header.ts';
import { html, type Html, type HtmlPart } from './html.ts';
import { renderMarkdown } from './markdown.ts';
import {
  formatBytes,
  formatCount,
  formatInstant,
  formatInterval,
  formatMetric,
  formatPercent,
  formatSigned,
  formatSignedInterval,
} from './number-format.ts';

/** Each rule of each gate: what it asks, what it found, what it says. */
export function renderGates(gates: readonly GateResult[]): Html {
  return html`<section id="gates">
    <h2>Gates</h2>
    <div class="card">
      <div class="scroll" tabindex="0" role="region" aria-label="Gates">
        <table>
          <caption>
            Every rule that was applied, with what it asks and what it found
          </caption>
          <thead>
            <tr>
              <th scope="col">Check</th>
              <th scope="col">Expected</th>
              <th scope="col">Found</th>
              <th scope="col">Verdict</th>
            </tr>
          </thead>
          ${gates.map(renderGate)}
        </table>
      </div>
    </div>
  </section>`;
}

function renderGate({ gate, verdict, checks, summary }: GateResult): Html {
  return html`<tbody>
    <tr class="gate">
      <th colspan="3" scope="rowgroup">${gateTitle(gate)}<span class="summary">${summary}</span></th>
      <td>${verdictBadge(verdict)}</td>
    </tr>
    ${checks.map(
      (check) =>
        html`<tr>
          <th scope="row">${check.name}</th>
          <td class="wide">${check.expected}</td>
          <td class="wide">${check.found}</td>
          <td>${verdictBadge(check.verdict)}</td>
        </tr>`,
    )}
  </tbody>`;
}

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
    <div class="card stack">
      <div class="scroll" tabindex="0" role="region" aria-label="Metrics">
        <table>
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
      <figure style="margin:0">
        <figcaption class="hint small muted">
          The difference passes when its interval lies right of “equal” and its value reaches the margin of
          ${formatMetric(margin)}
        </figcaption>
        ${plot}
      </figure>
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
      ${plotCard(
        'What drives the predictions',
        `Mean absolute SHAP value (log-odds) and its share${
          importance.length > barsShown ? `; the ${barsShown} largest of ${importance.length} features` : ''
        }`,
        plots.importance,
      )}
      ${tuningCard(evidence)}
    </div>
  </section>`;
}

function plotCard(title: string, hint: string, plot: Html): Html {
  return html`<div class="card">
    <h3>${title}</h3>
    <p class="hint">${hint}</p>
    ${plot}
  </div>`;
}

function tuningCard({ params, trials }: CandidateEvidence): Html {
  const best = Math.max(...trials.map((trial) => trial.auc));
  return html`<div class="card">
    <h3>How it was trained</h3>
    <p class="hint">The held-out rows were seen by no trial</p>
    ${factList(Object.entries(params).map(([name, value]) => [name, String(value)]))}
    ${
      trials.length > 0 &&
      html`<details>
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

/** AUC by slice, weakest first: a picture of the weakest and a table of all. */
export function renderSlices(
  evidence: CandidateEvidence,
  weakest: readonly SliceMetrics[],
  shown: number,
  plot: Html,
): Html {
  const { metrics, sliceFloor } = evidence;
  if (weakest.length === 0) {
    return html`<section id="slices">
      <h2>Slices</h2>
      <div class="card"><p class="muted">Neither the project nor the policy asks for slices.</p></div>
    </section>`;
  }
  const rest = weakest.slice(shown);
  return html`<section id="slices">
    <h2>Slices</h2>
    <div class="two">
      <div class="card">
        <h3>${rest.length > 0 ? `The ${shown} weakest of ${weakest.length}` : 'AUC by slice'}</h3>
        <p class="hint">
          With intervals of ${formatPercent(metrics.confidence, 0)}; dotted: all rows
          (${formatMetric(metrics.challenger.auc.value, 3)})${
            sliceFloor !== undefined && html`; red: the floor (${formatMetric(sliceFloor, 2)})`
          }
        </p>
        ${plot}
      </div>
      <div class="card long">
        ${sliceTable(weakest.slice(0, shown), sliceFloor, 'Weakest first')}
        ${
          rest.length > 0 &&
          html`<details>
            <summary>The other ${rest.length} slices</summary>
            ${sliceTable(rest, sliceFloor, 'The other slices')}
          </details>`
        }
      </div>
    </div>
  </section>`;
}

function sliceTable(slices: readonly SliceMetrics[], floor: number | undefined, caption: string): Html {
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${caption}">
    <table>
      <caption>
        ${caption}
      </caption>
      <thead>
        <tr>
          <th scope="col">Slice</th>
          <th scope="col" class="number">Rows</th>
          <th scope="col" class="number">AUC</th>
          <th scope="col" class="number">Interval</th>
        </tr>
      </thead>
      <tbody>
        ${slices.map(
          ({ slice, rows, auc }) =>
            html`<tr>
              <th scope="row">
                ${slice}${floor !== undefined && auc.value < floor && html` <strong>below the floor</strong>`}
              </th>
              <td class="number">${formatCount(rows)}</td>
              <td class="number">${formatMetric(auc.value, 3)}</td>
              <td class="number">${formatMetric(auc.lower, 3)} to ${formatMetric(auc.upper, 3)}</td>
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

/** The windows of the data, in proportion, and what was known when. */
export function renderData({ data, createdFrom }: CandidateEvidence): Html {
  const days = (from: string, until: string): number =>
    Math.max(0, (Date.parse(until) - Date.parse(from)) / 86_400_000) || 0;
  const part = (name: string, className: string, from: string, until: string, rows: number): Html =>
    html`<div class="${className}" style="flex-grow:${Math.max(1, Math.round(days(from, until)))}">
      <b>${name}</b>${formatInstant(from)} to ${formatInstant(until)}<br />${formatCount(rows)} rows
    </div>`;
  return html`<section id="data">
    <h2>Data</h2>
    <div class="card">
      <div class="window">
        ${part('Trained on', 'train', data.trainFrom, data.holdoutFrom, data.trainRows)}
        ${part('Judged on', 'holdout', data.holdoutFrom, data.until, data.holdoutRows)}
      </div>
      ${factList([
        ['As of', html`${formatInstant(createdFrom.asOf)}: nothing known later was used`],
        ['Snapshot of the lake', String(createdFrom.snapshot)],
        ['Newest training row', `${data.newestTrainingRowAgeDays.toFixed(1)} days old at the as-of`],
        [
          'Positives held out',
          `${formatCount(data.positives)} of ${formatCount(data.holdoutRows)} (${formatPercent(data.positives / data.holdoutRows)})`,
        ],
      ])}
    </div>
  </section>`;
}

/** What the version was made from, and the digests of its files. */
export function renderLineage({ createdFrom: from, artifacts }: CandidateEvidence, digest: string): Html {
  const commit =
    from.commit === null
      ? 'no git: the digests stand alone'
      : html`${mono(from.commit)}
        ${from.clean === true ? '(clean)' : html`<strong>(the folder differs from it)</strong>`}`;
  return html`<section id="lineage">
    <h2>Lineage and digests</h2>
    <div class="card stack">
      ${factList([
        ['Evidence', mono(digest)],
        ['Project', mono(from.projectDigest)],
        ['Policy', mono(from.policyDigest)],
        ['Commit', commit],
        ['Run', mono(from.runId)],
        ['Workflow', mono(from.workflowId)],
        ['Snapshot', String(from.snapshot)],
      ])}
      <div class="scroll" tabindex="0" role="region" aria-label="Artifacts">
        <table>
          <caption>
            Artifacts, by sha256
          </caption>
          <thead>
            <tr>
              <th scope="col">File</th>
              <th scope="col" class="number">Size</th>
              <th scope="col">sha256</th>
            </tr>
          </thead>
          <tbody>
            ${Object.entries(artifacts).map(
              ([name, { sha256, bytes }]) =>
                html`<tr>
                  <th scope="row">${name}</th>
                  <td class="number">${formatBytes(bytes)}</td>
                  <td class="wide mono">${sha256}</td>
                </tr>`,
            )}
          </tbody>
        </table>
      </div>
    </div>
  </section>`;
}

export function renderCard(modelCard: string): Html {
  return html`<section id="card">
    <h2>Model card</h2>
    <div class="card long markdown">
      ${
        modelCard.trim() === ''
          ? html`<p class="muted">The version has no model card.</p>`
          : renderMarkdown(modelCard, 2)
      }
    </div>
  </section>`;
}

function factList(facts: readonly (readonly [string, HtmlPart])[]): Html {
  return html`<dl class="facts">
    ${facts.map(
      ([name, value]) =>
        html`<dt>${name}</dt>
          <dd>${value}</dd>`,
    )}
  </dl>`;
}

function mono(text: string): Html {
  return html`<span class="mono">${text}</span>`;
}
