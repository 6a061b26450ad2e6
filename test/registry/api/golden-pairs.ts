import { readFileSync } from 'node:fs';
import { Agent, request as httpRequest } from 'node:http';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';

export const GOLDEN_FILE = fileURLToPath(new URL('../../../../shared/reference/mlflow-golden.jsonl', import.meta.url));

/** A recorded request of MLflow's own server, and its answer. */
export interface GoldenPair {
  readonly line: number;
  readonly method: string;
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | readonly (string | number)[]>>;
  readonly body?: unknown;
  readonly raw?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly status: number;
  readonly response?: unknown;
}

/** All pairs, in order, with long texts and lists written out. */
export function readGoldenPairs(): GoldenPair[] {
  const lines = readFileSync(GOLDEN_FILE, 'utf8').trimEnd().split('\n');
  return lines.map((text, i) => ({ line: i + 1, ...(expand(JSON.parse(text)) as Omit<GoldenPair, 'line'>) }));
}

export interface Answer {
  readonly status: number;
  readonly json: unknown;
}

/** Replays pairs against a server's environment dev, one after the other, and keeps the ids that it gives out. */
export function createReplay(port: number) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const bound = new Map<string, string>();
  return {
    send: (pair: GoldenPair): Promise<Answer> => send(agent, port, substitute(pair, bound) as GoldenPair),
    /** What an answer does not have in common with the expected one; binds ids where they first show. */
    compare: (expected: Pick<GoldenPair, 'path' | 'status' | 'response'>, found: Answer): string[] => [
      ...(found.status === expected.status ? [] : [`status: expected ${expected.status}, found ${found.status}`]),
      ...(expected.response === undefined
        ? []
        : differences({ bound, ordered: isOrdered(expected.path) }, expected.response, found.json, '')),
    ],
    close: (): void => agent.destroy(),
  };
}

function expand(value: unknown): unknown {
  if (typeof value === 'string') {
    const repeated = /^<(.) repeated (\d+)>$/.exec(value);
    return repeated === null ? value : (repeated[1] ?? '').repeat(Number(repeated[2]));
  }
  if (Array.isArray(value)) return value.map(expand);
  if (typeof value !== 'object' || value === null) return value;
  if ('$repeat' in value && 'first' in value) return repeatFirst(Number(value.$repeat), value.first);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, expand(item)]));
}

function repeatFirst(times: number, first: unknown): unknown[] {
  const { key } = first as { readonly key: string };
  const counts = key.endsWith('0');
  return Array.from({ length: times }, (_, i) => ({
    ...(first as object),
    key: counts ? key.replace(/0$/, `${i}`) : key,
  }));
}

function substitute(value: unknown, bound: ReadonlyMap<string, string>): unknown {
  if (typeof value === 'string')
    return value.replace(/\$\{(\w+)\}/g, (whole, name: string) => bound.get(name) ?? whole);
  if (Array.isArray(value)) return value.map((item) => substitute(item, bound));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, substitute(item, bound)]));
}

function send(agent: Agent, port: number, pair: GoldenPair): Promise<Answer> {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(pair.query ?? {})) {
    for (const one of [value].flat()) query.append(name, String(one));
  }
  const body = pair.raw ?? (pair.body === undefined ? undefined : JSON.stringify(pair.body));
  const headers = {
    ...(pair.body === undefined ? {} : { 'Content-Type': 'application/json' }),
    ...(body === undefined ? {} : { 'Content-Length': String(Buffer.byteLength(body)) }),
    ...pair.headers,
  };
  // The path goes as it stands: URL would fold the ways upwards that some lines hold.
  const path = `/dev${pair.path}${query.size === 0 ? '' : `?${query.toString()}`}`;
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host: '127.0.0.1', port, agent, method: pair.method, path, headers }, (answer) => {
      const pieces: Buffer[] = [];
      answer.on('data', (piece: Buffer) => pieces.push(piece));
      answer.on('error', reject);
      answer.on('end', () => {
        const text = Buffer.concat(pieces).toString();
        resolve({ status: answer.statusCode ?? 0, json: readJson(text) });
      });
    });
    request.on('error', reject);
    request.end(body);
  });
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

