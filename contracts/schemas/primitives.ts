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
  .refine((text) => !Number.isNaN(Date.parse(text)), 'no such instant in the calendar')
  .transform((text) => new Date(text).toISOString());

/** A file inside the project's folder. */
export const relativePath = z
  .string()
  .min(1)
  .refine((p) => !p.startsWith('/') && !p.split(/[\\/]/).includes('..'), 'expected a path inside the project folder');
