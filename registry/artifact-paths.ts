import { SuperstepError } from '../contracts/failure-types.ts';

const DECODINGS = 10;
/** PostgreSQL's index takes no more than some 2,700 bytes of a key. */
const LONGEST_PATH = 2_000;
const LONGEST_NAME = 255;

/**
 * The path of a file or folder of artifacts as it is kept: percent signs decoded until nothing changes, segments
 * joined by single slashes. Empty for the root. What could lead elsewhere is refused, however often it is encoded,
 * whether it comes to read, to write, to list or to delete.
 *
 * @throws InvalidInput
 */
export function cleanArtifactPath(path: string): string {
  // Before decoding as well: each decoding is a pass over all of it.
  if (path.length > 6 * LONGEST_PATH) throw bad(path, `it has more than ${LONGEST_PATH} bytes`);
  const decoded = decodeFully(path);
  if (/[\p{Cc}\p{Cs}]/u.test(decoded)) throw bad(path, 'it holds a control character or half of one');
  if (/[\\#]/.test(decoded)) throw bad(path, 'it holds a backslash or #');
  if (decoded.startsWith('/')) throw bad(path, 'it is absolute');
  if (/^(?:[a-z]:|file:)/i.test(decoded.trim())) throw bad(path, 'it names a drive or a local file');
  const segments = decoded.split('/').filter((segment) => segment !== '');
  // With blanks around them, some file systems take them for the same.
  if (segments.some((segment) => /^\.{1,2}$/.test(segment.trim()))) throw bad(path, 'it has a segment . or ..');
  if (segments.some((segment) => Buffer.byteLength(segment) > LONGEST_NAME)) {
    throw bad(path, `it has a name of more than ${LONGEST_NAME} bytes`);
  }
  const clean = segments.join('/');
  if (Buffer.byteLength(clean) > LONGEST_PATH) throw bad(path, `it has more than ${LONGEST_PATH} bytes`);
  return clean;
}

/** The same for a file: not the root, and not spelt as a folder. @throws InvalidInput */
export function cleanFilePath(path: string): string {
  const clean = cleanArtifactPath(path);
  if (clean === '' || /(?:\/|%2f)$/i.test(path)) throw bad(path, 'it names no file');
  return clean;
}

/** A path below a folder; each may be empty. */
export function joinArtifactPath(folder: string, path: string): string {
  return [folder, path].filter((part) => part !== '').join('/');
}

/** The folders that a path lies in, the nearest last, and the path itself. */
export function pathAndFolders(path: string): string[] {
  const segments = path.split('/');
  return segments.map((_, i) => segments.slice(0, i + 1).join('/'));
}

function decodeFully(path: string): string {
  let text = path;
  for (let i = 0; i < DECODINGS; i++) {
    const next = decodeOnce(text);
    if (next === text) return text;
    text = next;
  }
  throw bad(path, `it is percent-encoded more than ${DECODINGS} times`);
}

/** Decodes what can be decoded: a lone percent sign stays, bytes that are no UTF-8 become their replacement sign. */
function decodeOnce(text: string): string {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (run) => Buffer.from(run.replaceAll('%', ''), 'hex').toString('utf8'));
}

function bad(path: string, problem: string): SuperstepError {
  return new SuperstepError(
    'InvalidInput',
    `Invalid path: ${problem}; expected names joined by slashes, such as model/model.onnx, found ${JSON.stringify(path.slice(0, 200))}`,
  );
}
