import { describe, expect, it } from 'vitest';
import { renderEvidencePage } from '../../console/evidence-page.ts';
import type { CandidateEvidence } from '../../contracts/evidence.ts';
import { SAMPLE_COMMANDS, SAMPLE_DIGEST, sampleEvidence } from '../support/sample-evidence.ts';

function render(evidence: CandidateEvidence, commands = SAMPLE_COMMANDS): Promise<string> {
  return renderEvidencePage({ evidence, digest: SAMPLE_DIGEST, commands });
}

/** What a reader sees: without tags, style and line breaks, with characters instead of their codes. */
function textOf(page: string): string {
  return page
    .replace(/<style>[^]*?<\/style>/g, '')
    .replace(/<[^>]*>/g, ' ')
    .replace(/&#(\d+);/g, (_match, code: string) => String.fromCharCode(Number(code)))
    .replace(/\s+/g, ' ');
}

describe('renderEvidencePage', () => {
  it('is one page that needs nothing from elsewhere and runs nothing', async () => {
    const page = await render(sampleEvidence());
    expect(page.startsWith('<!doctype html>')).toBe(true);
    expect(page).not.toMatch(/<script|<iframe|<object|<img|@import|url\((?!#)|\son\w+=/i);
    expect(page.match(/(?:src|href)="[^"]*"/g)?.filter((link) => !/="(#|data:)/.test(link))).toEqual([]);
    expect(page).toContain('prefers-color-scheme:dark');
    expect(page).toContain('@media print');
  });

  it('says why a baseline is the opponent: no Production yet, or one that does not fit the rows', async () => {
    const { metrics } = sampleEvidence();
    const against = (version?: number) => {
      const reference = { kind: 'baseline' as const, metrics: metrics.reference.metrics };
      return render(
        sampleEvidence({
          metrics: { ...metrics, reference: version === undefined ? reference : { ...reference, version } },
        }),
      );
    };
    expect(textOf(await against())).toContain('there is no Production version yet');
    expect(textOf(await against(4))).toContain('version 4, in Production, could not be scored on these rows');
  });

  it('gives the same bytes for the same evidence, also when many are rendered at once', async () => {
    const first = await render(sampleEvidence());
    await Promise.all([render(sampleEvidence({ slices: [] })), render(sampleEvidence({ model: 'other' }))]);
    const [again, beside] = await Promise.all([render(sampleEvidence()), render(sampleEvidence())]);
    expect(again).toBe(first);
    expect(beside).toBe(first);
  });

  it('says who is judged, on what, and what to do', async () => {
    const page = await render(sampleEvidence());
    const text = textOf(page);
    expect(text).toContain('flights-delay version 4');
    expect(text).toContain('Challenger against the champion (version 3)');
    expect(text).toContain('Compliance: pass');
    expect(text).toContain('Comparison: pass');
    expect(page).toContain(`<code class="head">${SAMPLE_DIGEST.slice(0, 12)}</code>`);
    for (const { command } of SAMPLE_COMMANDS) expect(text).toContain(command);
    expect(text).toContain('0.7441 95 %: 0.7380 to 0.7502');
    expect(text).toContain('+0.0098 to +0.0188');
    expect(text).toContain('1,962,318 rows');
    expect(text).toContain('488af46e0c1d2b3a4958677685940312fedcba98 (clean)');
    expect(text).not.toContain('Look at this first');
    for (const { sha256 } of Object.values(sampleEvidence().artifacts)) expect(text).toContain(sha256);
  });

  it('keeps a command to the letter: it is to be pasted', async () => {
    const command = `a  --input '{"comment":"<why> & more"}'\n  --tail`;
    const page = await render(sampleEvidence(), [{ purpose: 'Approve', command }]);
    const shown = /<pre>([^]*?)<\/pre>/.exec(page)?.[1] ?? '';
    expect(shown.replace(/&#(\d+);/g, (_match, code: string) => String.fromCharCode(Number(code)))).toBe(command);
  });

  it('draws five described plots and captions every table', async () => {
    const page = await render(sampleEvidence());
    const plots = page.match(/<svg[^>]*>/g) ?? [];
    expect(plots).toHaveLength(5);
    for (const plot of plots) expect(plot).toMatch(/role="img" aria-label="[^"]{20,}"/);
    const outsideCard = page.slice(0, page.indexOf('id="card"'));
    expect(outsideCard.match(/<table/g)?.length).toBe(outsideCard.match(/<caption/g)?.length);
    expect(page).not.toContain('NaN');
    expect(page).not.toContain('undefined');
  });

  it('leads with what did not pass', async () => {
    const gates = sampleEvidence().gates.map((gate) => ({
      ...gate,
      verdict: 'inconclusive' as const,
      checks: gate.checks.map((check, i) => (i === 0 ? { ...check, verdict: 'inconclusive' as const } : check)),
    }));
    const text = textOf(await render(sampleEvidence({ gates }), []));
    expect(text.indexOf('Look at this first')).toBeLessThan(text.indexOf('What to do'));
    expect(text).toContain('Comparison: difference in AUC');
    expect(text).toContain('Comparison: inconclusive');
    expect(text).toContain('No gate waits for an answer on this evidence.');
  });

  it('shows a baseline, no slices, no git, no trials, no card', async () => {
    const { metrics, createdFrom } = sampleEvidence();
    const text = textOf(
      await render(
        sampleEvidence({
          metrics: { ...metrics, reference: { kind: 'baseline', metrics: metrics.reference.metrics } },
          createdFrom: { ...createdFrom, commit: null, clean: null },
          slices: [],
          trials: [],
          importance: [],
          modelCard: '',
        }),
      ),
    );
    expect(text).toContain('against the baseline: there is no Production version yet');
    expect(text).toContain('no git: the digests stand alone');
    expect(text).toContain('Neither the project nor the policy asks for slices.');
    expect(text).toContain('The version has no model card.');
  });

  it('lets no text of project, model or slice become markup', async () => {
    const hostile = `</svg></style></pre><script>alert(1)</script><img src=x onerror="alert(2)">'"&`;
    const evidence = JSON.parse(
      JSON.stringify(sampleEvidence({ sliceFloor: 0.99 }), (key, value: unknown) =>
        typeof value === 'string' && !['verdict', 'gate', 'kind', 'environment'].includes(key) ? hostile : value,
      ),
    ) as CandidateEvidence;
    const renamed = {
      ...evidence,
      params: { [hostile]: hostile },
      artifacts: { [hostile]: { sha256: hostile, bytes: 1 } },
    };
    const page = await render(renamed, [{ purpose: hostile, command: hostile }]);
    const tags = new Set([...page.matchAll(/<\/?([a-z0-9]+)/gi)].map(([, name]) => name?.toLowerCase()));
    expect(tags).not.toContain('script');
    expect(tags).not.toContain('img');
    expect(page.match(/<[^>]*\sonerror=/)).toBeNull();
    expect(page.match(/<\/style>/g)).toHaveLength(1);
    expect(page.match(/<svg/g)?.length).toBe(page.match(/<\/svg>/g)?.length);
  });
});