const SETS = ['tags', 'params', 'metrics', 'aliases', 'latest_versions'];
/** Clients need none of them. */
const OPTIONAL = ['sqlstate', 'error_class'];

/** Of which lists the order counts. */
function isOrdered(path: string): (name: string) => boolean {
  return (name) => {
    if (name === 'metrics' && path.includes('/metrics/')) return true;
    return !(SETS.includes(name) || (name === 'model_versions' && path.endsWith('/get-latest-versions')));
  };
}

interface Comparison {
  readonly bound: Map<string, string>;
  readonly ordered: (name: string) => boolean;
}

function differences(how: Comparison, expected: unknown, found: unknown, at: string): string[] {
  const name = /(\w+)$/.exec(at)?.[1] ?? '';
  if (typeof expected === 'string') return textDifferences(how, expected, found, at, name);
  if (Array.isArray(expected)) {
    if (!Array.isArray(found)) return [differ(at, expected, found)];
    return listDifferences(how, expected, found, at, name);
  }
  if (typeof expected !== 'object' || expected === null) return expected === found ? [] : [differ(at, expected, found)];
  if (typeof found !== 'object' || found === null || Array.isArray(found)) return [differ(at, expected, found)];
  const there = found as Record<string, unknown>;
  const wanted = Object.entries(expected).filter(([key]) => !OPTIONAL.includes(key) || key in there);
  const surplus = Object.keys(there).filter((key) => !(key in expected) && !OPTIONAL.includes(key));
  return [
    ...wanted.flatMap(([key, value]) => differences(how, value, there[key], `${at}.${key}`)),
    ...surplus.map((key) => differ(`${at}.${key}`, undefined, there[key])),
  ];
}

function textDifferences(how: Comparison, expected: string, found: unknown, at: string, name: string): string[] {
  const placeholder = /^\$\{(\w+)\}$/.exec(expected)?.[1];
  if (placeholder !== undefined && !how.bound.has(placeholder) && (name === 'run_uuid' || name === 'model_id')) {
    if (typeof found !== 'string' || found === '') return [differ(at, expected, found)];
    how.bound.set(placeholder, found);
  }
  const wanted = substitute(expected, how.bound);
  const fits =
    expected === '<ts>'
      ? Number.isInteger(found)
      : expected === '<message>' || name === 'next_page_token'
        ? typeof found === 'string' && found !== ''
        : found === wanted || isSameJson(wanted, found);
  return fits ? [] : [differ(at, wanted, found)];
}

/** Tags that hold JSON: white space and the order of keys are the writer's own. */
function isSameJson(expected: unknown, found: unknown): boolean {
  const [a, b] = [expected, found].map((text) =>
    typeof text === 'string' && /^[[{]/.test(text) ? readJson(text) : text,
  );
  return typeof a === 'object' && isDeepStrictEqual(a, b);
}

function listDifferences(how: Comparison, expected: unknown[], found: unknown[], at: string, name: string): string[] {
  if (expected.length !== found.length) return [differ(at, expected, found)];
  if (how.ordered(name)) return expected.flatMap((item, i) => differences(how, item, found[i], `${at}[${i}]`));
  const rest = [...found];
  return expected.flatMap((item, i) => {
    const place = rest.findIndex((candidate) => differences(how, item, candidate, at).length === 0);
    if (place === -1) return [`${at}[${i}]: expected ${shown(item)} among ${shown(rest)}`];
    rest.splice(place, 1);
    return [];
  });
}

function differ(at: string, expected: unknown, found: unknown): string {
  return `${at || 'answer'}: expected ${shown(expected)}, found ${shown(found)}`;
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 600 ? `${text.slice(0, 600)}…` : text;
}
