import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { escapeHtml, html, trustedHtml } from '../../console/html.ts';

describe('html', () => {
  it('escapes values, keeps markup of its own, joins lists, leaves out what is not there', () => {
    const item = (text: string) => html`<li>${text}</li>`;
    const list = html`${['a<b', 'c'].map(item)}${null}${undefined}${false}${0}`;
    expect(list.html).toBe('<li>a&#60;b</li><li>c</li>0');
    expect(html`<p title="${'"'}">x</p>`.html).toBe('<p title="&#34;">x</p>');
    expect(html`${trustedHtml('<b>x</b>')}`.html).toBe('<b>x</b>');
  });

  it('lets no text become markup', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(escapeHtml(text)).not.toMatch(/[<>"']/);
        expect(decode(escapeHtml(text))).toBe(text);
      }),
    );
  });
});

function decode(markup: string): string {
  return markup.replace(/&#(\d+);/g, (_match, code: string) => String.fromCharCode(Number(code)));
}
