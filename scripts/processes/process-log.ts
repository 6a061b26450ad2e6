import { createWriteStream, mkdirSync, renameSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

export interface ProcessLog {
  readonly write: (text: string) => void;
  readonly close: () => Promise<void>;
}

const LARGEST_BYTES = 10 * 1024 * 1024;

/** Opens a log file for appending; one of more than 10 MB is first moved to `<file>.1`. Its folder is made when missing. */
export function openProcessLog(file: string): ProcessLog {
  mkdirSync(dirname(file), { recursive: true });
  if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) > LARGEST_BYTES) renameSync(file, `${file}.1`);
  const stream = createWriteStream(file, { flags: 'a' });
  // A full disk must not end what is logged.
  stream.on('error', () => undefined);
  return {
    write: (text) => {
      if (!stream.writableEnded) stream.write(text);
    },
    close: () => new Promise((resolve) => stream.end(() => resolve())),
  };
}
