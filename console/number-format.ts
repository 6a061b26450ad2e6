import type { Estimate } from '../contracts/gates.ts';

/** `1234567` as `1,234,567`: the same on every machine, whatever its locale. */
export function formatCount(count: number): string {
  return String(Math.round(count)).replace(/\B(?=(\d{3})+(?!\d))/g, ',');
}

/** A metric with four decimals; a dash for what is no number. */
export function formatMetric(value: number, digits = 4): string {
  return Number.isFinite(value) ? withMinus(value.toFixed(digits)) : '–';
}

/** A difference with its sign. */
export function formatSigned(value: number, digits = 4): string {
  if (!Number.isFinite(value)) return '–';
  const text = value.toFixed(digits);
  return Number(text) > 0 ? `+${text}` : withMinus(text);
}

export function formatInterval({ lower, upper }: Estimate): string {
  return `${formatMetric(lower)} to ${formatMetric(upper)}`;
}

export function formatSignedInterval({ lower, upper }: Estimate): string {
  return `${formatSigned(lower)} to ${formatSigned(upper)}`;
}

export function formatPercent(share: number, digits = 1): string {
  return Number.isFinite(share) ? `${(share * 100).toFixed(digits)}\u00a0%` : '–';
}

/** `2001-03-01T00:00:00.000Z` as `2001-03-01`, with hours and minutes unless it is midnight. */
export function formatInstant(instant: string): string {
  const match = /^(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2})/.exec(instant);
  if (match === null) return instant;
  const [, day = '', time = ''] = match;
  return time === '00:00' ? day : `${day} ${time} UTC`;
}

export function formatBytes(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`;
  const [size, unit] = bytes < 1_000_000 ? [bytes / 1_000, 'kB'] : [bytes / 1_000_000, 'MB'];
  return `${size.toFixed(size < 10 ? 1 : 0)} ${unit}`;
}

/** A true minus sign, as wide as a plus; no negative zero. */
function withMinus(text: string): string {
  return /^-[0.]*$/.test(text) ? text.slice(1) : text.replace('-', '−');
}
