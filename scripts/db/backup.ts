import { existsSync } from 'node:fs';
import { chmod, mkdir, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { RegistryLocation } from '../../registry/database.ts';
import { messageForPerson } from '../message-for-person.ts';
import { checksumFile, flush, sha256Of, writeChecksum } from './checksum.ts';
import { dumpPostgres } from './postgres-files.ts';
import { copySqlite } from './sqlite-files.ts';

export interface Backup {
  readonly file: string;
  readonly sha256: string;
}

/**
 * Copies a registry, in use or not, into a new file that only its owner reads, and writes its sha256 beside it. The file
 * appears when it is whole.
 *
 * @throws when the file is there already
 */
export async function backUp(location: RegistryLocation, file: string): Promise<Backup> {
  const taken = [file, checksumFile(file)].find((path) => existsSync(path));
  if (taken !== undefined) throw messageForPerson(`${taken} is there already; a backup never replaces another one`);
  await mkdir(dirname(file), { recursive: true });
  const partial = `${file}.partial-${process.pid}`;
  try {
    await ('file' in location ? copySqlite(location.file, partial) : dumpPostgres(location.url, partial));
    await chmod(partial, 0o600);
    await flush(partial);
    const sha256 = await sha256Of(partial);
    await writeChecksum(file, sha256);
    await rename(partial, file);
    return { file, sha256 };
  } finally {
    await rm(partial, { force: true });
  }
}

/** The name of a backup of this instant. */
export function backupName(environment: string, location: RegistryLocation, now: Date): string {
  const instant = now.toISOString().replaceAll(':', '-');
  return `registry-${environment}-${instant}.${'file' in location ? 'sqlite' : 'dump'}`;
}
