import { open, type FileHandle } from 'node:fs/promises';

const TAIL_BYTES = 64 * 1024;

/** Appends a line to a file of JSON lines; one of the last lines that holds the id already is enough. */
export async function appendOnce(path: string, id: string, line: string): Promise<void> {
  const file = await open(path, 'a+', 0o600);
  try {
    const tail = await tailOf(file);
    if (tail.includes(id)) return;
    // A line that a power cut left half is closed first.
    const closing = tail === '' || tail.endsWith('\n') ? '' : '\n';
    await file.appendFile(`${closing}${line}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function tailOf(file: FileHandle): Promise<string> {
  const { size } = await file.stat();
  const length = Math.min(size, TAIL_BYTES);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length);
  return buffer.subarray(0, bytesRead).toString('utf8');
}
