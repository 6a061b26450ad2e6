import { randomUUID } from 'node:crypto';
import { link, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { SuperstepError } from '../../contracts/failure-types.ts';

/**
 * Writes a file that only its owner may read (mode 0600), whole or not at all.
 *
 * @returns false when the file was there; then it is as it was, and the caller reads what another process wrote
 */
export function createSecretFile(file: string, content: string): Promise<boolean> {
  return throughTemporary(file, content, async (temporary) => {
    try {
      // Unlike a rename, a link never replaces what is there.
      await link(temporary, file);
      return true;
    } catch (error) {
      if (isErrno(error, 'EEXIST')) return false;
      throw error;
    }
  });
}

/** As {@link createSecretFile}, and replaces what is there. */
export function replaceSecretFile(file: string, content: string): Promise<void> {
  return throughTemporary(file, content, (temporary) => rename(temporary, file));
}

/** The content; undefined when there is no file. @throws NotAuthorized when others than the owner may read it */
export async function readSecretFile(file: string): Promise<string | undefined> {
  try {
    const { mode } = await stat(file);
    // Windows has no such modes and always says that others may.
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
      const found = (mode & 0o777).toString(8).padStart(4, '0');
      throw new SuperstepError(
        'NotAuthorized',
        `${file} holds a secret and has mode ${found}, so that others may read it; expected 0600: chmod 600 it, and if others are on this machine, replace the secret`,
        { file, mode: found },
      );
    }
    return await readFile(file, 'utf8');
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
}

async function throughTemporary<T>(
  file: string,
  content: string,
  adopt: (temporary: string) => Promise<T>,
): Promise<T> {
  await mkdir(dirname(file), { recursive: true });
  const temporary = `${file}.${randomUUID()}`;
  try {
    const handle = await open(temporary, 'wx', 0o600);
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    return await adopt(temporary);
  } finally {
    await rm(temporary, { force: true });
  }
}

function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
