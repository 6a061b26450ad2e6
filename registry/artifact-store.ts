import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chmod, mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { SuperstepError } from '../contracts/failure-types.ts';
import type { ArtifactRef } from '../contracts/references.ts';
import { canonicalJson, sha256Hex } from './canonical-json.ts';

/** Files by the sha256 of their content: written once, never changed, shared by whoever has the same content. */
export interface ArtifactStore {
  /** Stores a file. With `move` the original is gone afterwards: for scratch files, it saves the copy. */
  readonly putFile: (path: string, options?: { readonly move?: boolean }) => Promise<ArtifactRef>;
  readonly putBytes: (bytes: Uint8Array) => Promise<ArtifactRef>;
  /**
   * Stores what a stream brings, piece by piece. A stream that fails or ends early, and a signal, leave nothing behind.
   * With `bytes` any other length is refused. @throws InvalidInput for another length, ArtifactStoreFull
   */
  readonly putStream: (
    source: Readable,
    options?: { readonly bytes?: number; readonly signal?: AbortSignal },
  ) => Promise<ArtifactRef>;
  /** Stores a value as canonical JSON, so that equal content is one artifact. */
  readonly putJson: (value: unknown) => Promise<ArtifactRef>;
  /** Where the file lies, whether or not it is there. @throws InvalidInput for a reference of another shape. */
  readonly path: (ref: ArtifactRef) => string;
  /** The whole content. @throws ChecksumMismatch when it is missing or is not what the reference says. */
  readonly readBytes: (ref: ArtifactRef) => Promise<Buffer>;
  readonly readJson: <T>(ref: ArtifactRef) => Promise<T>;
  /**
   * The content piece by piece. The last piece comes only when the whole proved to be what the reference says: on
   * damage the stream fails with ChecksumMismatch before its end, so that no reader takes it for complete.
   *
   * @throws ChecksumMismatch when the file is missing or has another size
   */
  readonly readStream: (ref: ArtifactRef) => Promise<Readable>;
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
  const path = (ref: ArtifactRef): string => {
    requireShape(ref);
    return pathIn(folder, ref.sha256);
  };

  const putBytes = (bytes: Uint8Array): Promise<ArtifactRef> =>
    throughTemporary(folder, async (name) => {
      await writeFile(name, bytes, { flag: 'wx' });
      return { sha256: sha256Hex(bytes), bytes: bytes.byteLength };
    });

  const moveFile = async (source: string): Promise<ArtifactRef> => {
    const content = await contentOf(source);
    try {
      return await adopt(folder, source, content);
    } catch (error) {
      if (!isErrno(error, 'EXDEV')) throw error;
      const ref = await throughTemporary(folder, (name) => copyAndHash(createReadStream(source), name));
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
      options.move === true
        ? moveFile(source)
        : throughTemporary(folder, (name) => copyAndHash(createReadStream(source), name)),
    putStream: (source, { bytes, signal } = {}) => {
      // Here as well: its sender may go away before there is a folder to copy into.
      keepError(source);
      return throughTemporary(folder, async (name) => {
        const content = await copyAndHash(source, name, signal);
        if (bytes === undefined || bytes === content.bytes) return content;
        throw new SuperstepError('InvalidInput', `expected ${bytes} bytes, found ${content.bytes}; send all of them`);
      });
    },
    readBytes,
    readStream: (ref) => openChecked(ref, path(ref)),
    readJson: async <T>(ref: ArtifactRef) => JSON.parse((await readBytes(ref)).toString('utf8')) as T,
    has: async (sha256) => /^[0-9a-f]{64}$/.test(sha256) && (await sizeOf(pathIn(folder, sha256))) !== undefined,
    verify: async (ref) => {
      const file = path(ref);
      requireSame(ref, await contentOf(file).catch((error: unknown) => rethrowMissing(error, ref, file)), file);
    },
  };
}

function pathIn(folder: string, sha256: string): string {
  return join(folder, sha256.slice(0, 2), sha256);
}

/** Writes under a name that nobody else has; what is not adopted is removed. */
async function throughTemporary(folder: string, write: (name: string) => Promise<Content>): Promise<ArtifactRef> {
  const incoming = join(folder, 'incoming');
  await mkdir(incoming, { recursive: true });
  const name = join(incoming, randomUUID());
  try {
    return await adopt(folder, name, await write(name));
  } catch (error) {
    throw asStoreError(error, folder);
  } finally {
    await rm(name, { force: true });
  }
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
async function adopt(folder: string, finished: string, content: Content): Promise<ArtifactRef> {
  const target = pathIn(folder, content.sha256);
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

/**
 * A stream may fail before the target is open, when nobody listens yet: a sender that goes away, a file that is not
 * there. That would end the process; the pipeline still finds the stream failed, and with what.
 */
function keepError(source: Readable): void {
  source.on('error', () => undefined);
}

/** One pass, so that what is hashed is what was written, even if the source changes meanwhile. */
async function copyAndHash(source: Readable, target: string, signal?: AbortSignal): Promise<Content> {
  keepError(source);
  const hash = createHash('sha256');
  let bytes = 0;
  const file = await open(target, 'wx');
  try {
    await pipeline(
      source,
      async function* (pieces: AsyncIterable<Buffer>) {
        for await (const piece of pieces) {
          hash.update(piece);
          bytes += piece.byteLength;
          yield piece;
        }
      },
      file.createWriteStream(),
      signal === undefined ? {} : { signal },
    );
  } finally {
    await file.close();
  }
  return { sha256: hash.digest('hex'), bytes };
}

async function openChecked(ref: ArtifactRef, path: string): Promise<Readable> {
  const size = await sizeOf(path);
  if (size !== ref.bytes) throw mismatch(ref, size === undefined ? 'no file' : `${size} bytes`, path);
  return Readable.from(checked(ref, path), { objectMode: false });
}

/** Holds each piece back until the next one is there, and the last one until the digest of all is right. */
async function* checked(ref: ArtifactRef, path: string): AsyncGenerator<Buffer> {
  const hash = createHash('sha256');
  let bytes = 0;
  let held: Buffer | undefined;
  // Closes the file at its end, on failure, and when the reader goes away.
  for await (const piece of createReadStream(path) as AsyncIterable<Buffer>) {
    if (held !== undefined) yield held;
    hash.update(piece);
    bytes += piece.byteLength;
    held = piece;
  }
  requireSame(ref, { sha256: hash.digest('hex'), bytes }, path);
  if (held !== undefined) yield held;
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

/** A full disk by its name; everything else as it came. */
function asStoreError(error: unknown, folder: string): unknown {
  if (!isErrno(error, 'ENOSPC') && !isErrno(error, 'EDQUOT')) return error;
  return new SuperstepError(
    'ArtifactStoreFull',
    `the artifact store ${folder} is full; nothing was kept; make room there, then store it again`,
    { folder },
  );
}

function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
