import type { Estimate } from '../../contracts/gates.ts';
import { elapsed } from '../setup/report.ts';
import type { SuperstepStory, TimeLapse, WeekStory } from './time-lapse.ts';

const BLOCKS = '▁▂▃▄▅▆▇█';

/** Wall times of a demo, in milliseconds. */
export interface DemoTimes {
  /** From the start to a running stack, set-up included. */
  readonly setUp: number;
  /** From the start to the first gate that waits for a person; null when none did. */
  readonly firstGate: number | null;
  /** The story alone. */
  readonly story: number;
}

/** The end of the demo: a row a week, two small pictures, and what became of each candidate. */
export function summarize(
  { weeks, supersteps }: TimeLapse,
  times: DemoTimes,
  linkOf: (workflowId: string) => string,
): string {
  return [
    'Week by week',
    table(
      ['week of', 'flights', 'late', 'quality (AUC)', 'baseline', 'max PSI', 'verdict', 'action', 'model'],
      weeks.map(weekRow),
    ),
    picture(
      'late',
      weeks.map(({ monitor }) => monitor.window.labelMean),
    ),
    picture(
      'AUC',
      weeks.map(({ monitor }) => monitor.window.quality?.value ?? null),
    ),
    '',
    'Candidates',
    ...supersteps.flatMap((superstep) => superstepLines(superstep, linkOf)),
    '',
    `Told in ${elapsed(times.story)}, after ${elapsed(times.setUp)} of set-up and start; the first gate waited ${times.firstGate === null ? 'never' : `${elapsed(times.firstGate)} after the start`}.`,
  ].join('\n');
}

function weekRow({ week, monitor }: WeekStory): string[] {
  const { rows, labelMean, quality, baselineQuality, driftScore, version } = monitor.window;
  return [
    week.from.slice(0, 10),
    String(rows),
    labelMean === null ? '' : `${(100 * labelMean).toFixed(1)} %`,
    quality === null ? '' : interval(quality),
    baselineQuality === null ? '' : baselineQuality.value.toFixed(3),
    driftScore === null ? '' : driftScore.toFixed(2),
    monitor.outcome,
    monitor.action,
    version === null ? '' : `v${version}`,
  ];
}

function superstepLines(
  { id, asOf, why, result, before, after }: SuperstepStory,
  linkOf: (workflowId: string) => string,
): string[] {
  const { promotion, training } = result;
  const lines = [
    `  ${asOf.slice(0, 10)}  version ${training?.version ?? '?'}: ${result.outcome}. Why it was trained: ${why}`,
  ];
  for (const gate of promotion?.gates ?? []) lines.push(`      ${gate.gate}: ${gate.verdict}. ${gate.summary}`);
  for (const decision of promotion?.decisions ?? []) {
    lines.push(
      `      ${decision.approver} (claimed): ${decision.decision}, ${decision.counted ? 'counted' : 'not counted'}. "${decision.comment}"`,
    );
  }
  lines.push(`      endpoint: version ${before?.version ?? 'none'} before, ${after?.version ?? 'none'} after`);
  lines.push(`      ${linkOf(id)}`);
  return lines;
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)),
  );
  const line = (cells: readonly string[]): string =>
    `  ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  ')}`.trimEnd();
  return [line(header), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}

/** Values as a line of blocks, from the lowest to the highest of them; a dot where there is none. */
export function picture(name: string, values: readonly (number | null)[]): string {
  const known = values.filter((value) => value !== null);
  if (known.length === 0) return `  ${name}: no values`;
  const low = Math.min(...known);
  const high = Math.max(...known);
  const block = (value: number | null): string =>
    value === null
      ? '·'
      : (BLOCKS[high === low ? 0 : Math.round(((value - low) / (high - low)) * (BLOCKS.length - 1))] ?? '·');
  return `  ${name.padEnd(5)}${values.map(block).join('')}  ${low.toFixed(3)} to ${high.toFixed(3)}`;
}

function interval({ value, lower, upper }: Estimate): string {
  return `${value.toFixed(3)} (${lower.toFixed(3)}-${upper.toFixed(3)})`;
}
