import type { CandidateEvidence, DecisionCommand } from '../contracts/evidence.ts';
import { gateTitle, verdictBadge } from './evidence-gates.ts';
import { html, type Html } from './html.ts';
import {
  formatCount,
  formatInterval,
  formatMetric,
  formatPercent,
  formatSigned,
  formatSignedInterval,
} from './number-format.ts';

/** `Champion (version 3)` or `Baseline`. */
export function referenceName({ metrics: { reference } }: CandidateEvidence): string {
  if (reference.kind === 'baseline') return 'Baseline';
  return reference.version === undefined ? 'Champion' : `Champion (version ${reference.version})`;
}

function opponent(evidence: CandidateEvidence): string {
  const { kind, version } = evidence.metrics.reference;
  if (kind === 'champion') return `against the ${referenceName(evidence).replace('Champion', 'champion')}`;
  if (version === undefined) return 'against the baseline: there is no Production version yet';
  return `against the baseline: version ${version}, in Production, could not be scored on these rows`;
}

/** Who is judged against whom, what the gates say, and the digest that an approval must name. */
export function renderHero(evidence: CandidateEvidence, digest: string): Html {
  const { model, version, environment, gates } = evidence;
  const against = opponent(evidence);
  return html`<header class="top">
    <div class="brand">
      <span><b>Superstep</b> · evidence for a decision</span><span class="env">${environment}</span>
    </div>
    <div class="hero">
      <div>
        <h1>${model} <span class="version">version ${version}</span></h1>
        <p class="sub">Challenger ${against}</p>
        <ul class="badges">
          ${gates.map(({ gate, verdict }) => html`<li>${verdictBadge(verdict, gateTitle(gate))}</li>`)}
          ${
            gates.every(({ gate }) => gate !== 'approval') &&
            html`<li>
              <span class="badge waiting"
                ><span class="glyph" aria-hidden="true">…</span>Approval: a person decides</span
              >
            </li>`
          }
        </ul>
        <nav class="jump" aria-label="Sections">
          <a href="#decide">Decide</a><a href="#gates">Gates</a><a href="#metrics">Metrics</a><a href="#plots">Plots</a
          ><a href="#slices">Slices</a><a href="#data">Data</a><a href="#lineage">Lineage</a
          ><a href="#card">Model card</a>
        </nav>
      </div>
      <div class="card digest">
        <div class="label">Evidence digest: an approval names it</div>
        <code class="head">${digest.slice(0, 12)}</code><code class="rest">${digest.slice(12)}</code>
      </div>
    </div>
    ${renderTiles(evidence)}
  </header>`;
}

function renderTiles(evidence: CandidateEvidence): Html {
  const { challenger, reference, difference, margin, confidence } = evidence.metrics;
  const percent = formatPercent(confidence, 0);
  return html`<dl class="tiles">
    <div class="tile">
      <dt>AUC of the challenger</dt>
      <dd>
        <div class="value challenger">${formatMetric(challenger.auc.value)}</div>
        <div class="note">${percent}: ${formatInterval(challenger.auc)}</div>
      </dd>
    </div>
    <div class="tile">
      <dt>AUC of the ${referenceName(evidence).toLowerCase()}</dt>
      <dd>
        <div class="value reference">${formatMetric(reference.metrics.auc.value)}</div>
        <div class="note">${percent}: ${formatInterval(reference.metrics.auc)}</div>
      </dd>
    </div>
    <div class="tile">
      <dt>Paired difference</dt>
      <dd>
        <div class="value">${formatSigned(difference.value)}</div>
        <div class="note">${percent}: ${formatSignedInterval(difference)}; margin ${formatMetric(margin)}</div>
      </dd>
    </div>
    <div class="tile">
      <dt>Rows judged on</dt>
      <dd>
        <div class="value">${formatCount(challenger.rows)}</div>
        <div class="note">
          ${formatCount(challenger.positives)} positive (${formatPercent(challenger.positives / challenger.rows)}),
          ${challenger.days} days
        </div>
      </dd>
    </div>
  </dl>`;
}

/** The commands that answer the gate, as given. A click selects the whole command. */
export function renderCommands(commands: readonly DecisionCommand[], digest: string): Html {
  const head = html`<code>${digest.slice(0, 12)}</code>`;
  return html`<section id="decide">
    <h2>What to do</h2>
    <div class="card">
      ${
        commands.length === 0
          ? html`<p>No gate waits for an answer on this evidence.</p>`
          : html`<p class="hint">
                Read this page, then answer with one of these commands and a comment of your own. The answer counts for
                the evidence ${head} and for nothing else: if the evidence changes, you are asked again.
              </p>
              <ul class="commands">
                ${commands.map(
                  ({ purpose, command }) =>
                    html`<li>
                      <div class="purpose">${purpose}</div>
                      <pre>${command}</pre>
                    </li>`,
                )}
              </ul>`
      }
    </div>
  </section>`;
}
