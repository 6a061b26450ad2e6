import { posix } from 'node:path';
import { SuperstepError } from '../../contracts/failure-types.ts';

/** Where a version says that it comes from, read. */
export type VersionSource =
  /** `models:/<model_id>`: a logged model. */
  | { readonly kind: 'logged-model'; readonly modelId: string }
  /** `models:/<name>/<version>`: a copy of another version. */
  | { readonly kind: 'version'; readonly model: string; readonly version: number }
  /** `runs:/<run_id>/<path>`: a folder of a run's artifacts. */
  | { readonly kind: 'run'; readonly runId: string; readonly path: string }
  /** `mlflow-artifacts:/<path>`: in this server's own artifact store. */
  | { readonly kind: 'artifacts'; readonly path: string }
  /** Somewhere else; kept as text, never fetched. */
  | { readonly kind: 'elsewhere' };

const LONGEST_SOURCE = 4_096;
const DECODINGS = 10;

/**
 * Reads a version's source and refuses what could lead out of the artifact store: local paths and `file:`, `..` in any
 * encoding, control characters, queries and fragments. No tag and no other field can switch it off.
 *
 * @throws InvalidInput that begins with "Invalid model version source"
 */
export function readSource(source: string): VersionSource {
  if (source.length > LONGEST_SOURCE) throw bad(source, `it has more than ${LONGEST_SOURCE} characters`);
  const decoded = decodeFully(source);
  if (/[\p{Cc}\\]/u.test(decoded)) throw bad(source, 'it holds a control character or a backslash');
  // A scheme has two letters or more: one alone is a drive.
  const parts = /^([a-z][a-z0-9+.-]+):(.*)$/i.exec(decoded);
  if (parts === null) throw bad(source, 'it is a local path');
  const scheme = (parts[1] ?? '').toLowerCase();
  if (scheme === 'file') throw bad(source, 'it is a local path');
  const { host, path } = splitAuthority(parts[2] ?? '');
  requireNormal(source, host, path);
  switch (scheme) {
    case 'models':
      return readModels(source, path);
    case 'runs':
      return readRuns(source, path);
    case 'mlflow-artifacts':
      // With a host it may be another server's: what clients load would not be what the gates judge.
      return host === '' ? { kind: 'artifacts', path: inside(source, path) } : { kind: 'elsewhere' };
    default:
      return { kind: 'elsewhere' };
  }
}

/** What stands behind `mlflow-artifacts:/`; undefined for a location elsewhere. */
export function pathOfArtifactUri(uri: string): string | undefined {
  const source = readSource(uri);
  return source.kind === 'artifacts' ? source.path : undefined;
}

/** Decodes percent signs until nothing changes, as whoever joins paths later may do. */
function decodeFully(source: string): string {
  let text = source;
  for (let i = 0; i < DECODINGS; i++) {
    const next = decodeOnce(text);
    if (next === text) return text;
    text = next;
  }
  throw bad(source, `it is percent-encoded more than ${DECODINGS} times`);
}

function decodeOnce(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A lone percent sign, or bytes that are no UTF-8: decode what can be decoded.
    return text.replace(/%([0-7][0-9a-f])/gi, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
  }
}

function splitAuthority(rest: string): { readonly host: string; readonly path: string } {
  if (!rest.startsWith('//')) return { host: '', path: rest };
  const slash = rest.indexOf('/', 2);
  return slash === -1 ? { host: rest.slice(2), path: '' } : { host: rest.slice(2, slash), path: rest.slice(slash) };
}

function requireNormal(source: string, host: string, path: string): void {
  if (/[?#;]/.test(host + path)) throw bad(source, 'it has a query, parameters or a fragment');
  const segments = `${host}/${path}`.split('/');
  if (segments.some((segment) => segment.trim() === '..')) throw bad(source, 'it leads upwards');
  if (segments.some((segment) => segment === '.')) throw bad(source, 'its path is not normal');
  // Double slashes are tolerated, as upstream does.
  const single = path.replace(/\/+/g, '/');
  if (single !== '' && posix.normalize(single) !== single) throw bad(source, 'its path is not normal');
}

/** The path behind the store's root, without slashes around it. */
function inside(source: string, path: string): string {
  const clean = path.replace(/\/+/g, '/').replace(/^\/|\/$/g, '');
  if (clean === '') throw bad(source, 'it names no folder');
  return clean;
}

function readModels(source: string, path: string): VersionSource {
  const segments = inside(source, path).split('/');
  const [first = '', second] = segments;
  if (segments.length === 1 && /^m-[0-9a-f]{32}$/.test(first)) return { kind: 'logged-model', modelId: first };
  if (segments.length === 2 && second !== undefined && /^[1-9]\d{0,8}$/.test(second)) {
    return { kind: 'version', model: first, version: Number(second) };
  }
  throw bad(source, 'expected models:/<model_id> or models:/<name>/<version>');
}

function readRuns(source: string, path: string): VersionSource {
  const [runId = '', ...rest] = inside(source, path).split('/');
  if (!/^[a-zA-Z0-9][\w-]{0,255}$/.test(runId)) throw bad(source, 'expected runs:/<run_id>/<path>');
  return { kind: 'run', runId, path: rest.join('/') };
}

function bad(source: string, problem: string): SuperstepError {
  return new SuperstepError(
    'InvalidInput',
    `Invalid model version source: ${problem}; expected mlflow-artifacts:/…, runs:/…, models:/…, or the URI of an object store, found "${source.slice(0, 200)}"`,
  );
}
