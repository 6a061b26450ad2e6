import { z } from 'zod';
import { DURATION_PATTERN } from '../durations.ts';

/** `14d`, `48h`, `90m`. */
export const duration = z
  .string()
  .regex(DURATION_PATTERN, 'expected a whole number and s, m, h or d, for example "14d"');

/** Lower-case words joined by `-`: names of projects and models, safe in ids, paths and URLs. */
export const kebabName = z
  .string()
  .regex(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/, 'expected lower-case words joined by "-", for example "flights-delay"')
  .max(60);

/** Lower-case words joined by `_`: names of columns, tables and views; safe unquoted in SQL. */
export const snakeName = z
  .string()
  .regex(/^_?[a-z][a-z0-9_]*$/, 'expected lower-case letters, digits and "_", for example "late_rate_7d"')
  .max(60);

/** An instant in UTC, for example `2001-05-01T00:00:00Z`; read into the form that `Date` prints. */
export const instant = z
  .string()
  .regex(
    /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?Z$/,
    'expected an instant in UTC, for example "2001-05-01T00:00:00Z"',
  )
  // Date takes the 30th of February for the 2nd of March.
  .refine((text) => {
    const date = new Date(text);
    return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text.slice(0, 16));
  }, 'expected an instant that is in the calendar')
  .transform((text) => new Date(text).toISOString());

/** A file inside the project's folder, written with `/`. */
export const relativePath = z
  .string()
  .min(1)
  .max(500)
  .refine(
    (p) => !p.startsWith('/') && !p.split('/').includes('..') && !/[\\\p{Cc}]/u.test(p),
    'expected a path inside the project folder, written with "/", for example "silver/flights.sql"',
  );

/** Lowest and highest value of each cron field: minute, hour, day of the month, month, day of the week. */
const CRON_RANGES = [
  [0, 59],
  [0, 23],
  [1, 31],
  [1, 12],
  [0, 7],
] as const;

/** Each entry of a field: `*`, a number or a range, with an optional step; months and days may be named. */
function isCronField(field: string, lowest: number, highest: number): boolean {
  return field.split(',').every((entry) => {
    const match = /^(\*|(\d{1,2}|[a-z]{3})(?:-(\d{1,2}|[a-z]{3}))?)(?:\/([1-9]\d?))?$/i.exec(entry);
    if (match === null) return false;
    return [match[2], match[3]].every((value) => {
      if (value === undefined) return true;
      if (/^\D/.test(value)) return highest === 12 || highest === 7;
      return Number(value) >= lowest && Number(value) <= highest;
    });
  });
}

/** Five cron fields in UTC: minute, hour, day of the month, month, day of the week. */
export const cron = z.string().refine((text) => {
  const fields = text.trim().split(/\s+/);
  return (
    fields.length === CRON_RANGES.length &&
    CRON_RANGES.every(([lowest, highest], index) => isCronField(fields[index] ?? '', lowest, highest))
  );
}, 'expected five cron fields (minute, hour, day, month, weekday), for example "0 3 * * *"');
