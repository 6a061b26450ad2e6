import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { renderEvidencePage } from '../../console/evidence-page.ts';
import { createEvidenceServer } from '../../console/evidence-server.ts';
import { launchChromium } from '../support/chromium.ts';
import { SAMPLE_COMMANDS, SAMPLE_DIGEST, sampleEvidence } from '../support/sample-evidence.ts';

let folder: string;
let server: FastifyInstance;
let browser: Browser;
let address: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'evidence-browser-'));
  const page = await renderEvidencePage({
    evidence: sampleEvidence(),
    digest: SAMPLE_DIGEST,
    commands: SAMPLE_COMMANDS,
  });
  const name = createHash('sha256').update(page).digest('hex');
  writeFileSync(join(folder, name), page);
  server = createEvidenceServer({ stores: { prod: (sha256) => join(folder, sha256) } });
  address = `${await server.listen({ port: 0, host: '127.0.0.1' })}/prod/evidence/${name}`;
  browser = await launchChromium();
});

afterAll(async () => {
  await browser?.close();
  await server?.close();
  rmSync(folder, { recursive: true });
});

async function open(width: number, colorScheme: 'light' | 'dark'): Promise<{ page: Page; trouble: string[] }> {
  const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
  const trouble: string[] = [];
  page.on('console', (message) => trouble.push(message.text()));
  page.on('pageerror', (error) => trouble.push(error.message));
  page.on('request', (request) => {
    if (request.url() !== address && !request.url().startsWith('data:')) trouble.push(`asked for ${request.url()}`);
  });
  await page.goto(address);
  return { page, trouble };
}

// Run in the page as text: these tests have no DOM types, and need none.
const OVERFLOW = 'document.documentElement.scrollWidth - window.innerWidth';
const CONTRASTS = `(() => {
  const parse = (color) => (color.match(/[\\d.]+/g) ?? []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255).map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const color = parse(getComputedStyle(e).backgroundColor);
      if (color.length === 3 || color[3] === 1) return color;
    }
    return [255, 255, 255];
  };
  const poor = [];
  for (const element of document.querySelectorAll('body *')) {
    const own = [...element.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim() !== '');
    if (!own || element.checkVisibility?.() === false) continue;
    const svg = element.namespaceURI.endsWith('svg');
    const style = getComputedStyle(element);
    const [a, b] = [light(parse(svg ? style.fill : style.color)), light(ground(element))];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < 4.5) poor.push(element.textContent.trim().slice(0, 40) + ' ' + contrast.toFixed(2));
  }
  return poor;
})()`;
const SMALLEST_PLOT_TEXT =
  "Math.min(...[...document.querySelectorAll('svg text')].filter((t) => t.textContent !== '').map((t) => t.getBoundingClientRect().height))";

describe('the evidence page in Chromium', () => {
  it.each([
    [1280, 'light'],
    [1280, 'dark'],
    [390, 'light'],
    [390, 'dark'],
  ] as const)('fits %i pixels, %s: nothing sticks out, text stands out, nothing is fetched', async (width, scheme) => {
    const { page, trouble } = await open(width, scheme);
    expect(await page.evaluate(OVERFLOW)).toBe(0);
    expect(await page.evaluate(CONTRASTS)).toEqual([]);
    expect(trouble).toEqual([]);
    await page.close();
  });

  it('draws every plot in its frame, in colours of the scheme', async () => {
    const { page } = await open(1280, 'dark');
    const outside = `[...document.querySelectorAll('svg')].flatMap((svg) => {
      const frame = svg.getBoundingClientRect();
      return [...svg.querySelectorAll('text')].filter((t) => t.textContent !== '' && t.getAttribute('opacity') !== '0').filter((t) => {
        const box = t.getBoundingClientRect();
        return box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 1 || box.bottom > frame.bottom + 1;
      }).map((t) => t.textContent);
    })`;
    expect(await page.evaluate(outside)).toEqual([]);
    const fills = `[...document.querySelectorAll('svg text')].map((t) => getComputedStyle(t).fill)`;
    expect(await page.evaluate(fills)).not.toContain('rgb(0, 0, 0)');
    await page.close();
  });

  it('keeps the text of plots readable on a phone', async () => {
    const { page } = await open(390, 'light');
    expect(await page.evaluate(SMALLEST_PLOT_TEXT)).toBeGreaterThan(11);
    await page.close();
  });

  it('prints', async () => {
    const { page } = await open(1280, 'dark');
    const pdf = await page.pdf({ format: 'A4', printBackground: true });
    expect(pdf.subarray(0, 5).toString()).toBe('%PDF-');
    await page.close();
  });
});
