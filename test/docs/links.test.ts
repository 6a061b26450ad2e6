import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../..');
const FENCE = /^\s*```[\s\S]*?^\s*```/gm;

/** The pages that a reader walks through: README, CONTRIBUTING, all of docs and the examples. */
const PAGES = [
  'README.md',
  'CONTRIBUTING.md',
  ...['docs', 'examples'].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.md'))
      .map((name) => join(folder, name)),
  ),
];

function read(page: string): string {
  return readFileSync(join(ROOT, page), 'utf8');
}

/** Targets of the links and pictures of a page, code left out. */
function linksOf(text: string): string[] {
  const prose = text.replace(FENCE, '').replace(/`[^`\n]*`/g, (code) => '`'.padEnd(code.length, ' '));
  return [...prose.matchAll(/\]\(([^)\s]+)(?:\s+"[^"]*")?\)/g)].map((match) => match[1] ?? '');
}

/** Anchors of a page's headings, as GitHub makes them. */
function anchorsOf(text: string): Set<string> {
  const seen = new Map<string, number>();
  const anchors = new Set<string>();
  for (const [, heading = ''] of text.replace(FENCE, '').matchAll(/^#{1,6}\s+(.+?)\s*#*$/gm)) {
    const words = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
    const anchor = words.replace(/[^\p{L}\p{N}\s_-]/gu, '').replaceAll(' ', '-');
    const before = seen.get(anchor) ?? 0;
    seen.set(anchor, before + 1);
    anchors.add(before === 0 ? anchor : `${anchor}-${before}`);
  }
  return anchors;
}

/** What is wrong with a link of a page; undefined when nothing is. */
function problemOf(page: string, link: string): string | undefined {
  if (/^(https?|mailto):/.test(link) || /^<?http/.test(link)) return undefined;
  const [path = '', anchor] = link.split('#');
  const target = path === '' ? join(ROOT, page) : resolve(ROOT, dirname(page), decodeURIComponent(path));
  if (relative(ROOT, target).startsWith('..')) return `${link} leaves the repository`;
  if (!existsSync(target)) return `${link}: no such file`;
  if (anchor === undefined) return undefined;
  if (statSync(target).isDirectory()) return `${link}: a folder has no headings`;
  return anchorsOf(readFileSync(target, 'utf8')).has(anchor) ? undefined : `${link}: no such heading`;
}

describe('the documentation', () => {
  it.each(PAGES)('%s links to files and headings that exist', (page) => {
    const problems = linksOf(read(page)).map((link) => problemOf(page, link));
    expect(problems.filter((problem) => problem !== undefined)).toEqual([]);
  });

  it.each(PAGES)('%s names npm scripts that exist', (page) => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const text = read(page);
    const named = [
      ...[...text.matchAll(/\bnpm run (?:--silent )?([\w:-]+)/g)].map((match) => match[1] ?? ''),
      ...[...text.matchAll(/\bnpm (start|test)\b/g)].map((match) => match[1] ?? ''),
    ];
    expect(named.filter((name) => !(name in scripts))).toEqual([]);
  });

  it('has every page in its index', () => {
    const index = linksOf(read('docs/README.md')).map((link) => link.split('#')[0]);
    const pages = PAGES.filter((page) => page.startsWith('docs/') && page !== 'docs/README.md');
    expect(pages.filter((page) => !index.includes(relative('docs', page)))).toEqual([]);
  });

  it('draws diagrams in the form that GitHub renders', () => {
    const diagrams = PAGES.flatMap((page) => [...read(page).matchAll(/```mermaid\n([\s\S]*?)```/g)]);
    expect(diagrams.length).toBeGreaterThan(0);
    for (const [, diagram = ''] of diagrams) {
      expect(diagram).toMatch(/^flowchart (LR|TB)\n/);
      const opened = diagram.match(/^\s*subgraph /gm)?.length ?? 0;
      const closed = diagram.match(/^\s*end$/gm)?.length ?? 0;
      expect(closed).toBe(opened);
    }
  });
});

describe('the link check itself', () => {
  it('finds a missing file, a missing heading and a way out', () => {
    expect(problemOf('README.md', 'docs/nowhere.md')).toContain('no such file');
    expect(problemOf('README.md', 'docs/glossary.md#nothing')).toContain('no such heading');
    expect(problemOf('README.md', '../secret.md')).toContain('leaves the repository');
    expect(problemOf('README.md', 'docs/glossary.md#data')).toBeUndefined();
  });

  it('knows GitHub’s anchors', () => {
    expect([...anchorsOf('# A `code` word: and more\n## Same\n## Same\n```\n# no heading\n```\n')]).toEqual([
      'a-code-word-and-more',
      'same',
      'same-1',
    ]);
  });
});
