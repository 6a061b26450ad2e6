import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openTestRegistry, type TestRegistry } from './open-test-registry.ts';

const DOCS = fileURLToPath(new URL('../../docs/audit.md', import.meta.url));
const SHOWN = '2026-11-25T12:00:00.000Z';

let t: TestRegistry;
beforeEach(async () => {
  t = await openTestRegistry();
});
afterEach(() => t.close());

/** What the query of docs/audit.md finds for an instant. */
async function query(at: string): Promise<unknown[]> {
  const [, sql = ''] = /```sql\n([^`]*)```/.exec(await readFile(DOCS, 'utf8')) ?? [];
  expect(sql.split(SHOWN)).toHaveLength(3);
  const found: unknown = await t.db.read(async (knex): Promise<unknown> => knex.raw(sql.replaceAll(SHOWN, at)));
  // SQLite answers the rows, PostgreSQL what it knows of them.
  return Array.isArray(found) ? (found as unknown[]) : (found as { readonly rows: unknown[] }).rows;
}

describe('the query that docs/audit.md shows', () => {
  it('finds what was in Production at an instant, as the registry does', async () => {
    const model = 'flights-delay';
    for (let n = 0; n < 3; n++) await t.promoteNew(model);
    const stays = await t.registry.productionHistory(model);
    expect(stays).toHaveLength(3);
    for (const { enteredAt, version } of stays) {
      expect((await t.registry.productionAt(model, enteredAt))?.version).toBe(version);
      expect(await query(enteredAt)).toMatchObject([{ version, entered_through: 'promotion' }]);
    }
    expect(await query('2001-02-01T00:00:00.000Z')).toEqual([]);
  });
});
