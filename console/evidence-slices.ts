import type { CandidateEvidence, SliceMetrics } from '../contracts/evidence.ts';
import { html, type Html } from './html.ts';
import { formatCount, formatMetric, formatPercent } from './number-format.ts';

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
