import {
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  parseAllDocuments,
  visit,
  type Document,
  type Node,
  type Pair,
  type YAMLMap,
  type YAMLError,
} from 'yaml';
import type { z } from 'zod';
import { fieldPath, mistakesFailure, shown, type Mistake, type MistakeFailure } from './mistakes.ts';
import { checkSchema } from './schema-mistakes.ts';

/** A parsed and validated YAML file that still knows where each field stands. */
export interface YamlDocument<T> {
  readonly value: T;
  /** A mistake at a field that only looking further than the schema can find; `at` the field's name or its value. */
  readonly mistakeAt: (path: readonly PropertyKey[], found: string, expected: string, at?: 'key' | 'value') => Mistake;
}

/** An alias may multiply what a file says at most this often; beyond it, it is a bomb. */
const MAX_ALIAS_COUNT = 100;

/**
 * Parses a YAML 1.2 file and checks it against a schema.
 *
 * @param file how messages name the file
 * @param type the failure that mistakes are reported as
 * @throws SuperstepError of `type`, listing every mistake as `file:line:column: path: found X; expected Y`
 */
export function parseYamlDocument<T>(
  text: string,
  file: string,
  schema: z.ZodType<T>,
  type: MistakeFailure,
): YamlDocument<T> {
  const lines = new LineCounter();
  const mistakeAtOffset = (offset: number, path: string, found: string, expected: string): Mistake => {
    const { line, col } = lines.linePos(Math.min(offset, text.length));
    return { file, line: Math.max(line, 1), column: Math.max(col, 1), path, found, expected };
  };
  const { document, value } = readYaml(text, lines, mistakeAtOffset, type);
  const mistakeAt: YamlDocument<T>['mistakeAt'] = (path, found, expected, at = 'value') =>
    mistakeAtOffset(offsetOf(document, path, at), fieldPath(path), found, expected);

  const check = checkSchema(schema, value);
  if (check.ok) return { value: check.value, mistakeAt };
  throw mistakesFailure(
    type,
    check.mistakes.map(({ path, at, found, expected }) =>
      mistakeAt(path, found ?? foundText(document, path), expected, at),
    ),
  );
}

type MistakeAtOffset = (offset: number, path: string, found: string, expected: string) => Mistake;

function readYaml(
  text: string,
  lineCounter: LineCounter,
  mistakeAt: MistakeAtOffset,
  type: MistakeFailure,
): { readonly document: Document.Parsed; readonly value: unknown } {
  try {
    const documents = parseAllDocuments(text, {
      lineCounter,
      version: '1.2',
      schema: 'core',
      merge: false,
      resolveKnownTags: false,
      prettyErrors: false,
      // The parser's own check compares each key with each other; ours is linear.
      uniqueKeys: false,
    });
    const [document, second] = 'empty' in documents ? [] : documents;
    const found = [];
    if (document === undefined) found.push(mistakeAt(0, '', 'an empty file', 'a mapping of fields'));
    else {
      const broken = [...document.errors, ...document.warnings];
      found.push(...broken.map((error) => syntaxMistake(error, text, mistakeAt)), ...nodeMistakes(document, mistakeAt));
      if (second !== undefined)
        found.push(mistakeAt(second.range[0], '', 'a second YAML document ("---")', 'one document in the file'));
      if (found.length === 0) return { document, value: document.toJS({ maxAliasCount: MAX_ALIAS_COUNT }) };
    }
    throw mistakesFailure(type, found);
  } catch (error) {
    // What the YAML library throws for aliases that multiply, and the engine for nesting without end.
    if (error instanceof ReferenceError)
      throw mistakesFailure(type, [
        mistakeAt(
          0,
          '',
          `aliases that cannot be followed (${error.message})`,
          'each alias after its anchor, and few of them',
        ),
      ]);
    if (error instanceof RangeError)
      throw mistakesFailure(type, [
        mistakeAt(0, '', 'lists or mappings nested too deeply', 'the few levels that the fields need'),
      ]);
    throw error;
  }
}

