import { z } from 'zod';

/** `parity-sample.json` of a registry client: rows, and what the trainer's own library scores them. */
export const paritySampleSchema = z
  .object({
    features: z.array(z.string()).min(1),
    /** A row has a value for each feature; null is a missing one. */
    rows: z.array(z.array(z.number().nullable())).min(1),
    scores: z.array(z.number().min(0).max(1)),
  })
  .refine(({ rows, scores }) => rows.length === scores.length, 'expected a score for each row')
  .refine(
    ({ rows, features }) => rows.every((row) => row.length === features.length),
    'expected a value for each feature in each row',
  );

/** `importance.json` of a registry client. */
export const importanceSchema = z
  .array(
    z.object({ feature: z.string().min(1), meanAbsShap: z.number().nonnegative(), share: z.number().min(0).max(1) }),
  )
  .min(1)
  .max(10_000);
