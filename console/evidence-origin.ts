import type { CandidateEvidence } from '../contracts/evidence.ts';
import { factList } from './fact-list.ts';
import { html, type Html } from './html.ts';
import { renderMarkdown } from './markdown.ts';
import { formatBytes, formatCount, formatInstant, formatPercent } from './number-format.ts';

/** The windows of the data, in proportion, and what was known when. */
export function renderData({ data, createdFrom, client }: CandidateEvidence): Html {
  const days = (from: string, until: string): number =>
    Math.max(0, (Date.parse(until) - Date.parse(from)) / 86_400_000) || 0;
  const part = (name: string, className: string, from: string, until: string, rows: number): Html =>
    html`<div class="${className}" style="flex-grow:${Math.max(1, Math.round(days(from, until)))}">
      <b>${name}</b><span>${formatInstant(from)} to</span> <span>${formatInstant(until)}</span
      ><br />${formatCount(rows)} rows
    </div>`;
  return html`<section id="data">
    <h2>Data</h2>
    <div class="card">
      <div class="window">
        ${client === undefined ? part('Trained on', 'train', data.trainFrom, data.holdoutFrom, data.trainRows) : ''}
        ${part('Judged on', 'holdout', data.holdoutFrom, data.until, data.holdoutRows)}
      </div>
      ${factList([
        ['As of', html`${formatInstant(createdFrom.asOf)}: nothing known later was used`],
        ['Snapshot of the lake', String(createdFrom.snapshot)],
        [
          'Newest training row',
          client === undefined ? `${data.newestTrainingRowAgeDays.toFixed(1)} days old at the as-of` : 'not known',
        ],
        [
          'Positives held out',
          `${formatCount(data.positives)} of ${formatCount(data.holdoutRows)} (${formatPercent(data.positives / data.holdoutRows)})`,
        ],
      ])}
    </div>
  </section>`;
}

/** Who brought a version that was not trained here, from where, and what is not known of it; nothing for others. */
export function renderClient({ client }: CandidateEvidence): Html | '' {
  if (client === undefined) return '';
  const { registeredBy, registeredAt, source, run, code, missing } = client;
  return html`<section id="client">
    <h2>Brought by a registry client</h2>
    <div class="card stack">
      <p>It was not trained here. The figures below are of its evaluation, on the project's newest data.</p>
      ${factList([
        [
          'Registered by',
          `${registeredBy === '' ? 'nobody who gave a name' : registeredBy}, ${formatInstant(registeredAt)}`,
        ],
        ['Source', mono(source)],
        ['Its run', run === null ? 'none' : html`${run.name}, experiment ${run.experiment}, ${mono(run.runId)}`],
        ...Object.entries(code).map(([name, value]): readonly [string, Html] => [name, mono(value)]),
      ])}
      <h3>What is not known of it</h3>
      <ul>
        ${missing.map((sentence) => html`<li>${sentence}</li>`)}
      </ul>
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
        <table class="stacked">
          <caption>
            Artifacts, by sha256
          </caption>
          <thead>
            <tr>
              <th scope="col">File</th>
              <th scope="col">sha256</th>
              <th scope="col" class="number">Size</th>
            </tr>
          </thead>
          <tbody>
            ${Object.entries(artifacts).map(
              ([name, { sha256, bytes }]) =>
                html`<tr>
                  <th scope="row">${name}</th>
                  <td class="wide mono" data-label="sha256">${sha256}</td>
                  <td class="number">${formatBytes(bytes)}</td>
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
    <div class="card long">
      <div class="markdown">
        ${
          modelCard.trim() === ''
            ? html`<p class="muted">The version has no model card.</p>`
            : renderMarkdown(modelCard, 2)
        }
      </div>
    </div>
  </section>`;
}

function mono(text: string): Html {
  return html`<span class="mono">${text}</span>`;
}
