import { afterEach, beforeEach, expect, it } from 'vitest';
import { earlierStaysOf } from '../../activities/earlier-stays.ts';
import { renderEvidencePage } from '../../console/evidence-page.ts';
import { openTestRegistry, type TestRegistry } from '../registry/open-test-registry.ts';
import { SAMPLE_COMMANDS, SAMPLE_DIGEST, sampleEvidence } from '../support/sample-evidence.ts';

let t: TestRegistry;
beforeEach(async () => void (t = await openTestRegistry()));
afterEach(() => t.close());

it('tells of a version that served before how that ended, and the page says so first', async () => {
  const first = await t.promoteNew('delays');
  const second = await t.promoteNew('delays');
  const back = { naturalKey: 'back', model: 'delays', reason: '<b>wrong</b> at night', requestedBy: 'ml-lead' };
  await t.registry.rollBack({ ...back, allowed: ['ml-lead'] });
  const third = await t.promoteNew('delays');
  const history = await t.registry.productionHistory('delays');
  expect(earlierStaysOf(third, history)).toEqual([]);
  expect(earlierStaysOf(second, history)).toEqual([
    {
      from: expect.any(String) as string,
      until: history[2]?.enteredAt,
      rolledBack: true,
      by: ['ml-lead'],
      reason: '<b>wrong</b> at night',
    },
  ]);
  expect(earlierStaysOf(first, history)).toMatchObject([
    { rolledBack: false, until: history[1]?.enteredAt, by: history[1]?.decidedBy },
    { rolledBack: false, until: history[3]?.enteredAt, by: history[3]?.decidedBy },
  ]);

  const page = (earlierStays: ReturnType<typeof earlierStaysOf>) => {
    const evidence = sampleEvidence(earlierStays.length === 0 ? {} : { earlierStays });
    return renderEvidencePage({ evidence, digest: SAMPLE_DIGEST, commands: SAMPLE_COMMANDS });
  };
  expect(await page([])).not.toContain('It was in Production before');
  const text = await page(earlierStaysOf(second, history));
  expect(text).toMatch(/It was in Production before[^]*Rolled back by ml-lead: &[^]*wrong[^]*<h2>Gates<\/h2>/);
  expect(text).not.toContain('<b>wrong</b>');
});
