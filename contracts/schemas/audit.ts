import { z } from 'zod';
import { duration } from './primitives.ts';

/** One place that heads of the audit are written out to; out of reach of whoever owns the database, if it is to help. */
const headPlace = z.union(
  [
    /** A file to append to; a relative path lies in the environment's home. */
    z.strictObject({ file: z.string().min(1) }),
    /** Receives each head as a POST. */
    z.strictObject({ url: z.url({ protocol: /^https?$/ }) }),
    /** The folder of a git repository; each head is a commit, pushed when its branch follows a remote one. */
    z.strictObject({ git: z.string().min(1) }),
  ],
  'expected one of { file: <path> }, { url: <http address> }, { git: <folder of a repository> }',
);

/** Section `audit` of a policy: how often the head of the audit is signed and written out, and where to. */
export const auditSchema = z.strictObject({
  heads: z.strictObject({ every: duration.default('1h'), to: z.array(headPlace).default([]) }).prefault({}),
});

export type HeadPlace = z.output<typeof headPlace>;
