import { streamRows } from '../../registry/audit/rows.ts';
import { verifyChain } from '../../registry/audit/verification.ts';
import { openRegistryDatabase, type RegistryLocation } from '../../registry/database.ts';
import { verifyChecksum } from './checksum.ts';
import { restorePostgres } from './postgres-files.ts';
import { restoreSqlite } from './sqlite-files.ts';

export interface RestoreInput {
  readonly backup: string;
  readonly location: RegistryLocation;
  /** Where a SQLite registry that is there goes; undefined refuses one that is there. */
  readonly aside: string | undefined;
}

/** What stands in the restored registry. */
export interface Restored {
  /** Names of migrations that wait: the backup is older than this program. */
  readonly waiting: readonly string[];
  /** Rows of the audit. */
  readonly auditRows: number;
  /** What is wrong with the audit's chain; undefined when it holds. */
  readonly auditFault: string | undefined;
}

/**
 * Checks a backup and puts it where the registry is.
 *
 * @throws when the backup is not what was written, or there is a registry that may not be replaced or is in use
 */
export async function restore({ backup, location, aside }: RestoreInput): Promise<Restored> {
  await verifyChecksum(backup);
  if ('file' in location) await restoreSqlite({ backup, registry: location.file, aside });
  else await restorePostgres(backup, location.url);
  const db = openRegistryDatabase(location);
  try {
    const waiting = (await db.migrations()).filter(({ applied }) => !applied).map(({ name }) => name);
    // The chain came with a migration.
    if (waiting.length > 0) return { waiting, auditRows: 0, auditFault: undefined };
    const { rows, fault } = await verifyChain(streamRows(db), []);
    return { waiting, auditRows: rows, auditFault: fault?.message };
  } finally {
    await db.close();
  }
}
