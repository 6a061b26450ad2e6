import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Browser } from 'playwright-core';
import { renderEvidencePage } from '../../console/evidence-page.ts';
import type { ClientOrigin } from '../../contracts/evidence.ts';
import { launchChromium } from '../support/chromium.ts';
import { SAMPLE_COMMANDS, SAMPLE_DIGEST, sampleEvidence } from '../support/sample-evidence.ts';

const CLIENT: ClientOrigin = {
  registeredBy: 'scientist',
  registeredAt: '2001-05-20T10:00:00.000Z',
  source: 'mlflow-artifacts:/7/0123456789abcdef0123456789abcdef/artifacts/model',
  run: { runId: '0123456789abcdef0123456789abcdef', name: 'brave-owl-7', experiment: 'my-trials' },
  code: { 'mlflow.source.git.commit': 'c0ffee', 'mlflow.source.name': '/home/scientist/a/long/way/down/to/train.py' },
  missing: ['Which rows trained it is not known.', 'No importance.json was logged.'],
};

function render(client: ClientOrigin): Promise<string> {
  const evidence = sampleEvidence({ client, importance: [], trials: [] });
  return renderEvidencePage({ evidence, digest: SAMPLE_DIGEST, commands: SAMPLE_COMMANDS });
}

/** What a reader sees of a page. */
function textOf(page: string): string {
  const text = page.replace(/<style>[^]*?<\/style>/g, '').replace(/<[^>]*>/g, ' ');
  return text.replace(/&#(\d+);/g, (_match, code: string) => String.fromCharCode(Number(code))).replace(/\s+/g, ' ');
}

describe('the evidence page of a version that a registry client brought', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(() => browser?.close());

  it('says who brought it, from which run and code, and what is not known', async () => {
    const text = textOf(await render(CLIENT));
    expect(text).toContain('It was not trained here.');
    expect(text).toMatch(/Registered by scientist, 2001-05-20/);
    expect(text).toContain('brave-owl-7, experiment my-trials');
    expect(text).toMatch(/mlflow\.source\.git\.commit c0ffee/);
    for (const sentence of CLIENT.missing) expect(text).toContain(sentence);
    expect(text).toContain('no feature importance was logged with it');
  });

  it('claims nothing of its training', async () => {
    const text = textOf(await render(CLIENT));
    expect(text).not.toContain('Trained on 2001');
    expect(text).not.toContain('were seen by no trial');
    expect(text).toMatch(/Newest training row not known/);
  });

  it('says so when nothing is known of its maker', async () => {
    const text = textOf(await render({ ...CLIENT, registeredBy: '', run: null, code: {} }));
    expect(text).toContain('nobody who gave a name');
    expect(text).toMatch(/Its run none/);
  });

  it('lets no text of a client become markup', async () => {
    const bad = '</p><script>alert(1)</script>';
    const run = { runId: bad, name: bad, experiment: bad };
    const page = await render({ ...CLIENT, registeredBy: bad, source: bad, run, code: { [bad]: bad }, missing: [bad] });
    expect(page).not.toContain('<script');
  });

  it.each([1280, 390])('fits %s pixels', async (width) => {
    const page = await browser.newPage({ viewport: { width, height: 900 } });
    await page.setContent(await render(CLIENT));
    expect(await page.evaluate('document.documentElement.scrollWidth - window.innerWidth')).toBeLessThanOrEqual(0);
    await page.close();
  });
});
