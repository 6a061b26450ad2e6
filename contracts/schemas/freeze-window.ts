import { z } from 'zod';
import { WEEKDAYS } from '../freeze.ts';
import { instant } from './primitives.ts';

const reason = z.string().min(1);

/** A time in which nothing is promoted: days of the week in UTC, every week, or once from an instant until another. */
export const freezeWindow = z.union([
  z.strictObject({ days: z.array(z.enum(WEEKDAYS)).min(1).max(6), reason }),
  z
    .strictObject({ from: instant, until: instant, reason })
    .refine(({ from, until }) => from < until, 'expected "until" after "from"'),
]);

export type FreezeWindow = z.output<typeof freezeWindow>;
