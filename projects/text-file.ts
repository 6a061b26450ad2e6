import { constants } from 'node:fs';
import { open } from 'node:fs/promises';

/** The largest project.yaml, policy or SQL file that is read. */
const MAX_TEXT_BYTES = 1_048_576;

export type TextFile = { readonly ok: true; readonly text: string } | { readonly ok: false; readonly problem: string };

/**
 * Reads a text file that a person wrote: a regular file of at most 1 MiB in UTF-8. A byte order mark is dropped and line
 * ends become `\n`, so that a check-out's settings do not change a digest. What is wrong comes back as words.
 */
export async function readTextFile(path: string): Promise<TextFile> {
  const bytes = await readBytes(path);
  if (typeof bytes === 'string') return { ok: false, problem: bytes };
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return { ok: true, text: text.replace(/\r\n?/g, '\n') };
  } catch {
    return { ok: false, problem: 'bytes that are not UTF-8' };
  }
}

async function readBytes(path: string): Promise<Uint8Array | string> {
  try {
    // O_NONBLOCK: opening a named pipe must not wait for somebody to write into it.
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const stats = await file.stat();
      if (!stats.isFile()) return stats.isDirectory() ? 'a folder' : 'something that is not a file';
      if (stats.size > MAX_TEXT_BYTES) return `${stats.size} bytes; at most ${MAX_TEXT_BYTES} are read`;
      return await file.readFile();
    } finally {
      await file.close();
    }
  } catch (error) {
    return readProblem(error);
  }
}

/** Why a path could not be opened, in words. */
export function readProblem(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code ?? String(error);
  if (code === 'ENOENT' || code === 'ENOTDIR') return 'no such file';
  return code === 'EACCES' || code === 'EPERM' ? 'a file that may not be read' : `a file that cannot be read (${code})`;
}
