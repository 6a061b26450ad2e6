import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CommitKind } from '../../lakehouse/commits.ts';
import { type Lake, openLake } from '../../lakehouse/lake.ts';
import { nativeParts } from '../support/native-parts.ts';

/** An empty lake in a folder of its own. */
export interface SmallLake {
  readonly lake: Lake;
  /** One commit with some statements; returns its snapshot. */
  commit(kind: CommitKind, asOf: string, ...statements: readonly string[]): Promise<number>;
  remove(): Promise<void>;
}

export async function smallLake(project: string): Promise<SmallLake> {
  const folder = await mkdtemp(join(tmpdir(), 'small-lake-'));
  const lake = await openLake({
    catalogFile: join(folder, 'catalog.sqlite'),
    dataFolder: join(folder, 'data'),
    scratchFolder: join(folder, 'scratch'),
    extensionsFolder: nativeParts().duckdbExtensions,
    threads: 1,
    memoryLimit: '256MB',
  });
  let commits = 0;
  return {
    lake,
    async commit(kind, asOf, ...statements) {
      commits += 1;
      const record = await lake.commit({ key: `commit-${commits}`, kind, project, asOf, details: {} }, async (c) => {
        for (const statement of statements) await c.run(statement);
      });
      return record.snapshot;
    },
    async remove() {
      await lake.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
