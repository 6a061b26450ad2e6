import { html, type Html, type HtmlPart } from './html.ts';

/** Names and values, one pair a line; `compact` keeps them beside each other on a phone too. */
export function factList(facts: readonly (readonly [string, HtmlPart])[], compact = false): Html {
  return html`<dl class="facts ${compact && 'compact'}">
    ${facts.map(
      ([name, value]) =>
        html`<dt>${name}</dt>
          <dd>${value}</dd>`,
    )}
  </dl>`;
}
