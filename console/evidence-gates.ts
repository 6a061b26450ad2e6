import type { GateName, GateResult, Verdict } from '../contracts/gates.ts';
import { html, type Html } from './html.ts';

const VERDICT: Readonly<Record<Verdict, { readonly glyph: string; readonly word: string }>> = {
  pass: { glyph: '✓', word: 'pass' },
  fail: { glyph: '✕', word: 'fail' },
  inconclusive: { glyph: '?', word: 'inconclusive' },
};

const GATE_TITLE: Readonly<Record<GateName, string>> = {
  compliance: 'Compliance',
  comparison: 'Comparison',
  approval: 'Approval',
};

/** A verdict as colour, sign and word: it reads without the colour too. */
export function verdictBadge(verdict: Verdict, subject?: string): Html {
  const { glyph, word } = VERDICT[verdict];
  return html`<span class="badge ${verdict}"
    ><span class="glyph" aria-hidden="true">${glyph}</span>${subject === undefined ? '' : `${subject}: `}${word}</span
  >`;
}

export function gateTitle(gate: GateName): string {
  return GATE_TITLE[gate];
}

/** Every check that did not pass, before all else; nothing when all passed. */
export function renderAttention(gates: readonly GateResult[]): Html {
  const open = gates.flatMap(({ gate, checks }) =>
    checks.filter(({ verdict }) => verdict !== 'pass').map((check) => ({ gate, ...check })),
  );
  if (open.length === 0) return html``;
  return html`<section id="attention">
    <h2>Look at this first</h2>
    <div class="card attention">
      <ul>
        ${open.map(
          ({ gate, name, verdict, expected, found }) =>
            html`<li>
              <div>
                <b>${gateTitle(gate)}: ${name}</b><br /><span class="muted">expected</span> ${expected} <br /><span
                  class="muted"
                  >found</span
                >
                ${found}
              </div>
              ${verdictBadge(verdict)}
            </li>`,
        )}
      </ul>
    </div>
  </section>`;
}

/** Each rule of each gate: what it asks, what it found, what it says. */
export function renderGates(gates: readonly GateResult[]): Html {
  return html`<section id="gates">
    <h2>Gates</h2>
    <div class="card">
      <div class="scroll" tabindex="0" role="region" aria-label="Gates">
        <table class="stacked">
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
          <td class="wide" data-label="expected">${check.expected}</td>
          <td class="wide" data-label="found">${check.found}</td>
          <td>${verdictBadge(check.verdict)}</td>
        </tr>`,
    )}
  </tbody>`;
}
