import type { TestProject } from 'vitest/node';
import { FORGETFUL, findPostgres, startPostgres } from '../../scripts/dev-server/postgres-server.ts';
import { createTemplate } from '../registry/test-database.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** The server for this run of the tests, or why there is none. */
    postgres: { readonly url: string } | { readonly missing: string };
  }
}

/** Starts a PostgreSQL for the whole run. In CI there must be one; elsewhere its tests are skipped without it. */
export async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const found = findPostgres();
  if ('missing' in found) {
    if (process.env['CI'] === 'true')
      throw new Error(`CI runs the registry's tests on PostgreSQL too: ${found.missing}`);
    process.stderr.write(`\nThe registry's tests are not run on PostgreSQL: ${found.missing}\n\n`);
    project.provide('postgres', found);
    return undefined;
  }
  const { url, stop } = await startPostgres(found.programs, FORGETFUL);
  await createTemplate(url);
  project.provide('postgres', { url });
  return stop;
}
