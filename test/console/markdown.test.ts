import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { markdownText, renderMarkdown } from '../../console/markdown.ts';

/** Markup without the white space between tags, which no reader sees. */
function render(markdown: string, demote?: number): string {
  return renderMarkdown(markdown, demote)
    .html.replace(/\s*\n\s*/g, '')
    .trim();
}

describe('renderMarkdown', () => {
  it('renders headings, paragraphs, lists, bold and code', () => {
    expect(render('# Title\n\nOne\ntwo **bold** `a<b`\n\n- x\n- y\n  more')).toBe(
      '<h1>Title</h1><p>One two <strong>bold</strong> <code>a&#60;b</code></p><ul><li>x</li><li>y more</li></ul>',
    );
    expect(render('## Title', 2)).toBe('<h4>Title</h4>');
    expect(render('Follows:\n- x')).toBe('<p>Follows:</p><ul><li>x</li></ul>');
  });

  it('renders tables; an escaped bar does not part cells', () => {
    const table = render('| a | b |\n|---|---:|\n| 1 \\| 2 | **3** |');
    expect(table).toContain('<thead><tr><th scope="col">a</th><th scope="col">b</th></tr></thead>');
    expect(table).toContain('<tbody><tr><td>1 | 2</td><td><strong>3</strong></td></tr></tbody>');
  });

  it('leaves HTML and links as text', () => {
    expect(render('<img src=x onerror=alert(1)> [a](javascript:alert(1))')).toBe(
      '<p>&#60;img src=x onerror=alert(1)&#62; [a](javascript:alert(1))</p>',
    );
  });

  it('makes no tag but its own, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'<>&"#|-*`\\[]\n a1.'), maxLength: 60 }), (text) => {
        const rest = renderMarkdown(text).html.replace(
          /<\/?(h[1-6]|p|ul|li|strong|code|table|thead|tbody|tr|td|th|div)( (scope="col"|class="scroll"))?>/g,
          '',
        );
        expect(rest).not.toMatch(/[<>]/);
      }),
    );
  });
});

describe('markdownText', () => {
  it('keeps any text on one line and free of markup', () => {
    const unit = fc.constantFrom(...'<>#|-*`\\[]\n a1.+');
    fc.assert(
      fc.property(fc.string({ unit, minLength: 1, maxLength: 40 }), (text) => {
        fc.pre(text.trim() !== '');
        const cells = render(`| x | y |\n|---|---|\n| ${markdownText(text)} | end |`);
        const shown = text
          .replace(/\s+/g, ' ')
          .trim()
          .replace(/[<>]/g, (character) => `&#${character.charCodeAt(0)};`);
        expect(cells).toContain(`<tr><td>${shown}</td><td>end</td></tr>`);
      }),
    );
  });
});
