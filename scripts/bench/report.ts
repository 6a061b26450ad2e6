import { type Figure, type Limit, meetsTarget, type Target } from './figures.ts';
import type { Machine } from './machine.ts';

/** A bench that could not be measured, and why. */
export interface FailedBench {
  readonly bench: string;
  readonly error: string;
}

/** What one `npm run bench` found; the JSON file holds exactly this. */
export interface BenchReport {
  readonly schema: 1;
  /** ISO instant of the start. */
  readonly startedAt: string;
  readonly seconds: number;
  readonly commit: string | null;
  readonly machine: Machine;
  readonly figures: readonly Figure[];
  readonly failures: readonly FailedBench[];
}

/** The report as Markdown: a table of figures, then how each was measured. */
export function renderReport(report: BenchReport): string {
  const { machine, figures, failures } = report;
  const rows = figures.map((figure) => [
    figure.name,
    quantity(figure.value, figure.unit),
    figure.target === undefined ? '' : targetText(figure.target, figure.unit),
    { true: 'yes', false: '**no**', undefined: '' }[String(meetsTarget(figure) ?? 'undefined')] ?? '',
    figure.limit === undefined ? '' : limitText(figure.limit, figure.unit),
    String(figure.samples.length),
  ]);
  const parts = [
    `${report.startedAt}, commit ${report.commit?.slice(0, 12) ?? 'unknown'}, ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGb} GB, Node ${machine.node}, ${machine.platform}. ` +
      `Load before: ${machine.loadBefore.toFixed(1)}${machine.loadBefore > machine.cores / 2 ? ': **the machine was busy**, times are too long' : ''}. Took ${Math.round(report.seconds)} s.`,
    table(['figure', 'measured', 'target', 'met', 'against, in the same run', 'samples'], rows),
    figures.map(({ name, note }) => `- **${name}**: ${note}`).join('\n'),
    failures.map(({ bench, error }) => `**${bench} could not be measured**: ${error}`).join('\n\n'),
  ];
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

/** A number with its unit: as many digits as a person can use. */
export function quantity(value: number, unit: string): string {
  const digits = Math.abs(value) >= 100 || value === 0 ? 0 : Math.abs(value) >= 10 ? 1 : Math.abs(value) >= 1 ? 2 : 3;
  const number = value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return unit === '' ? number : `${number} ${unit}`;
}

function targetText(target: Target, unit: string): string {
  const [sign, bound] = 'atMost' in target ? ['≤', target.atMost] : ['≥', target.atLeast];
  const number = bound.toLocaleString('en-US');
  return `${sign} ${number}${unit === '' ? '' : ` ${unit}`}`;
}

function limitText({ name, value, ratio }: Limit, unit: string): string {
  return `${quantity(ratio, '')} × ${name} (${quantity(value, unit)})`;
}

/** Columns padded, so that it reads in a terminal as well. */
function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [header, ...rows];
  const widths = header.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  return [line(header), `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...rows.map(line)].join('\n');
}
