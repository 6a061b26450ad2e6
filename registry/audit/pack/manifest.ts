import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, writeFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { IN_TOTO_PAYLOAD, STATEMENT_TYPE } from '../../../contracts/decision-statement.ts';
import type { ServerKey } from '../../identity/server-key.ts';
import { sha256Hex } from '../../canonical-json.ts';
import { sealEnvelope } from '../envelope.ts';

export const PACK_SCHEMA = 1;
export const MANIFEST = 'manifest.json';
export const MANIFEST_SIGNATURE = 'manifest.dsse.json';
export const PACK_TYPE = 'urn:superstep:evidence-pack:v1';

export interface PackedFile {
  readonly sha256: string;
  readonly bytes: number;
}

/** What an evidence pack holds. */
export interface PackManifest {
  readonly schema: typeof PACK_SCHEMA;
  readonly environment: string;
  readonly model: string;
  readonly versions: readonly number[];
  /** ISO instant. */
  readonly createdAt: string;
  /** The environment's Ed25519 key, raw, in hex. Compare its fingerprint with what you know of the environment. */
  readonly publicKey: string;
  /** What should be here and is not, in words. */
  readonly missing: readonly string[];
  /** By path below the folder, with `/`. */
  readonly files: Readonly<Record<string, PackedFile>>;
}

/** Lists every file of a finished pack, and signs the list. */
export async function sealPack(
  folder: string,
  about: Omit<PackManifest, 'schema' | 'files' | 'publicKey'>,
  key: ServerKey,
): Promise<PackManifest> {
  const manifest: PackManifest = {
    schema: PACK_SCHEMA,
    ...about,
    publicKey: key.publicKey,
    files: await listFiles(folder),
  };
  const text = `${JSON.stringify(manifest, null, 2)}\n`;
  await writeFile(join(folder, MANIFEST), text);
  const { environment, model, createdAt } = about;
  const statement = {
    _type: STATEMENT_TYPE,
    subject: [{ name: MANIFEST, digest: { sha256: sha256Hex(text) } }],
    predicateType: PACK_TYPE,
    predicate: { environment, model, createdAt },
  };
  const envelope = sealEnvelope(key, IN_TOTO_PAYLOAD, statement);
  await writeFile(join(folder, MANIFEST_SIGNATURE), `${JSON.stringify(envelope, null, 2)}\n`);
  return manifest;
}

/** Digest and size of every file below a folder, but for the manifest and its signature. */
export async function listFiles(folder: string): Promise<Record<string, PackedFile>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries
    // A link would lead out of the pack: it is listed as what it is not, a file, and so is found.
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .filter((path) => path !== MANIFEST && path !== MANIFEST_SIGNATURE)
    .sort();
  const files: Record<string, PackedFile> = {};
  for (const path of paths) files[path] = await digestOf(join(folder, path));
  return files;
}

async function digestOf(path: string): Promise<PackedFile> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const piece of createReadStream(path)) {
    hash.update(piece as Buffer);
    bytes += (piece as Buffer).byteLength;
  }
  return { sha256: hash.digest('hex'), bytes };
}
