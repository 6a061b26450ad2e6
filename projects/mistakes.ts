import { SuperstepError, type FailureType } from '../contracts/failure-types.ts';

/** One thing wrong in a file that a person wrote. Line and column count from 1. */
export interface Mistake {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** The field, for example `training.split.holdout`; empty for the file as a whole. */
  readonly path: string;
  readonly found: string;
  readonly expected: string;
}

/** The kinds of failure that list mistakes. */
export type MistakeFailure = Extract<FailureType, 'InvalidProject' | 'InvalidPolicy'>;

/** What goes beyond is counted, not listed: a failure travels through Temporal, which keeps the head of its message. */
const LISTED_CHARACTERS = 3_800;
const SHOWN_CHARACTERS = 400;

/** A value as a message shows it: JSON, cut where it is long. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length <= 80 ? text : `${text.slice(0, 77)}...`;
}

/** `"a", "b" or "c"`. */
export function oneOf(values: readonly unknown[]): string {
  const texts = values.map(shown);
  const last = texts.at(-1) ?? 'nothing';
  return texts.length < 2 ? last : `${texts.slice(0, -1).join(', ')} or ${last}`;
}

/** `training.features[3]`. */
export function fieldPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    return text === '' ? String(part) : `${text}.${String(part)}`;
  }, '');
}

function mistakeLine(mistake: Mistake): string {
  const where = `${mistake.file}:${mistake.line}:${mistake.column}: ${mistake.path === '' ? '' : `${mistake.path}: `}`;
  const cut = (text: string): string =>
    text.length <= SHOWN_CHARACTERS ? text : `${text.slice(0, SHOWN_CHARACTERS - 3)}...`;
  return `${where}found ${cut(mistake.found)}; expected ${cut(mistake.expected)}`;
}

/** The failure that lists all mistakes, one a line, in the order of the files. */
export function mistakesFailure(type: MistakeFailure, mistakes: readonly Mistake[]): SuperstepError {
  const sorted = [...mistakes].sort((a, b) =>
    a.file === b.file ? a.line - b.line || a.column - b.column : a.file < b.file ? -1 : 1,
  );
  const lines: string[] = [];
  let room = LISTED_CHARACTERS;
  for (const line of sorted.map(mistakeLine)) {
    room -= line.length + 1;
    if (room < 0 && lines.length > 0) break;
    lines.push(line);
  }
  const listed = sorted.slice(0, lines.length);
  if (sorted.length > listed.length) lines.push(`and ${sorted.length - listed.length} more`);
  return new SuperstepError(type, lines.join('\n'), { mistakes: listed, count: sorted.length });
}
