const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** One whole number and one unit, `s`, `m`, `h` or `d`: `14d`, `48h`, `90m`. */
export const DURATION_PATTERN = /^([1-9]\d{0,5})(s|m|h|d)$/;

/** Milliseconds of a duration such as `14d`. The schemas have checked the text; anything else is a programming error. */
export function durationMs(text: string): number {
  const match = DURATION_PATTERN.exec(text);
  const unit = UNITS[match?.[2] ?? ''];
  if (match?.[1] === undefined || unit === undefined) {
    throw new RangeError(`"${text}" is no duration; expected a whole number and s, m, h or d, for example "14d"`);
  }
  return Number(match[1]) * unit;
}

/** The instant `milliseconds` after (or, negative, before) an ISO instant, as an ISO instant. */
export function shiftInstant(instant: string, milliseconds: number): string {
  return new Date(Date.parse(instant) + milliseconds).toISOString();
}
