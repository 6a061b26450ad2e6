import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chmod, mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { SuperstepError } from '../contracts/failure-types.ts';
import type { ArtifactRef } from '../contracts/references.ts';
import { canonicalJson, sha256Hex } from './canonical-json.ts';

/** Files by the sha256 of their content: written once, never changed, shared by whoever has the same content. */
export interface ArtifactStore {
  /** Stores a file. With `move` the original is gone afterwards: for scratch files, it saves the copy. */
  readonly putFile: (path: string, options?: { readonly move?: boolean }) => Promise<ArtifactRef>;
  readonly putBytes: (bytes: Uint8Array) => Promise<ArtifactRef>;
  /** Stores a value as canonical JSON, so that equal content is one artifact. */
  readonly putJson: (value: unknown) => Promise<ArtifactRef>;
  /** Where the file lies, whether or not it is there. @throws InvalidInput for a reference of another shape. */
  readonly path: (ref: ArtifactRef) => string;
  /** The whole content. @throws ChecksumMismatch when it is missing or is not what the reference says. */
  readonly readBytes: (ref: ArtifactRef) => Promise<Buffer>;
  readonly readJson: <T>(ref: ArtifactRef) => Promise<T>;
  readonly has: (sha256: string) => Promise<boolean>;
  /** Reads the file in pieces and compares size and sha256. @throws ChecksumMismatch */
  readonly verify: (ref: ArtifactRef) => Promise<void>;
}

interface Content {
  readonly sha256: string;
  readonly bytes: number;
}

/** An artifact store in a folder, `<folder>/<first 2 hex digits>/<sha256>`. Several processes may share it. */
export function createArtifactStore({ folder }: { readonly folder: string }): ArtifactStore {
  const pathOf = (sha256: string): string => join(folder, sha256.slice(0, 2), sha256);
  const path = (ref: ArtifactRef): string => {
    requireShape(ref);
    return pathOf(ref.sha256);
  };
  const adopt = (finished: string, content: Content): Promise<ArtifactRef> =>
    adoptAs(pathOf(content.sha256), finished, content);

  /** Writes under a name that nobody else has; what is not adopted is removed. */
  const throughTemporary = async (write: (name: string) => Promise<Content>): Promise<ArtifactRef> => {
    const incoming = join(folder, 'incoming');
    await mkdir(incoming, { recursive: true });
    const name = join(incoming, randomUUID());
    try {
      return await adopt(name, await write(name));
    } finally {
      await rm(name, { force: true });
    }
  };

  const putBytes = (bytes: Uint8Array): Promise<ArtifactRef> =>
    throughTemporary(async (name) => {
      await writeFile(name, bytes, { flag: 'wx' });
      return { sha256: sha256Hex(bytes), bytes: bytes.byteLength };
    });

  const moveFile = async (source: string): Promise<ArtifactRef> => {
    const content = await contentOf(source);
    try {
      return await adopt(source, content);
    } catch (error) {
      if (!isErrno(error, 'EXDEV')) throw error;
      const ref = await throughTemporary((name) => copyAndHash(source, name));
      await rm(source, { force: true });
      return ref;
    }
  };

  const readBytes = async (ref: ArtifactRef): Promise<Buffer> => {
    const file = path(ref);
    const bytes = await readFile(file).catch((error: unknown) => rethrowMissing(error, ref, file));
    requireSame(ref, { sha256: sha256Hex(bytes), bytes: bytes.byteLength }, file);
    return bytes;
  };

  return {
    path,
    putBytes,
    putJson: (value) => putBytes(Buffer.from(canonicalJson(value))),
    putFile: (source, options = {}) =>
      options.move === true ? moveFile(source) : throughTemporary((name) => copyAndHash(source, name)),
    readBytes,
    readJson: async <T>(ref: ArtifactRef) => JSON.parse((await readBytes(ref)).toString('utf8')) as T,
    has: async (sha256) => /^[0-9a-f]{64}$/.test(sha256) && (await sizeOf(pathOf(sha256))) !== undefined,
    verify: async (ref) => {
      const file = path(ref);
      requireSame(ref, await contentOf(file).catch((error: unknown) => rethrowMissing(error, ref, file)), file);
    },
  };
}

function requireShape(ref: ArtifactRef): void {
  if (/^[0-9a-f]{64}$/.test(ref.sha256) && ref.uri === `artifact:sha256/${ref.sha256}`) return;
  throw new SuperstepError(
    'InvalidInput',
    `"${ref.uri}" with sha256 "${ref.sha256}" is no artifact; expected "artifact:sha256/<64 hex digits>" and the same digits`,
    { uri: ref.uri, sha256: ref.sha256 },
  );
}

/** Gives finished content its name. What is there already and intact stays; what is damaged is replaced. */
async function adoptAs(target: string, finished: string, content: Content): Promise<ArtifactRef> {
  if (await isIntact(target, content)) {
    await rm(finished, { force: true });
  } else {
    await mkdir(dirname(target), { recursive: true });
    await chmod(finished, 0o444);
    await sync(finished);
    await rename(finished, target);
    await sync(dirname(target));
  }
  return { uri: `artifact:sha256/${content.sha256}`, ...content };
}

async function contentOf(path: string): Promise<Content> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const piece of createReadStream(path)) {
    hash.update(piece as Buffer);
    bytes += (piece as Buffer).byteLength;
  }
  return { sha256: hash.digest('hex'), bytes };
}

/** One pass, so that what is hashed is what was written, even if the source changes meanwhile. */
async function copyAndHash(source: string, target: string): Promise<Content> {
  const hash = createHash('sha256');
  let bytes = 0;
  const file = await open(target, 'wx');
  await pipeline(
    createReadStream(source),
    async function* (pieces: AsyncIterable<Buffer>) {
      for await (const piece of pieces) {
        hash.update(piece);
        bytes += piece.byteLength;
        yield piece;
      }
    },
    file.createWriteStream(),
  );
  return { sha256: hash.digest('hex'), bytes };
}

async function isIntact(path: string, content: Content): Promise<boolean> {
  if ((await sizeOf(path)) !== content.bytes) return false;
  return (await contentOf(path)).sha256 === content.sha256;
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/** A rename survives a power cut only when the file and its folder have reached the disk. */
async function sync(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function requireSame(expected: ArtifactRef, found: Content, path: string): void {
  if (expected.sha256 === found.sha256 && expected.bytes === found.bytes) return;
  throw mismatch(expected, `${found.bytes} bytes with sha256 ${found.sha256}`, path);
}

function rethrowMissing(error: unknown, ref: ArtifactRef, path: string): never {
  if (isErrno(error, 'ENOENT')) throw mismatch(ref, 'no file', path);
  throw error;
}

function mismatch(ref: ArtifactRef, found: string, path: string): SuperstepError {
  const expected = `${ref.bytes} bytes with sha256 ${ref.sha256}`;
  return new SuperstepError(
    'ChecksumMismatch',
    `artifact ${path}: expected ${expected}, found ${found}; restore the file from a backup, or run again what made it`,
    { expected, found, path },
  );
}

function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
