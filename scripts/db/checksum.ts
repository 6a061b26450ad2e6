import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readFile, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { messageForPerson } from '../message-for-person.ts';

/** Lower-case hex sha256 of a file's content. */
export async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(file)) hash.update(piece as Buffer);
  return hash.digest('hex');
}

/** Writes a file's sha256 beside it, as `sha256sum -c` reads it. */
export async function writeChecksum(file: string, sha256: string): Promise<void> {
  await writeFile(checksumFile(file), `${sha256}  ${basename(file)}\n`, { mode: 0o600, flag: 'wx' });
}

/** @throws when the file, or its sha256 beside it, is missing, or they differ */
export async function verifyChecksum(file: string): Promise<void> {
  const expected = (await readText(checksumFile(file))).slice(0, 64);
  const found = await sha256Of(file).catch((error: unknown) => {
    throw missing(error, file);
  });
  if (found === expected) return;
  throw messageForPerson(
    `${file} is not what was backed up: its sha256 is ${found}, expected ${expected}; use another backup`,
  );
}

/** Waits until a file has reached the disk. */
export async function flush(file: string): Promise<void> {
  const handle = await open(file, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export function checksumFile(file: string): string {
  return `${file}.sha256`;
}

async function readText(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((error: unknown) => {
    throw missing(error, file);
  });
}

function missing(error: unknown, file: string): unknown {
  if (!(error instanceof Error) || !('code' in error) || error.code !== 'ENOENT') return error;
  return messageForPerson(`there is no ${file}; "npm run db -- backup" writes a backup and its .sha256 side by side`);
}
