import type { Client } from '@temporalio/client';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { selectRowsOfModel } from '../../registry/audit/model-rows.ts';
import { claimedHead, signHead } from '../../registry/audit/heads.ts';
import { proveRows } from '../../registry/audit/pack/chain-proof.ts';
import { sealPack, type PackManifest } from '../../registry/audit/pack/manifest.ts';
import { PACK_FILES } from '../../registry/audit/pack/pack-contents.ts';
import { streamRows } from '../../registry/audit/rows.ts';
import type { AuditRow } from '../../registry/audit/chain.ts';
import type { ServerKey } from '../../registry/identity/server-key.ts';
import { selectSigningKeys } from '../../registry/identity/signing-keys.ts';
import { messageForPerson } from '../message-for-person.ts';
import type { OpenEnvironment } from './open-environment.ts';
import { PACK_README } from './pack-readme.ts';
import { writeVersion } from './export-version.ts';

export interface ExportOptions {
  readonly model: string;
  /** Undefined: every version. */
  readonly version: number | undefined;
  /** Empty or not there. */
  readonly folder: string;
  /** Undefined: histories that are not archived are named as missing. */
  readonly client: Client | undefined;
  readonly key: ServerKey;
  readonly now: () => Date;
}

/**
 * Writes an evidence pack: what is known of a model's versions, the audit's rows with their proof, and a signed list of
 * all of it. What should be there and is not is named in the manifest; that makes no pack invalid.
 *
 * @throws UnknownModel
 */
export async function exportPack(open: OpenEnvironment, options: ExportOptions): Promise<PackManifest> {
  const { db, registry, environment } = open;
  const { model, folder, key, now } = options;
  const versions = await versionsOf(open, options);
  await requireEmpty(folder);
  await mkdir(folder, { recursive: true });
  const createdAt = now().toISOString();
  const missing: string[] = [];
  const rows = await db.read((knex) => selectRowsOfModel(knex, model));
  for (const version of versions) {
    const record = await registry.getModelVersion(model, version);
    missing.push(...(await writeVersion(open, { record, rows, createdAt, ...options })));
  }
  await writeAudit(open, options);
  const keys = await db.read(selectSigningKeys);
  await writeFile(join(folder, PACK_FILES.keys), `${JSON.stringify(keys, null, 2)}\n`);
  await writeFile(join(folder, PACK_FILES.readme), PACK_README);
  return sealPack(folder, { environment, model, versions, createdAt, missing }, key);
}

async function versionsOf({ registry }: OpenEnvironment, { model, version }: ExportOptions): Promise<number[]> {
  if (version !== undefined) return [(await registry.getModelVersion(model, version)).version];
  const versions = (await registry.modelVersions(model)).map((row) => row.version);
  // Tells what there is.
  if (versions.length === 0) await registry.getModelVersion(model, 1);
  return versions;
}

/** Signs the head and writes every row of the model up to it, with the digests of the rows between. */
async function writeAudit({ db, environment }: OpenEnvironment, options: ExportOptions): Promise<void> {
  const { model, folder, key, now } = options;
  const envelope = await signHead({ db, environment, key, now });
  const end = claimedHead(envelope)?.sequence ?? 0;
  const own = new Set((await db.read((knex) => selectRowsOfModel(knex, model))).map((row) => row.sequence));
  const file: string[] = [];
  for await (const line of proveRows(upTo(streamRows(db), end), (row) => own.has(row.sequence))) {
    file.push(JSON.stringify(line));
  }
  await writeFile(join(folder, PACK_FILES.audit), file.map((line) => `${line}\n`).join(''));
  await writeFile(join(folder, PACK_FILES.head), `${JSON.stringify(envelope, null, 2)}\n`);
}

async function* upTo(rows: AsyncIterable<AuditRow>, end: number): AsyncGenerator<AuditRow> {
  for await (const row of rows) {
    if (row.sequence > end) return;
    yield row;
  }
}

async function requireEmpty(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  if (names.length === 0) return;
  throw messageForPerson(`${folder} is not empty: it holds ${names.slice(0, 3).join(', ')}; name another with --out`);
}
