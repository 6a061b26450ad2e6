import { html, trustedHtml, type Html } from './html.ts';

/**
 * Renders the Markdown that model cards use: headings, paragraphs, `-` lists, pipe tables, **bold**, `code`. Everything
 * else, HTML and links above all, stays text. Headings are moved `demote` levels down to fit the page around them.
 */
export function renderMarkdown(markdown: string, demote = 0): Html {
  const blocks = markdown
    .replace(/\r\n?/g, '\n')
    .split(/\n\s*\n/)
    .flatMap(splitBlock);
  return html`${blocks.map((lines) => renderBlock(lines, demote))}`;
}

/** Protects a text that is to stand inside a line of Markdown: no markup, no second line. */
export function markdownText(text: string): string {
  return text
    .replace(/\s+/g, ' ')
    .trim()
    .replace(/[\\`*|<>[\]]/g, (character) => `\\${character}`)
    .replace(/^([#+-]|\d+(?=\.\s))/, (start) => (/\d/.test(start) ? `${start}\\` : `\\${start}`));
}

type LineKind = 'heading' | 'item' | 'row' | 'text';

function kindOf(line: string): LineKind {
  if (/^#{1,6}\s/.test(line)) return 'heading';
  if (/^\s*[-*]\s/.test(line)) return 'item';
  return line.trimStart().startsWith('|') ? 'row' : 'text';
}

/** Cuts where the kind of line changes: a list or a table may follow its introduction directly. */
function splitBlock(block: string): string[][] {
  const parts: string[][] = [];
  let previous: LineKind | undefined;
  for (const line of block.split('\n').filter((text) => text.trim() !== '')) {
    const kind = kindOf(line);
    const continued = kind === previous || (kind === 'text' && previous === 'item');
    if (continued && kind !== 'heading') parts.at(-1)?.push(line);
    else parts.push([line]);
    previous = continued ? previous : kind;
  }
  return parts;
}

function renderBlock(lines: readonly string[], demote: number): Html {
  const [first = ''] = lines;
  switch (kindOf(first)) {
    case 'heading': {
      const [, hashes = '', title = ''] = /^(#+)\s+(.*)$/.exec(first) ?? [];
      const level = Math.min(6, hashes.length + demote);
      return html`${trustedHtml(`<h${level}>`)}${renderInline(title)}${trustedHtml(`</h${level}>`)}`;
    }
    case 'item':
      return html`<ul>
        ${listItems(lines).map((item) => html`<li>${renderInline(item)}</li>`)}
      </ul>`;
    case 'row':
      return renderTable(lines);
    case 'text':
      return html`<p>${renderInline(lines.join(' '))}</p>`;
  }
}

function listItems(lines: readonly string[]): string[] {
  const items: string[] = [];
  for (const line of lines) {
    if (kindOf(line) === 'item') items.push(line.replace(/^\s*[-*]\s+/, ''));
    else items.push(`${items.pop() ?? ''} ${line.trim()}`);
  }
  return items;
}

function renderTable(lines: readonly string[]): Html {
  const [head = [], ...rest] = lines.map(tableCells);
  const rows = rest.filter((cells) => !cells.every((cell) => /^:?-+:?$/.test(cell)));
  return html`<div class="scroll">
    <table>
      <thead>
        <tr>
          ${head.map((cell) => html`<th scope="col">${renderInline(cell)}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (cells) =>
            html`<tr>
              ${cells.map((cell) => html`<td>${renderInline(cell)}</td>`)}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

function tableCells(line: string): string[] {
  const inner = line
    .trim()
    .replace(/^\|/, '')
    .replace(/(?<!\\)\|$/, '');
  return inner.split(/(?<!\\)\|/).map((cell) => cell.trim());
}

/** Bold, code and escaped characters; the rest is text. */
function renderInline(text: string): Html {
  const parts = text.split(/(`[^`]+`|\*\*(?:\\.|[^*\\])+\*\*|\\[\\`*|<>[\]#+.-])/);
  return html`${parts.map((part) => {
    if (/^`.+`$/.test(part)) return html`<code>${part.slice(1, -1)}</code>`;
    if (/^\*\*.+\*\*$/.test(part)) return html`<strong>${renderInline(part.slice(2, -2))}</strong>`;
    return part.startsWith('\\') && part.length === 2 ? part.slice(1) : part;
  })}`;
}
