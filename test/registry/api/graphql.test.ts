import { expect, it } from 'vitest';
import { answerUiQuery } from '../../../registry/api/ui/graphql.ts';

const FIELDS = (count: number): string =>
  Array.from({ length: count }, (_, i) => `a${i}: mlflowSearchRuns { nextPageToken }`).join(' ');

it.each([
  ['by aliases', `query { ${FIELDS(5)} }`],
  ['in a fragment', `query { ...all } fragment all on Query { ${FIELDS(5)} }`],
  ['in an inline fragment', `query { ... on Query { ${FIELDS(5)} } }`],
])('a query cannot ask for everything at once, %s', async (_, query) => {
  let asked = 0;
  const answer = answerUiQuery(async () => ({ runs: [], asked: (asked += 1) }), { query, variables: {} });
  await expect(answer).rejects.toMatchObject({ type: 'InvalidInput' });
  expect(asked).toBe(0);
});

it('a query of the UI is answered', async () => {
  const query = `query Q { ${FIELDS(4)} }`;
  const answer = await answerUiQuery(async () => ({ runs: [], next_page_token: 'x' }), { query, variables: {} });
  expect(answer).toMatchObject({ data: { a0: { nextPageToken: 'x' }, a3: { nextPageToken: 'x' } } });
});