function syntaxMistake(error: YAMLError, text: string, mistakeAt: MistakeAtOffset): Mistake {
  const offset = error.pos[0];
  const [first] = error.message.split('\n');
  if (error.code === 'TAB_AS_INDENT' || text[offset] === '\t')
    return mistakeAt(offset, '', 'a tab in the indentation', 'spaces');
  return mistakeAt(offset, '', `broken YAML: ${first ?? error.code}`, 'YAML 1.2');
}

/** Keys must be plain texts, each once in its mapping; an alias must come after its anchor. */
function nodeMistakes(document: Document.Parsed, mistakeAt: MistakeAtOffset): Mistake[] {
  const mistakes: Mistake[] = [];
  const anchors = new Set<string>();
  const remember = (_: unknown, node: Node): void => {
    if ('anchor' in node && typeof node.anchor === 'string') anchors.add(node.anchor);
  };
  visit(document, {
    Value: remember,
    Alias: (_, alias) => {
      if (anchors.has(alias.source)) return;
      mistakes.push(
        mistakeAt(alias.range?.[0] ?? 0, '', `*${alias.source} without its anchor`, 'the anchor before it'),
      );
    },
    Map: (_, map) => {
      const seen = new Set<string>();
      for (const { key } of map.items) {
        const offset = isNode(key) ? (key.range?.[0] ?? 0) : 0;
        if (!isScalar(key)) {
          mistakes.push(mistakeAt(offset, '', 'a field name that is not a plain text', 'a name'));
          continue;
        }
        const name = String(key.value);
        if (seen.has(name)) mistakes.push(mistakeAt(offset, '', `a second ${shown(name)}`, 'each field once'));
        seen.add(name);
      }
    },
  });
  return mistakes;
}

function resolved(document: Document.Parsed, node: unknown): unknown {
  return isAlias(node) ? node.resolve(document) : node;
}

/** Pairs by key, made once a mapping: thousands of mistakes in one mapping must not take thousands of searches. */
const pairsOf = new WeakMap<YAMLMap, ReadonlyMap<string, Pair>>();

function pairOf(map: YAMLMap, key: PropertyKey): Pair | undefined {
  let pairs = pairsOf.get(map);
  if (pairs === undefined) {
    pairs = new Map(map.items.flatMap((pair) => (isScalar(pair.key) ? [[String(pair.key.value), pair]] : [])));
    pairsOf.set(map, pairs);
  }
  return pairs.get(String(key));
}

/** The pair or node for each step of the path, as far as the document has it. */
function follow(
  document: Document.Parsed,
  path: readonly PropertyKey[],
): { readonly nearest: Node; readonly key?: Node; readonly value?: unknown } {
  let nearest: Node = document.contents ?? (document as unknown as Node);
  let key: Node | undefined;
  let value: unknown = document.contents;
  for (const part of path) {
    const container = resolved(document, value);
    key = undefined;
    if (isMap(container)) {
      const pair = pairOf(container, part);
      if (pair === undefined) return { nearest };
      key = isNode(pair.key) ? pair.key : undefined;
      value = pair.value;
    } else if (isSeq(container) && typeof part === 'number') value = container.items[part];
    else return { nearest };
    nearest = key ?? (isNode(value) ? value : nearest);
  }
  return { nearest, ...(key === undefined ? {} : { key }), value };
}

function offsetOf(document: Document.Parsed, path: readonly PropertyKey[], at: 'key' | 'value'): number {
  const { nearest, key, value } = follow(document, path);
  const empty = !isNode(value) || (isScalar(value) && value.value === null);
  const node = key !== undefined && (at === 'key' || empty) ? key : isNode(value) ? value : nearest;
  return node.range?.[0] ?? 0;
}

/** What stands at the path, in words. */
function foundText(document: Document.Parsed, path: readonly PropertyKey[]): string {
  const node = resolved(document, follow(document, path).value);
  if (isMap(node)) return 'a mapping';
  if (isSeq(node)) return node.items.length === 0 ? 'an empty list' : 'a list';
  if (!isScalar(node) || node.value === null) return 'nothing';
  return typeof node.value === 'number' ? (node.source ?? String(node.value)) : shown(node.value);
}
