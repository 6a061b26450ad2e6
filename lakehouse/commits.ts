import type { DuckDBConnection } from '@duckdb/node-api';
import { SuperstepError } from '../contracts/failure-types.ts';
import { isLostRace, messageOf } from './engine-errors.ts';
import { literal, timestampLiteral } from './sql-text.ts';

/** `refresh-check`: a refresh that found nothing new, and so knows that nothing is missing up to its as-of. */
export type CommitKind = 'refresh' | 'refresh-check' | 'predictions' | 'metrics';

/** What a lake transaction is for. */
export interface LakeCommit {
  /** The natural key: the same work, repeated by whomever, has the same one. */
  readonly key: string;
  readonly kind: CommitKind;
  readonly project: string;
  /** ISO instant. */
  readonly asOf: string;
  /** Plain JSON for those who read the commit later. */
  readonly details: Readonly<Record<string, unknown>>;
}

export interface CommitRecord extends LakeCommit {
  readonly snapshot: number;
}

/** How long a commit goes on trying; a frozen rival may hold the catalog's lock for good. */
const PATIENCE_MS = 60_000;

/** See `Lake.commit`. The connection is the transaction's own. */
export async function commitOnce(
  c: DuckDBConnection,
  input: LakeCommit,
  write: (connection: DuckDBConnection) => Promise<void>,
): Promise<CommitRecord> {
  const started = performance.now();
  for (let attempt = 1; ; attempt += 1) {
    try {
      await transaction(c, input, write);
      break;
    } catch (error) {
      // Fails when COMMIT itself did: then there is nothing left to roll back.
      await c.run('ROLLBACK').catch(() => undefined);
      if (!isLostRace(error)) throw error;
      if (performance.now() - started > PATIENCE_MS) {
        throw new SuperstepError(
          'LakeUnavailable',
          `commit "${input.key}" lost ${attempt} races against other writers of the lake, the last with: ${messageOf(error)}; only one process per environment should write it`,
          { key: input.key },
        );
      }
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 20 * 2 ** Math.min(attempt, 6)));
    }
  }
  const record = await findCommit(c, input.key);
  // DuckDB answers COMMIT of a transaction with a failed statement as if all were well, and rolls back.
  if (record === undefined) {
    throw new SuperstepError('LakeUnavailable', `commit "${input.key}" was rolled back by the engine; try again`, {
      key: input.key,
    });
  }
  return record;
}

async function transaction(
  c: DuckDBConnection,
  input: LakeCommit,
  write: (connection: DuckDBConnection) => Promise<void>,
): Promise<void> {
  await c.run('BEGIN');
  // On SQLite any commit of another process after this read fails ours: no second writer of the key can slip in.
  if ((await findCommit(c, input.key)) !== undefined) {
    await c.run('ROLLBACK');
    return;
  }
  await write(c);
  await c.run(
    `INSERT INTO lake.main.commits VALUES (${literal(input.key)}, ${literal(input.kind)}, ${literal(input.project)},
       ${timestampLiteral(input.asOf)}, ${literal(JSON.stringify(input.details))})`,
  );
  const extra = JSON.stringify({ key: input.key, asOf: input.asOf });
  await c.run(
    `CALL lake.set_commit_message('superstep', ${literal(`${input.kind} of ${input.project}`)}, extra_info => ${literal(extra)})`,
  );
  await c.run('COMMIT');
}

export function findCommit(c: DuckDBConnection, key: string): Promise<CommitRecord | undefined> {
  return newest(c, `key = ${literal(key)}`);
}

/** The newest commit of a kind for a project. */
export function newestOfKind(
  c: DuckDBConnection,
  kind: CommitKind,
  project: string,
): Promise<CommitRecord | undefined> {
  return newest(c, `kind = ${literal(kind)} AND project = ${literal(project)}`);
}

/** The refresh of a project that published a snapshot. */
export function refreshAt(c: DuckDBConnection, project: string, snapshot: number): Promise<CommitRecord | undefined> {
  return newest(c, `kind = 'refresh' AND project = ${literal(project)} AND snapshot_id = ${snapshot}`);
}

/** DuckLake's virtual column `snapshot_id` is the snapshot that brought the row. */
async function newest(c: DuckDBConnection, condition: string): Promise<CommitRecord | undefined> {
  const found = await c.runAndReadAll(
    `SELECT snapshot_id::DOUBLE AS snapshot, key, kind, project, epoch_ms(as_of)::DOUBLE AS as_of, details
     FROM lake.main.commits WHERE ${condition} ORDER BY snapshot_id DESC LIMIT 1`,
  );
  const row = found.getRowObjectsJS()[0];
  if (row === undefined) return undefined;
  return {
    key: row['key'] as string,
    kind: row['kind'] as LakeCommit['kind'],
    project: row['project'] as string,
    asOf: new Date(row['as_of'] as number).toISOString(),
    details: JSON.parse(row['details'] as string) as Record<string, unknown>,
    snapshot: row['snapshot'] as number,
  };
}
