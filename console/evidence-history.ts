import type { CandidateEvidence, EarlierStay } from '../contracts/evidence.ts';
import { html, type Html } from './html.ts';
import { formatInstant } from './number-format.ts';

/** That the version has served before, and why it does no longer; nothing for one that never did. */
export function renderEarlierStays({ earlierStays = [] }: CandidateEvidence): Html | '' {
  if (earlierStays.length === 0) return '';
  return html`<section id="served-before">
    <h2>It was in Production before</h2>
    <div class="card attention">
      <ul>
        ${earlierStays.map(
          (stay) =>
            html`<li>
              <div><b>${formatInstant(stay.from)} to ${formatInstant(stay.until)}</b><br />${howItEnded(stay)}</div>
            </li>`,
        )}
      </ul>
    </div>
  </section>`;
}

function howItEnded({ rolledBack, by, reason }: EarlierStay): string {
  const how = rolledBack ? 'Rolled back' : 'Replaced';
  return `${by.length === 0 ? 'Taken out' : `${how} by ${by.join(', ')}`}: ${reason}`;
}
